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


def described(page: str) -> dict[str, dict[str, str]]:
    """What the tables of a page, with a column a protocol, say of each: input, trained, metric, ..."""
    protocols = {}
    for table in re.findall(r"^\| \| .*\n(?:\|.*\n)+", (ROOT / page).read_text(), re.MULTILINE):
        names, _, *rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()]
        if "version" in [row[0] for row in rows]:
            protocols |= {
                names[column]: {row[0]: row[column] for row in rows} for column in range(1, len(names))
            }
    return protocols


@pytest.mark.parametrize("protocol", PROTOCOLS.index)
def test_every_protocol_is_described(protocol):
    page = (ROOT / "docs/protocols.md").read_text()
    sections = dict(re.findall(r"^## (.*)\n\n(.*)$", page, re.MULTILINE))
    heading = next(names for names in sections if protocol in names.split(", "))
    assert sections[heading] == f"| | {heading.replace(', ', ' | ')} |"
    assert f"**{protocol}**" in page
    assert PROTOCOLS.at[protocol, "about"]


@pytest.mark.parametrize(
    ("page", "families"),
    [
        ("docs/protocols.md", set(PROTOCOLS["family"])),
        ("docs/layerwise.md", {"layers"}),
        ("docs/utility.md", {"efficiency"}),
    ],
)
def test_pages_have_todays_protocols_and_versions(page, families):
    rows = described(page)
    versions = PROTOCOLS.loc[PROTOCOLS["family"].isin(families), "version"].astype(str).to_dict()
    assert {protocol: facts["version"] for protocol, facts in rows.items()} == versions
    for facts in rows.values():
        assert list(facts) == ["input", "trained", "metric", "cost", "departures", "version"]
        assert all(facts.values())


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


def test_the_readme_is_read_in_one_go():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 120
    assert max(map(len, lines)) <= 110


def test_a_blank_in_the_clones_path_is_said_before_anything_is_set_up(tmp_path):
    folder = tmp_path / "my clone"
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    done = subprocess.run(["make", "setup"], cwd=folder, capture_output=True, text=True)
    assert done.returncode
    assert f"{folder} has a blank in its name" in done.stderr
    assert not (folder / ".venv").exists()
