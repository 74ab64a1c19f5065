"""Solver of the linear probe compared to scikit-learn: `python benchmarks/linear.py`.

Two baselines on synthetic features that resemble a ResNet-50's (non-negative, half zeros, norm about 35,
decaying spectrum), all with the same number of threads:

- `loop`: the authors' loop over 45 lambdas (mode ericsson2021: L-BFGS as scikit-learn 0.22.2 ran it, warm
  starts, at most 100 iterations), including validation. Compares time, objective at every lambda, and test
  accuracy at the lambda chosen on val; the refit is timed separately.
- `tight`: scikit-learn's lbfgs from zero to tol=1e-6 at single lambdas >= 1e-2, compared to the solver's path
  down to 1e-2, including its set-up. Compares the mean time per lambda and the objectives.

Objectives are computed from the returned weights in float64. --device cuda applies to the solver, not to the
baselines. Times are wall-clock times; the solver's are medians of three. With two or more threads,
scikit-learn's OpenMP and BLAS pools compete, especially on shared processors; --threads 1 is its best case.
"""

import argparse
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from transferscope.protocols.probes.ericsson2021 import EarlyStopped
from transferscope.protocols.probes.linear import LAMBDAS
from transferscope.protocols.probes.logistic import Solution, solve_path
from transferscope.results.metrics import top1

REPEATS = 3


@dataclass(frozen=True)
class Problem:
    """A classification problem with training features [samples, dimensions]; val has 2,000, test 10,000."""

    samples: int
    dimensions: int
    classes: int
    separation: float  # distance of class means in within-class standard deviations

    def draw(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """{split: (features float32 [N, D], labels int64 [N])}: a rectified linear map of normal latents."""
        rng = np.random.default_rng(0)
        scale = np.arange(1, 257) ** -0.5
        means = self.separation * scale * rng.standard_normal((self.classes, 256))
        mixing = rng.standard_normal((256, self.dimensions)) / np.linalg.norm(scale)
        offset = 0.5 * rng.standard_normal(self.dimensions)
        drawn = {}
        for name, size in {"train": self.samples, "val": 2_000, "test": 10_000}.items():
            labels = rng.integers(self.classes, size=size)
            latents = means[labels] + scale * rng.standard_normal((size, 256))
            features = latents @ mixing + offset + 0.5 * rng.standard_normal((size, self.dimensions))
            drawn[name] = (0.9 * np.maximum(features, 0)).astype(np.float32), labels
        return drawn


PROBLEMS = {
    "P1": Problem(3_000, 2_048, 37, separation=0.22),
    "P2": Problem(10_000, 2_048, 100, separation=0.25),
}
QUICK = {"quick": Problem(600, 256, 10, separation=0.3)}


@dataclass
class Run:
    """Result of a method: (objective, val accuracy, iterations) per lambda, times and test accuracy."""

    rows: dict[float, tuple[float, float, int]]
    seconds: float  # time of the path
    refit_seconds: float
    chosen: float
    test_accuracy: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS))
    parser.add_argument("--quick", action="store_true", help="one small problem instead, to see that it runs")
    parser.add_argument("--full", action="store_true", help="`tight` at each lambda >= 1e-2 instead of five")
    parser.add_argument("--device", default="cpu", help="torch device of the solver (default: cpu)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of all methods (default: all)")
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    problems = QUICK if arguments.quick else {name: PROBLEMS[name] for name in arguments.problems}
    with threadpool_limits(arguments.threads):
        for name, problem in problems.items():
            print(
                f"\n{name}: {problem}, {arguments.threads} threads, solver on {arguments.device}", flush=True
            )
            compare(problem.draw(), problem.classes, arguments.device, arguments.full)


def compare(splits: dict, classes: int, device: str, full: bool) -> None:
    """Print both comparisons."""
    ours = run_ours(splits, classes, device)
    loop = run_loop(splits, classes)
    print("\n   lambda  loop: objective  iterations  val    ours: objective  iterations  val    excess")
    for lambda_ in LAMBDAS:
        (theirs, their_score, their_iterations), (objective, score, iterations) = (
            run.rows[lambda_] for run in (loop, ours)
        )
        print(
            f"{lambda_:9.2e}  {theirs:15.7g}  {their_iterations:10d}  {their_score:.3f}"
            f"  {objective:15.7g}  {iterations:10d}  {score:.3f}  {objective / theirs - 1:+.1e}",
            flush=True,
        )
    worst = max(ours.rows[lambda_][0] / loop.rows[lambda_][0] - 1 for lambda_ in LAMBDAS)
    ratio = loop.seconds / ours.seconds
    print(f"path: loop {loop.seconds:.2f} s, ours {ours.seconds:.2f} s, {ratio:.1f} times faster")
    print(f"refit: loop {loop.refit_seconds:.2f} s, ours {ours.refit_seconds:.2f} s")
    print(f"worst excess of our objective over the loop's: {worst:+.1e}")
    for name, run in {"loop": loop, "ours": ours}.items():
        print(f"{name} chose {run.chosen:.2e}: test accuracy {100 * run.test_accuracy:.2f}%")

    path = [lambda_ for lambda_ in LAMBDAS if lambda_ > 0.99e-2]
    each = seconds_of_path(splits["train"], classes, path, device) / len(path)
    chosen = path if full else path[:: len(path) // 4]
    print(f"\nours: {each:.4f} s a lambda, on a path of {len(path)}")
    print("   lambda  tight: seconds  iterations        objective  our excess")
    times = []
    for lambda_ in chosen:
        fit, seconds = run_tight(splits["train"], lambda_)
        times.append(seconds)
        reached = objective_of(splits["train"], fit)
        excess = ours.rows[lambda_][0] / reached - 1
        print(
            f"{lambda_:9.2e}  {seconds:14.2f}  {fit.iterations:10d}  {reached:15.7g}  {excess:+.1e}",
            flush=True,
        )
    mean = np.mean(times)
    print(f"tight: {mean:.2f} s a lambda (mean of {len(times)}), ours {mean / each:.0f} times faster")


def run_ours(splits: dict, classes: int, device: str) -> Run:
    """Run the protocol with our solver."""
    split = {name: on_device(split, device) for name, split in splits.items()}
    both = [torch.cat(parts) for parts in zip(split["train"], split["val"], strict=True)]
    # Warm-up: load the device's libraries.
    list(solve_path(*split["val"], LAMBDAS[-2:], num_classes=classes))

    def refit(chosen: Solution) -> Solution:
        return next(solve_path(*both, [chosen.lambda_], num_classes=classes, start=chosen))

    runs = []
    for _ in range(REPEATS):
        fits = solve_path(*split["train"], LAMBDAS, num_classes=classes)
        runs.append(run_protocol(fits, refit, splits, split, device))
    return sorted(runs, key=lambda run: run.seconds)[REPEATS // 2]


def run_loop(splits: dict, classes: int) -> Run:
    """Run the protocol with the authors' loop."""
    classifier = EarlyStopped(classes)
    both = [np.concatenate(parts) for parts in zip(splits["train"], splits["val"], strict=True)]
    fits = classifier.path(*splits["train"], LAMBDAS)
    split = {name: on_device(split, "cpu") for name, split in splits.items()}
    return run_protocol(fits, lambda chosen: classifier.refit(*both, chosen), splits, split, "cpu")


def run_protocol(fits: Iterable[Solution], refit, splits: dict, split: dict, device: str) -> Run:
    """Score each fit on val, refit the best one (the first of ties), score it on test; time the fits."""
    rows, best, best_score = {}, None, -1.0
    seconds = 0.0
    started = now(device)
    for fit in fits:
        score = accuracy(fit, split["val"][0], splits["val"][1])
        if score > best_score:
            best, best_score = fit, score
        seconds += now(device) - started
        rows[fit.lambda_] = objective_of(splits["train"], fit), score, fit.iterations
        started = now(device)
    final = refit(best)
    refit_seconds = now(device) - started
    test_accuracy = accuracy(final, split["test"][0], splits["test"][1])
    return Run(rows, seconds, refit_seconds, best.lambda_, test_accuracy)


def seconds_of_path(train: tuple, classes: int, lambdas: list[float], device: str) -> float:
    """Median time of the solver for a path, including set-up."""
    features, labels = on_device(train, device)
    times = []
    for _ in range(REPEATS):
        started = now(device)
        for _ in solve_path(features, labels, lambdas, num_classes=classes):
            pass
        times.append(now(device) - started)
    return median(times)


def run_tight(train: tuple, lambda_: float) -> tuple[Solution, float]:
    """Fit scikit-learn from zero to tol=1e-6; return the fit and its time."""
    started = perf_counter()
    fit = LogisticRegression(C=1 / lambda_, tol=1e-6, max_iter=100_000).fit(*train)
    seconds = perf_counter() - started
    weight, bias = torch.as_tensor(fit.coef_.T), torch.as_tensor(fit.intercept_)
    return Solution(lambda_, weight, bias, int(fit.n_iter_[0]), True), seconds


def accuracy(fit: Solution, features: torch.Tensor, labels: np.ndarray) -> float:
    return top1(torch.addmm(fit.bias, features, fit.weight).cpu().numpy(), labels)


def objective_of(train: tuple, fit: Solution) -> float:
    """Regularised objective of the weights on the training split, in float64 on the CPU."""
    weight, bias = fit.weight.cpu().double(), fit.bias.cpu().double()
    features, labels = on_device(train, "cpu")
    loss = torch.nn.functional.cross_entropy(features.double() @ weight + bias, labels, reduction="sum")
    return (loss + fit.lambda_ / 2 * weight.square().sum()).item()


def on_device(split: tuple, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    features, labels = split
    return torch.as_tensor(features, device=device), torch.as_tensor(labels, device=device)


def now(device: str) -> float:
    """Wall-clock time after synchronising the device."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)
    return perf_counter()


if __name__ == "__main__":
    main()
