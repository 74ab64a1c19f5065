"""Put profiles/slurm where `snakemake --profile slurm` finds it, with what is this user's and this cluster's.

`make profile` runs it. What is not given as an argument is asked for on a terminal, and else taken from the
last copy, from `sacctmgr` and from `sinfo`.
"""

import argparse
import sys
from dataclasses import asdict

from transferscope.cluster import profile
from transferscope.errors import InputError


def main(given: profile.Answers, *, ask: bool) -> None:
    """Write the profile; ``ask`` for what is not ``given``, or take what the cluster says."""
    known = profile.partitions()
    answers = asdict(profile.defaults(known))
    for key, value in asdict(given).items():
        if value:
            answers[key] = value
        elif ask:
            answers[key] = input(f"{profile.QUESTIONS[key]} [{answers[key]}]: ").strip() or answers[key]
    kept = profile.write(profile.Answers(**answers), known)
    for key, value in answers.items():
        print(f"{profile.QUESTIONS[key]}: {value}")
    for path in kept:
        print(f"what you had before is in {path}")
    print(f"written to {profile.folder()}; now: snakemake --profile {profile.NAME}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for key, question in profile.QUESTIONS.items():
        parser.add_argument(f"--{key.replace('_', '-')}", default="", help=f"{question}, or {profile.NONE}")
    try:
        main(profile.Answers(**vars(parser.parse_args())), ask=sys.stdin.isatty())
    except InputError as error:
        sys.exit(str(error))
