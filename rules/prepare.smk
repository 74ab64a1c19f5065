"""What a run starts from, made on this machine: canonical backbones, rendered datasets, one picture of each dataset.

In: the authors' checkpoints, or nothing. Out: <resources>/backbones/{model}.safetensors, one form for every
architecture and origin; <resources>/datasets/{dataset}/ for the rows whose source is `render:`; and
<results>/pictures/{dataset}.png, with its sample id beside it, for what is looked at picture by picture.
"""

# What a conversion to the canonical backbone depends on, and nothing else: a new citation recomputes nothing.
CONVERSION = ["arch", "source", "format", "container", "prefix", "drop", "match", "normalisation"]


rule prepare_backbone:
    """Any authors' format to the canonical file: every tensor used, none missing."""
    input:
        checkpoint_file,
    output:
        "<resources>/backbones/{model}.safetensors",
    log:
        "<logs>/prepare_backbone/{model}.log",
    benchmark:
        "<benchmarks>/prepare_backbone/{model}.tsv"
    wildcard_constraints:
        model=having(ALL_MODELS, "url", "pypi", "local"),
    conda:
        "../envs/main.yaml"
    resources:
        **size_of("prepare_backbone"),
    params:
        **{column: model_fact(column) for column in CONVERSION},
        version=1,
    script:
        "../scripts/prepare_backbone.py"


rule initialise_backbone:
    """A seeded random network, the baseline that a pretrained one has to beat."""
    output:
        "<resources>/backbones/{model}.safetensors",
    log:
        "<logs>/initialise_backbone/{model}.log",
    benchmark:
        "<benchmarks>/initialise_backbone/{model}.tsv"
    wildcard_constraints:
        model=having(ALL_MODELS, "random"),
    conda:
        "../envs/main.yaml"
    resources:
        **size_of("initialise_backbone"),
    params:
        version=1,
        arch=model_fact("arch"),
        normalisation=model_fact("normalisation"),
        seed=model_fact("seed"),
    script:
        "../scripts/initialise_backbone.py"


rule draw_backbone:
    """A seeded random network as it begins, or with weights rescaled by data."""
    output:
        "<resources>/backbones/{model}.safetensors",
    log:
        "<logs>/draw_backbone/{model}.log",
    benchmark:
        "<benchmarks>/draw_backbone/{model}.tsv"
    wildcard_constraints:
        model=having(ALL_MODELS, "drawn"),
    conda:
        "../envs/main.yaml"
    resources:
        **size_of("draw_backbone"),
    params:
        **{column: model_fact(column) for column in ("arch", "source", "normalisation", "seed")},
        version=1,
    script:
        "../scripts/draw_backbone.py"


rule render_dataset:
    """Ray-cast scenes of parametric objects, with every label exact."""
    output:
        directory("<resources>/datasets/{dataset}"),
    log:
        "<logs>/render_dataset/{dataset}.log",
    benchmark:
        "<benchmarks>/render_dataset/{dataset}.tsv"
    wildcard_constraints:
        dataset=having(DATASETS, "render"),
    conda:
        "../envs/main.yaml"
    threads: 4
    resources:
        **size_of("render_dataset"),
    params:
        version=dataset_fact("version"),
        settings=render_settings,
    script:
        "../scripts/render_dataset.py"


rule choose_picture:
    """One test picture of a dataset, drawn by its sample id and the seed alone."""
    input:
        dataset=dataset_folder,
    output:
        picture="<results>/pictures/{dataset}.png",
        description="<results>/pictures/{dataset}.json",
    log:
        "<logs>/choose_picture/{dataset}.log",
    benchmark:
        "<benchmarks>/choose_picture/{dataset}.tsv"
    conda:
        "../envs/main.yaml"
    resources:
        **size_of("choose_picture"),
    params:
        version=2,
        facts=dataset_facts,
        seed=config["seeds"][0],
    script:
        "../scripts/choose_picture.py"


include: "render.smk"
include: "crops.smk"
