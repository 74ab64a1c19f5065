"""How well does a pretrained vision backbone transfer, and to what?

`snakemake` makes everything that the study (--configfile, default: the demo) asks for; `snakemake <target>` makes one
stage (see rules/targets.smk) or one file.
"""

from pathlib import Path

from snakemake.utils import min_version

min_version("9.14")

# Not `workflow.basedir`, which is that of the workflow of which this one may be a module.
HOME = Path(str(workflow.current_basedir))
if not HOME.is_dir():
    raise WorkflowError(
        f"{workflow.current_basedir} is no folder on this machine, and jobs need the whole workflow: clone it, and "
        "name the Snakefile of the clone"
    )


report: "report/workflow.rst"


onstart:
    prepare_run()


include: "rules/places.smk"
include: "rules/common.smk"
include: "rules/lookups.smk"
include: "rules/cluster.smk"
include: "rules/download.smk"
include: "rules/prepare.smk"
include: "rules/pretrain.smk"
include: "rules/features.smk"
include: "rules/finetune.smk"
include: "rules/efficiency.smk"
include: "rules/detection.smk"
include: "rules/dense.smk"
include: "rules/probe.smk"
include: "rules/properties.smk"
include: "rules/reconstruction.smk"
include: "rules/analysis.smk"
include: "rules/figures.smk"
include: "rules/diagnostics.smk"
include: "rules/utility.smk"
include: "rules/costs.smk"
include: "rules/targets.smk"


rule all:
    default_target: True
    input:
        rules.tables.input,
        rules.figures.input,
    localrule: True
