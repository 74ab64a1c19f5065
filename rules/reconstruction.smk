"""Pictures seen again from features: deep image prior (Ericsson et al. 2021, section 4.7).

In: <resources>/backbones/{model}.safetensors and <results>/pictures/{dataset}.png. Out: all reconstructions of a
model, <results>/reconstructions/{model}{at}.h5, and one result a picture, <results>/{protocol}/{dataset}/{model}{at}.json.
"""


localrules:
    download_trunk,


# The pictures of one model's runs.
RECONSTRUCTED = lookup("model == '{model}' and at == '{at}'", within=runs_of(rule="measure_reconstruction"))


rule download_trunk:
    """A network with which LPIPS looks at pictures; the file may also be put there by hand."""
    output:
        "<resources>/lpips/{trunk}.pth",
    log:
        "<logs>/download_trunk/{trunk}.log",
    benchmark:
        "<benchmarks>/download_trunk/{trunk}.tsv"
    wildcard_constraints:
        trunk=alternatives(config["trunks"]),
    conda:
        "../envs/main.yaml"
    params:
        source=fact(config["trunks"], "trunk", "source"),
        sha256=fact(config["trunks"], "trunk", "sha256"),
    script:
        "../scripts/download_checkpoint.py"


rule reconstruct_pictures:
    """All pictures of the study, seen again from one model's features."""
    input:
        backbone="<resources>/backbones/{model}.safetensors",
        pictures=collect("<results>/pictures/{run.dataset}.png", run=RECONSTRUCTED),
        descriptions=collect("<results>/pictures/{run.dataset}.json", run=RECONSTRUCTED),
    output:
        "<results>/reconstructions/{model}{at}.h5",
    log:
        "<logs>/reconstruct_pictures/{model}{at}.log",
    benchmark:
        "<benchmarks>/reconstruct_pictures/{model}{at}.tsv"
    conda:
        "../envs/main.yaml"
    threads: config["threads"]["extraction"]
    resources:
        **size_of("reconstruct_pictures"),
        gpu=0,
        reconstructions=config["execution"]["reconstructions"],
    params:
        versions=PROTOCOLS.loc[protocols_with(rule="measure_reconstruction"), "version"].to_dict(),
        resolution=config["reconstruction"]["resolution"],
        stage=config["reconstruction"]["stage"],
        steps=config["reconstruction"]["steps"],
        prior=config["reconstruction"]["prior"],
        seed=fact(VARIANT_ROWS, "at", "seed"),
    script:
        "../scripts/reconstruct_pictures.py"


rule measure_reconstruction:
    """How far one reconstruction is from its original, to the eye and in each colour."""
    input:
        reconstructions="<results>/reconstructions/{model}{at}.h5",
        trunks=expand("<resources>/lpips/{trunk}.pth", trunk=config["reconstruction"]["lpips"]),
        perceptual=expand(
            "<resources>/backbones/{model}.safetensors", model=config["reconstruction"]["perceptual"]
        ),
    output:
        "<results>/{protocol}/{dataset}/{model}{at}.json",
    log:
        "<logs>/measure_reconstruction/{protocol}/{dataset}/{model}{at}.log",
    benchmark:
        "<benchmarks>/measure_reconstruction/{protocol}/{dataset}/{model}{at}.tsv"
    wildcard_constraints:
        protocol=ids_of(rule="measure_reconstruction"),
    conda:
        "../envs/main.yaml"
    resources:
        **size_of("measure_reconstruction"),
    params:
        run=run_facts,
        dataset="{dataset}",
        trunks=config["reconstruction"]["lpips"],
    script:
        "../scripts/measure_reconstruction.py"
