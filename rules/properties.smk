"""What the features are like, beside what can be learned from them.

In: <resources>/backbones/{model}.safetensors, <resources>/datasets/{dataset}/ and <results>/pictures/{dataset}.png;
for the similarity of models <results>/features/{dataset}/{model}.h5. Out: one result a run,
<results>/{saliency,invariance}/{dataset}/{model}.json, the saliency maps, and <results>/similarity/{dataset}.tsv.
"""

# Of which datasets the study has the features of several models anyway, and of which models.
COMPARED = RUNS.loc[RUNS["protocol"].isin(study.ON_FEATURES), ["dataset", "model"]].drop_duplicates()
COMPARED = COMPARED[COMPARED["dataset"].duplicated(keep=False)]


rule measure_saliency:
    """An occluder at every position of one picture (Ericsson et al. 2021, section 4.8 and A.3)."""
    input:
        backbone="<resources>/backbones/{model}.safetensors",
        picture="<results>/pictures/{dataset}.png",
        description="<results>/pictures/{dataset}.json",
    output:
        result="<results>/saliency/{dataset}/{model}.json",
        map="<results>/saliency/{dataset}/{model}.h5",
    log:
        "<logs>/measure_saliency/{dataset}/{model}.log",
    benchmark:
        "<benchmarks>/measure_saliency/{dataset}/{model}.tsv"
    conda:
        "../envs/main.yaml"
    threads: config["threads"]["extraction"]
    resources:
        **size_of("measure_saliency"),
        gpu=0,
    params:
        version=1,
        settings=config["saliency"],
        seed=config["seed"],
    script:
        "../scripts/measure_saliency.py"


rule measure_invariance:
    """How much of a feature outlives a crop, a change of colours, a blur, a rotation of the picture."""
    input:
        backbone="<resources>/backbones/{model}.safetensors",
        dataset=dataset_folder,
    output:
        "<results>/invariance/{dataset}/{model}.json",
    log:
        "<logs>/measure_invariance/{dataset}/{model}.log",
    benchmark:
        "<benchmarks>/measure_invariance/{dataset}/{model}.tsv"
    conda:
        "../envs/main.yaml"
    threads: config["threads"]["extraction"]
    resources:
        **size_of("measure_invariance"),
        gpu=0,
    params:
        version=1,
        loader_version=dataset_fact("version"),
        facts=dataset_facts,
        images=config["invariance"]["images"],
        resolution=config["features"]["resolution"],
        batch_size=config["features"]["batch_size"],
        seed=config["seed"],
    script:
        "../scripts/measure_invariance.py"


rule measure_similarity:
    """Linear CKA of all models' features of a dataset's test pictures."""
    input:
        collect(
            "<results>/features/{{dataset}}/{run.model}.h5",
            run=lookup("dataset == '{dataset}'", within=COMPARED),
        ),
    output:
        "<results>/similarity/{dataset}.tsv",
    log:
        "<logs>/measure_similarity/{dataset}.log",
    benchmark:
        "<benchmarks>/measure_similarity/{dataset}.tsv"
    conda:
        "../envs/main.yaml"
    threads: config["threads"]["probes"]
    resources:
        **size_of("measure_similarity"),
        gpu=0,
    params:
        version=1,
        split=lambda wildcards: "all" if DATASETS.at[wildcards.dataset, "split_rule"] == "pooled" else "test",
    script:
        "../scripts/measure_similarity.py"
