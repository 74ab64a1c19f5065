"""docs/add_a_protocol.md, followed to the letter: a row, a module and a metric make a protocol everywhere."""

import re
import shutil

import pandas as pd
import pytest
from tests.workflow.conftest import ROOT, Project, copy_of_the_project

PAGE = (ROOT / "docs/add_a_protocol.md").read_text()
LIBRARY = "scripts/transferscope"
ALL = ["mobilenetv2", "efficientnet-lite0", "efficientnet-lite1", "random-vit"]
MODELS = {"silhouette": ALL[:3], "foreground": ALL[:1]}


def follow(page: str, project: Project, protocol: str) -> None:
    """Do what the page says of the made-up protocol, and nothing else."""
    rows = re.findall(r"^\| (id .*) \|\n\|[-|]+\|\n\| (.*) \|$", page, re.MULTILINE)
    cells = [[part.strip().strip("`") for part in line.split(" | ")] for row in rows for line in row]
    row = next(
        dict(zip(header, values, strict=True))
        for header, values in zip(cells[::2], cells[1::2], strict=True)
        if values[0] == protocol
    )
    project.append("protocols.tsv", row)
    blocks = re.findall(r"```(?:python|text)\n(.*?)```", page, re.DOTALL)
    path = f"{LIBRARY}/protocols/{row['module'].replace('.', '/')}.py"
    assert f"`{path}`" in page
    module = next(block for block in blocks if "def " in block and row["metric"] in block)
    (project.folder / path).write_text(module)
    metric = next(block for block in blocks if block.lstrip().startswith(f'Metric("{row["metric"]}"'))
    registry = project.folder / LIBRARY / "study/metrics.py"
    start = "    for metric in (\n"
    registry.write_text(registry.read_text().replace(start, start + metric, 1))


@pytest.fixture(scope="module")
def grown(project, python, tmp_path_factory) -> Project:
    """Another copy of the project that has both made-up protocols and, of the small study, all results."""
    grown = copy_of_the_project(tmp_path_factory.mktemp("grown") / "project", python)
    for protocol in MODELS:
        follow(PAGE, grown, protocol)
    for folder in ("results", "resources"):
        shutil.copytree(project.folder / folder, grown.folder / folder, symlinks=True)
    # A copy has no records of params, by which Snakemake would see that the rows of the tables are others.
    (grown.folder / "results/small/study.json").unlink()
    exclude = "\n".join(
        f"  - {{model: [{', '.join(others)}], protocol: {protocol}, reason: time}}"
        for protocol, models in MODELS.items()
        if (others := [model for model in ALL if model not in models])
    )
    small = grown.folder / "config/small.yaml"
    small.write_text(small.read_text().replace("exclude:\n", f"exclude:\n{exclude}\n"))
    grown.snakemake()
    return grown


@pytest.mark.parametrize("protocol", MODELS)
def test_it_is_in_the_tables(grown, protocol):
    tables = grown.folder / "results/small/tables"
    measured = pd.read_csv(tables / "measured.tsv", sep="\t")
    rows = measured[measured["protocol"] == protocol]
    assert set(rows["model"]) == set(MODELS[protocol])
    assert rows["value"].notna().all()
    title = protocol.capitalize()
    assert f"## {title}" in (tables / "results.md").read_text()
    correlations = pd.read_csv(tables / "correlations.tsv", sep="\t")
    assert (correlations["protocol"] == protocol).any()
    assert title in (tables / "correlation_row.txt").read_text()
    costs = pd.read_csv(tables / "costs.tsv", sep="\t")
    assert set(costs.loc[costs["protocol"] == protocol, "model"]) == set(MODELS[protocol])


@pytest.mark.parametrize("protocol", MODELS)
def test_it_is_a_plain_target(grown, protocol):
    assert "Nothing to be done" in grown.snakemake("-n", "--", protocol)


@pytest.mark.parametrize("protocol", MODELS)
def test_it_is_in_the_status_view(grown, protocol):
    done = grown.run("scripts/status.py", "--configfile", "config/small.yaml")
    assert re.search(rf"^ *{protocol} ", done.stdout, re.MULTILINE), done.stdout + done.stderr


def test_it_is_in_the_report(grown):
    grown.snakemake("--report", "report.html")
    report = (grown.folder / "report.html").read_text()
    assert "silhouette.tsv" in report
    assert "foreground/scenes-small-multi/mobilenetv2" in report


def test_a_second_run_has_nothing_to_do(grown):
    assert "Nothing to be done" in grown.snakemake()


def test_the_examples_of_the_dense_one_are_drawn(grown):
    figure = grown.folder / "results/small/figures/foreground/scenes-small-multi/mobilenetv2.pdf"
    assert figure.read_bytes().startswith(b"%PDF")
