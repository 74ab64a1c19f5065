"""The pins of the environments: one version of a package, so that all go into one .venv."""

import re
from pathlib import Path

import pytest

ENVIRONMENTS = Path(__file__).parents[2] / "envs"


def pins(name: str) -> dict[str, str]:
    return dict(re.findall(r"^ +- (\S+)==(\S+)$", (ENVIRONMENTS / f"{name}.yaml").read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", sorted(path.stem for path in ENVIRONMENTS.glob("*.yaml")))
def test_pins_are_those_of_the_main_environment(name):
    main, others = pins("main"), pins(name)
    assert others
    assert {package: others[package] for package in others if package in main}.items() <= main.items()


def test_the_first_stage_of_the_set_up_is_a_part_of_the_main_environment():
    assert pins("figures").items() <= pins("main").items()
