"""The documents name what there is: every protocol, every column, every setting; their lines are short."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from transferscope.study.protocols import read_protocols
from transferscope.validation import read_schema

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "config/schemas"
PROTOCOLS = read_protocols(ROOT / "config/protocols.tsv", SCHEMAS)
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/*.md"),
    *ROOT.glob("*/README.md"),
    *ROOT.glob("*/*/README.md"),
]


@pytest.mark.parametrize("protocol", PROTOCOLS.index)
def test_every_protocol_is_described(protocol):
    headings = re.findall(r"^## (.*)$", (ROOT / "docs/protocols.md").read_text(), re.MULTILINE)
    assert protocol in [name for heading in headings for name in heading.split(", ")]
    assert f"**{protocol}**" in (ROOT / "README.md").read_text()
    assert PROTOCOLS.at[protocol, "about"]


@pytest.mark.parametrize("table", ["models", "datasets", "protocols"])
def test_every_column_is_explained(table):
    text = (ROOT / "config/README.md").read_text()
    section = re.split(r"^## ", text, flags=re.MULTILINE)
    rows = next(part for part in section if part.startswith(f"`{table}.tsv`"))
    explained = {
        name
        for row in re.findall(r"^\| ([^|]*) \|", rows, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    }
    assert set(read_schema(SCHEMAS / f"{table}.schema.yaml")["properties"]) <= explained


def test_every_setting_is_explained():
    text = (ROOT / "config/README.md").read_text()
    section = text[text.index("## `config.yaml`") :]
    for name in yaml.safe_load((ROOT / "config/config.yaml").read_text()):
        assert re.search(rf"`{name}[`.]", section), name


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_lines_are_short(path):
    code = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        code ^= line.startswith("```")
        if not code and not line.startswith("|") and "http" not in line:
            assert len(line) <= 110, f"line {number}: {line}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_target_follows_a_configuration(path):
    """``--configfile`` would take it for a second one."""
    for line in path.read_text(encoding="utf-8").splitlines():
        for words in re.findall(r"--configfile ([^`#]*)", line):
            first, *others = words.split()
            assert first == "..." or first.endswith(".yaml"), line
            assert not others or others[0].startswith("-") or others[0].endswith(".yaml"), line


def test_a_blank_in_the_clones_path_is_said_before_anything_is_set_up(tmp_path):
    folder = tmp_path / "my clone"
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    done = subprocess.run(["make", "setup"], cwd=folder, capture_output=True, text=True)
    assert done.returncode
    assert f"{folder} has a blank in its name" in done.stderr
    assert not (folder / ".venv").exists()
