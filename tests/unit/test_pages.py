"""The pages: whole, escaped, complete without a network, and the same twice."""

import re
from html import escape
from html.parser import HTMLParser

import pandas as pd
import pytest
from studies import CONFIG, ERICSSON, READY, SCHEMAS, imagenet, measured, over_seeds, settings, study_of

import task_pages
from transferscope.figures.pages import task_page
from transferscope.results import long_table as results
from transferscope.results import resolved
from transferscope.results.correlation import correlations, write_correlations
from transferscope.results.parts import split_by_dataset
from transferscope.results.reference import Reference
from transferscope.study import catalogue, protocols, reference

PLOT = {"font_size": 8, "dpi": 60}

MODELS = pd.DataFrame(
    {
        "name": ["A & co", "<b>B</b>", "C", "Unknown", "Random"],
        "supervision": ["supervised", "self-supervised", "self-supervised", "self-supervised", "random"],
        "imagenet_top1": [70.0, 60.0, 65.0, None, None],
    },
    index=pd.Index(list("abcur"), name="id"),
)
FACTS = pd.DataFrame(
    {"classes": 12, "metric": "top1", "licence": "CC BY <4.0>", "citation": ["You & me 2026", ""]},
    index=["x", "y"],
).assign(train=3000, val=-1, test=1000, all=-1, name=['Data "X" & <i>more</i>', "Data Y"])
STUDY = study_of(MODELS, FACTS)
AGAINST = imagenet(STUDY)
ROWS = [
    {
        "protocol": protocol,
        "dataset": dataset,
        "metric": metric,
        "model": model,
        "value": value,
        "n_test": 1000,
    }
    for dataset in "xyz"
    for protocol, metric, values in (
        ("linear", "top1", (90.0, 80.0, 85.0, 70.0, 10.0)),
        ("calibration_linear", "ece", (5.0, 8.0, 2.0, 6.0, 9.0)),
    )
    for model, value in zip("abcur", values, strict=True)
]
RESULTS = settings([row | {"ci95": 0.4} for row in ROWS[:5]] + ROWS[5:], STUDY)
COMPARE = RESULTS[RESULTS["setting"] == "linear"].assign(value=RESULTS["value"] - 1.5)


def page(
    dataset: str,
    compare: pd.DataFrame | None = None,
    table: pd.DataFrame = RESULTS,
    against: Reference = AGAINST,
) -> str:
    [part] = [part for part in split_by_dataset(table, STUDY) if part.name == dataset]
    coefficients = resolved.with_settings(correlations(table, STUDY, against), STUDY)
    return task_page(part, STUDY, coefficients, against, compare, PLOT)


class Outline(HTMLParser):
    """Checks that every element is closed in its turn, and keeps the tags and the attributes."""

    VOID = ("meta",)

    def __init__(self, text: str):
        super().__init__()
        self.open, self.tags, self.attributes = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str]]) -> None:
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in (*self.VOID, "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str]]) -> None:
        self.tags.append(tag)
        self.attributes += attributes

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def tables(text: str) -> list[pd.DataFrame]:
    """The page's tables as a reader sees them, line breaks as blanks."""
    rows = [re.findall(r"<tr>(.*?)</tr>", table) for table in re.findall("<table>.*?</table>", text, re.S)]
    frames = []
    for table in rows:
        cells = [re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row.replace("<br>", " ")) for row in table]
        frames.append(pd.DataFrame(cells[1:], columns=cells[0]).set_index(cells[0][0]))
    return frames


@pytest.mark.parametrize("dataset", ["x", "z"])
def test_a_page_is_whole_and_needs_nothing_else(dataset):
    outline = Outline(page(dataset, COMPARE))
    assert outline.tags.count("table") == 2
    assert outline.tags.count("svg") == outline.tags.count("h1") == 1
    assert not {"script", "link", "img", "a"} & set(outline.tags)
    references = [value for name, value in outline.attributes if name in ("src", "href", "xlink:href")]
    assert references and all(value.startswith("#") for value in references)
    assert "@import" not in page(dataset)


def test_what_a_table_says_is_text_not_markup():
    text = page("x")
    assert "<h1>Data &quot;X&quot; &amp; &lt;i&gt;more&lt;/i&gt;</h1>" in text
    assert "<dt>Licence</dt><dd>CC BY &lt;4.0&gt;</dd>" in text
    assert '<th scope="row">&lt;b&gt;B&lt;/b&gt;</th>' in text
    assert '<th scope="row">A &amp; co</th>' in text


def test_facts_are_printed_where_the_row_has_them():
    assert "<dt>Classes</dt><dd>12</dd>" in page("x")
    assert "<dt>Images</dt><dd>3,000 train, 1,000 test</dd>" in page("x")
    assert "<dt>Metric</dt><dd>Top-1 accuracy (%)</dd>" in page("x")
    assert "Citation" in page("x")
    assert "Citation" not in page("y")
    assert "<dl>" not in page("z")


def test_the_best_is_bold_the_second_underlined_and_an_interval_beside():
    values, _ = tables(page("x"))
    assert list(values.columns) == ["Linear ↑", "Calibration, linear: ECE (%) ↓"]
    assert values.loc["A &amp; co"].tolist() == ["<b>90.00</b> ± 0.40", "<u>5.00</u>"]
    assert values.loc["C"].tolist() == ["<u>85.00</u> ± 0.40", "<b>2.00</b>"]
    assert "Top-1 accuracy (%): Linear." in page("x")
    assert "half of the 95% interval" in page("x")
    assert "half of the 95% interval" not in page("y")


def test_a_page_says_what_its_intervals_are():
    deviations = page("x", table=settings(over_seeds(ROWS, 0.5, count=2), STUDY))
    assert tables(deviations)[0].loc["A &amp; co"].tolist() == ["<b>90.00</b> ± 0.35", "<u>5.00</u> ± 0.35"]
    assert "± is the standard deviation over 2 seeds." in deviations
    assert "95% interval over test images" not in deviations
    both = settings(over_seeds(ROWS[:5], 0.5) + [row | {"ci95": 0.7} for row in ROWS[5:10]], STUDY)
    assert "± 0.70†" in page("x", table=both)
    assert "† is half of the 95% interval over test images." in page("x", table=both)


def test_the_published_value_and_the_difference_stand_beside_the_measured_one():
    values, _ = tables(page("y", COMPARE))
    assert values.loc["A &amp; co"].tolist() == ["<b>90.00</b> <small>(88.50, +1.50)</small>", "<u>5.00</u>"]
    assert "the published value" in page("y", COMPARE)
    assert "the published value" not in page("y")


def test_correlations_name_the_models_that_they_leave_out():
    _, coefficients = tables(page("x"))
    linear = coefficients.loc["Linear"]
    assert linear.tolist() == ["3", "1.00", "1.00", "Unknown, Random"]  # three models have no interval
    assert coefficients.loc["Calibration, linear: ECE (%)", "Spearman [95% interval]"] == "−0.50"
    two = RESULTS[RESULTS["model"].isin(["a", "u"])]
    _, coefficients = tables(page("x", table=two))
    assert coefficients.loc["Linear"].tolist() == ["1", "–", "–", "Unknown"]


def test_a_page_says_what_the_reference_is_and_which_row_is_its_own():
    against = measured(RESULTS, STUDY, dataset="x", protocol="linear")
    text = page("x", against=against)
    name = "top-1 accuracy (Linear, Data &quot;X&quot; &amp; &lt;i&gt;more&lt;/i&gt;)"
    assert f"<h2>Correlation with {name}</h2>" in text
    assert f"against the logit of {name}, both" in text
    assert "ImageNet" not in text
    assert "Left out are random baselines and models without this value." in text
    _, coefficients = tables(text)
    own = coefficients.loc["Linear"].tolist()
    assert own == ["0", "–", "–", "all models, since this is the reference itself"]
    assert coefficients.loc["Calibration, linear: ECE (%)", "Models"] == "4"
    _, elsewhere = tables(page("y", against=against))
    assert elsewhere.loc["Linear"].tolist()[0] == "4"


def test_the_script_writes_a_page_a_published_dataset_and_the_same_twice(tmp_path):
    rows = resolved.resolve(
        catalogue.read_models(CONFIG / "models.tsv", SCHEMAS),
        catalogue.read_datasets(CONFIG / "datasets.tsv", SCHEMAS),
        protocols.read_protocols(CONFIG / "protocols.tsv", SCHEMAS),
    )
    resolved.write_study(tmp_path / "study.json", rows)
    table = results.published(ERICSSON, READY.models)
    table = table[table["dataset"].isin(["voc2007", "ade20k"])]
    results.write_table(tmp_path / "long.tsv", table)
    coefficients = correlations(resolved.by_setting(table, READY), READY, imagenet(READY))
    write_correlations(tmp_path / "correlations.tsv", coefficients)
    facts = reference.resolve(reference.IMAGENET, table, READY.datasets, READY.protocols)
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        inputs = [tmp_path / name for name in ("long.tsv", "study.json", "correlations.tsv")]
        task_pages.main(*inputs, None, folder, reference=facts, plot=PLOT)
    first, second = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders)
    assert first == second
    assert set(first) == {"voc2007.html", "ade20k.html"}
    assert f"<dd>{READY.datasets.loc['voc2007', 'citation']}</dd>" in first["voc2007.html"].decode()
    values, coefficients = tables(first["ade20k.html"].decode())
    assert len(values) == 14
    assert list(coefficients.index) == ["Segmentation: Mean IoU (%)", "Segmentation: Pixel accuracy (%)"]
    assert coefficients.loc["Segmentation: Mean IoU (%)", "Pearson [95% interval]"].startswith("0.19 [−")
    assert (coefficients["Left out"] == "–").all()


MARKUP = ["<img src=x onerror=alert(1)>", "</script><script>x", "${title}", "$x$", "-->", "&amp;"]


@pytest.mark.parametrize("name", MARKUP)
def test_markup_in_a_name_is_text(name):
    study = study_of(MODELS.assign(name=[name, "B", "C", "U", "R"]), FACTS.assign(name=name, citation=name))
    table = settings(ROWS, study)
    [part] = [part for part in split_by_dataset(table, study) if part.name == "x"]
    coefficients = resolved.with_settings(correlations(table, study, imagenet(study)), study)
    text = task_page(part, study, coefficients, imagenet(study), None, PLOT)
    assert not {"img", "script"} & set(Outline(text).tags)
    assert f"<h1>{escape(name)}</h1>" in text
