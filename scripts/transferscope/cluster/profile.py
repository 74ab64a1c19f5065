"""The user's own copy of profiles/slurm: account, partitions and scratch, given or as the cluster says."""

import getpass
import hashlib
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs
import yaml

from transferscope.errors import InputError
from transferscope.files import write_text
from transferscope.places import WORKFLOW

NAME = "slurm"
TEMPLATE = WORKFLOW / "profiles/slurm/config.yaml"
PARTITIONS = "profiles/slurm/partitions.yaml"
"""As the template names its file of partitions."""
MARK = "EDIT-ME"
"""Stands in the template for what ``make profile`` fills in."""
NONE = "none"
"""The answer for what a cluster has not."""


@dataclass(frozen=True)
class Partition:
    """A partition and its limits, of its largest node; a limit that nobody names is left out."""

    name: str
    default: bool = False
    limits: dict[str, str | int] = field(default_factory=dict)

    @property
    def gpus(self) -> int:
        """GPUs of a node."""
        return int(self.limits.get("max_gpu", 0))


@dataclass(frozen=True)
class Answers:
    """What is this user's and this cluster's; empty where it is not said, NONE where there is none.

    ``partition`` and ``gpu_partition`` may be several, with commas between them.
    """

    account: str = ""
    partition: str = ""
    gpu_partition: str = ""
    scratch: str = ""


QUESTIONS = {
    "account": "account for your jobs",
    "partition": "partitions for jobs without a GPU",
    "gpu_partition": "partitions for jobs with a GPU",
    "scratch": "disk of their own that nodes have, such as $TMPDIR",
}


def folder() -> Path:
    """Where Snakemake looks for ``--profile slurm``, whatever folder it is started in."""
    return Path(platformdirs.user_config_dir("snakemake", "snakemake"), NAME)


def partitions() -> list[Partition]:
    """The partitions that ``sinfo`` names to this user, in its order; none where there is no SLURM."""
    found: dict[str, Partition] = {}
    for line in _ask("sinfo", "--noheader", "--format=%P|%l|%m|%c|%G"):
        name, time, memory, cores, devices = line.split("|")
        default, name = name.endswith("*"), name.rstrip("*")
        limits = {
            "max_mem_mb": int(memory.rstrip("+")),
            "max_threads": int(cores.rstrip("+")),
            "max_gpu": sum(int(number) for number in re.findall(r"gpu:(?:[^:,(]+:)?(\d+)", devices)),
        }
        # A line for each kind of node.
        before = found[name].limits if name in found else {}
        limits = {limit: max(value, int(before.get(limit, 0))) for limit, value in limits.items()}
        found[name] = Partition(name, default, limits | ({} if time == "infinite" else {"max_runtime": time}))
    return list(found.values())


def defaults(known: list[Partition]) -> Answers:
    """What this user's last copy says, and for the rest what the cluster does."""
    last = _last(folder())
    accounts = _ask("sacctmgr", "-nP", "show", "user", getpass.getuser(), "format=DefaultAccount")
    plain = [part for part in known if not part.gpus] or known
    chosen = [part.name for part in known if part.default and part in plain] or [part.name for part in plain]
    return Answers(
        account=last.account or next((account for account in accounts if account), NONE),
        partition=last.partition or next(iter(chosen), ""),
        gpu_partition=last.gpu_partition
        or ",".join(part.name for part in known if part.gpus)
        or (NONE if known else ""),
        scratch=last.scratch or NONE,
    )


def write(answers: Answers, known: list[Partition]) -> list[Path]:
    """Write the copy; what was there before, and is another one, is kept as ``.old``.

    Returns:
        The files that were kept.

    Raises:
        InputError: no partition is named, or one that ``sinfo`` does not know.
    """
    texts = {"config.yaml": _config(answers), "partitions.yaml": _partitions(answers, known)}
    kept = []
    for name, text in texts.items():
        path = folder() / name
        if path.exists() and path.read_text(encoding="utf-8") != text:
            kept.append(shutil.copyfile(path, path.with_name(f"{name}.old")))
        write_text(path, text)
    return kept


def check(resources: list[str], partition_config: Path | None) -> None:
    """Look at what a run on SLURM starts with, before any job.

    Args:
        resources: ``default-resources`` of the profile, such as ``slurm_account=mine``.
        partition_config: the profile's file of partitions.

    Raises:
        InputError: there is no SLURM here, or the profile is still the template.
    """
    if not shutil.which("sbatch"):
        raise InputError(
            "there is no `sbatch` on the path, so no job can be submitted; start Snakemake on the login node "
            "of a SLURM cluster, perhaps after `module load slurm`, or without `--profile` on this machine"
        )
    named = partition_config.read_text(encoding="utf-8") if partition_config else ""
    if any(MARK in text for text in (*resources, named)):
        raise InputError(
            f"the profile {TEMPLATE.parent} is a template, without your account and partitions; run `make "
            f"profile` once, then `snakemake --profile {NAME}`"
        )


def outdated(partition_config: Path | None) -> bool:
    """Whether the profile with this file of partitions was made of another template than today's."""
    if partition_config is None or partition_config.parent != folder():
        return False
    return _stamp() not in (folder() / "config.yaml").read_text(encoding="utf-8")


def _stamp() -> str:
    return f"# of the template {hashlib.sha256(TEMPLATE.read_bytes()).hexdigest()[:16]}"


def _ask(*command: str) -> list[str]:
    """The lines that a command of SLURM prints; none where it is not there or fails."""
    if not shutil.which(command[0]):
        return []
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except subprocess.SubprocessError:
        return []
    return done.stdout.splitlines()


def _last(copy: Path) -> Answers:
    """The answers in a copy that was written before."""
    if not (copy / "config.yaml").exists() or not (copy / "partitions.yaml").exists():
        return Answers()
    asked = yaml.safe_load((copy / "config.yaml").read_text(encoding="utf-8"))["default-resources"]
    named = yaml.safe_load((copy / "partitions.yaml").read_text(encoding="utf-8"))["partitions"]
    with_gpu = [name for name, limits in named.items() if (limits or {}).get("max_gpu")]
    return Answers(
        account=asked.get("slurm_account", NONE),
        partition=",".join(name for name in named if name not in with_gpu) or ",".join(with_gpu),
        gpu_partition=",".join(with_gpu) or NONE,
        scratch=asked.get("scratch", NONE),
    )


def _config(answers: Answers) -> str:
    text = TEMPLATE.read_text(encoding="utf-8")
    made = f"# Made by `make profile` of {TEMPLATE.relative_to(WORKFLOW)}; again after that changed."
    text = text.replace(text.partition("\n")[0], f"{made}\n{_stamp()}")
    account = f"  slurm_account: {answers.account}\n"
    text = text.replace(f"  slurm_account: {MARK}\n", "" if answers.account == NONE else account)
    if answers.scratch != NONE:
        text = text.replace("  # scratch: $TMPDIR\n", f"  scratch: {answers.scratch}\n")
    if answers.gpu_partition == NONE:
        text = text.replace("    gpu: 1\n", "    gpu: 0\n")
    return text.replace(PARTITIONS, str(folder() / "partitions.yaml"))


def _partitions(answers: Answers, known: list[Partition]) -> str:
    by_name = {part.name: part for part in known}
    named = {}
    for key, variable in (("partition", "PARTITION"), ("gpu_partition", "GPU_PARTITION")):
        names = [name.strip() for name in getattr(answers, key).split(",") if name.strip()]
        if not names:
            raise InputError(
                f"`sinfo` names no partitions here; name yours, as in `make profile {variable}=NAME`, or "
                f"`{variable}={NONE}`"
            )
        for name in names:
            if name == NONE and key == "gpu_partition":
                continue
            if known and name not in by_name:
                raise InputError(f"{variable}: {name} is no partition; `sinfo` has {', '.join(by_name)}")
            limits = by_name[name].limits if known else {}
            # One GPU is what a job asks for, where SLURM does not say how many there are.
            gpus = limits.get("max_gpu") or 1 if key == "gpu_partition" else 0
            limits = named.get(name, {}) | limits | {"max_gpu": gpus}
            named[name] = {limit: value for limit, value in limits.items() if value}
    head = (
        "# The partitions for your jobs, each of which goes to the one that fits it best; see docs/slurm.md."
    )
    return f"{head}\n" + yaml.safe_dump({"partitions": named}, sort_keys=False)
