"""A label for every pixel: surface normals with a frozen backbone, classes with a trained one.

In: <resources>/backbones/{model}.safetensors, <resources>/datasets/{dataset}/. Out: one result a run,
<results>/{protocol}/{dataset}/{model}.json, and a few test pictures with truth and prediction. A job that is killed goes
on from its last checkpoint.
"""


rule train_normals:
    """PSPNet on a frozen backbone dilated to stride 8 (Ericsson et al. 2021, 4.4)."""
    input:
        backbone="<resources>/backbones/{model}.safetensors",
        dataset=dataset_folder,
    output:
        result="<results>/normals/{dataset}/{model}.json",
        examples="<results>/normals/{dataset}/{model}.examples.h5",
    log:
        "<logs>/train_normals/{dataset}/{model}.log",
    benchmark:
        "<benchmarks>/train_normals/{dataset}/{model}.tsv"
    conda:
        "../envs/openmmlab.yaml"
    threads: config["threads"]["extraction"]
    resources:
        gpu=0,
        mem_mb=lambda wildcards, attempt: 16000 * attempt,
        runtime=lambda wildcards, attempt: 720 * attempt,
    params:
        version=1,
        facts=dense_facts,
        settings=config["normals"],
        seed=config["seed"],
    script:
        "../scripts/train_normals.py"


rule train_segmentation:
    """UPerNet, nothing frozen (Ericsson et al. 2021, 4.4)."""
    input:
        backbone="<resources>/backbones/{model}.safetensors",
        dataset=dataset_folder,
    output:
        result="<results>/segmentation/{dataset}/{model}.json",
        examples="<results>/segmentation/{dataset}/{model}.examples.h5",
    log:
        "<logs>/train_segmentation/{dataset}/{model}.log",
    benchmark:
        "<benchmarks>/train_segmentation/{dataset}/{model}.tsv"
    conda:
        "../envs/openmmlab.yaml"
    threads: config["threads"]["extraction"]
    resources:
        gpu=0,
        mem_mb=lambda wildcards, attempt: 16000 * attempt,
        runtime=lambda wildcards, attempt: 1440 * attempt,
    params:
        version=1,
        facts=dense_facts,
        settings=config["segmentation"],
        seed=config["seed"],
    script:
        "../scripts/train_segmentation.py"
