"""DeepCluster: whitening, k-means, the sampler, what a pass begins with, and exact states."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import sklearn
import torch
from sklearn.decomposition import PCA
from tests.unit.studies import READY
from torch import Tensor, nn

import pretrain
from transferscope.errors import InputError
from transferscope.figures.pretraining import pretraining as draw
from transferscope.models import backbones
from transferscope.pretraining import method, training
from transferscope.pretraining.deepcluster import DeepCluster
from transferscope.pretraining.parts import clusters
from transferscope.training.resume import Resume

DIGITS = Path(sklearn.__file__).parent / "datasets/data"
SAMPLES, BATCH, STEPS = 100, 8, 30  # passes of 12 steps
RECOGNITION = {"dataset": "digits", "loader": "digits", "version": "1", "split_rule": "stratified"}
RECOGNITION |= {"classes": 10, "counts": {}}
RATES = {"learning_rate": 0.05, "last_learning_rate": 0.05, "warmup": 0.0, "weight_decay": 1e-5}


def build(arch: str = "alexnet_32?width=4", **settings) -> DeepCluster:
    torch.manual_seed(0)
    facts = {"size": 16, "samples": SAMPLES, "batch_size": BATCH, "steps": STEPS}
    return method.create("deepcluster", backbones.create(arch), {"clusters": 10} | settings, **facts).train()


def images() -> list[Tensor]:
    """All of them, some at a time."""
    return list(torch.randn(SAMPLES, 3, 16, 16, generator=torch.Generator().manual_seed(1)).split(30))


def body(trained: DeepCluster) -> dict[str, Tensor]:
    parts = trained.backbone.state_dict() | {f"head.{key}": x for key, x in trained.head.state_dict().items()}
    return {name: tensor.clone() for name, tensor in parts.items()}


def test_components_are_the_principal_ones_with_mean_0_and_variance_1():
    torch.manual_seed(0)
    features = torch.randn(500, 20) @ torch.randn(20, 20) + 5
    found = clusters.whiten(features, 8)
    torch.testing.assert_close(found.mean(0), torch.zeros(8), atol=1e-4, rtol=0)
    torch.testing.assert_close(found.T @ found / 500, torch.eye(8), atol=1e-4, rtol=0)
    expected = PCA(8, whiten=True, svd_solver="full").fit_transform(features.double().numpy())
    expected *= math.sqrt(500 / 499)  # scikit-learn divides by one less
    signs = np.sign((expected * found.numpy()).sum(0))
    np.testing.assert_allclose(found, signs * expected, atol=1e-3)


def test_components_that_are_rounding_are_0():
    features = torch.randn(50, 3) @ torch.randn(3, 6)
    found = clusters.whiten(features, 256)
    assert found.shape == (50, 6)
    assert (found[:, 3:] == 0).all()
    torch.testing.assert_close(found[:, :3].T @ found[:, :3] / 50, torch.eye(3), atol=1e-3, rtol=0)
    assert (clusters.whiten(torch.ones(50, 4), 256) == 0).all()


def test_k_means_finds_blobs():
    torch.manual_seed(0)
    blobs = torch.arange(6).repeat_interleave(30)
    points = 10 * nn.functional.one_hot(blobs, 8).float() + 0.1 * torch.randn(180, 8)
    fewest = min(
        sum(len(blobs[labels == label].unique()) - 1 for label in labels.unique())
        for labels in (clusters.k_means(points, 6) for _ in range(10))
    )
    assert fewest == 0


def test_centres_are_means_of_what_is_nearest_to_them():
    torch.manual_seed(0)
    points = torch.randn(300, 4)
    labels = clusters.k_means(points, 5, iterations=200)
    centres = torch.stack([points[labels == label].mean(0) for label in range(5)])
    assert torch.equal(torch.cdist(points, centres).argmin(1), labels)


def test_an_empty_cluster_takes_half_of_another_one():
    torch.manual_seed(0)
    points = torch.randn(40, 4) + 3
    centres = torch.stack([points.mean(0), torch.full((4,), 100.0)])
    assert clusters.nearest(points, centres).unique().tolist() == [0]
    split = clusters._split(centres.clone(), [40, 0])
    torch.testing.assert_close(split.mean(0), centres[0])
    assert 0 < (split[0] - split[1]).abs().max() < 0.1
    assert clusters.nearest(points, split).unique().tolist() == [0, 1]


def test_centres_on_the_same_place_are_moved_to_where_points_are():
    torch.manual_seed(0)
    points = torch.cat([torch.randn(1, 4).repeat(50, 1), torch.randn(50, 4)])
    labels = clusters.k_means(points, 20)  # about ten begin on the same point
    assert len(labels.unique()) > 17


def test_fewer_different_points_than_clusters_leave_some_empty():
    torch.manual_seed(0)
    points = torch.randn(2, 4).repeat(20, 1)
    labels = clusters.k_means(points, 7)
    assert labels[0] != labels[1]
    assert torch.equal(labels, labels[:2].repeat(20))
    assert len(clusters.balanced(labels, 40)) == 40


def test_all_clusters_come_equally_often_whatever_their_sizes():
    torch.manual_seed(0)
    labels = torch.cat([torch.full((9000,), 3), torch.randint(3, (1000,))])[torch.randperm(10_000)]
    drawn = clusters.balanced(labels, 10_000)
    counts = labels[drawn].bincount()
    # Of each 10_000 // 4 + 1 are drawn, and 4 of all are left out.
    assert counts.sum() == 10_000
    assert ((counts >= 2497) & (counts <= 2501)).all()
    large = drawn[labels[drawn] == 3]
    assert len(large.unique()) == len(large)  # enough, so none twice
    first = labels[drawn][:1000].bincount() / 1000  # and in random order
    assert ((first - 0.25).abs() < 5 * (0.25 * 0.75 / 1000) ** 0.5).all()


def test_of_each_cluster_one_more_is_drawn_than_its_share():
    torch.manual_seed(0)
    labels = torch.tensor([0] * 100 + [1] * 4 + [2])
    counts = torch.stack([labels[clusters.balanced(labels, 30)].bincount() for _ in range(50)])
    assert counts.max() == 11
    assert counts.min() >= 8
    assert (counts.sum(1) == 30).all()


def test_a_cluster_that_is_empty_is_passed_over():
    labels = torch.tensor([0, 0, 2, 2, 4])
    drawn = clusters.balanced(labels, 30)
    assert len(drawn) == 30
    assert set(labels[drawn].tolist()) == {0, 2, 4}


def test_a_pass_begins_with_a_new_last_layer_and_the_same_body():
    trained = build()
    before, last = body(trained), trained.top.weight.detach().clone()
    trained.top.bias.data.fill_(3)
    with torch.no_grad():
        order = trained.order(0, images())
    after = body(trained)
    assert set(after) == set(before)
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert not torch.equal(trained.top.weight, last)
    assert trained.top.weight.std().item() == pytest.approx(0.01, rel=0.2)
    assert (trained.top.bias == 0).all()
    assert trained.training
    assert len(order) == SAMPLES // BATCH * BATCH


def test_within_a_pass_nothing_is_assigned():
    trained = build()
    with torch.no_grad():
        order = trained.order(0, images()).clone()
        state = {name: tensor.clone() for name, tensor in trained.state_dict().items()}
        assert torch.equal(trained.order(0, iter(())), order)
    for name, tensor in trained.state_dict().items():
        torch.testing.assert_close(tensor, state[name], rtol=0, atol=0, equal_nan=True)


def test_clusters_are_of_features_before_the_last_relu_in_evaluation():
    trained, seen = build(), []
    trained.backbone(torch.randn(8, 3, 16, 16))  # statistics other than at the start
    whiten = clusters.whiten

    def watched(features: Tensor, width: int) -> Tensor:
        seen.append(features)
        return whiten(features, width)

    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(clusters, "whiten", watched)
        trained.order(0, images())
        trained.eval()
        expected = trained.head.before_relu(trained.backbone.forward_features(torch.cat(images())))
    torch.testing.assert_close(seen[0], expected)
    assert (seen[0] < 0).any()


def test_the_label_of_an_image_follows_its_index():
    trained = build().eval()
    trained.labels.copy_(torch.arange(SAMPLES) % 10)
    indices = torch.tensor([31, 4, 77, 9])
    batch = torch.randn(4, 3, 16, 16)
    scores = trained.top(trained.head(trained.backbone.forward_features(batch)))
    outcome = trained(batch, indices)
    expected = nn.functional.cross_entropy(scores, torch.tensor([1, 4, 7, 9]))
    torch.testing.assert_close(outcome.loss, expected)
    torch.testing.assert_close(outcome.features, trained.backbone(batch))


def test_the_last_layer_has_no_momentum():
    trained = build()
    optimiser = training._grouped(
        lambda groups: torch.optim.SGD(groups, lr=0.1, momentum=0.9), trained, list(trained.parameters())
    )
    trained(torch.randn(8, 3, 16, 16), torch.arange(8)).loss.backward()
    optimiser.step()
    kept = {
        weight
        for weight in trained.parameters()
        if optimiser.state[weight].get("momentum_buffer") is not None
    }
    assert kept == set(trained.parameters()) - set(trained.top.parameters())


def run(folder: Path, *, checkpoint_steps: int = STEPS) -> tuple[bytes, bytes]:
    """A backbone and its history, of 2.5 passes."""
    profile = {"size": 16, "steps": STEPS, "batch_size": BATCH} | RATES
    plan = {"method": "deepcluster", "dataset": "digits", "profile": "tiny", "seed": 0, "images": SAMPLES}
    output, history = folder / "tiny.safetensors", folder / "tiny.history.json"
    pretrain.main(
        DIGITS,
        output,
        history,
        model="tiny",
        arch="alexnet_32?width=2",
        normalisation="half",
        source="pretrain:method=deepcluster&dataset=digits&profile=tiny&seed=0",
        plan=plan | {"training": profile, "settings": {"clusters": 10}},
        task="recognition",
        facts=RECOGNITION,
        split_seed=0,
        version=1,
        device="cpu",
        threads=1,
        checkpoint_steps=checkpoint_steps,
    )
    return output.read_bytes(), history.read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[bytes, bytes]:
    return run(tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("step", [12, 17])  # at the end of the first pass, in the middle of the second
def test_a_killed_training_ends_as_one_that_was_not(step, whole, tmp_path, monkeypatch):
    saved = Resume.save_training

    def save_and_die(resume, state):
        saved(resume, state)
        raise KeyboardInterrupt

    monkeypatch.setattr(Resume, "save_training", save_and_die)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, checkpoint_steps=step)
    monkeypatch.undo()
    assert run(tmp_path) == whole


def test_the_history_tells_of_each_pass(whole):
    history = json.loads(whole[1])
    assert history["passes"]["step"] == [0, 12, 24]
    nmi, filled = history["passes"]["nmi"], history["passes"]["clusters"]
    assert len(nmi) == len(filled) == 3
    assert nmi[0] is None
    assert all(0 < value < 1 for value in nmi[1:])
    assert all(1 < count <= 10 for count in filled)
    assert len(history["loss"]) == STEPS
    assert history["loss"][0] == pytest.approx(math.log(10), abs=0.05)  # a new last layer
    assert history["loss"][12] == pytest.approx(math.log(10), abs=0.3)


def test_the_figure_shows_how_far_the_clusters_of_two_passes_agree(whole):
    figure = draw([json.loads(whole[1])], READY, {"font_size": 8, "dpi": 72})
    curve, agreement = figure.axes[1].lines
    assert len(curve.get_xdata()) == STEPS
    assert agreement.get_xdata().tolist() == [0, 12, 24]
    assert np.isnan(agreement.get_ydata()[0])


def test_there_is_a_cluster_for_forty_images_but_a_hundred_at_least():
    facts = {"size": 16, "batch_size": BATCH, "steps": STEPS}
    network = backbones.create("alexnet_32?width=2")
    for samples, expected in ((200, 100), (8000, 200)):
        made = method.create("deepcluster", network, {}, samples=samples, **facts)
        assert made.top.out_features == expected


@pytest.mark.parametrize(
    ("arch", "settings", "sentence"),
    [
        ("alexnet_32?width=2", {"smallest_area": 2}, "`smallest_area` 2; below `pretrain`"),
        ("alexnet_32?width=2", {"clusters": 101}, "would make 101 clusters of 100 images"),
        ("alexnet_32?width=2", {"k": 3}, "has no setting 'k', only augment, clusters, smallest_area"),
    ],
)
def test_what_it_cannot_take_is_said(arch, settings, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        build(arch, **settings)
    assert "\n" not in str(caught.value)
