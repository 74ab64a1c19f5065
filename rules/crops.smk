"""Sets of augmented crops of one picture or a few (Asano, Rupprecht and Vedaldi, ICLR 2020).

In: the rows whose source is `crops:`, and the dataset or the pictures on this machine that it may name. Out:
<resources>/datasets/{dataset}/, to be pretrained on; and a figure of those that the study pretrains on.
"""


rule crop_pictures:
    """All crops of a set, or, where they would take too much room, the pictures that they are made of when read."""
    input:
        unpack(cropped),
    output:
        directory("<resources>/datasets/{dataset}"),
    log:
        "<logs>/crop_pictures/{dataset}.log",
    benchmark:
        "<benchmarks>/crop_pictures/{dataset}.tsv"
    wildcard_constraints:
        dataset=having(DATASETS, "crops"),
    conda:
        "../envs/main.yaml"
    threads: config["threads"]["extraction"]
    resources:
        **size_of("crop_pictures"),
        stored_gb=config["execution"]["stored_gb"],
    params:
        version=dataset_fact("version"),
        settings=crop_settings,
        contents=contents_or_checksums,
        loaded=of_cropped_dataset(loaded_for_crops),
    script:
        "../scripts/crop_pictures.py"


rule plot_crops:
    """Some crops of each set that a model is pretrained on."""
    input:
        study="<results>/study.json",
        sets=expand("<resources>/datasets/{dataset}", dataset=CROP_SETS),
    output:
        pdf="<results>/figures/crops.pdf",
        png=report(
            "<results>/figures/crops.png",
            caption="../report/crops.rst",
            category="Pretraining",
            labels={"figure": "Crops"},
        ),
    log:
        "<logs>/plot_crops.log",
    benchmark:
        "<benchmarks>/plot_crops.tsv"
    localrule: True
    conda:
        "../envs/figures.yaml"
    params:
        datasets=CROP_SETS,
        plot=config["plotting"],
    script:
        "../scripts/plot_crops.py"
