"""Every picture of a dataset once through a frozen backbone; all protocols share the result.

In: <resources>/backbones/{model}.safetensors, <resources>/datasets/{dataset}/.
Out: <results>/features/{dataset}/{model}{preprocessing}.h5. A dataset of more than `execution.shard_images` images is cut into
shards, one job each, and joined by a virtual file that copies nothing.
"""


rule extract_features:
    """All splits of a dataset that one job can do."""
    input:
        backbone="<resources>/backbones/{model}.safetensors",
        dataset=dataset_folder,
    output:
        "<results>/features/{dataset}/{model}{preprocessing}.h5",
    log:
        "<logs>/extract_features/{dataset}/{model}{preprocessing}.log",
    benchmark:
        "<benchmarks>/extract_features/{dataset}/{model}{preprocessing}.tsv"
    wildcard_constraints:
        dataset=extracted_in(one_job=True),
    conda:
        "../envs/main.yaml"
    threads: config["threads"]["extraction"]
    resources:
        **size_of("extract_features"),
        gpu=0,
        batch_size=config["execution"]["batch_size"],
    params:
        version=2,
        facts=dataset_facts,
        seed=config["seeds"][0],
        resolution=config["features"]["resolution"],
        input=input_to_network,
    script:
        "../scripts/extract_features.py"


use rule extract_features as extract_shard with:
    output:
        "<results>/features/{dataset}/{model}{preprocessing}.shards/{shard}-of-{shards}.h5",
    log:
        "<logs>/extract_shard/{dataset}/{model}{preprocessing}.{shard}-of-{shards}.log",
    benchmark:
        "<benchmarks>/extract_shard/{dataset}/{model}{preprocessing}.{shard}-of-{shards}.tsv"
    wildcard_constraints:
        dataset=extracted_in(one_job=False),
        shard="[0-9]+",
        shards="[0-9]+",
    resources:
        **size_of("extract_shard"),
        gpu=0,
        batch_size=config["execution"]["batch_size"],


rule join_shards:
    """One file over all shards; the features stay in the shards."""
    input:
        shard_files,
    output:
        "<results>/features/{dataset}/{model}{preprocessing}.h5",
    log:
        "<logs>/join_shards/{dataset}/{model}{preprocessing}.log",
    benchmark:
        "<benchmarks>/join_shards/{dataset}/{model}{preprocessing}.tsv"
    wildcard_constraints:
        dataset=extracted_in(one_job=False),
    conda:
        "../envs/main.yaml"
    resources:
        **size_of("join_shards"),
    params:
        version=1,
    script:
        "../scripts/join_shards.py"


rule draw_splits:
    """What another seed makes train, val and test, where a dataset's splits are drawn."""
    input:
        dataset=dataset_folder,
    output:
        "<results>/splits/{dataset}{at}.h5",
    log:
        "<logs>/draw_splits/{dataset}{at}.log",
    benchmark:
        "<benchmarks>/draw_splits/{dataset}{at}.tsv"
    conda:
        "../envs/main.yaml"
    resources:
        **size_of("draw_splits"),
    params:
        version=1,
        facts=dataset_facts,
        seed=fact(VARIANT_ROWS, "at", "seed"),
    script:
        "../scripts/draw_splits.py"
