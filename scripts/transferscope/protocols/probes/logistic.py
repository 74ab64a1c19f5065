"""L2-regularised logistic regression along a path of regularisation strengths, on CPU or GPU.

For features x_i and labels y_i, minimises at every lambda of a path

    sum_i loss(x_i W + b, y_i) + lambda/2 ||W||^2        (the bias b is not penalised)

where loss is the softmax cross-entropy or, for multi-label targets, the sum of one binary cross-entropy per
class: the linear probe of Ericsson et al. (CVPR 2021, Appendix A.2). Three measures make a path cheap:

- The centred features are rotated once into the eigenvectors of their Gram matrix. In this basis the Hessian
  at W = 0 is diagonal except for the coupling of classes, as is Boehning's bound on it everywhere (Ann. Inst.
  Stat. Math. 44, 1992), so one diagonal plus lambda preconditions every fit. Centring decouples bias and
  weights; with fewer samples than features, the rotation reduces the dimension to the number of samples.
- The path runs from strong to weak regularisation, and each fit starts on the line through the last two
  solutions, which are nearly linear in log lambda, even for separable classes, where W grows as
  log(1 / lambda).
- L-BFGS keeps its memory from one lambda to the next, since it stores only the curvature of the data term.

Logits are linear in the parameters, so line search and extrapolation need no product with the features: an
iteration costs two products, for the logits of its direction and for the gradient.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from transferscope.protocols.probes.losses import binary_loss, softmax_loss

MEMORY = 10  # L-BFGS pairs
MAX_ITERATIONS = 200  # per lambda; ResNet-50 features need 1 to 5
MAX_TRIALS = 20  # step lengths per line search
TOLERANCE = 3e-7  # loss per sample
TOLERANCES_OF_OBJECTIVE = 5  # relative tolerance 1.5e-6, which applies at a small loss


@dataclass(frozen=True)
class Solution:
    """A fit at one lambda: weight [D, C] and bias [C] for the original features.

    ``converged``: whether the tolerance was met before the iteration limit. ``basis`` [D, K] is the solver's
    rotation, which can be reused for a similar problem.
    """

    lambda_: float
    weight: Tensor
    bias: Tensor
    iterations: int
    converged: bool
    basis: Tensor | None = field(default=None, repr=False)


def solve_path(
    features: Tensor,
    labels: Tensor,
    lambdas: Iterable[float],
    *,
    num_classes: int,
    start: Solution | None = None,
    tolerance: float = TOLERANCE,
) -> Iterator[Solution]:
    """Yield the solution at every distinct lambda (> 0), from the strongest to the weakest.

    ``features`` is [N, D]; computations use its device and dtype (float32 or float64). ``labels`` is int64
    [N] in 0..C-1, or [N, C] of 0 and 1 for one binary problem per class. A fit stops when half the squared
    Newton decrement as L-BFGS estimates it, often less than the suboptimality, is below ``tolerance`` times
    min(N, TOLERANCES_OF_OBJECTIVE * objective); docs/protocols.md says what was left on random problems.
    ``start`` is the solution of a similar problem, such as a subset of the samples, to start from; its
    rotation is reused, which saves most of the preparation. Only one solution is in memory.

    Two single-label classes have two weight vectors, which share the penalty; scikit-learn's single vector
    has the same optimum at C = 2 / lambda.
    """
    problem = _Problem(features, labels, num_classes, basis=start.basis if start else None)
    solver = _Solver(problem, problem.to_theta(start) if start else problem.initial_theta(), tolerance)
    for lambda_ in sorted({float(value) for value in lambdas}, reverse=True):
        iterations, converged = solver.solve(lambda_)
        weight, bias = problem.from_theta(solver.point.theta)
        yield Solution(lambda_, weight, bias, iterations, converged, problem.basis)


class _Problem:
    """The data term in rotated coordinates; parameters theta are [K + 1, C] with the bias in the last row.

    A full-rank ``basis`` of a similar problem is used unchanged.
    """

    def __init__(self, features: Tensor, labels: Tensor, num_classes: int, basis: Tensor | None = None):
        self.mean = features.mean(0)
        centred = features - self.mean
        complete = basis is not None and basis.shape[1] == features.shape[1]
        self.basis = basis if complete else _principal_axes(centred)
        self.features = centred @ self.basis
        self.labels = labels.to(features.dtype) if labels.ndim == 2 else labels
        self.num_classes = num_classes
        self.loss = binary_loss if labels.ndim == 2 else softmax_loss
        # Diagonal of the Gram matrix of the rotated features and a column of ones. Off-diagonal elements are
        # zero, or small with the basis of a similar problem.
        self.gram = torch.cat([self.features.square().sum(0), self.mean.new_tensor([len(features)])])[:, None]
        self.penalised = torch.ones_like(self.gram)
        self.penalised[-1] = 0

    def logits(self, theta: Tensor) -> Tensor:
        return torch.addmm(theta[-1], self.features, theta[:-1])

    def gradient(self, residual: Tensor) -> Tensor:
        return torch.cat([self.features.T @ residual, residual.sum(0, keepdim=True)])

    def precondition(self, vector: Tensor, diagonal: Tensor) -> Tensor:
        """Divide ``vector`` [K + 1, C] by ``diagonal``; for a softmax, project to rows that sum to zero.

        A softmax is invariant to adding a constant to all classes, so at the minimum the class weights sum to
        zero; restricted to that space, steps are not slowed down by the flat direction of the loss.
        """
        solved = vector / diagonal
        if self.labels.ndim == 2:
            return solved
        inverse = 1 / diagonal
        return solved - inverse * (solved.sum(1, keepdim=True) / inverse.sum(1, keepdim=True))

    def initial_theta(self) -> Tensor:
        """Zero weights and their (smoothed) optimal bias, finite even for classes without samples."""
        theta = self.features.new_zeros(len(self.gram), self.num_classes)
        n = len(self.labels)
        if self.labels.ndim == 2:
            positive = self.labels.sum(0) + 0.5
            theta[-1] = torch.log(positive / (n + 1 - positive))
        else:
            theta[-1] = torch.log((torch.bincount(self.labels, minlength=self.num_classes) + 0.5) / n)
        return theta

    def to_theta(self, solution: Solution) -> Tensor:
        bias = solution.bias + self.mean @ solution.weight
        return torch.cat([self.basis.T @ solution.weight, bias[None]])

    def from_theta(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        weight = self.basis @ theta[:-1]
        return weight, theta[-1] - self.mean @ weight


class _Point:
    """Parameters with their logits, loss and residual (gradient with respect to the logits)."""

    def __init__(self, problem: _Problem, theta: Tensor, logits: Tensor | None = None):
        self.theta = theta
        self.logits = problem.logits(theta) if logits is None else logits
        self.loss, self.residual = problem.loss(self.logits, problem.labels)

    def objective(self, lambda_: float) -> float:
        return (self.loss + lambda_ / 2 * self.theta[:-1].square().sum(dtype=torch.float64)).item()


class _Solver:
    """Preconditioned L-BFGS that keeps its point and curvature pairs from one lambda to the next."""

    def __init__(self, problem: _Problem, theta: Tensor, tolerance: float):
        self.problem = problem
        self.point = _Point(problem, theta)
        self.tolerance = tolerance
        self.pairs = deque(maxlen=MEMORY)  # (step, change of the data gradient)
        self.solved = deque(maxlen=2)  # (log lambda, point)

    def solve(self, lambda_: float) -> tuple[int, bool]:
        """Move to the minimum at lambda_; return the number of iterations and whether it converged."""
        problem = self.problem
        penalty = lambda_ * problem.penalised
        point = self._initial_point(lambda_)
        # p (1 - p) for both losses: the residual is p - 1 for the true class and p for the others.
        curvature = (point.residual.abs() * (1 - point.residual.abs())).mean(0)
        diagonal = curvature.clamp_min(torch.finfo(curvature.dtype).eps) * problem.gram + penalty
        precondition = partial(problem.precondition, diagonal=diagonal)
        data_gradient = problem.gradient(point.residual)
        for iterations in range(MAX_ITERATIONS + 1):
            gradient = data_gradient + penalty * point.theta
            pairs = [(step, change + penalty * step) for step, change in self.pairs]
            direction = -_inverse_hessian(gradient, precondition, pairs)
            slope = _dot(gradient, direction).item()
            scale = min(len(point.logits), TOLERANCES_OF_OBJECTIVE * point.objective(lambda_))
            converged = -slope / 2 <= self.tolerance * scale
            if converged or iterations == MAX_ITERATIONS:
                break
            trial = self._search(point, direction, slope, lambda_)
            trial_gradient = problem.gradient(trial.residual)
            self.pairs.append((trial.theta - point.theta, trial_gradient - data_gradient))
            point, data_gradient = trial, trial_gradient
        self.point = point
        self.solved.append((math.log(lambda_), point))
        return iterations, converged

    def _initial_point(self, lambda_: float) -> _Point:
        """Extrapolate the last two solutions to lambda_, or return the last one if that is better."""
        if len(self.solved) < 2:
            return self.point
        (log_older, older), (log_newer, newer) = self.solved
        share = (math.log(lambda_) - log_newer) / (log_newer - log_older)
        extrapolated = _Point(
            self.problem,
            newer.theta + share * (newer.theta - older.theta),
            newer.logits + share * (newer.logits - older.logits),
        )
        return min(extrapolated, self.point, key=lambda point: point.objective(lambda_))

    def _search(self, point: _Point, direction: Tensor, slope: float, lambda_: float) -> _Point:
        """Line search: a point along ``direction`` where the slope is at most a tenth of ``slope`` (< 0).

        The objective is convex, so this is near the minimum; slopes are less affected by rounding than
        differences of objectives.
        """
        along = self.problem.logits(direction)
        linear = lambda_ * _dot(point.theta[:-1], direction[:-1]).item()
        square = lambda_ * _dot(direction[:-1], direction[:-1]).item()
        low, low_slope = 0.0, slope
        high = None
        step = 1.0
        for _ in range(MAX_TRIALS):
            trial = _Point(self.problem, point.theta + step * direction, point.logits + step * along)
            trial_slope = _dot(trial.residual, along).item() + linear + step * square
            if abs(trial_slope) <= 0.1 * abs(slope):
                break
            if trial_slope < 0:
                low, low_slope = step, trial_slope
            else:
                high, high_slope = step, trial_slope
            if high is None:
                step *= 2
            else:
                share = low_slope / (low_slope - high_slope)  # where the secant crosses zero
                step = low + min(max(share, 0.1), 0.9) * (high - low)
        return trial


def _principal_axes(centred: Tensor) -> Tensor:
    """Eigenvectors of the Gram matrix of ``centred`` [N, D]: [D, K] with K = min(N, D).

    Any orthonormal basis of the span gives the same minimum, so float32 is sufficient.
    """
    if len(centred) >= centred.shape[1]:
        return _eigenvectors(centred.T @ centred)
    span = torch.linalg.qr(centred.T).Q
    inside = centred @ span
    return span @ _eigenvectors(inside.T @ inside)


def _eigenvectors(symmetric: Tensor) -> Tensor:
    """Eigenvectors as columns, in float64 where LAPACK's float32 iteration does not converge (low rank)."""
    try:
        return torch.linalg.eigh(symmetric).eigenvectors
    except torch.linalg.LinAlgError:
        return torch.linalg.eigh(symmetric.double()).eigenvectors.to(symmetric.dtype)


def _inverse_hessian(
    gradient: Tensor, precondition: Callable[[Tensor], Tensor], pairs: list[tuple[Tensor, Tensor]]
) -> Tensor:
    """L-BFGS estimate of the inverse Hessian times ``gradient`` (Nocedal and Wright 2006, algorithm 7.4).

    ``precondition`` is the initial inverse up to scale; ``pairs`` are (step, change of the gradient), oldest
    first.
    """
    result = gradient
    used = []
    for step, change in reversed(pairs):
        curvature = _dot(step, change)
        inverse = torch.where(curvature > 0, 1 / curvature, 0)  # only rounding makes it negative
        share = inverse * _dot(step, result)
        result = result - share * change
        used.append((step, change, inverse, share))
    result = precondition(result)
    if pairs:
        step, change = pairs[-1]
        scale = _dot(step, change) / _dot(change, precondition(change))
        result = torch.where(scale > 0, scale, 1) * result
    for step, change, inverse, share in reversed(used):
        result = result + (share - inverse * _dot(change, result)) * step
    return result


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """Inner product of two matrices of equal shape, as a tensor on their device."""
    return torch.vdot(a.flatten(), b.flatten())
