"""Layer by layer: a probe on each stage of a frozen backbone (Asano, Rupprecht and Vedaldi, ICLR 2020).

In: <resources>/backbones/{model}.safetensors, <resources>/datasets/{dataset}/. Out: the values of all layers,
<results>/layers/{dataset}/{model}.h5, which protocols that read `layers` share; one result a run,
<results>/{protocol}/{dataset}/{model}{at}.json; and <results>/similarity/{dataset}-layers.tsv.
"""

# The layers that the study has anyway: of each model on each dataset.
LAYERED = runs_of(reads="layers")[["dataset", "model"]].drop_duplicates()

try:
    configuration.check_layers(
        DATASETS.loc[LAYERED["dataset"].unique()], config["layerwise"], config["execution"]["layers_gb"]
    )
except InputError as error:
    raise WorkflowError(str(error))


rule extract_layers:
    """Every picture of a dataset once through a frozen backbone; what each of its layers sees, as float16."""
    input:
        backbone="<resources>/backbones/{model}.safetensors",
        dataset=dataset_folder,
    output:
        "<results>/layers/{dataset}/{model}.h5",
    log:
        "<logs>/extract_layers/{dataset}/{model}.log",
    benchmark:
        "<benchmarks>/extract_layers/{dataset}/{model}.tsv"
    conda:
        "../envs/main.yaml"
    threads: config["threads"]["extraction"]
    resources:
        **size_of("extract_layers"),
        gpu=0,
        batch_size=config["execution"]["batch_size"],
        layers_gb=config["execution"]["layers_gb"],
    params:
        version=1,
        facts=dataset_facts,
        seed=config["seeds"][0],
        resolution=config["features"]["resolution"],
        input=input_to_network,
        settings=config["layerwise"],
    script:
        "../scripts/extract_layers.py"


rule probe_layers:
    """The evaluation that the protocol's row names, of each layer."""
    input:
        layers="<results>/layers/{dataset}/{model}.h5",
        splits=drawn_splits,
    output:
        "<results>/{protocol}/{dataset}/{model}{at}.json",
    log:
        "<logs>/probe_layers/{protocol}/{dataset}/{model}{at}.log",
    benchmark:
        "<benchmarks>/probe_layers/{protocol}/{dataset}/{model}{at}.tsv"
    wildcard_constraints:
        protocol=ids_of(rule="probe_layers"),
    conda:
        "../envs/main.yaml"
    threads: config["threads"]["probes"]
    resources:
        **size_of("probe_layers"),
        gpu=0,
    params:
        run=run_facts,
        module=protocol_fact("module"),
        labels=labels_of,
        settings=settings_of,
    script:
        "../scripts/probe_layers.py"


rule train_probes:
    """Probes on all layers at once, on augmented pictures; a job that is killed resumes."""
    input:
        backbone="<resources>/backbones/{model}.safetensors",
        dataset=dataset_folder,
    output:
        "<results>/{protocol}/{dataset}/{model}{at}.json",
    log:
        "<logs>/train_probes/{protocol}/{dataset}/{model}{at}.log",
    benchmark:
        "<benchmarks>/train_probes/{protocol}/{dataset}/{model}{at}.tsv"
    wildcard_constraints:
        protocol=ids_of(rule="train_probes"),
    conda:
        "../envs/main.yaml"
    threads: config["threads"]["extraction"]
    resources:
        **size_of("train_probes"),
        gpu=0,
        batch_size=config["execution"]["batch_size"],
        checkpoint_steps=config["execution"]["checkpoint_steps"],
    params:
        run=run_facts,
        facts=dataset_facts,
        metric=dataset_fact("metric"),
        settings=settings_of,
        resolution=config["features"]["resolution"],
    script:
        "../scripts/train_probes.py"


rule measure_layer_similarity:
    """Linear CKA and canonical correlations of all layers of all models on a dataset's test pictures."""
    input:
        collect(
            "<results>/layers/{{dataset}}/{run.model}.h5",
            run=lookup("dataset == '{dataset}'", within=LAYERED),
        ),
    output:
        "<results>/similarity/{dataset}-layers.tsv",
    log:
        "<logs>/measure_layer_similarity/{dataset}.log",
    benchmark:
        "<benchmarks>/measure_layer_similarity/{dataset}.tsv"
    conda:
        "../envs/main.yaml"
    threads: config["threads"]["probes"]
    resources:
        **size_of("measure_layer_similarity"),
    params:
        version=1,
        split="test",
    script:
        "../scripts/measure_layer_similarity.py"
