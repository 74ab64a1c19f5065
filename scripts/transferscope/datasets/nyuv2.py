"""NYU Depth v2: indoor scenes with surface normals (Silberman et al. 2012; normals of Ladicky et al. 2014).

Images are in the authors' ``nyu_depth_v2_labeled.mat``. Normals, masks of valid pixels and the training and
test lists are in ``surfacenormal_metadata/`` of Goyal et al. (ICCV 2019).
"""

import gzip
import json
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from transferscope import hdf5, restricted_pickle
from transferscope.datasets.base import required_file
from transferscope.datasets.dense import DenseSamples
from transferscope.datasets.matlab import read_matlab
from transferscope.errors import InputError

PICTURES = "nyu_depth_v2_labeled.mat"
METADATA = "surfacenormal_metadata"


def load_normals(root: Path) -> DenseSamples:
    """Read both; the normals of all pictures are in memory then (5 GB for the official ones).

    Raises:
        InputError: a file is missing, damaged, unsafe to unpickle or has another layout, or a list names an
            unknown image.
    """
    pictures = required_file(root, PICTURES)
    path = required_file(root / METADATA, "all_normals.pklz")
    with gzip.open(path) as file:
        content = restricted_pickle.load(file, path)
    try:
        normals, valid = (np.asarray(content[key]) for key in ("all_normals", "all_valid_depth_masks"))
        row_of = {str(name): row for row, name in enumerate(content["all_filenames"])}
    except (LookupError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} does not have the official layout ({error}); fetch the dataset again"
        ) from error
    fits = normals.ndim == 4 and normals.shape == (*valid.shape, 3) and len(normals) == len(row_of)
    if not fits or normals.dtype.kind not in "iuf" or valid.dtype.kind not in "biuf":
        raise InputError(f"{path} has normals, masks and names that do not fit; fetch the dataset again")
    names, splits = [], []
    for split in ("train", "test"):
        for name in _read_list(required_file(root / METADATA, f"{split}_SN40.json")):
            if name not in row_of or not re.fullmatch(r"[0-9]{1,9}", name):
                raise InputError(f"the {split} list in {root / METADATA} names {name}, which {path} lacks")
            names.append(name)
            splits.append(split)
    rows = [row_of[name] for name in names]
    return DenseSamples(
        ids=names,
        splits=np.array(splits),
        read=_Pictures(pictures, [int(name) - 1 for name in names]),
        target=_Normals(normals, valid, rows),
        class_names=[],
        codebook=partial(vocabulary, root),
    )


def vocabulary(root: Path) -> np.ndarray:
    """The authors' codebook of 40 unit normals, float32 [40, 3].

    Raises:
        InputError: the file is missing or has another layout.
    """
    path = root / METADATA / "vocab40.mat"
    codes = read_matlab(path, "vocabs", "normals", dimensions=2).astype(np.float32)
    return codes / np.linalg.norm(codes, axis=1, keepdims=True)


def _read_list(path: Path) -> list[str]:
    """Image names (``0001``) of a list with entries such as {"img": "0001_rgb.jpg", ...}."""
    try:
        return [entry["img"].split("_")[0] for entry in json.loads(path.read_text(encoding="utf-8"))]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} is not a list of pictures ({error}); fetch the dataset again") from error


@dataclass(frozen=True)
class _Pictures:
    path: Path
    rows: list[int]

    def __call__(self, index: int) -> Image.Image:
        try:
            # HDF5 reverses the axes of MATLAB's [H, W, 3, N].
            with h5py.File(self.path) as file:
                pixels = file["images"][self.rows[index]]
            return Image.fromarray(np.ascontiguousarray(pixels.transpose(2, 1, 0)))
        except (*hdf5.ERRORS, OverflowError) as error:
            raise InputError(f"{self.path} cannot be read ({error}); fetch the dataset again") from error


@dataclass(frozen=True, eq=False)
class _Normals:
    normals: np.ndarray
    valid: np.ndarray
    rows: list[int]

    def __call__(self, index: int) -> np.ndarray:
        row = self.rows[index]
        normals = self.normals[row].astype(np.float32)
        length = np.linalg.norm(normals, axis=-1, keepdims=True)
        known = (self.valid[row] != 0)[..., None] & (length > 0)
        return np.where(known, normals / np.maximum(length, 1e-6), np.float32(np.nan))
