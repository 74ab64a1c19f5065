"""What a table may hold by mistake is said in one sentence, with file and line; what is right is kept."""

from pathlib import Path

import pytest

from transferscope.cluster.sizes import read_sizes
from transferscope.errors import InputError
from transferscope.results.correlation import read_printed
from transferscope.results.long_table import COLUMNS, published
from transferscope.results.long_table import read_table as read_results
from transferscope.study import catalogue
from transferscope.study.protocols import read_protocols
from transferscope.study.tables import read_cells

CONFIG = Path(__file__).parents[2] / "config"
SCHEMAS = CONFIG / "schemas"
MODELS = catalogue.read_models(CONFIG / "models.tsv", SCHEMAS)

MODEL = {
    "id": "my-model",
    "name": "My model",
    "arch": "resnet50",
    "source": "/data/my-model.pth",
    "format": "pytorch",
    "match": "names",
    "normalisation": "imagenet",
    "method": "own",
    "pretraining_data": "own",
    "citation": "ours",
}
DATASET = {
    "id": "my-pictures",
    "name": "My pictures",
    "task": "recognition",
    "loader": "image_folder",
    "version": "1",
    "source": "/data/pictures",
    "classes": "3",
    "metric": "top1",
    "split_rule": "stratified",
    "licence": "ours",
}
PROTOCOL = {
    "id": "mine",
    "title": "Mine",
    "family": "transfer",
    "task": "recognition",
    "reads": "features",
    "labels": "any",
    "rule": "probe",
    "version": "1",
    "figure": "",
}
SIZE = {
    "rule": "probe",
    "protocol": "",
    "stage": "",
    "mem_mb": "1200",
    "mem_mb_per_thread": "100",
    "mem_mb_per_1000_images": "40",
    "minutes": "15",
    "minutes_per_unit": "0.2",
    "unit": "images",
    "demo_mb": "657",
    "demo_s": "6",
}
PUBLISHED = {
    "protocol": "linear",
    "ways": "",
    "shots": "",
    "dataset": "aircraft",
    "metric": "mean_per_class",
    "model": "BYOL",
    "value": "53.87",
    "ci95": "",
}
PRINTED = {"against": "imagenet_top1", "protocol": "linear", "metric": "(own)", "pearson": "0.8"}

TABLES = {
    "models": (MODEL, "\t", lambda path: catalogue.read_models(path, SCHEMAS)),
    "datasets": (DATASET, "\t", lambda path: catalogue.read_datasets(path, SCHEMAS)),
    "protocols": (PROTOCOL, "\t", lambda path: read_protocols(path, SCHEMAS)),
    "sizes": (SIZE, "\t", read_sizes),
    "published": (PUBLISHED, ",", lambda path: published(path, MODELS)),
    "printed": (PRINTED, ",", read_printed),
}
"""Each table that people write: a right row, what separates its cells, and its reader."""


def lines_of(row: dict[str, str], separator: str) -> list[str]:
    return [separator.join(row), separator.join(row.values())]


def sentence_on(table: str, content: bytes, folder: Path) -> str:
    """What the table's reader says of the file; it names the file and is one line."""
    path = folder / f"my {table}.txt"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        TABLES[table][2](path)
    said = str(caught.value)
    assert str(path) in said
    assert "\n" not in said
    return said


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("table", TABLES)
def test_a_right_row_is_read_whatever_stands_around_it(tmp_path, table, end):
    row, separator, read = TABLES[table]
    header, cells = lines_of(row, separator)
    spaced = cells.replace(separator, f" {separator} ")
    path = tmp_path / "table.txt"
    lines = ["\ufeff# a comment", "", header, "# \t, another", spaced, "  ", ""]
    path.write_bytes(end.join(lines).encode())
    assert len(read(path)) == 1


def whole_files(header: str, cells: str, separator: str) -> dict[str, tuple[bytes, str]]:
    """Files that are wrong whatever the table is about, each with what is said of it."""
    kind = "tab" if separator == "\t" else "comma"
    right = f"{header}\n{cells}\n"
    return {
        "empty": (b"", "is empty"),
        "only a comment": (b"# nothing\n\n", "is empty"),
        "utf-16": (right.encode("utf-16"), "line 1, is no text in UTF-8; save the table as"),
        "utf-16 without a mark": (right.encode("utf-16-le"), "line 1, is no text in UTF-8; save the table"),
        "cp1252": (
            f"{right}# caf\u00e9\n".encode("cp1252"),
            "line 3, is no text in UTF-8; save the table as",
        ),
        "no text at all": (b"\x89PNG\r\n\x1a\n\0\0", "is no text in UTF-8"),
        "a cell too many": (
            f"# why\n\n{header}\n{cells}{separator}\n".encode(),
            f"has {header.count(separator) + 2} cells and the header {header.count(separator) + 1}; "
            f"write exactly one {kind} between",
        ),
        "a cell too few": (f"# why\n\n{header}\n{cells.partition(separator)[2]}\n".encode(), "line 4 ("),
        "a column twice": (f"{header}{separator}{header}\n".encode(), "is there 2 times; give each column"),
        "a column without a name": (f"{header}{separator}\n".encode(), "line 1: the column '' is there"),
    }


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("kind", whole_files("a\tb", "1\t2", "\t"))
def test_a_file_that_is_no_such_table_is_refused(tmp_path, table, kind):
    row, separator, _ = TABLES[table]
    content, said = whole_files(*lines_of(row, separator), separator)[kind]
    assert said in sentence_on(table, content, tmp_path)


LONG = "9" * 30
BAD_CELLS = [
    ("models", "id", "my_model", "line 4 (id 'my_model'), column 'id'"),
    ("models", "arch", "resnet51", "line 4, row 'my-model': timm has no architecture 'resnet51'"),
    ("models", "source", "http://[::1", "line 4, row 'my-model': the source 'http://[::1' has no known form"),
    ("models", "source", "", "line 4 (id 'my-model'), column 'source': '' should be non-empty"),
    ("models", "method", "", "column 'method'"),
    ("models", "format", '"pytorch"', "column 'format': '\"pytorch\"' is not one of"),
    ("datasets", "classes", LONG, "line 4 (id 'my-pictures'), column 'classes'"),
    ("datasets", "version", LONG, "column 'version'"),
    ("datasets", "classes", "3.0", "column 'classes'"),
    ("datasets", "metric", "accuracy", "line 4, row 'my-pictures', column 'metric'"),
    ("datasets", "task", "recognition, detection", "column 'task'"),
    ("datasets", "task", "boxes", "line 4, row 'my-pictures': the loader image_folder has labels for"),
    ("datasets", "source", "render:images=1&objects=1&size=1&seed={[]:1}", "with integers for"),
    ("datasets", "source", "render:images=0&objects=1&size=32&seed=0", "with integers for"),
    ("datasets", "source", "render:images=5&objects=-1&size=32&seed=0", "with integers for"),
    ("datasets", "source", f"render:images={LONG}&objects=1&size=32&seed=0", "with integers for"),
    ("datasets", "source", "crops:picture=china", "has to be crops: with picture (a name, a path with"),
    ("protocols", "title", "{colour}-shot", "line 4, row 'mine', column 'title': the title '{colour}-shot'"),
    ("protocols", "title", "{ways.colour}", "column 'title': the title '{ways.colour}'"),
    ("protocols", "title", "{", "column 'title': the title '{'"),
    ("protocols", "figure", "{colour}/x", "column 'figure': '{colour}/x' has other braces than"),
    ("protocols", "figure", "{protocol/x", "column 'figure': '{protocol/x' has other braces than"),
    ("protocols", "version", LONG, "column 'version'"),
    ("sizes", "mem_mb", "1,200", "line 4, row 'probe', column 'mem_mb': '1,200' is no number from 0 on"),
    ("sizes", "mem_mb", "inf", "'inf' is no number from 0 on"),
    ("sizes", "minutes", "nan", "'nan' is no number from 0 on"),
    ("sizes", "minutes", "", "'' is no number from 0 on"),
    ("sizes", "unit", "pictures", "line 4, row 'probe', column 'unit': 'pictures' is not one of"),
    ("published", "value", "n/a", "line 4: value of model BYOL, dataset aircraft, protocol linear"),
    ("published", "value", "inf", "is 'inf'; give a number"),
    ("published", "value", "", "mean_per_class is nan; measure it again"),
    ("published", "value", "0x5", "is '0x5'; give a number"),
    ("published", "value", "538.7", "mean_per_class is 538.7, outside 0..100; check its unit"),
    ("published", "ci95", "±0.3", "is '±0.3'; give a number"),
    ("published", "metric", "accuracies", "metric 'accuracies' is unknown"),
    (
        "published",
        "model",
        "Somebody's net",
        "line 4: Somebody's net is model somebody-s-net, which the table",
    ),
    ("published", "dataset", "../aircraft", "line 4, column 'dataset': '../aircraft' does not fit"),
    ("published", "protocol", "", "line 4, column 'protocol': '' does not fit"),
    ("published", "shots", "5/20", "line 4, column 'shots': '5/20' does not fit"),
    ("published", "dataset", '"aircraft', "line 4: unexpected end of data; close each quotation mark"),
    ("printed", "pearson", "high", "line 4: pearson of protocol linear, metric (own) is 'high'; give a"),
]


@pytest.mark.parametrize(("table", "column", "value", "said"), BAD_CELLS)
def test_a_bad_cell_is_named_with_its_real_line(tmp_path, table, column, value, said):
    row, separator, _ = TABLES[table]
    header, cells = lines_of(row | {column: value}, separator)
    assert said in sentence_on(table, f"# why\n\n{header}\n{cells}\n".encode(), tmp_path)


@pytest.mark.parametrize("table", ["sizes", "published"])
def test_a_row_twice_is_named(tmp_path, table):
    row, separator, _ = TABLES[table]
    header, cells = lines_of(row, separator)
    said = sentence_on(table, f"{header}\n{cells}\n{cells}\n".encode(), tmp_path)
    assert "remove one" in said


@pytest.mark.parametrize("column", ["seed", "version", "n_test"])
@pytest.mark.parametrize("value", ["1.5", "-1", LONG, "one"])
def test_a_count_of_the_long_table_is_a_whole_number(tmp_path, column, value):
    row = dict.fromkeys(COLUMNS, "") | {"protocol": "linear", "metric": "top1", "value": "5", column: value}
    path = tmp_path / "measured.tsv"
    path.write_text("\n".join(lines_of(row, "\t")))
    with pytest.raises(InputError, match=f"line 2: {column} of protocol linear, metric top1 is '{value}'"):
        read_results(path)


def test_an_id_twice_is_named_with_the_second_line(tmp_path):
    header, cells = lines_of(MODEL, "\t")
    content = f"{header}\n{cells}\n# again\n{cells}\n".encode()
    assert "line 4, has the id 'my-model' more than once" in sentence_on("models", content, tmp_path)


def test_a_metric_of_recognition_needs_the_task(tmp_path):
    row = DATASET | {"loader": "ade20k", "task": "segmentation"}
    content = "\n".join(lines_of(row, "\t")).encode()
    assert "'top1' is of recognition, which is no task here" in sentence_on("datasets", content, tmp_path)


def test_a_table_that_is_a_folder_or_no_table_is_named(tmp_path):
    with pytest.raises(InputError, match=r"cannot be read \(Is a directory\)"):
        read_cells(tmp_path)
    with pytest.raises(InputError, match=r"absent\.tsv does not exist"):
        read_cells(tmp_path / "absent.tsv")


def test_a_header_alone_has_no_row(tmp_path):
    assert "has no row below its header" in sentence_on("models", b"id\tname\n", tmp_path)


def test_between_tabs_everything_is_a_cell(tmp_path):
    """Quotation marks, hashes and commas swallow neither rows nor the rest of a row."""
    path = tmp_path / "models.tsv"
    rows = [
        MODEL | {"id": "a", "name": '"Quoted', "source": "/data/run #3/a.pth"},
        MODEL | {"id": "b", "name": 'Half 7" wide', "citation": "arXiv:1, #7; 'x"},
        MODEL | {"id": "c", "name": "# hash", "citation": '"'},
    ]
    path.write_text("\n".join(["\t".join(MODEL), *("\t".join(row.values()) for row in rows)]) + "\n")
    models = catalogue.read_models(path, SCHEMAS)
    assert models["name"].tolist() == ['"Quoted', 'Half 7" wide', "# hash"]
    assert models["citation"].tolist() == ["ours", "arXiv:1, #7; 'x", '"']
    assert models.at["a", "source"] == "/data/run #3/a.pth"


@pytest.mark.parametrize("left_out", [["ci95"], ["ways", "shots"], ["ci95", "ways", "shots"]])
def test_published_results_go_without_intervals_and_axes(tmp_path, left_out):
    row = {column: value for column, value in PUBLISHED.items() if column not in left_out}
    path = tmp_path / "other2024.csv"
    path.write_text("\n".join(lines_of(row, ",")))
    table = published(path, MODELS)
    assert table["value"].tolist() == [53.87]
    assert table["ci95"].isna().all()
    assert table["shots"].tolist() == [""]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"value": None}, "has the columns protocol, ways, shots, dataset, metric, model, ci95; published"),
        ({"accuracy": "1"}, "model, value, ci95, accuracy; published results need protocol, dataset"),
    ],
)
def test_published_results_with_other_columns_are_refused(tmp_path, change, said):
    row = {column: value for column, value in (PUBLISHED | change).items() if value is not None}
    assert said in sentence_on("published", "\n".join(lines_of(row, ",")).encode(), tmp_path)


def test_another_papers_imagenet_accuracy_is_named_with_what_to_do(tmp_path):
    row = PUBLISHED | {"protocol": "imagenet", "dataset": "imagenet", "metric": "top1", "value": "70.0"}
    said = sentence_on("published", "\n".join(lines_of(row, ",")).encode(), tmp_path)
    assert "line 2: ImageNet top-1 of byol is 70.0, but 74.3 in the table of models" in said
    assert said.endswith("correct imagenet_top1 there, or leave the row out here")
