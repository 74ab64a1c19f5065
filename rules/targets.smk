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
    detection,
    detection_frozen,
    detection_finetune,
    normals,
    segmentation,
    reconstruction,
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
    """The features of every backbone on every dataset for recognition."""
    input:
        expand(
            "<results>/features/{run.dataset}/{run.model}.h5",
            run=RUNS[RUNS["protocol"].isin(study.ON_FEATURES)][["model", "dataset"]]
            .drop_duplicates()
            .itertuples(),
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


rule detection_frozen:
    """Every detector whose backbone is frozen but for its last stage."""
    input:
        results_of("detection_frozen"),


rule detection_finetune:
    """Every detector whose backbone is finetuned."""
    input:
        results_of("detection_finetune"),


rule detection:
    """Every detector, with the backbone frozen and finetuned."""
    input:
        rules.detection_frozen.input,
        rules.detection_finetune.input,


rule normals:
    """Every training for surface normals."""
    input:
        results_of("normals"),


rule segmentation:
    """Every training for segmentation."""
    input:
        results_of("segmentation"),


rule reconstruction:
    """The reconstruction of one picture of every dataset from every backbone's features."""
    input:
        results_of("reconstruction"),


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
        PROPERTY_FIGURES,
