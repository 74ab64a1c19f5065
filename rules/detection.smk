"""Detection: Faster R-CNN on a backbone, trained on a dataset's boxes (train and val) and tested.

In: <resources>/backbones/{model}.safetensors, <resources>/datasets/{dataset}/. Out: one result a run,
<results>/{protocol}/{dataset}/{model}.json, and what was found in some pictures of the test. A job that is
killed goes on from its last checkpoint.
"""

# How many stages of the backbone stay as they are, its stem included.
FROZEN_STAGES = {"detection_frozen": 3, "detection_finetune": 0}


rule train_detector:
    """Faster R-CNN with a feature pyramid, BatchNorm frozen (Ericsson et al. 2021, section 4.3)."""
    input:
        backbone="<resources>/backbones/{model}.safetensors",
        dataset=dataset_folder,
    output:
        result="<results>/{protocol}/{dataset}/{model}.json",
        examples="<results>/{protocol}/{dataset}/{model}.examples.json",
    log:
        "<logs>/train_detector/{protocol}/{dataset}/{model}.log",
    benchmark:
        "<benchmarks>/train_detector/{protocol}/{dataset}/{model}.tsv"
    wildcard_constraints:
        protocol="|".join(FROZEN_STAGES),
    conda:
        "../envs/openmmlab.yaml"
    threads: config["threads"]["extraction"]
    resources:
        gpu=0,
        mem_mb=lambda wildcards, attempt: 12000 * attempt,
        runtime=lambda wildcards, attempt: 720 * attempt,
    params:
        version=1,
        loader_version=dataset_fact("version"),
        facts=dataset_facts,
        frozen_stages=lambda wildcards: FROZEN_STAGES[wildcards.protocol],
        settings=config["detection"],
        seed=config["seed"],
    script:
        "../scripts/train_detector.py"
