"""The path solver against scikit-learn at its tightest, and against what must hold of any minimum."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from transferscope.protocols.probes import logistic, losses
from transferscope.protocols.probes.logistic import solve_path

LAMBDAS = (1e3, 10.0, 0.3, 1e-2)


@pytest.fixture(autouse=True)
def one_thread():
    """Problems this small only wait for a second thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def problem(samples=90, dimensions=12, classes=4, seed=0, multilabel=False):
    """Features float64 [N, D], like pooled ones not negative; labels int64 [N] or uint8 [N, C]."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, samples)
    targets = np.eye(classes, dtype=np.uint8)[labels]
    if multilabel:
        targets |= (rng.random(targets.shape) < 0.3).astype(np.uint8)
    centres = rng.normal(size=(classes, dimensions))
    scales = np.linspace(3, 0.1, dimensions)
    features = np.maximum(scales * (targets @ centres + 2 * rng.normal(size=(samples, dimensions)) + 1), 0)
    return features, targets if multilabel else labels


def solve(features, labels, lambdas=LAMBDAS, classes=4, dtype=torch.float64, **settings):
    """{lambda: Solution} of the whole path; in float64 tight enough to compare digits."""
    settings = {"tolerance": 1e-16 if dtype == torch.float64 else 3e-7} | settings
    path = solve_path(
        torch.as_tensor(features, dtype=dtype),
        torch.as_tensor(labels),
        lambdas,
        num_classes=classes,
        **settings,
    )
    return {fit.lambda_: fit for fit in path}


def residual(fit, features, labels):
    """Gradient of the summed loss to the logits, in float64."""
    logits = torch.as_tensor(features, dtype=torch.float64) @ fit.weight.double() + fit.bias.double()
    if labels.ndim == 2:
        return torch.sigmoid(logits) - torch.as_tensor(labels)
    return torch.softmax(logits, 1) - torch.nn.functional.one_hot(torch.as_tensor(labels), logits.shape[1])


def objective(weight, bias, features, labels, lambda_):
    weight, bias = (torch.as_tensor(part, dtype=torch.float64) for part in (weight, bias))
    logits = torch.as_tensor(features, dtype=torch.float64) @ weight + bias
    if labels.ndim == 2:
        targets = torch.as_tensor(labels, dtype=torch.float64)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="sum")
    else:
        loss = torch.nn.functional.cross_entropy(logits, torch.as_tensor(labels), reduction="sum")
    return (loss + lambda_ / 2 * weight.square().sum()).item()


def tight(features, labels, strength):
    return LogisticRegression(C=strength, solver="newton-cholesky", tol=1e-10).fit(features, labels)


def assert_stationary(fit, features, labels):
    """KKT: the data term's gradient to the weights is -lambda W, and to the bias it is zero."""
    gradient = residual(fit, features, labels)
    to_weight = torch.as_tensor(features, dtype=torch.float64).T @ gradient
    torch.testing.assert_close(to_weight, -fit.lambda_ * fit.weight, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(gradient.sum(0), torch.zeros_like(fit.bias), rtol=0, atol=1e-4)


@pytest.mark.parametrize("samples, dimensions", [(90, 12), (30, 60)], ids=["tall", "wide"])
def test_softmax_is_scikit_learns_minimum(samples, dimensions):
    features, labels = problem(samples, dimensions)
    for lambda_, fit in solve(features, labels).items():
        reference = tight(features, labels, 1 / lambda_)
        assert fit.converged
        np.testing.assert_allclose(fit.weight, reference.coef_.T, rtol=1e-4, atol=1e-6)
        # scikit-learn leaves free what is added to all biases alike.
        centred = reference.intercept_ - reference.intercept_.mean()
        np.testing.assert_allclose(fit.bias - fit.bias.mean(), centred, rtol=1e-4, atol=1e-5)
        assert_stationary(fit, features, labels)


def test_two_classes_share_the_penalty():
    features, labels = problem(classes=2)
    for lambda_, fit in solve(features, labels, classes=2).items():
        reference = tight(features, labels, 2 / lambda_)
        np.testing.assert_allclose(
            fit.weight[:, 1] - fit.weight[:, 0], reference.coef_[0], rtol=1e-4, atol=1e-6
        )
        torch.testing.assert_close(fit.weight[:, 0], -fit.weight[:, 1], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("samples, dimensions", [(90, 12), (30, 60)], ids=["tall", "wide"])
def test_multilabel_is_one_binary_problem_a_class(samples, dimensions):
    features, labels = problem(samples, dimensions, multilabel=True)
    for lambda_, fit in solve(features, labels).items():
        assert_stationary(fit, features, labels)
        for index in range(4):
            reference = tight(features, labels[:, index], 1 / lambda_)
            np.testing.assert_allclose(fit.weight[:, index], reference.coef_[0], rtol=1e-4, atol=1e-6)
            np.testing.assert_allclose(fit.bias[index], reference.intercept_[0], rtol=1e-4, atol=1e-5)


def test_path_comes_from_strong_to_weak_without_repeats():
    features, labels = problem()
    assert list(solve(features, labels, [1.0, 100.0, 1.0, 10.0])) == [100.0, 10.0, 1.0]


def test_minimum_does_not_depend_on_the_path():
    features, labels = problem()
    along = solve(features, labels, np.logspace(-3, 5, 33))[0.1]
    alone = solve(features, labels, [0.1])[0.1]
    torch.testing.assert_close(along.weight, alone.weight, rtol=1e-5, atol=1e-7)
    restarted = solve(features, labels, [0.1], start=along)[0.1]
    torch.testing.assert_close(restarted.weight, alone.weight, rtol=1e-5, atol=1e-7)
    assert restarted.iterations <= 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_shift_of_the_features_moves_the_bias_alone(dtype):
    features, labels = problem()
    here = solve(features, labels, dtype=dtype)
    there = solve(features + 50, labels, dtype=dtype)
    for lambda_, fit in here.items():
        tolerance = {"rtol": 2e-2, "atol": 2e-3} if dtype == torch.float32 else {"rtol": 1e-5, "atol": 1e-7}
        torch.testing.assert_close(there[lambda_].weight, fit.weight, **tolerance)


@pytest.mark.parametrize("multilabel", [False, True], ids=["softmax", "binary"])
@pytest.mark.parametrize("samples, dimensions", [(90, 12), (30, 60)], ids=["tall", "wide"])
def test_float32_reaches_the_objective_to_the_tolerance(samples, dimensions, multilabel):
    features, labels = problem(samples, dimensions, multilabel=multilabel)
    lambdas = np.logspace(-6, 5, 45)
    best = solve(features, labels, lambdas)
    for lambda_, fit in solve(features, labels, lambdas, dtype=torch.float32).items():
        minimum = objective(best[lambda_].weight, best[lambda_].bias, features, labels, lambda_)
        reached = objective(fit.weight, fit.bias, features, labels, lambda_)
        assert fit.converged
        assert minimum * (1 - 1e-9) <= reached <= minimum * (1 + 1e-4)


def test_rank_deficient_features():
    """Constant and repeated columns and repeated rows: the minimum is still unique."""
    features, labels = problem(60, 8)
    features = np.hstack([features, features[:, :3], np.full((60, 2), 7.0)])
    features, labels = np.vstack([features, features[:20]]), np.hstack([labels, labels[:20]])
    for lambda_, fit in solve(features, labels).items():
        reference = tight(features, labels, 1 / lambda_)
        np.testing.assert_allclose(fit.weight, reference.coef_.T, rtol=1e-4, atol=1e-6)
    for fit in solve(features, labels, dtype=torch.float32).values():
        assert fit.converged
        assert abs(fit.weight[-2:]).max() < 1e-5


@pytest.mark.parametrize(("samples", "dimensions"), [(90, 12), (30, 40)])
def test_axes_that_float32_does_not_find_are_found_in_float64(monkeypatch, samples, dimensions):
    eigh = torch.linalg.eigh

    def fails_in_float32(matrix):
        if matrix.dtype == torch.float32:
            raise torch.linalg.LinAlgError("the algorithm failed to converge")
        return eigh(matrix)

    features, labels = problem(samples, dimensions)
    expected = solve(features, labels, dtype=torch.float32)
    monkeypatch.setattr(torch.linalg, "eigh", fails_in_float32)
    for strength, fit in solve(features, labels, dtype=torch.float32).items():
        np.testing.assert_allclose(fit.weight, expected[strength].weight, atol=2e-3)


def test_features_without_any_variance():
    fit = solve(np.ones((6, 3)), np.array([0, 0, 0, 1, 1, 2]), [1.0], classes=3)[1.0]
    probabilities = torch.softmax(fit.weight.sum(0) + fit.bias, 0)
    torch.testing.assert_close(probabilities, torch.tensor([3, 2, 1]).double() / 6, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_separable_classes_at_a_tiny_lambda(dtype):
    """The loss nearly vanishes and the weights grow as log(1 / lambda); float32 must not lose the way."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 20)
    features = 10 * np.eye(3)[labels] + rng.normal(size=(60, 3))
    path = solve(features, labels, np.logspace(-9, 2, 45), classes=3, dtype=dtype, tolerance=1e-7)
    norms = [fit.weight.norm().item() for fit in path.values()]
    assert all(fit.converged for fit in path.values())
    assert norms == sorted(norms)
    weakest = path[min(path)]
    reference = tight(features, labels, 1e9)
    ours = objective(weakest.weight, weakest.bias, features, labels, 1e-9)
    assert ours <= 1.0001 * objective(reference.coef_.T, reference.intercept_, features, labels, 1e-9)


@pytest.mark.parametrize("multilabel", [False, True], ids=["softmax", "binary"])
def test_a_class_without_samples_is_never_predicted(multilabel):
    features, labels = problem(multilabel=multilabel)
    if multilabel:
        labels[:, 2] = 0
    else:
        labels[labels == 2] = 1
    for fit in solve(features, labels, dtype=torch.float32).values():
        logits = torch.as_tensor(features, dtype=torch.float32) @ fit.weight + fit.bias
        assert fit.converged
        assert torch.isfinite(logits).all()
        assert (logits[:, 2] < 0 if multilabel else logits.argmax(1) != 2).all()


@pytest.mark.parametrize("multilabel", [False, True], ids=["softmax", "binary"])
def test_same_bits_twice(multilabel):
    features, labels = problem(multilabel=multilabel)
    once, twice = (solve(features, labels, dtype=torch.float32) for _ in range(2))
    for lambda_ in once:
        assert torch.equal(once[lambda_].weight, twice[lambda_].weight)
        assert torch.equal(once[lambda_].bias, twice[lambda_].bias)


def test_a_fit_cut_short_says_so(monkeypatch):
    monkeypatch.setattr(logistic, "MAX_ITERATIONS", 2)
    features, labels = problem()
    fit = solve(features, labels, [1e-3])[1e-3]
    assert (fit.iterations, fit.converged) == (2, False)


@pytest.mark.parametrize("loss", [losses.softmax_loss, losses.binary_loss])
def test_losses_keep_their_digits_where_float32_has_few(loss):
    """Against autograd in float64, from hopelessly wrong logits to ones right beyond what 1 - p can say."""
    rng = np.random.default_rng(0)
    logits = torch.as_tensor(rng.normal(size=(50, 5)) * np.logspace(-2, 2, 50)[:, None]).float()
    labels = torch.as_tensor(rng.integers(0, 5, 50))
    if loss is losses.binary_loss:
        labels = torch.nn.functional.one_hot(labels, 5)
    exact = logits.double().requires_grad_()
    if loss is losses.binary_loss:
        expected = torch.nn.functional.softplus((1 - 2 * labels) * exact, threshold=1e9).sum()
        value, gradient = loss(logits, labels.float())
    else:
        own = exact.gather(1, labels[:, None])
        others = torch.nn.functional.one_hot(labels, 5).bool()
        expected = torch.log1p(torch.exp(exact - own).masked_fill(others, 0).sum(1)).sum()
        value, gradient = loss(logits, labels)
    expected.backward()
    torch.testing.assert_close(value, expected.detach(), rtol=1e-6, atol=0)
    torch.testing.assert_close(gradient.double(), exact.grad, rtol=1e-4, atol=1e-37)


def test_the_objective_is_within_what_is_promised_on_200_random_fits():
    """In float32, against scikit-learn at 1e-10: all within 2e-4, nine of ten within 5e-5."""
    rng = np.random.default_rng(0)
    excesses = []
    for seed in range(25):
        samples, dimensions, classes = rng.integers([60, 5, 3], [200, 25, 6]).tolist()
        features, labels = problem(samples, dimensions, classes, seed=seed)
        labels[:classes] = np.arange(classes)
        features = features.astype(np.float32)
        lambdas = 10.0 ** np.arange(4, -4, -1) * rng.uniform(1, 5, 8)
        for lambda_, fit in solve(features, labels, lambdas, classes, dtype=torch.float32).items():
            exact = tight(features.astype(np.float64), labels, 1 / lambda_)
            least = objective(exact.coef_.T, exact.intercept_, features, labels, lambda_)
            found = objective(fit.weight, fit.bias, features, labels, lambda_)
            excesses.append(found / least - 1)
    assert len(excesses) == 200
    assert -1e-8 < min(excesses) < max(excesses) < 2e-4
    assert np.quantile(excesses, 0.9) < 5e-5
