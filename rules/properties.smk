"""What the features are like, beside what can be learned from them.

In: <resources>/backbones/{model}.safetensors, <resources>/datasets/{dataset}/ and <results>/pictures/{dataset}.png;
for the similarity of models <results>/features/{dataset}/{model}.h5. Out: one result a run,
<results>/{protocol}/{dataset}/{model}{at}.json, the saliency maps, and <results>/similarity/{dataset}.tsv.
"""

# The features that the study has anyway: of each model on each dataset, and of datasets with several models.
EXTRACTED = runs_of(reads="features")[["dataset", "model"]].drop_duplicates()
COMPARED = EXTRACTED[EXTRACTED["dataset"].duplicated(keep=False)]


rule measure_saliency:
    """An occluder at every position of one picture (Ericsson et al. 2021, section 4.8 and A.3)."""
    input:
        backbone="<resources>/backbones/{model}.safetensors",
        picture="<results>/pictures/{dataset}.png",
        description="<results>/pictures/{dataset}.json",
    output:
        result="<results>/{protocol}/{dataset}/{model}{at}.json",
        map="<results>/{protocol}/{dataset}/{model}{at}.h5",
    log:
        "<logs>/measure_saliency/{protocol}/{dataset}/{model}{at}.log",
    benchmark:
        "<benchmarks>/measure_saliency/{protocol}/{dataset}/{model}{at}.tsv"
    wildcard_constraints:
        protocol=ids_of(rule="measure_saliency"),
    conda:
        "../envs/main.yaml"
    threads: config["threads"]["extraction"]
    resources:
        **size_of("measure_saliency"),
        gpu=0,
        occluders=config["execution"]["occluders"],
    params:
        run=run_facts,
        settings=settings_of,
    script:
        "../scripts/measure_saliency.py"


rule measure_invariance:
    """How much of a feature stays under a crop, other colours, a blur, a rotation of the picture."""
    input:
        backbone="<resources>/backbones/{model}.safetensors",
        dataset=dataset_folder,
    output:
        "<results>/{protocol}/{dataset}/{model}{at}.json",
    log:
        "<logs>/measure_invariance/{protocol}/{dataset}/{model}{at}.log",
    benchmark:
        "<benchmarks>/measure_invariance/{protocol}/{dataset}/{model}{at}.tsv"
    wildcard_constraints:
        protocol=ids_of(rule="measure_invariance"),
    conda:
        "../envs/main.yaml"
    threads: config["threads"]["extraction"]
    resources:
        **size_of("measure_invariance"),
        gpu=0,
        batch_size=config["execution"]["batch_size"],
    params:
        run=run_facts,
        facts=dataset_facts,
        settings=settings_of,
        resolution=config["features"]["resolution"],
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
        split=whole_or_test,
    script:
        "../scripts/measure_similarity.py"
