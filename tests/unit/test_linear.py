"""The linear probe's protocol: what is fitted on what, what is chosen, what comes out, what is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from transferscope.errors import InputError
from transferscope.protocols.probes import ericsson2021
from transferscope.protocols.probes.linear import LAMBDAS, linear_probe
from transferscope.results.metrics import map11, map11_ericsson2021, mean_per_class, top1

FEW = np.logspace(-3, 3, 7)
GOLDEN = Path(__file__).with_name("golden")
ONE_DIGIT = 0.251  # of 400 in percent


@pytest.fixture(autouse=True)
def one_thread():
    """Problems this small only wait for a second thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def splits(multilabel=False, sizes=(80, 60, 70), classes=4, dimensions=10, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, dimensions))
    drawn = []
    for size in sizes:
        labels = rng.integers(0, classes, size)
        targets = np.eye(classes, dtype=np.uint8)[labels]
        if multilabel:
            targets |= (rng.random(targets.shape) < 0.2).astype(np.uint8)
        features = np.maximum(targets @ centres + 1.2 * rng.normal(size=(size, dimensions)) + 1, 0)
        drawn.append((features.astype(np.float32), targets if multilabel else labels))
    return drawn


def probe(train, val, test, metric=top1, num_classes=4, lambdas=FEW, **settings):
    return linear_probe(train, val, test, metric=metric, num_classes=num_classes, lambdas=lambdas, **settings)


def joined(train, val):
    return [np.concatenate(parts) for parts in zip(train, val, strict=True)]


def tight(features, labels, lambda_):
    classifier = LogisticRegression(C=1 / lambda_, solver="newton-cholesky", tol=1e-10)
    return classifier.fit(features.astype(np.float64), labels)


def test_the_papers_lambdas():
    assert len(LAMBDAS) == 45
    assert LAMBDAS[[0, -1]] == pytest.approx([1e-6, 1e5])


def test_chooses_on_val_and_refits_on_both():
    train, val, test = splits()
    result = probe(train, val, test)
    fits = {lambda_: tight(*train, lambda_) for lambda_ in FEW}
    scores = [fits[lambda_].score(*val) for lambda_ in FEW]
    np.testing.assert_allclose(result.val_scores, scores, atol=1e-9)
    np.testing.assert_array_equal(result.lambdas, FEW)
    assert result.chosen_lambda == max(FEW, key=lambda value: (fits[value].score(*val), value))

    def probabilities(logits):
        return torch.softmax(torch.as_tensor(logits), 1).numpy()

    # Logits are compared as probabilities, for which a shift of all classes is nothing.
    expected = fits[result.chosen_lambda].predict_proba(val[0])
    np.testing.assert_allclose(probabilities(result.val_logits), expected, atol=5e-3)
    expected = tight(*joined(train, val), result.chosen_lambda).predict_proba(test[0])
    np.testing.assert_allclose(probabilities(result.test_logits), expected, atol=5e-3)
    assert result.val_logits.dtype == result.test_logits.dtype == np.float32
    assert result.converged.all()
    assert result.refit_converged
    assert result.iterations.shape == result.converged.shape == (7,)


def test_multilabel_shares_one_lambda_by_mean_average_precision():
    train, val, test = splits(multilabel=True)
    result = probe(train, val, test, metric=map11)
    fits = [tight(train[0], column, result.chosen_lambda) for column in train[1].T]
    decisions = np.stack([fit.decision_function(val[0]) for fit in fits], axis=1)
    np.testing.assert_allclose(result.val_logits, decisions, atol=2e-2)
    assert result.val_scores.max() == pytest.approx(map11(result.val_logits, val[1]))
    assert result.test_logits.shape == (70, 4)


@pytest.mark.parametrize("mode, chosen", [("converged", FEW[-1]), ("ericsson2021", FEW[0])])
def test_ties(mode, chosen):
    """The strongest of equals; in the authors' mode the weakest, which their loop meets first."""
    result = probe(*splits(), metric=lambda scores, labels: 0.5, mode=mode)
    assert result.chosen_lambda == chosen


def test_lambdas_come_back_rising_whatever_their_order():
    given = splits()
    forward, backward = (probe(*given, lambdas=lambdas) for lambdas in (FEW, FEW[::-1]))
    np.testing.assert_array_equal(forward.lambdas, backward.lambdas)
    np.testing.assert_array_equal(forward.val_scores, backward.val_scores)


@pytest.mark.parametrize("mode", ["converged", "ericsson2021"])
def test_same_bits_twice(mode):
    given = splits()
    once, twice = (probe(*given, mode=mode) for _ in range(2))
    np.testing.assert_array_equal(once.test_logits, twice.test_logits)
    np.testing.assert_array_equal(once.val_logits, twice.val_logits)


def golden(name):
    return pd.read_csv(GOLDEN / f"{name}.csv")


def digits(problem):
    """The problem of the golden values: 600, 400 and 797 digits, as ten classes or as three attributes."""
    data = load_digits()
    order = np.arange(len(data.target))
    np.random.RandomState(0).shuffle(order)
    labels = data.target
    if problem == "map":
        members = ([0, 2, 4, 6, 8], [2, 3, 5, 7], [0, 6, 8, 9])
        labels = np.stack([np.isin(labels, digits) for digits in members], axis=1).astype(np.int64)
    parts = np.split(order, [600, 1000])
    return [(data.data[part].astype(np.float32), labels[part]) for part in parts]


def test_a_single_fit_of_ericsson2021_is_scikit_learns_of_its_day():
    """From zero, scikit-learn 0.22.2: the same iterations, and nearly the same point where it stops."""
    train, val, _ = digits("acc")
    for row in golden("authors_cold_digits").to_dict("records"):
        (fit,) = ericsson2021.EarlyStopped(10).path(*train, [row["lambda"]])
        assert fit.iterations == row["iterations"]
        logits = torch.as_tensor(train[0]).double() @ fit.weight + fit.bias
        loss = torch.nn.functional.cross_entropy(logits, torch.as_tensor(train[1]), reduction="sum")
        objective = loss + row["lambda"] / 2 * fit.weight.square().sum()
        # Up to 100 iterations amplify the last bit of a product, which differs with the machine's BLAS.
        assert objective.item() == pytest.approx(row["objective"], rel=1e-3)
        score = 100 * top1((val[0] @ fit.weight.numpy()) + fit.bias.numpy(), val[1])
        assert score == pytest.approx(row["val_top1"], abs=ONE_DIGIT)


@pytest.mark.parametrize(
    ("problem", "metric"), [("acc", top1), ("mpc", mean_per_class), ("map", map11_ericsson2021)]
)
def test_ericsson2021_is_the_authors_loop(problem, metric):
    """Their code under scikit-learn 0.22.2 on 12 lambdas: iterations, val scores, choice and test score.

    Warm starts carry the last bits of one fit into the next where regularisation is weak: at lambda 1e-4
    their own code on one thread and on two differs by two digits of 400.
    """
    rows = golden("authors_loop_digits").query("problem == @problem").set_index("lambda")
    train, val, test = digits(problem)
    result = probe(
        train,
        val,
        test,
        metric=metric,
        num_classes=3 if problem == "map" else 10,
        lambdas=rows.index.to_numpy(),
        mode="ericsson2021",
    )
    differences = np.abs(100 * result.val_scores - rows["val_score"])
    assert differences[rows.index >= 0.1].max() < ONE_DIGIT
    assert differences.max() < 2 * ONE_DIGIT + 0.1
    assert (differences < 0.1).mean() > 0.7
    assert np.abs(result.iterations - rows["iterations"]).max() <= 0.04 * rows["iterations"].max()
    chosen = rows["test_score"].dropna()
    assert result.chosen_lambda == chosen.index.item()
    assert 100 * metric(result.test_logits, test[1]) == pytest.approx(chosen.item(), abs=0.01)


def test_modes_agree_on_two_classes():
    """Two weight vectors are a softmax of two classes; where the authors' loop converges, it agrees."""
    given = splits(classes=2)
    ours, theirs = (
        probe(*given, num_classes=2, lambdas=[10.0], mode=mode) for mode in ("converged", "ericsson2021")
    )
    np.testing.assert_allclose(
        ours.test_logits[:, 1] - ours.test_logits[:, 0], np.diff(theirs.test_logits)[:, 0], atol=0.02
    )


def test_ericsson2021_says_where_it_stopped_early(monkeypatch):
    monkeypatch.setattr(ericsson2021, "MAX_ITERATIONS", 5)
    result = probe(*splits(), mode="ericsson2021")
    assert result.iterations[0] == 5
    assert not result.converged[0]


@pytest.mark.parametrize("multilabel", [False, True])
def test_a_class_absent_from_train(multilabel):
    train, val, test = splits(multilabel=multilabel)
    if multilabel:
        train[1][:, 3] = 0
    else:
        train[1][train[1] == 3] = 0
    metric = map11 if multilabel else top1
    result = probe(train, val, test, metric=metric)
    assert np.isfinite(result.test_logits).all()
    with pytest.raises(InputError, match="use mode converged"):
        probe(train, val, test, metric=metric, mode="ericsson2021")


def spoil(part, **changes):
    """Three good splits, with one split's features or labels replaced."""
    given = dict(zip(("train", "val", "test"), splits(), strict=True))
    features, labels = given[part]
    given[part] = changes.get("features", features), changes.get("labels", labels)
    return given.values()


def test_refuses_features_that_are_not_finite():
    features = splits()[1][0]
    features[7, 3] = np.nan
    with pytest.raises(InputError, match="val has features that are NaN or infinite, first in row 7"):
        probe(*spoil("val", features=features))


@pytest.mark.parametrize(
    "part, changes, message",
    [
        ("test", {"features": np.ones((70, 9), np.float32)}, "one backbone"),
        ("val", {"labels": np.zeros(59, int)}, "one label a sample"),
        ("train", {"labels": np.full(80, 4)}, "must be in 0..3"),
        ("train", {"labels": np.full(80, -1)}, "must be in 0..3"),
        ("train", {"labels": np.zeros((80, 5), np.uint8)}, "4 classes"),
        (
            "val",
            {"features": np.ones((0, 10), np.float32), "labels": np.zeros(0, int)},
            "at least one sample",
        ),
    ],
)
def test_refuses_splits_that_do_not_fit(part, changes, message):
    with pytest.raises(InputError, match=message):
        probe(*spoil(part, **changes))


def test_refuses_an_unknown_mode_and_lambdas_that_are_not_positive():
    with pytest.raises(InputError, match="no mode 'exact'"):
        probe(*splits(), mode="exact")
    for lambdas in ([], [0.0, 1.0], [np.inf]):
        with pytest.raises(InputError, match="positive and finite"):
            probe(*splits(), lambdas=lambdas)


def test_ericsson2021_converged_where_every_class_did(monkeypatch):
    """The iterations told are those of all classes together; the limit is of each."""
    given = splits(multilabel=True)
    alone = probe(*given, metric=map11, mode="ericsson2021", lambdas=[100.0])
    monkeypatch.setattr(ericsson2021, "MAX_ITERATIONS", alone.iterations[0] - 1)
    again = probe(*given, metric=map11, mode="ericsson2021", lambdas=[100.0])
    assert again.iterations.tolist() == alone.iterations.tolist()
    assert again.converged.all() and again.refit_converged
