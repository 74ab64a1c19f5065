"""The house: which package may import which, who knows Snakemake, what a script and a rule look like."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "scripts/transferscope"

# Each package with those that it may import; a module beside the packages may be imported by all.
LAYERS = {
    "sources": set(),
    "study": {"sources"},
    "models": set(),
    "datasets": set(),
    "features": {"datasets"},
    "training": set(),
    "results": {"study"},
    "pretraining": {"study", "models", "datasets", "features", "training", "results"},
    "protocols": {"study", "models", "datasets", "features", "training", "results"},
    "figures": {"study", "datasets", "results", "protocols"},
    "cluster": {"study"},
}
COMMON = {
    "arguments",
    "errors",
    "files",
    "folders",
    "hdf5",
    "locks",
    "made_from",
    "places",
    "redaction",
    "restricted_pickle",
    "validation",
}
LIGHT = [
    *("study", "sources", "cluster", "errors", "files", "folders", "made_from", "places", "results.learned"),
    *("results.long_table", "results.resolved", "results.takeover", "protocols.finetuning.grid"),
]


def imports(path: Path, *, at_start: bool = False) -> set[str]:
    """What a file imports: modules with names in them; ``at_start``: without what a function imports."""
    found, tree = set(), ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if at_start else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


def rooms(path: Path) -> set[str]:
    """The packages of the library, and the modules beside them, that a file imports."""
    return {name.split(".")[1] for name in imports(path) if name.startswith("transferscope.")}


def test_the_packages_are_those_of_the_plan():
    folders = {path.name for path in LIBRARY.iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders == set(LAYERS)
    for package in LAYERS:
        assert '"""' in (LIBRARY / package / "__init__.py").read_text()


@pytest.mark.parametrize("package", LAYERS)
def test_imports_point_one_way(package):
    for path in (LIBRARY / package).rglob("*.py"):
        strange = rooms(path) - LAYERS[package] - COMMON - {package}
        assert not strange, f"{path.relative_to(ROOT)} imports {', '.join(strange)}"


def test_the_layers_have_no_circle():
    done: set[str] = set()
    while len(done) < len(LAYERS):
        free = {package for package, below in LAYERS.items() if below <= done} - done
        assert free, f"a circle among {set(LAYERS) - done}"
        done |= free


def test_modules_beside_the_packages_stand_below_them():
    for name in COMMON:
        assert rooms(LIBRARY / f"{name}.py") <= COMMON


def test_snakemake_is_known_in_few_places():
    knowing = {
        str(path.relative_to(LIBRARY))
        for path in LIBRARY.rglob("*.py")
        if any(name.split(".")[0].startswith("snakemake") for name in imports(path))
    }
    assert knowing == SNAKEMAKE
    using = {
        str(path.relative_to(LIBRARY)) for path in LIBRARY.rglob("*.py") if "snakemake." in path.read_text()
    }
    assert {name for name in using if not name.startswith("cluster/")} == {"job.py"}


SNAKEMAKE = {"cluster/events.py", "cluster/patches.py", "cluster/progress_line.py"}


@pytest.mark.parametrize("path", sorted((ROOT / "scripts").glob("*.py")), ids=lambda path: path.stem)
def test_a_script_is_a_main_with_a_short_guard(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 120
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body)
    guard = next(number for number, line in enumerate(lines) if line.startswith('if __name__ == "__main__"'))
    assert len(lines) - guard <= 16
    assert "snakemake." not in "\n".join(lines[:guard]).replace("python -m snakemake", "")
    assert "__future__" not in path.read_text(encoding="utf-8")


def rules() -> dict[str, list[str]]:
    """The lines of every rule, by its name."""
    found, name = {}, None
    for path in sorted((ROOT / "rules").glob("*.smk")):
        for line in [*path.read_text(encoding="utf-8").splitlines(), ""]:
            head = re.match(r"rule (\w+):", line)
            if head:
                name, found[head[1]] = head[1], []
            elif line and not line.startswith(" "):
                name = None
            if name and line.strip():
                found[name].append(line)
    return found


@pytest.mark.parametrize(("name", "lines"), rules().items())
def test_a_rule_declares_what_it_does(name, lines):
    text = "\n".join(lines)
    if "script:" not in text:
        return  # a plain target
    for directive in ("output", "log", "benchmark", "conda"):
        assert re.search(rf"^    {directive}:", text, re.MULTILINE), f"{name} has no {directive}"
    assert "lambda" not in text
    assert f'"../scripts/{name}.py"' in text or name in SHARED
    assert len(lines) <= 40


SHARED = {"download_trunk", "plot_label_efficiency"}
"""Rules whose script is that of several."""


def test_rule_files_stay_short_and_begin_with_their_story():
    for path in sorted((ROOT / "rules").glob("*.smk")):
        text = path.read_text(encoding="utf-8")
        assert text.startswith('"""'), path.name
        limit = 150 if path.name == "common.smk" else 200
        assert len(text.splitlines()) <= limit, path.name
    assert len((ROOT / "Snakefile").read_text().splitlines()) <= 60


@pytest.mark.parametrize("name", LIGHT)
def test_what_the_controller_imports_is_light(name):
    heavy = {"torch", "scipy", "sklearn", "matplotlib", "h5py", "PIL", "timm", "mmengine"}
    pending, seen = [LIBRARY / name.replace(".", "/")], set()
    while pending:
        path = pending.pop()
        files = list(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
        for file in files:
            if file in seen or not file.exists():
                continue
            seen.add(file)
            for module in imports(file, at_start=True):
                assert module.split(".")[0] not in heavy, f"{file.relative_to(ROOT)} imports {module}"
                if module.startswith("transferscope."):
                    pending.append(LIBRARY.parent / module.replace(".", "/"))


def test_what_tables_and_figures_import_is_in_their_environment():
    """So `make published` needs no torch. What functions of job.py import is for GPUs and backbones."""
    pins = set(re.findall(r"- (\S+)==", (ROOT / "envs/figures.yaml").read_text()))
    distributions = packages_distributions()
    names = [name for name, lines in rules().items() if '"../envs/figures.yaml"' in "".join(lines)]
    assert "plot_correlation_scatter" in names
    pending, seen = [ROOT / f"scripts/{name}.py" for name in names if name not in SHARED], set()
    while pending:
        path = pending.pop()
        seen.add(path)
        for name in imports(path, at_start=path.name == "job.py"):
            top = name.split(".")[0]
            if top == "transferscope":
                module = LIBRARY.parent / name.replace(".", "/")
                found = [
                    file
                    for file in (module.with_suffix(".py"), module.parent.with_suffix(".py"))
                    if file.exists() and file not in seen
                ]
                pending += found[:1]
            elif top not in sys.stdlib_module_names:
                needed = {distribution.lower() for distribution in distributions[top]}
                assert needed & pins, f"{path.relative_to(ROOT)} imports {top}"


def test_no_module_unpickles_freely():
    """NumPy, SciPy, joblib and pandas unpickle too, or crash; ``torch.load`` does if it is not told."""
    free = r"(\bpickle|joblib|np|numpy)\.loads?\(|read_pickle|loadmat|allow_pickle"
    for path in LIBRARY.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(free, text), path.name
        for call in re.findall(r"(?<!safetensors\.)\btorch\.load\(.*", text):
            assert "weights_only=True" in call, path.name


def test_the_controller_imports_only_what_is_light():
    for path in [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")]:
        for package, names in re.findall(
            r"^from transferscope(\S*) import (.+)", path.read_text(encoding="utf-8"), re.MULTILINE
        ):
            modules = [f"{package}.{name.strip()}".lstrip(".") for name in names.split(",")]
            strange = [
                name for name in modules if not f"{name}.".startswith(tuple(f"{room}." for room in LIGHT))
            ]
            assert not strange, f"{path.name} imports {', '.join(strange)}"
