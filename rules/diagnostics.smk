"""From single results to figures that show how a run went: reliability diagrams, finetuning curves.

In: results <results>/{protocol}/{dataset}/{model}.json. Out: <results>/figures/reliability/, finetuning/. DIAGNOSTICS
lists what the study measures.
"""

DIAGNOSTICS = []
if MEASURED:
    DIAGNOSTICS += expand(
        "<results>/figures/reliability/{model}.pdf",
        model=RUNS.loc[RUNS["protocol"].str.startswith("calibration"), "model"].unique(),
    )
    DIAGNOSTICS += expand(
        "<results>/figures/finetuning/{dataset}.pdf",
        dataset=RUNS.loc[RUNS["protocol"] == "finetune", "dataset"].unique(),
    )
    DIAGNOSTICS += expand(
        "<results>/figures/{run.protocol}/{run.dataset}/{run.model}.pdf",
        run=RUNS[RUNS["protocol"].isin([*FROZEN_STAGES, "normals", "segmentation"])].itertuples(),
    )


rule plot_reliability:
    """Accuracy against confidence of one model's predictions, before and after temperature scaling."""
    input:
        datasets=config["tables"]["datasets"],
        results=collect(
            "<results>/{run.protocol}/{run.dataset}/{{model}}.json",
            run=lookup("model == '{model}' and protocol.str.startswith('calibration')", within=RUNS),
        ),
    output:
        pdf="<results>/figures/reliability/{model}.pdf",
        png=report(
            "<results>/figures/reliability/{model}.png",
            caption="../report/reliability.rst",
            category="Reliability",
            labels={"figure": "{model}"},
        ),
    log:
        "<logs>/plot_reliability/{model}.log",
    benchmark:
        "<benchmarks>/plot_reliability/{model}.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_reliability.py"


rule plot_finetuning:
    """Losses and all settings tried on one dataset, for every model."""
    input:
        models=config["tables"]["models"],
        results=collect(
            "<results>/finetune/{{dataset}}/{run.model}.json",
            run=lookup("dataset == '{dataset}' and protocol == 'finetune'", within=RUNS),
        ),
    output:
        pdf="<results>/figures/finetuning/{dataset}.pdf",
        png=report(
            "<results>/figures/finetuning/{dataset}.png",
            caption="../report/finetuning.rst",
            category="Finetuning",
            labels={"figure": "{dataset}"},
        ),
    log:
        "<logs>/plot_finetuning/{dataset}.log",
    benchmark:
        "<benchmarks>/plot_finetuning/{dataset}.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_finetuning.py"


rule plot_detections:
    """What one model's detector found in some pictures of the test."""
    input:
        examples="<results>/{protocol}/{dataset}/{model}.examples.json",
        dataset=dataset_folder,
    output:
        pdf="<results>/figures/{protocol}/{dataset}/{model}.pdf",
        png=report(
            "<results>/figures/{protocol}/{dataset}/{model}.png",
            caption="../report/detections.rst",
            category="Detections",
            subcategory="{protocol}",
            labels={"dataset": "{dataset}", "model": "{model}"},
        ),
    log:
        "<logs>/plot_detections/{protocol}/{dataset}/{model}.log",
    benchmark:
        "<benchmarks>/plot_detections/{protocol}/{dataset}/{model}.tsv"
    wildcard_constraints:
        protocol="|".join(FROZEN_STAGES),
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_detections.py"


rule plot_normals:
    """A few test pictures, true and predicted normals, and the angles between them."""
    input:
        "<results>/normals/{dataset}/{model}.examples.h5",
    output:
        pdf="<results>/figures/normals/{dataset}/{model}.pdf",
        png=report(
            "<results>/figures/normals/{dataset}/{model}.png",
            caption="../report/normals.rst",
            category="Normals",
            labels={"dataset": "{dataset}", "model": "{model}"},
        ),
    log:
        "<logs>/plot_normals/{dataset}/{model}.log",
    benchmark:
        "<benchmarks>/plot_normals/{dataset}/{model}.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_normals.py"


rule plot_segmentation:
    """A few test pictures, true and predicted classes, and where they differ."""
    input:
        "<results>/segmentation/{dataset}/{model}.examples.h5",
    output:
        pdf="<results>/figures/segmentation/{dataset}/{model}.pdf",
        png=report(
            "<results>/figures/segmentation/{dataset}/{model}.png",
            caption="../report/segmentation.rst",
            category="Segmentation",
            labels={"dataset": "{dataset}", "model": "{model}"},
        ),
    log:
        "<logs>/plot_segmentation/{dataset}/{model}.log",
    benchmark:
        "<benchmarks>/plot_segmentation/{dataset}/{model}.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_segmentation.py"
