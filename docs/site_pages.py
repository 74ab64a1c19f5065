"""The pages of the site: the repository's documents, the files that they link to, and a gallery.

A hook of MkDocs (`make docs`, mkdocs.yml). Every page keeps the path that it has in the repository, so that a
link is right in both.
"""

import re
import sys
from pathlib import Path

import jinja2
import pandas as pd
import yaml
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from snakemake.utils import update_config

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from transferscope.results.long_table import read_table
from transferscope.study import reference
from transferscope.study.catalogue import read_datasets
from transferscope.study.protocols import read_protocols

ROOT = Path(__file__).resolve().parents[1]
SCHEMAS = ROOT / "config/schemas"
DOCUMENTS = ["*.md", "docs/*.md", "config/**/README.md", "profiles/*/README.md"]
LINK = re.compile(r"\]\(([^)#\s]+)")

# The gallery shows figures of the first of these studies that has any; without one, the README's picture.
STUDIES = ["demo", "published"]
README_PICTURE = "docs/correlation_scatter.png"
# By question, figures below <results>/figures/ (of several the first) with their captions in report/.
QUESTIONS = {
    "Does ImageNet accuracy tell?": {
        "correlation_scatter.png": "correlation_scatter",
        "correlation_bars.png": "correlation_bars",
        "rank_radar.png": "rank_radar",
        "datasets/*.png": "dataset_scatter",
    },
    "Are the confidences right?": {
        "calibration_scatter.png": "calibration_scatter",
        "reliability/*.png": "reliability",
    },
    "How did single runs go?": {
        "detection_*/*/*.png": "detections",
        "segmentation/*/*.png": "examples",
        "normals/*/*.png": "examples",
        "finetuning/*.png": "finetuning",
        "costs.png": "costs",
    },
    "What do the features keep?": {
        "properties.png": "properties",
        "reconstructions.png": "reconstructions",
        "saliency.png": "saliency",
        "invariance.png": "invariance",
        "similarity/*.png": "similarity",
    },
    "How many labels does it save?": {
        "label_efficiency/*.png": "label_efficiency",
        "utility/*.png": "utility",
        "utility_tasks.png": "utility_tasks",
        "linear_rank.png": "linear_rank",
        "architectures/*.png": "architectures",
        "frozen/*.png": "frozen",
        "transfer_matrix/*.png": "transfer_matrix",
        "unlabelled/*.png": "unlabelled",
    },
    "What does each layer know?": {
        "layers/*.png": "layers",
        "layer_curves/*.png": "layer_curves",
        "layer_gaps/*.png": "layer_gaps",
        "similarity/*-layers.png": "layer_similarity",
        "filters.png": "filters",
        "frozen_prefix/*.png": "frozen_prefix",
    },
    "What was it pretrained on, and how?": {
        "pretraining.png": "pretraining",
        "crops.png": "crops",
        "images_needed/*.png": "images_needed",
        "augmentations/*.png": "augmentations",
    },
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Take the repository's documents in the place of what lies in MkDocs' folder of documents."""
    gallery, pictures = gallery_page(ROOT)
    texts = {uri: (ROOT / uri).read_text(encoding="utf-8") for uri in documents(ROOT)}
    linked = {uri for page, text in texts.items() for uri in linked_files(ROOT, page, text)}
    copied = {*texts, *linked, *pictures, *config.extra_css}
    theme = [file for file in files if file.src_dir != config.docs_dir]
    return Files(
        [
            *theme,
            *(File.generated(config, uri, abs_src_path=str(ROOT / uri)) for uri in sorted(copied)),
            File.generated(config, "docs/gallery.md", content=gallery),
        ]
    )


def documents(root: Path) -> list[str]:
    """The documents of the repository, by their paths in it."""
    return [path.relative_to(root).as_posix() for pattern in DOCUMENTS for path in sorted(root.glob(pattern))]


def linked_files(root: Path, page: str, text: str) -> list[str]:
    """The files of the repository that ``page`` links to; what is missing MkDocs finds out."""
    targets = [(root / page).parent / target for target in LINK.findall(text)]
    return [target.resolve().relative_to(root).as_posix() for target in targets if target.is_file()]


def gallery_page(root: Path) -> tuple[str, list[str]]:
    """The gallery, and the pictures in it by their paths in the repository."""
    study = next((study for study in STUDIES if any(root.glob(f"results/{study}/figures/*.png"))), None)
    if study is None:
        shown = {"Does ImageNet accuracy tell?": {README_PICTURE: "correlation_scatter"}}
        about = "The published numbers of Ericsson et al. (CVPR 2021); `make demo` and `make docs` show more."
    else:
        figures = root / "results" / study / "figures"
        shown = {question: first_of_each(root, figures, kinds) for question, kinds in QUESTIONS.items()}
        about = f"Figures of `config/{study}.yaml`, one of each kind; all are in `results/{study}/figures/`."

    lines = ["# Gallery", about]
    for question, captions in shown.items():
        lines += [f"## {question}"] if captions else []
        for picture, name in captions.items():
            title, caption = rendered_caption(root, name, study or "published")
            lines += [f"### {title}", f"![{title}](../{picture})", caption]
    return "\n\n".join(lines), [picture for captions in shown.values() for picture in captions]


def first_of_each(root: Path, figures: Path, kinds: dict[str, str]) -> dict[str, str]:
    """The first picture of each kind that there is, with the name of its caption."""
    found = {kind: sorted(figures.glob(kind), key=lambda path: path.with_suffix("")) for kind in kinds}
    return {paths[0].relative_to(root).as_posix(): kinds[kind] for kind, paths in found.items() if paths}


def rendered_caption(root: Path, name: str, study: str) -> tuple[str, str]:
    """Title and text of a caption of the report, which name settings of the study."""
    config, given = (yaml.safe_load((root / f"config/{each}.yaml").read_text()) for each in ("config", study))
    update_config(config, given)
    params = {"about": "", "reference": reference_of(root / "results" / study, config)}
    template = jinja2.Template((root / f"report/{name}.rst").read_text(), undefined=jinja2.StrictUndefined)
    text = template.render(snakemake={"config": config, "params": params})
    title, text = re.fullmatch(r"\*\*(.+?)\.?\*\*(.*)", text, re.DOTALL).groups()
    return title, text.strip()


def reference_of(results: Path, config: dict) -> dict[str, str]:
    """What captions say of the reference of a study, whose results are in a folder if it measures it."""
    if isinstance(config["reference"], str):
        return reference.resolve(config["reference"], pd.DataFrame(), pd.DataFrame(), pd.DataFrame())
    return reference.resolve(
        config["reference"],
        read_table(results / "tables/measured.tsv")[reference.NUMBER],
        read_datasets(config["tables"]["datasets"], SCHEMAS),
        read_protocols(config["tables"]["protocols"], SCHEMAS),
    )
