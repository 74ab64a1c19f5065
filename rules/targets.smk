"""Plain targets, one a stage and one a protocol: `snakemake linear`, `snakemake figures`.

In: the planned runs. Out: no file of their own.
"""


localrules:
    all,
    backbones,
    features,
    linear,
    knn,
    fewshot,
    finetune,
    calibration,
    saliency,
    invariance,
    similarity,
    tables,
    figures,


rule backbones:
    """Every backbone in its canonical form."""
    input:
        expand("<resources>/backbones/{model}.safetensors", model=MODELS.index),


rule features:
    """The features of every backbone on every dataset."""
    input:
        expand(
            "<results>/features/{run.dataset}/{run.model}.h5",
            run=RUNS[["model", "dataset"]].drop_duplicates().itertuples(),
        ),


rule linear:
    """Every linear probe."""
    input:
        results_of("linear"),


rule knn:
    """Every k-NN probe."""
    input:
        results_of("knn"),


rule fewshot:
    """Every few-shot probe."""
    input:
        results_of("fewshot"),


rule finetune:
    """Every finetuning run."""
    input:
        results_of("finetune"),


rule calibration:
    """The calibration of every linear probe and finetuned network."""
    input:
        results_of("calibration_linear", "calibration_finetune"),


rule saliency:
    """The saliency map of every backbone on one picture of every dataset."""
    input:
        results_of("saliency"),


rule invariance:
    """The invariance of every backbone's features to four changes of the picture."""
    input:
        results_of("invariance"),


rule similarity:
    """The similarity of all backbones on every dataset."""
    input:
        expand("<results>/similarity/{dataset}.tsv", dataset=COMPARED["dataset"].unique()),


rule tables:
    """The tables of results and of correlations."""
    input:
        TABLES,


rule figures:
    """Every figure that the study's results allow."""
    input:
        FIGURES,
        DIAGNOSTICS,
