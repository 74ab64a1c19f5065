"""Scenes with factors (Newell and Deng, CVPR 2020), rendered in buckets whose models no other bucket has.

In: the rows whose source is `render:variant=...`, and the folders of models and textures that it may name.
Out: <resources>/datasets/{dataset}/, one file with all pictures and labels. Rendering is CPU work, a job a bucket.
"""


rule render_bucket:
    """A twelfth of the pictures, in the order in which they share models."""
    input:
        unpack(stand_ins),
    output:
        temp("<resources>/rendered/{dataset}/{bucket}.h5"),
    log:
        "<logs>/render_bucket/{dataset}/{bucket}.log",
    benchmark:
        "<benchmarks>/render_bucket/{dataset}/{bucket}.tsv"
    wildcard_constraints:
        dataset=having(DATASETS, "factors"),
        bucket="[0-9]|1[01]",
    conda:
        "../envs/main.yaml"
    resources:
        **size_of("render_bucket"),
    params:
        version=dataset_fact("version"),
        settings=factor_settings,
        contents=contents_or_checksums,
    script:
        "../scripts/render_bucket.py"


rule join_buckets:
    """One file, shuffled within train, val and test."""
    input:
        expand("<resources>/rendered/{{dataset}}/{bucket}.h5", bucket=range(12)),
    output:
        directory("<resources>/datasets/{dataset}"),
    log:
        "<logs>/join_buckets/{dataset}.log",
    benchmark:
        "<benchmarks>/join_buckets/{dataset}.tsv"
    wildcard_constraints:
        dataset=having(DATASETS, "factors"),
    conda:
        "../envs/main.yaml"
    resources:
        **size_of("join_buckets"),
    params:
        # The buckets are gone then, so that a change of what they depend on has to be seen here.
        version=dataset_fact("version"),
        settings=factor_settings,
        contents=contents_or_checksums,
    script:
        "../scripts/join_buckets.py"
