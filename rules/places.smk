"""Where what is: the library on the path, the study over the defaults, results and resources in the working folder.

In: what Snakemake was given to configure, by --configfile or as a module. Out: in `config` every setting.
"""

import sys

from snakemake.common.configfile import load_configfile
from snakemake.utils import update_config

if workflow.modifier.path_modifier.prefix or workflow.modifier.path_modifier.modifies_prefixes:
    raise WorkflowError(
        f"module {workflow.modifier.namespace}: a prefix would not reach what is looked for on the disk; write "
        "`pathvars: results=..., resources=...` in its place"
    )
sys.path.insert(0, str(HOME / "scripts"))

# Not by `configfile:`, which is passed over in a module that is given a configuration.
given, config = config, load_configfile(HOME / "config/config.yaml")
update_config(config, given)


pathvars:
    results=config["pathvars"]["results"],
    resources=config["pathvars"]["resources"],
    logs="<results>/logs",
    benchmarks="<results>/benchmarks",


# As they are in force: a module may be given some beside its configuration.
config["pathvars"] = {name: workflow.pathvars.apply(f"<{name}>") for name in config["pathvars"]}
