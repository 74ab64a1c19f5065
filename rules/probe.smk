"""Protocols on frozen features: one job a backbone and dataset, milliseconds to minutes each.

In: <results>/features/{dataset}/{model}.h5. Out: one result a run, <results>/{protocol}/{dataset}/{model}.json, and the
linear probe's predictions; from these and finetuning's, calibration is measured. A protocol's `version` is raised
whenever its numbers would change.
"""


rule linear_probe:
    """L2-regularised logistic regression, its strength chosen on val among 45 (Ericsson et al. 2021, A.2)."""
    input:
        "<results>/features/{dataset}/{model}.h5",
    output:
        result="<results>/linear/{dataset}/{model}.json",
        predictions="<results>/linear/{dataset}/{model}.predictions.h5",
    log:
        "<logs>/linear_probe/{dataset}/{model}.log",
    benchmark:
        "<benchmarks>/linear_probe/{dataset}/{model}.tsv"
    conda:
        "../envs/main.yaml"
    threads: config["threads"]["probes"]
    resources:
        **size_of("linear_probe"),
        gpu=0,
    params:
        version=1,
        metric=dataset_fact("metric"),
        classes=dataset_fact("classes"),
        mode=config["linear"]["mode"],
        seed=config["seed"],
    script:
        "../scripts/linear_probe.py"


rule knn_probe:
    """Temperature-weighted k nearest neighbours by cosine, k chosen on val."""
    input:
        "<results>/features/{dataset}/{model}.h5",
    output:
        "<results>/knn/{dataset}/{model}.json",
    log:
        "<logs>/knn_probe/{dataset}/{model}.log",
    benchmark:
        "<benchmarks>/knn_probe/{dataset}/{model}.tsv"
    conda:
        "../envs/main.yaml"
    threads: config["threads"]["probes"]
    resources:
        **size_of("knn_probe"),
        gpu=0,
    params:
        version=1,
        metric=dataset_fact("metric"),
        classes=dataset_fact("classes"),
        neighbours=config["knn"]["neighbours"],
        temperature=config["knn"]["temperature"],
        seed=config["seed"],
    script:
        "../scripts/knn_probe.py"


rule fewshot_probe:
    """Nearest class mean over 5-way episodes, every number of shots in one job."""
    input:
        "<results>/features/{dataset}/{model}.h5",
    output:
        "<results>/fewshot/{dataset}/{model}.json",
    log:
        "<logs>/fewshot_probe/{dataset}/{model}.log",
    benchmark:
        "<benchmarks>/fewshot_probe/{dataset}/{model}.tsv"
    conda:
        "../envs/main.yaml"
    threads: config["threads"]["probes"]
    resources:
        **size_of("fewshot_probe"),
    params:
        version=1,
        shots=lambda wildcards: [int(shot) for shot in DATASETS.at[wildcards.dataset, "shots"]],
        ways=config["fewshot"]["ways"],
        queries=config["fewshot"]["queries"],
        episodes=config["fewshot"]["episodes"],
        seed=config["seed"],
    script:
        "../scripts/fewshot_probe.py"


rule measure_calibration:
    """Expected calibration error of a protocol's predictions, before and after temperature scaling."""
    input:
        "<results>/{head}/{dataset}/{model}.predictions.h5",
    output:
        "<results>/calibration_{head}/{dataset}/{model}.json",
    log:
        "<logs>/measure_calibration/{head}/{dataset}/{model}.log",
    benchmark:
        "<benchmarks>/measure_calibration/{head}/{dataset}/{model}.tsv"
    wildcard_constraints:
        head="|".join(study.CALIBRATED),
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **size_of("measure_calibration"),
    params:
        version=1,
        seed=config["seed"],
    script:
        "../scripts/measure_calibration.py"
