"""From the tables' sources to files on this disk.

In: the tables and, for what has to be obtained by hand, <resources>/manual/{dataset}/.
Out: <resources>/checkpoints/{model}, <resources>/datasets/{dataset}/.
These are local rules: a cluster's compute nodes may have no internet.
"""


localrules:
    download_checkpoint,
    download_dataset,
    place_dataset,


rule download_checkpoint:
    """The authors' file, checked against its sha256; a broken-off download resumes."""
    output:
        "<resources>/checkpoints/{model}",
    log:
        "<logs>/download_checkpoint/{model}.log",
    benchmark:
        "<benchmarks>/download_checkpoint/{model}.tsv"
    wildcard_constraints:
        model=having(ALL_MODELS, "url", "pypi"),
    conda:
        "../envs/main.yaml"
    params:
        source=model_fact("source"),
        sha256=model_fact("sha256"),
    script:
        "../scripts/download_checkpoint.py"


rule download_dataset:
    """The authors' archives, checked and safely unpacked into one folder."""
    input:
        local_archives,
    output:
        directory("<resources>/datasets/{dataset}"),
    log:
        "<logs>/download_dataset/{dataset}.log",
    benchmark:
        "<benchmarks>/download_dataset/{dataset}.tsv"
    wildcard_constraints:
        dataset=having(DATASETS, "url", "pypi", "archive"),
    conda:
        "../envs/main.yaml"
    params:
        sources=dataset_fact("source"),
        sha256s=dataset_fact("sha256"),
        contents=contents_or_checksums,
    script:
        "../scripts/download_dataset.py"


rule place_dataset:
    """What the user obtained by hand: archives safely unpacked, folders and files linked."""
    input:
        placed_by_hand,
    output:
        directory("<resources>/datasets/{dataset}"),
    log:
        "<logs>/place_dataset/{dataset}.log",
    benchmark:
        "<benchmarks>/place_dataset/{dataset}.tsv"
    wildcard_constraints:
        dataset=having(DATASETS, "manual"),
    conda:
        "../envs/main.yaml"
    params:
        contents=contents_or_checksums,
    script:
        "../scripts/place_dataset.py"
