"""Plain targets, one a stage, one a protocol and one a group of protocols: `snakemake linear`, `snakemake figures`.

In: the planned runs. Out: no file of their own.
"""


localrules:
    backbones,
    pretrained,
    features,
    similarity,
    tables,
    figures,
    utility,


rule backbones:
    """Every backbone in its canonical form."""
    input:
        expand("<resources>/backbones/{model}.safetensors", model=MODELS.index),


rule pretrained:
    """Every backbone that the study pretrains."""
    input:
        expand("<resources>/backbones/{model}.safetensors", model=PRETRAINING),


rule features:
    """The features of every backbone on every dataset for recognition."""
    input:
        expand("<results>/features/{row.dataset}/{row.model}.h5", row=EXTRACTED.itertuples()),


for protocol in PROTOCOLS.index:

    rule:
        name:
            protocol
        input:
            results_of(RUNS[RUNS["protocol"].isin(protocols.expand([protocol], PROTOCOLS))]),
        localrule: True


for target in PROTOCOLS["target"].unique():
    if target not in PROTOCOLS.index:

        rule:
            name:
                target
            input:
                results_of(runs_of(target=target)),
            localrule: True


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


rule utility:
    """How many labels each model saves: tables and figures of the curves over numbers of labels."""
    input:
        UTILITY,


for protocol, name in PROTOCOLS["rule"].items():
    if not rules.has(name):
        raise WorkflowError(
            f"{config['tables']['protocols']}, row '{protocol}', column 'rule': there is no rule {name} in rules/"
        )
