"""A label for every pixel: the networks of the dense protocols, trained and tested.

In: <resources>/backbones/{model}.safetensors, <resources>/datasets/{dataset}/. Out: one result a run,
<results>/{protocol}/{dataset}/{model}{at}.json, a few test pictures with truth and prediction, and their figure. A job
that is killed resumes from its last checkpoint.
"""


rule train_dense:
    """One network of a dense protocol (Ericsson et al. 2021, section 4.4)."""
    input:
        backbone="<resources>/backbones/{model}.safetensors",
        dataset=dataset_folder,
    output:
        result="<results>/{protocol}/{dataset}/{model}{at}.json",
        examples="<results>/{protocol}/{dataset}/{model}{at}.examples.h5",
    log:
        "<logs>/train_dense/{protocol}/{dataset}/{model}{at}.log",
    benchmark:
        "<benchmarks>/train_dense/{protocol}/{dataset}/{model}{at}.tsv"
    wildcard_constraints:
        protocol=ids_of(rule="train_dense"),
    conda:
        "../envs/openmmlab.yaml"
    threads: config["threads"]["extraction"]
    resources:
        **size_of("train_dense"),
        gpu=0,
        checkpoint_steps=config["execution"]["checkpoint_steps"],
    params:
        run=run_facts,
        facts=dataset_facts,
        settings=settings_of,
        module=protocol_fact("module"),
        task=protocol_fact("task"),
    script:
        "../scripts/train_dense.py"


rule plot_examples:
    """A few test pictures with the truth, the prediction for every pixel, and the difference."""
    input:
        "<results>/{protocol}/{dataset}/{model}{at}.examples.h5",
    output:
        pdf="<results>/figures/{protocol}/{dataset}/{model}{at}.pdf",
        png=report(
            "<results>/figures/{protocol}/{dataset}/{model}{at}.png",
            caption="../report/examples.rst",
            category=protocol_fact("title"),
            labels={"dataset": "{dataset}", "model": "{model}{at}"},
        ),
    log:
        "<logs>/plot_examples/{protocol}/{dataset}/{model}{at}.log",
    benchmark:
        "<benchmarks>/plot_examples/{protocol}/{dataset}/{model}{at}.tsv"
    wildcard_constraints:
        protocol=ids_of(rule="train_dense"),
    localrule: True
    conda:
        "../envs/figures.yaml"
    params:
        plot=config["plotting"],
        about=protocol_fact("about"),
    script:
        "../scripts/plot_examples.py"
