"""Solver of the linear probe compared to others: `python benchmarks/linear.py`.

Three baselines on synthetic features that resemble a ResNet-50's (non-negative, half zeros, norm about 35,
decaying spectrum), all with the same number of threads:

- `loop`: the authors' loop over 45 lambdas (mode ericsson2021: L-BFGS as scikit-learn 0.22.2 ran it, warm
  starts, at most 100 iterations), including validation. Compares time, objective at every lambda, and test
  accuracy at the lambda chosen on val; the refit is timed separately. On the first problem alone: the second
  takes the loop the better part of an hour (--full).
- `tight`: scikit-learn's lbfgs from zero to tol=1e-6 at single lambdas >= 1e-2, compared to the solver's path
  down to 1e-2, including its set-up. Compares the mean time per lambda and the objectives.
- `others`: as `tight`, at the two ends of that path, by the fastest other solvers known to us: cyanure, and
  Intel's scikit-learn-intelex. On the first problem alone, since each value takes them up to a minute.

Objectives are computed from the returned weights in float64. --device cuda applies to the solver, not to the
baselines. Times are wall-clock times; the solver's are medians of three. With two or more threads,
scikit-learn's OpenMP and BLAS pools compete, especially on shared processors; --threads 1 is its best case.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import torch
from cyanure.estimators import Classifier
from page import Row, report
from sklearn.linear_model import LogisticRegression
from sklearnex.linear_model import LogisticRegression as IntelLogisticRegression
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

    def __str__(self) -> str:
        return f"{self.samples:,} x {self.dimensions:,} with {self.classes} classes"

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
    parser.add_argument(
        "--full",
        action="store_true",
        help="the loop on each problem, `tight` at each lambda",
    )
    parser.add_argument("--device", default="cpu", help="torch device of the solver (default: cpu)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of all methods (default: all)")
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    problems = QUICK if arguments.quick else {name: PROBLEMS[name] for name in arguments.problems}
    with threadpool_limits(arguments.threads):
        for place, (name, problem) in enumerate(problems.items()):
            print(
                f"\n{name}: {problem}, {arguments.threads} threads, solver on {arguments.device}", flush=True
            )
            splits, classes = problem.draw(), problem.classes
            ours = run_ours(splits, classes, arguments.device)
            print(f"path of {len(LAMBDAS)}: ours {ours.seconds:.2f} s", flush=True)
            if place == 0 or arguments.full:
                compare_with_loop(problem, ours, splits)
            path = [lambda_ for lambda_ in LAMBDAS if lambda_ > 0.99e-2]
            each = seconds_of_path(splits["train"], classes, path, arguments.device) / len(path)
            print(f"\nours: {each:.4f} s a lambda, on a path of {len(path)}")
            chosen = path if arguments.full else path[:: len(path) // 4]
            compare_with_tight(problem, "scikit-learn", fit_tight, splits["train"], chosen, ours, each)
            if place == 0:
                for name, fit in OTHERS.items():
                    ends = [path[0], path[-1]]
                    compare_with_tight(problem, name, fit, splits["train"], ends, ours, each)


def compare_with_loop(problem: Problem, ours: Run, splits: dict) -> None:
    """Print the comparison with the authors' loop."""
    loop = run_loop(splits, problem.classes)
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
    print(f"refit: loop {loop.refit_seconds:.2f} s, ours {ours.refit_seconds:.2f} s")
    for name, run in {"loop": loop, "ours": ours}.items():
        print(f"{name} chose {run.chosen:.2e}: test accuracy {100 * run.test_accuracy:.2f}%")
    report(
        Row(
            f"linear probe, {len(LAMBDAS)} regularisations, {problem}",
            "the authors' loop, as scikit-learn 0.22.2 ran it",
            f"{loop.seconds / ours.seconds:.0f} times faster",
            (ours.seconds, loop.seconds),
            f"no objective worse by more than {max(worst, 0):.1e}",
        )
    )


def compare_with_tight(
    problem: Problem, name: str, fit: Callable, train: tuple, lambdas: list[float], ours: Run, each: float
) -> None:
    """Print how long a solver takes at each lambda and what it reaches; ``each`` is our time for one."""
    print(f"\n   lambda  {name}: seconds        objective  our excess")
    times, excesses = [], []
    for lambda_ in lambdas:
        started = perf_counter()
        weight, bias = fit(*train, lambda_)
        times.append(perf_counter() - started)
        solution = Solution(lambda_, torch.as_tensor(weight), torch.as_tensor(bias), 0, True)
        reached = objective_of(train, solution)
        excess = ours.rows[lambda_][0] / reached - 1
        print(f"{lambda_:9.2e}  {times[-1]:{len(name) + 9}.2f}  {reached:15.7g}  {excess:+.1e}", flush=True)
        excesses.append(excess)
    mean = np.mean(times)
    report(
        Row(
            f"linear probe, one regularisation (mean of {len(times)}), {problem}",
            f"{name} at `tol=1e-6`",
            f"{mean / each:.0f} times faster",
            (each, mean),
            f"no objective worse by more than {max(0, *excesses):.1e}",
        )
    )


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


def fit_tight(features: np.ndarray, labels: np.ndarray, lambda_: float) -> tuple[np.ndarray, np.ndarray]:
    """Weights [D, C] and bias [C] of scikit-learn, from zero to tol=1e-6."""
    fit = LogisticRegression(C=1 / lambda_, tol=1e-6, max_iter=100_000).fit(features, labels)
    return fit.coef_.T, fit.intercept_


def fit_intel(features: np.ndarray, labels: np.ndarray, lambda_: float) -> tuple[np.ndarray, np.ndarray]:
    """As ``fit_tight``, by scikit-learn-intelex in float64, the only type in which it converges that far."""
    fit = IntelLogisticRegression(C=1 / lambda_, tol=1e-6, max_iter=100_000)
    fit.fit(features.astype(np.float64), labels)
    return fit.coef_.T, fit.intercept_


def fit_cyanure(features: np.ndarray, labels: np.ndarray, lambda_: float) -> tuple[np.ndarray, np.ndarray]:
    """As ``fit_tight``, by cyanure, whose objective is the mean over the samples."""
    fit = Classifier(
        loss="multiclass-logistic",
        penalty="l2",
        lambda_1=lambda_ / len(labels),
        fit_intercept=True,
        tol=1e-6,
        max_iter=10_000,
        verbose=False,
    )
    fit.fit(features.astype(np.float64), labels)
    weight, bias = fit.get_weights()
    return weight, np.ravel(bias)


OTHERS = {"scikit-learn-intelex": fit_intel, "cyanure": fit_cyanure}


def accuracy(fit: Solution, features: torch.Tensor, labels: np.ndarray) -> float:
    return top1(torch.addmm(fit.bias, features.to(fit.weight.dtype), fit.weight).cpu().numpy(), labels)


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
