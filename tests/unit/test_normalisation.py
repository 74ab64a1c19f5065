"""Wherever a network sees a picture, it sees it by the mean and deviation that its own file names."""

import inspect
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from miniatures import lively
from mmdet.registry import MODELS
from mmdet.utils import register_all_modules
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import choose_picture
import extract_features
import measure_invariance
import measure_saliency
import reconstruct_pictures
from transferscope.datasets.base import Samples
from transferscope.datasets.dense import DenseSamples
from transferscope.features.extraction import Pictures, extract
from transferscope.features.images import to_uint8
from transferscope.models import backbones
from transferscope.protocols.dense import tasks, training
from transferscope.protocols.finetuning import trials
from transferscope.protocols.finetuning.draw import Loss
from transferscope.protocols.finetuning.grid import Point
from transferscope.protocols.openmmlab import detection
from transferscope.protocols.openmmlab.segmentors import SegmentorLoss, predict
from transferscope.training.loop import Trained
from transferscope.training.resume import Resume

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.6)
ARCH = "test_resnet"
METADATA = backbones.Metadata("tiny", ARCH, "random", "", MEAN, STD, {})


def pictures(count: int = 2, size: int = 16) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=generator)


def normalised(pictures: Tensor) -> Tensor:
    """The pictures, uint8 [N, 3, H, W], as a network is to see them."""
    colours = zip(pictures.unbind(dim=1), MEAN, STD, strict=True)
    return torch.stack([(colour / 255 - mean) / std for colour, mean, std in colours], dim=1)


def read(index: int) -> Image.Image:
    return Image.fromarray(pictures()[index].permute(1, 2, 0).numpy())


@pytest.fixture
def backbone(tmp_path):
    path = tmp_path / "tiny.safetensors"
    backbones.save(path, backbones.weights(lively(ARCH)), METADATA)
    return path


@pytest.fixture
def root(tmp_path):
    """An image folder with one picture of each of two classes in each split."""
    for split in ("train", "val", "test"):
        for index, name in enumerate(("cat", "dog")):
            (tmp_path / "pets" / split / name).mkdir(parents=True)
            read(index).save(tmp_path / "pets" / split / name / "1.png")
    return tmp_path / "pets"


FACTS = {"dataset": "pets", "loader": "image_folder", "split_rule": "official", "classes": 2, "counts": {}}
RUN = {"protocol": "any", "variant": "default", "version": 1, "seed": 0}


def test_in_extraction():
    samples = Samples(["a", "b"], np.array([0, 1]), np.array(["test"] * 2), read, ["x", "y"])
    seen = extract(
        nn.Flatten(),
        Pictures(samples, 16),
        [0, 1],
        mean=MEAN,
        std=STD,
        batch_size=2,
        device="cpu",
        workers=0,
    )
    np.testing.assert_allclose(next(seen), normalised(pictures()).flatten(1), rtol=1e-5)


def test_in_the_loss_of_finetuning():
    labels = torch.tensor([0, 2])
    loss = Loss(MEAN, STD)(lambda inputs: inputs.mean(dim=(2, 3)), (pictures(), labels))
    torch.testing.assert_close(loss, cross_entropy(normalised(pictures()).mean(dim=(2, 3)), labels))


def test_in_finetuning_and_its_test(backbone, root, tmp_path, monkeypatch):
    task = trials.Task(backbone, root, run=RUN, facts=FACTS, resolution=16, batch_size=2)
    seen = task.logits(nn.Flatten(), "val")
    np.testing.assert_allclose(seen, normalised(pictures()).flatten(1), rtol=1e-5)
    monkeypatch.setattr(trials, "train", lambda network, batches, loss, **others: loss)
    point = Point(0, 0.1, 0, "centre_crop")
    assert task.fit(point, np.arange(2), 1, Resume(tmp_path / "resume", {})) == Loss(MEAN, STD)


class Echo(nn.Module):
    """A segmentor that answers with the pictures as it sees them."""

    def forward(self, inputs: Tensor, mode: str) -> Tensor:
        return inputs

    def loss(self, inputs: Tensor, samples: list) -> Tensor:
        return inputs

    def parse_losses(self, losses: Tensor) -> tuple[Tensor, dict]:
        return losses, {}


def test_in_a_segmentors_loss_and_in_what_it_predicts():
    targets = torch.zeros(2, 16, 16, dtype=torch.uint8)
    torch.testing.assert_close(
        SegmentorLoss(MEAN, STD)(Echo(), [pictures(), targets]), normalised(pictures())
    )
    found = predict(Echo(), pictures(), (16, 16), MEAN, STD)
    torch.testing.assert_close(found, normalised(pictures()))


class NoScore:
    def add(self, predicted: np.ndarray, truth: np.ndarray) -> None:
        pass

    def metrics(self) -> dict[str, float]:
        return {}


def test_in_the_dense_tasks_and_their_test(tmp_path, monkeypatch):
    losses = []

    def train(network, batches, loss, **others):
        losses.append(loss)
        return Trained(network, [], 1, None)

    monkeypatch.setattr(training, "train", train)
    samples = DenseSamples(
        ["a", "b"], np.array(["train", "test"]), read, lambda index: np.zeros((16, 16)), []
    )
    task = tasks.DenseTask(
        samples=samples,
        network=Echo(),
        pictures=SimpleNamespace(arrange=list, draw=None, views=lambda picture: [to_uint8(picture)]),
        decode=lambda outputs: next(outputs)[0],
        score=NoScore,
        baseline=np.zeros(()),
        optimisation=tasks.Sgd(1, 1, learning_rate=1, power=1, momentum=1, weight_decay=1),
        mode="",
        kind="",
    )
    resume = Resume(tmp_path / "resume", {})
    trained = training.fit(task, METADATA, seed=0, device="cpu", workers=0, resume=resume, checkpoint_steps=1)
    tested = training.test(task, trained.network, METADATA, device="cpu")
    assert (losses[0].mean, losses[0].std) == (MEAN, STD)
    [(name, _, _, predicted)] = tested.examples
    assert name == "b"
    np.testing.assert_allclose(predicted, normalised(pictures())[1], rtol=1e-5)


def test_in_detection_from_the_file_on(tmp_path):
    original = pictures(1, 32)
    Image.fromarray(original[0].permute(1, 2, 0).numpy()).save(tmp_path / "1.png")
    register_all_modules(init_default_scope=False)
    reading = detection.test_set("", 32, root="", class_names=[], longest=32)["pipeline"]
    counts = {"maps": [1] * 4, "channels": 1, "classes": 2, "proposals": 1, "test_proposals": 1}
    model = detection.faster_rcnn({}, metadata=METADATA, **counts)
    with DefaultScope.overwrite_default_scope("mmdet"):
        drawn = Compose(reading)({"img_id": 0, "img_path": str(tmp_path / "1.png")})
        batch = {"inputs": [drawn["inputs"]], "data_samples": [drawn["data_samples"]]}
        seen = MODELS.build(model["data_preprocessor"])(batch)["inputs"]
    torch.testing.assert_close(seen, normalised(original))


class Stopped(Exception):
    """Carries what a function was given."""


@pytest.mark.parametrize(
    ("script", "function"),
    [
        (extract_features, "extract"),
        (measure_invariance, "extract"),
        (measure_saliency, "normalise"),
        (reconstruct_pictures, "invert"),
    ],
)
def test_a_script_hands_on_what_the_file_names(script, function, backbone, root, tmp_path, monkeypatch):
    signature = inspect.signature(getattr(script, function))

    def stopped(*given, **named):
        raise Stopped(signature.bind(*given, **named).arguments)

    monkeypatch.setattr(script, function, stopped)
    picture, description = tmp_path / "1.png", tmp_path / "1.json"
    choose_picture.main(root, picture, description, facts=FACTS, version=1, seed=0)
    on_a_dataset = {"facts": FACTS, "resolution": 16, "batch_size": 2}
    occlusion = {"resolution": 32, "occluder": 8, "stride": 8}
    inversion = {"resolution": 32, "stage": 0, "steps": 1, "prior": "sigmoid", "versions": {}}
    run = {
        extract_features: lambda out: extract_features.main(
            backbone, root, out, **on_a_dataset, input={}, seed=0
        ),
        measure_invariance: lambda out: measure_invariance.main(
            backbone, root, out, **on_a_dataset, run=RUN, settings={"images": 2}
        ),
        measure_saliency: lambda out: measure_saliency.main(
            backbone, picture, description, out, out, run=RUN, settings=occlusion, batch_size=1
        ),
        reconstruct_pictures: lambda out: reconstruct_pictures.main(
            backbone, [picture], [description], out, **inversion, seed=0, together=1
        ),
    }[script]
    with pytest.raises(Stopped) as caught:
        run(tmp_path / "out")
    given = caught.value.args[0]
    assert (given["mean"], given["std"]) == (MEAN, STD)
