"""The site: links lead somewhere, nothing is fetched, the gallery has every kind of figure."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from docs import site_pages
from studies import long_table

from transferscope.results.long_table import write_table

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site; a warning ends its build."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_front_page_is_the_readme(site):
    assert "how well does a pretrained vision backbone transfer" in (site / "index.html").read_text()


def test_nothing_is_fetched_from_elsewhere(site):
    elsewhere = re.compile(r'<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)="?(?:https?:)?//')
    for page in site.rglob("*.html"):
        assert not elsewhere.search(page.read_text()), page
    for style in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//|@import", style.read_text()), style


def study_with(root: Path, *figures: str) -> Path:
    """A folder like the repository, with some figures of a demo that changes one setting."""
    (root / "report").symlink_to(ROOT / "report")
    (root / "config").mkdir()
    (root / "config/config.yaml").write_text(
        "{saliency: {resolution: 242, occluder: 10}, reference: imagenet_top1}"
    )
    (root / "config/demo.yaml").write_text("saliency: {resolution: 77}")
    (root / "config/published.yaml").write_text("results_from: ericsson2021")
    for figure in figures:
        path = root / "results/demo/figures" / figure
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def test_the_gallery_shows_one_figure_of_each_kind_with_its_caption(tmp_path):
    figures = ("saliency.png", "similarity/digits-layers.png", "similarity/digits.png", "similarity/elpv.png")
    page, pictures = site_pages.gallery_page(study_with(tmp_path, *figures))
    shown = ("saliency", "similarity/digits", "similarity/digits-layers")
    assert pictures == [f"results/demo/figures/{name}.png" for name in shown]
    assert "![Figure 9: saliency maps](../results/demo/figures/saliency.png)" in page
    assert "(77 pixels, an\noccluder of 10 pixels" in page


def test_captions_name_what_the_study_measures_as_its_reference(tmp_path):
    root = study_with(tmp_path, "correlation_scatter.png")
    rows = [
        {"protocol": protocol, "dataset": dataset, "metric": "top1", "model": "a", "value": 50.0}
        for protocol in ("linear", "knn")
        for dataset in ("digits", "scenes")
    ]
    write_table(root / "results/demo/tables/measured.tsv", long_table(rows))
    tables = {"datasets": str(ROOT / "config/datasets.tsv"), "protocols": str(ROOT / "config/protocols.tsv")}
    demo = {"reference": {"protocol": "linear", "dataset": "scenes"}, "tables": tables}
    (root / "config/demo.yaml").write_text(yaml.safe_dump(demo))
    page, _ = site_pages.gallery_page(root)
    assert "### Figure 1: transfer against top-1 accuracy (Linear, Scenes)" in page


def test_the_gallery_of_a_bare_clone_has_the_picture_of_the_readme(tmp_path):
    page, pictures = site_pages.gallery_page(study_with(tmp_path))
    assert pictures == ["docs/correlation_scatter.png"]
    assert "(../docs/correlation_scatter.png)" in page
    assert "docs/correlation_scatter.png" in (ROOT / "README.md").read_text()


def test_the_gallery_has_every_figure_that_the_report_has():
    reported = re.compile(
        r'<results>/figures/[^"]*"\)?,\s*(?:patterns=.*\s*)?caption="\.\./report/(\w+)\.rst"'
    )
    captions = {name for path in ROOT.glob("rules/*.smk") for name in reported.findall(path.read_text())}
    assert captions == {name for kinds in site_pages.QUESTIONS.values() for name in kinds.values()}
