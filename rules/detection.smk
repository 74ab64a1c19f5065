"""Detection: Faster R-CNN on a backbone, trained on a dataset's boxes (train and val) and tested.

In: <resources>/backbones/{model}.safetensors, <resources>/datasets/{dataset}/. Out: one result a run,
<results>/{protocol}/{dataset}/{model}{at}.json, the boxes found in a few test pictures, and their figure. A job that is
killed resumes from its last checkpoint.
"""


rule train_detector:
    """Faster R-CNN with a feature pyramid, BatchNorm frozen (Ericsson et al. 2021, section 4.3)."""
    input:
        backbone="<resources>/backbones/{model}.safetensors",
        dataset=dataset_folder,
    output:
        result="<results>/{protocol}/{dataset}/{model}{at}.json",
        examples="<results>/{protocol}/{dataset}/{model}{at}.examples.json",
    log:
        "<logs>/train_detector/{protocol}/{dataset}/{model}{at}.log",
    benchmark:
        "<benchmarks>/train_detector/{protocol}/{dataset}/{model}{at}.tsv"
    wildcard_constraints:
        protocol=ids_of(rule="train_detector"),
    conda:
        "../envs/openmmlab.yaml"
    threads: config["threads"]["extraction"]
    resources:
        **size_of("train_detector"),
        gpu=0,
        checkpoint_steps=config["execution"]["checkpoint_steps"],
    params:
        run=run_facts,
        facts=dataset_facts,
        settings=settings_of,
    script:
        "../scripts/train_detector.py"


rule plot_detections:
    """The boxes that one model's detector found in a few test pictures."""
    input:
        examples="<results>/{protocol}/{dataset}/{model}{at}.examples.json",
        dataset=dataset_folder,
    output:
        pdf="<results>/figures/{protocol}/{dataset}/{model}{at}.pdf",
        png=report(
            "<results>/figures/{protocol}/{dataset}/{model}{at}.png",
            caption="../report/detections.rst",
            category=protocol_fact("title"),
            labels={"dataset": "{dataset}", "model": "{model}{at}"},
        ),
    log:
        "<logs>/plot_detections/{protocol}/{dataset}/{model}{at}.log",
    benchmark:
        "<benchmarks>/plot_detections/{protocol}/{dataset}/{model}{at}.tsv"
    wildcard_constraints:
        protocol=ids_of(rule="train_detector"),
    localrule: True
    conda:
        "../envs/figures.yaml"
    params:
        plot=config["plotting"],
        about=protocol_fact("about"),
    script:
        "../scripts/plot_detections.py"
