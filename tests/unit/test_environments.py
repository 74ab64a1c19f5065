"""The pins of the environments: one version of a package, so that all go into one .venv."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ROOT / "envs"


def pins(name: str) -> dict[str, str]:
    return dict(re.findall(r"^ +- (\S+)==(\S+)$", (ENVIRONMENTS / f"{name}.yaml").read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", sorted(path.stem for path in ENVIRONMENTS.glob("*.yaml")))
def test_pins_are_those_of_the_main_environment(name):
    main, others = pins("main"), pins(name)
    assert others
    assert {package: others[package] for package in others if package in main}.items() <= main.items()


def test_the_first_stage_of_the_set_up_is_a_part_of_the_main_environment():
    assert pins("figures").items() <= pins("main").items()


def test_the_checks_before_a_commit_are_those_of_the_tests():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    used = dict(pin.split("==") for hook in hooks for pin in hook["additional_dependencies"])
    assert used.keys() == {"ruff", "snakefmt"}
    assert used.items() <= pins("test").items()


def test_the_version_is_that_of_the_last_changes():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == f"{cited['version']} ({cited['date-released']})"
