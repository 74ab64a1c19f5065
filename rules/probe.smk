"""Protocols on frozen features: one job a backbone and dataset, milliseconds to minutes each.

In: <results>/features/{dataset}/{model}.h5. Out: one result a run, <results>/{protocol}/{dataset}/{model}{at}.json, and
the predictions of those whose calibration can be measured. A protocol's row names the module that evaluates it
(scripts/transferscope/protocols/probes/), so a new one needs no rule.
"""


rule probe:
    """The evaluation that the protocol's row names."""
    input:
        features=features_of_run,
        splits=drawn_splits,
    output:
        result="<results>/{protocol}/{dataset}/{model}{at}.json",
    log:
        "<logs>/probe/{protocol}/{dataset}/{model}{at}.log",
    benchmark:
        "<benchmarks>/probe/{protocol}/{dataset}/{model}{at}.tsv"
    wildcard_constraints:
        protocol=ids_of(rule="probe"),
    conda:
        "../envs/main.yaml"
    threads: config["threads"]["probes"]
    resources:
        **size_of("probe"),
        gpu=0,
    params:
        run=run_facts,
        module=protocol_fact("module"),
        labels=labels_of,
        settings=settings_of,
    script:
        "../scripts/probe.py"


use rule probe as probe_with_predictions with:
    output:
        result="<results>/{protocol}/{dataset}/{model}{at}.json",
        predictions="<results>/{protocol}/{dataset}/{model}{at}.predictions.h5",
    log:
        "<logs>/probe_with_predictions/{protocol}/{dataset}/{model}{at}.log",
    benchmark:
        "<benchmarks>/probe_with_predictions/{protocol}/{dataset}/{model}{at}.tsv"
    wildcard_constraints:
        protocol=ids_of(rule="probe_with_predictions"),
    resources:
        **size_of("probe_with_predictions"),
        gpu=0,


rule measure_calibration:
    """Expected calibration error of a protocol's predictions, before and after temperature scaling."""
    input:
        predictions_of_head,
    output:
        "<results>/{protocol}/{dataset}/{model}{at}.json",
    log:
        "<logs>/measure_calibration/{protocol}/{dataset}/{model}{at}.log",
    benchmark:
        "<benchmarks>/measure_calibration/{protocol}/{dataset}/{model}{at}.tsv"
    wildcard_constraints:
        protocol=ids_of(rule="measure_calibration"),
    conda:
        "../envs/main.yaml"
    resources:
        **size_of("measure_calibration"),
    params:
        run=run_facts,
        settings=settings_of,
    script:
        "../scripts/measure_calibration.py"


include: "layers.smk"
