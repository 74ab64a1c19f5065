"""Pictures seen again from features: deep image prior (Ericsson et al. 2021, section 4.7).

In: <resources>/backbones/{model}.safetensors and <results>/pictures/{dataset}.png. Out: all reconstructions of a
model, <results>/reconstructions/{model}.h5, and one result a picture, <results>/reconstruction/{dataset}/{model}.json.
"""


localrules:
    download_trunk,


rule download_trunk:
    """A network with which LPIPS looks at pictures; the file may also be put there by hand."""
    output:
        "<resources>/lpips/{trunk}.pth",
    log:
        "<logs>/download_trunk/{trunk}.log",
    benchmark:
        "<benchmarks>/download_trunk/{trunk}.tsv"
    wildcard_constraints:
        trunk="|".join(config["reconstruction"]["trunks"]),
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=60,
    params:
        source=lambda wildcards: config["reconstruction"]["trunks"][wildcards.trunk]["source"],
        sha256=lambda wildcards: config["reconstruction"]["trunks"][wildcards.trunk]["sha256"],
    script:
        "../scripts/download_checkpoint.py"


rule reconstruct_pictures:
    """All pictures of the study, seen again from one model's features."""
    input:
        backbone="<resources>/backbones/{model}.safetensors",
        pictures=collect(
            "<results>/pictures/{run.dataset}.png",
            run=lookup("model == '{model}' and protocol == 'reconstruction'", within=RUNS),
        ),
        descriptions=collect(
            "<results>/pictures/{run.dataset}.json",
            run=lookup("model == '{model}' and protocol == 'reconstruction'", within=RUNS),
        ),
    output:
        "<results>/reconstructions/{model}.h5",
    log:
        "<logs>/reconstruct_pictures/{model}.log",
    benchmark:
        "<benchmarks>/reconstruct_pictures/{model}.tsv"
    conda:
        "../envs/main.yaml"
    threads: config["threads"]["extraction"]
    resources:
        **size_of("reconstruct_pictures"),
        gpu=0,
    params:
        version=1,
        settings=config["reconstruction"],
        seed=config["seed"],
    script:
        "../scripts/reconstruct_pictures.py"


rule measure_reconstruction:
    """How far one reconstruction is from its original, to the eye and in each colour."""
    input:
        reconstructions="<results>/reconstructions/{model}.h5",
        trunks=expand("<resources>/lpips/{trunk}.pth", trunk=config["reconstruction"]["lpips"]),
        perceptual=expand(
            "<resources>/backbones/{model}.safetensors", model=config["reconstruction"]["perceptual"]
        ),
    output:
        "<results>/reconstruction/{dataset}/{model}.json",
    log:
        "<logs>/measure_reconstruction/{dataset}/{model}.log",
    benchmark:
        "<benchmarks>/measure_reconstruction/{dataset}/{model}.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **size_of("measure_reconstruction"),
    params:
        version=1,
        dataset="{dataset}",
        trunks=config["reconstruction"]["lpips"],
    script:
        "../scripts/measure_reconstruction.py"
