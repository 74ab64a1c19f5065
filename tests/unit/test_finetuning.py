"""Finetuning: the grid and its halving, draws that follow from the position, training that survives."""

import copy
import math
import os
import signal
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import ConstantLR

from transferscope.datasets.base import Samples
from transferscope.errors import InputError
from transferscope.protocols.finetuning import grid
from transferscope.protocols.finetuning.draw import Draw, Loss, random_resized_crop
from transferscope.protocols.finetuning.trials import recipe, search
from transferscope.training.loop import Trained, train
from transferscope.training.resume import Resume
from transferscope.training.stream import Stream, batches

RATES, DECAYS, AUGMENTATIONS = [0.1, 0.01, 0.001, 0.0001], [0, 1e-6, 1e-5, 1e-4, 1e-3], ["a", "b"]
LOSS = Loss((0.5,) * 3, (0.25,) * 3)


def test_the_papers_grid_has_40_points():
    points = grid.grid(RATES, DECAYS, AUGMENTATIONS)
    assert [point.number for point in points] == list(range(40))
    assert len({(point.learning_rate, point.weight_decay, point.augmentation) for point in points}) == 40
    assert {point.weight_decay for point in points if point.learning_rate == 0.01} == {
        decay / 0.01 for decay in DECAYS
    }


@pytest.mark.parametrize(
    ("halvings", "stages"),
    [(0, [(40, 5000)]), (1, [(40, 2500), (20, 5000)]), (3, [(40, 625), (20, 1250), (10, 2500), (5, 5000)])],
)
def test_rungs_halve_the_points_and_double_the_steps(halvings, stages):
    assert grid.rungs(40, 5000, halvings) == [grid.Rung(*stage) for stage in stages]


def test_every_rung_has_a_step_and_a_setting():
    assert grid.rungs(3, 4, 3) == [grid.Rung(3, 1), grid.Rung(2, 1), grid.Rung(1, 2), grid.Rung(1, 4)]


def test_three_halvings_cost_half_the_grid():
    costs = [sum(rung.points * rung.steps for rung in grid.rungs(40, 5000, halvings)) for halvings in (0, 3)]
    assert costs[1] == costs[0] / 2


@pytest.mark.parametrize("points_per_job", [1, 3, 5, 40, 50])
def test_the_jobs_share_the_points(points_per_job):
    points = grid.grid(RATES, DECAYS, AUGMENTATIONS)
    jobs = grid.parts(grid.Rung(len(points), 1), points_per_job)
    shares = [grid.share(points, part, points_per_job) for part in range(jobs)]
    assert all(shares)
    assert [point for share in shares for point in share] == points


def test_ranking_breaks_ties_by_the_grid_and_puts_divergence_last():
    def trial(number, val_score, diverged=None):
        return {"point": {"number": number}, "val_score": val_score, "diverged": diverged}

    trials = [trial(0, None, 7), trial(3, 0.5), trial(1, 0.0), trial(2, 0.5), trial(4, 0.9)]
    assert [entry["point"]["number"] for entry in grid.ranked(trials)] == [4, 2, 3, 1, 0]


def picture(index: int) -> Image.Image:
    # Each picture has a colour of its own, so that a crop tells which it was.
    return Image.new("RGB", (30 + index, 40), (index, 10 * (index % 2), 255 - index))


def noisy(index: int) -> Image.Image:
    pixels = np.random.default_rng(index).integers(0, 256, (24, 20, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def samples(count: int, read=picture) -> Samples:
    labels = np.arange(count, dtype=np.int64) % 3
    ids = [str(index) for index in range(count)]
    return Samples(ids, labels, np.full(count, "train"), read, ["a", "b", "c"])


def stream(count: int = 10, augmentation: str = "random_resized_crop", read=noisy, seed: int = 0) -> Stream:
    return Stream(np.arange(count), Draw(samples(count, read), augmentation, 16), seed=seed)


def drawn(source: Stream, start: int, stop: int, workers: int = 0) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return list(batches(source, batch_size=4, start=start, stop=stop, workers=workers, pin_memory=False))


def test_every_epoch_shows_every_sample_once_in_a_new_order():
    source = stream(10, "centre_crop", picture)
    shown = [int(source[position][0][0, 0, 0]) for position in range(30)]
    epochs = [shown[start : start + 10] for start in (0, 10, 20)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_labels_belong_to_the_pictures():
    source = stream(10, "centre_crop", picture)
    for position in range(10):
        image, label = source[position]
        assert label == int(image[0, 0, 0]) % 3


@pytest.mark.parametrize("augmentation", ["random_resized_crop", "centre_crop"])
def test_a_draw_follows_from_its_position_alone(augmentation):
    whole = drawn(stream(augmentation=augmentation), 0, 8)
    later = drawn(stream(augmentation=augmentation), 5, 8, workers=2)
    for (expected, labels), (images, found) in zip(whole[5:], later, strict=True):
        assert torch.equal(images, expected)
        assert torch.equal(labels, found)


def test_the_augmentation_is_random_and_leaves_the_global_generator_alone():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    first, second = stream()[0][0], stream(seed=1)[0][0]
    assert torch.equal(torch.rand(3), expected)
    assert not torch.equal(first, second)
    # One sample, two epochs: the same picture under two crops.
    alone = stream(count=1)
    assert not torch.equal(alone[0][0], alone[1][0])


def test_a_random_crop_has_8_to_100_percent_of_the_area_and_is_flipped_in_half_of_the_cases():
    # Red grows to the right, green downwards, so that a crop tells where it comes from.
    across, down = np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8))
    whole = Image.fromarray(np.stack([across, down, 0 * down], axis=2))
    torch.manual_seed(0)
    augment = random_resized_crop(64)
    crops = [np.asarray(augment(whole), dtype=int) for _ in range(300)]
    spans = [(np.ptp(crop[:, :, 0]) + 1) * (np.ptp(crop[:, :, 1]) + 1) / 256**2 for crop in crops]
    assert 0.06 < min(spans) < 0.12
    assert 0.9 < max(spans) <= 1
    assert 0.4 < np.mean([crop[32, 0, 0] > crop[32, -1, 0] for crop in crops]) < 0.6
    assert all(crop[0, 32, 1] < crop[-1, 32, 1] for crop in crops)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_picture_is_named(workers):
    with pytest.raises(InputError, match="picture 3"):
        drawn(stream(read=broken), 0, 4, workers)


def broken(index: int) -> Image.Image:
    if index == 3:
        raise InputError("picture 3 cannot be read")
    return picture(index)


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(4, 3),
    )  # fmt: skip


def fit(network: nn.Module, steps: int = 12, source: Stream | None = None, **changes):
    source = source or stream()
    point = grid.Point(0, changes.pop("learning_rate", 0.05), 1e-3, "")
    return train(
        network,
        lambda start: iter(drawn(source, start, steps)),
        LOSS,
        steps=steps,
        **recipe(point, steps),
        device="cpu",
        seed=0,
        checkpoint_steps=1,
        **changes,
    )


def test_training_is_sgd_with_nesterov_momentum_on_a_cosine():
    plain = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 3))
    reference = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 3))
    reference.load_state_dict(plain.state_dict())
    fit(plain, steps=9)

    velocity = [torch.zeros_like(weight) for weight in reference.parameters()]
    for step, (images, labels) in enumerate(drawn(stream(), 0, 9)):
        rate = 0.05 * (1 + math.cos(math.pi * step / 9)) / 2
        loss = nn.functional.cross_entropy(reference((images / 255 - 0.5) / 0.25), labels)
        slopes = torch.autograd.grad(loss, list(reference.parameters()))
        with torch.no_grad():
            for weight, slope, speed in zip(reference.parameters(), slopes, velocity, strict=True):
                slope = slope + 1e-3 * weight
                speed.mul_(0.9).add_(slope)
                weight -= rate * (slope + 0.9 * speed)
    for weight, expected in zip(plain.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(weight, expected, rtol=1e-4, atol=1e-6)


class Killed(Exception):
    pass


@pytest.mark.parametrize("kill_at", [1, 5, 11])
def test_a_killed_run_ends_with_the_same_bits(tmp_path, kill_at):
    uninterrupted = fit(network())

    resume = Resume(tmp_path / "part.resume", {"run": 1})

    def save(state):
        resume.save_training(state)
        if state["step"] == kill_at:
            raise Killed

    torch.manual_seed(99)
    with pytest.raises(Killed):
        fit(network(), save=save)
    torch.rand(5)  # whatever else the process drew
    resumed = fit(network(seed=5), state=Resume(tmp_path / "part.resume", {"run": 1}).training)
    assert resumed.losses == uninterrupted.losses
    for name, tensor in uninterrupted.network.state_dict().items():
        assert torch.equal(resumed.network.state_dict()[name], tensor), name


def numbered(steps: int, network: nn.Module | None = None, seed: int = 0, **changes) -> Trained:
    """A training whose loss at step k is k."""
    return train(
        network or nn.Linear(1, 1),
        lambda start: ([torch.tensor(float(step))] for step in range(start, steps)),
        lambda network, batch: batch[0] + 0 * network(torch.zeros(1)).sum(),
        steps=steps,
        optimiser=partial(SGD, lr=0.1),
        schedule=partial(ConstantLR, factor=1),
        device="cpu",
        seed=seed,
        **changes,
    )


def test_the_curve_has_at_most_100_points_each_the_mean_of_its_window():
    assert numbered(100).losses == list(range(100))
    trained = numbered(203)
    assert trained.window == 3
    assert trained.losses == [*np.arange(1, 201, 3), 201.5]  # of the last two steps
    assert not trained.network.training


def test_a_curve_goes_on_amid_a_window():
    states = []
    trained = numbered(203, checkpoint_steps=50, save=lambda state: states.append(copy.deepcopy(state)))
    assert [state["step"] for state in states] == [50, 100, 150, 200]
    assert all(numbered(203, state=state).losses == trained.losses for state in states)


def test_a_finished_training_saves_no_state():
    steps = []
    numbered(12, checkpoint_steps=4, save=lambda state: steps.append(state["step"]))
    assert steps == [4, 8]


def test_the_seed_is_of_what_the_network_draws():
    def drawn_by(seed: int) -> float:
        noise = nn.Linear(1, 1)
        noise.register_forward_hook(lambda *_: draws.append(torch.rand(()).item()))
        draws = []
        numbered(1, noise, seed)
        return draws

    assert drawn_by(0) == drawn_by(0) != drawn_by(1)


def test_a_signal_saves_the_state_and_ends_the_training():
    states = []

    class Signals(nn.Linear):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            os.kill(os.getpid(), signal.SIGUSR1)
            return super().forward(inputs)

    with pytest.raises(SystemExit, match="SIGUSR1: ended at step 1 of 9"):
        numbered(9, Signals(1, 1), save=states.append)
    assert [state["step"] for state in states] == [1]
    assert numbered(1, Signals(1, 1)).losses == [0]  # there is nothing left to do


class FakeTask:
    """Trainings that come to the logits of the point's number; the second diverges."""

    def __init__(self):
        self.splits = {"train": np.arange(4), "val": np.arange(2)}
        self.trained = []

    def fit(self, point, indices, steps, resume):
        assert indices is self.splits["train"]
        self.trained.append(point.number)
        return Trained(point.number, [1.0], 1, 2 if point.number == 1 else None)

    def logits(self, network, split):
        return np.full((2, 3), np.inf if network == 4 else network, dtype=np.float32)

    def labels(self, split):
        return {"val": np.array([0, 1])}[split]


def test_a_search_scores_on_val_and_keeps_the_best_points_logits(tmp_path):
    points = [grid.Point(number, 0.1, 0.0, "") for number in range(5)]
    given = []

    def score(logits, labels):
        given.append(labels.tolist())
        return [0.5, 0.9, 0.7, 0.6, 1.0][int(logits[0, 0])]

    resume = Resume(tmp_path / "search.resume", {})
    resume.finish({"trial": {"point": {"number": 0}, "val_score": 0.5, "diverged": None}, "logits": None})
    task = FakeTask()
    trials, best = search(task, points, steps=7, score=score, resume=resume)
    assert task.trained == [1, 2, 3, 4]  # what was finished is not trained again
    assert [trial["val_score"] for trial in trials] == [0.5, None, 0.7, 0.6, None]
    assert [trial["diverged"] for trial in trials] == [None, 2, None, None, 7]
    assert given == [[0, 1]] * 2
    assert (best == 2).all()
    trials, best = search(task, points[1:2], steps=7, score=score, resume=Resume(tmp_path / "other", {}))
    assert best is None


def test_divergence_is_noticed():
    trained = fit(network(), steps=40, learning_rate=1e12)
    assert 1 < trained.diverged < 40
    assert np.isfinite(trained.losses).all()


def test_a_multilabel_dataset_trains_on_binary_losses():
    labels = np.eye(3, dtype=np.uint8)[np.arange(10) % 3]
    multilabel = Samples([str(i) for i in range(10)], labels, np.full(10, "train"), noisy, ["a", "b", "c"])
    source = Stream(np.arange(10), Draw(multilabel, "centre_crop", 16), seed=0)
    layout = torch.channels_last  # in whose order dropout draws
    start = network().train().to(memory_format=layout)
    images, targets = drawn(source, 0, 1)[0]
    torch.manual_seed(0)
    logits = start(((images / 255 - 0.5) / 0.25).contiguous(memory_format=layout))
    expected = nn.functional.binary_cross_entropy_with_logits(logits, targets.float())
    assert fit(network(), steps=1, source=source).losses[0] == pytest.approx(expected.item(), rel=1e-5)


def test_a_finished_training_leaves_its_outcome_and_no_state(tmp_path):
    resume = Resume(tmp_path / "part.resume", {"steps": 10})
    resume.finish({"trial": 1})
    resume.save_training({"step": 3})
    resume.finish({"trial": 2})
    for one in (resume, Resume(tmp_path / "part.resume", {"steps": 10})):
        assert (one.finished, one.training) == ([{"trial": 1}, {"trial": 2}], None)


def test_a_file_of_other_settings_or_a_damaged_one_is_not_taken(tmp_path, caplog):
    path = tmp_path / "part.resume"
    resume = Resume(path, {"steps": 10})
    resume.finish({"trial": {"val_score": 0.5}})
    resume.save_training({"step": 3})
    again = Resume(path, {"steps": 10})
    assert (again.finished, again.training) == ([{"trial": {"val_score": 0.5}}], {"step": 3})
    other = Resume(path, {"steps": 20})
    assert (other.finished, other.training) == ([], None)
    assert "other settings" in caplog.text
    path.write_bytes(path.read_bytes()[:100])
    assert Resume(path, {"steps": 10}).finished == []
    assert "cannot be read" in caplog.text
    resume.remove()
    assert not path.exists()
