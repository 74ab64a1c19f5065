"""The pins of the environments: one version of a package, so that all go into one .venv, or one image."""

import re
from pathlib import Path

import pytest
import yaml
from tests.workflow.conftest import PARTS

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


def test_the_image_is_set_up_as_a_clone_is():
    """By the same target from the same files, with the Python that the environments name."""
    recipe = (ROOT / "Dockerfile").read_text()
    makefile = (ROOT / "Makefile").read_text()
    before, _, _ = recipe.partition(" make setup && ")
    assert re.findall(r"^COPY (\S+) ", before, re.MULTILINE) == ["Makefile", "envs"]
    (python,) = re.findall(r"^PYTHON \?= (\S+)$", makefile, re.MULTILINE)
    assert f" {python}-dev {python}-venv" in recipe
    for path in ENVIRONMENTS.glob("*.yaml"):
        assert f"  - {python.replace('python', 'python=')}\n" in path.read_text()
    # And with all that a run reads.
    copied = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert set(copied) == {"Makefile", *PARTS}
