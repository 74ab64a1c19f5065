"""What a few pictures teach: their number, their augmentation, the first filters, and how good the first stages are.

In: the long table, backbones. Out: images_needed/, augmentations/ and frozen_prefix/ with a figure a protocol, and
filters.pdf, in <results>/figures/, as far as the study has the runs for them; the second and the third as tables too.
"""

from transferscope.results.learned import in_augmentations, in_numbers, learned_from

LAYER_MODELS = MODELS[MODELS.index.isin(runs_of(family="layers")["model"]) & MEASURED]
LEARNED = learned_from(LAYER_MODELS, ALL_DATASETS)
PREFIXES = RUNS[(RUNS["freeze"] != "") & RUNS["protocol"].isin(protocols_with(family="transfer")) & MEASURED]

# Of those that differ in their seed alone one is enough to look at.
FILTERED = LAYER_MODELS.index[~LAYER_MODELS["repeats"].duplicated()]

NUMBERED = BY_LAYER if len(in_numbers(LEARNED)) else []
AUGMENTED = BY_LAYER if len(in_augmentations(LEARNED)) else []
PREFIXED = PREFIXES["protocol"].unique()

FIGURES += expand("<results>/figures/images_needed/{protocol}.pdf", protocol=NUMBERED)
FIGURES += ["<results>/figures/filters.pdf"] if len(FILTERED) else []
for name, protocols_of_figure in (("augmentations", AUGMENTED), ("frozen_prefix", PREFIXED)):
    FIGURES += expand(f"<results>/figures/{name}/{{protocol}}.pdf", protocol=protocols_of_figure)
    TABLES += expand(f"<results>/tables/{name}/{{protocol}}.tsv", protocol=protocols_of_figure)


# Seconds each: on a cluster they would wait longer than they run.
localrules:
    plot_images_needed,
    plot_augmentations,
    plot_filters,
    plot_frozen_prefix,


rule plot_images_needed:
    """Accuracy of each layer against the number of pictures that networks learned from."""
    input:
        table=results_table(),
        study="<results>/study.json",
    output:
        pdf="<results>/figures/images_needed/{protocol}.pdf",
        png=report(
            "<results>/figures/images_needed/{protocol}.png",
            caption="../report/images_needed.rst",
            category="Layers",
            labels={"result": "Pictures needed: {protocol}"},
        ),
    log:
        "<logs>/plot_images_needed/{protocol}.log",
    benchmark:
        "<benchmarks>/plot_images_needed/{protocol}.tsv"
    conda:
        "../envs/figures.yaml"
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_images_needed.py"


rule plot_augmentations:
    """What each augmentation of the pictures is worth, layer by layer, beside labels and no training."""
    input:
        table=results_table(),
        study="<results>/study.json",
    output:
        pdf="<results>/figures/augmentations/{protocol}.pdf",
        png=report(
            "<results>/figures/augmentations/{protocol}.png",
            caption="../report/augmentations.rst",
            category="Layers",
            labels={"result": "Augmentations: {protocol}"},
        ),
        tsv="<results>/tables/augmentations/{protocol}.tsv",
        markdown="<results>/tables/augmentations/{protocol}.md",
    log:
        "<logs>/plot_augmentations/{protocol}.log",
    benchmark:
        "<benchmarks>/plot_augmentations/{protocol}.tsv"
    conda:
        "../envs/figures.yaml"
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_augmentations.py"


rule plot_filters:
    """The filters of each network's first layer, where they are large enough to be looked at."""
    input:
        study="<results>/study.json",
        backbones=expand("<resources>/backbones/{model}.safetensors", model=FILTERED),
    output:
        pdf="<results>/figures/filters.pdf",
        png=report(
            "<results>/figures/filters.png",
            caption="../report/filters.rst",
            category="Layers",
            labels={"result": "First filters"},
        ),
    log:
        "<logs>/plot_filters.log",
    benchmark:
        "<benchmarks>/plot_filters.tsv"
    conda:
        "../envs/main.yaml"
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_filters.py"


rule plot_frozen_prefix:
    """What finetuning reaches with the first stages frozen."""
    input:
        table=results_table(),
        study="<results>/study.json",
    output:
        pdf="<results>/figures/frozen_prefix/{protocol}.pdf",
        png=report(
            "<results>/figures/frozen_prefix/{protocol}.png",
            caption="../report/frozen_prefix.rst",
            category="Layers",
            labels={"result": "First stages frozen: {protocol}"},
        ),
        tsv="<results>/tables/frozen_prefix/{protocol}.tsv",
        markdown="<results>/tables/frozen_prefix/{protocol}.md",
    log:
        "<logs>/plot_frozen_prefix/{protocol}.log",
    benchmark:
        "<benchmarks>/plot_frozen_prefix/{protocol}.tsv"
    conda:
        "../envs/figures.yaml"
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_frozen_prefix.py"
