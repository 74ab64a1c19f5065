"""Regularised logistic regression along a path of regularisation strengths, on CPU or GPU.

For features x_i and labels y_i it minimises, at every lambda of a path,

    sum_i loss(x_i W + b, y_i) + lambda/2 ||W||^2        (the bias b is not penalised)

where loss is the softmax cross-entropy, or for multi-label targets the sum of one binary cross-entropy per class (the
objective of a linear probe in Ericsson et al., CVPR 2021, section 3.1). Three things make a path cheap:

- The centred features are rotated once into the eigenvectors of their Gram matrix. There the Hessian is close to
  diagonal plus lambda (exactly so at W = 0; compare Boehning's bound, Ann. Inst. Stat. Math. 44, 1992), so that one
  vector is a good preconditioner at every lambda. Centring does the same for the bias, and with fewer samples than
  features the rotation leaves only as many coordinates as samples.
- The path is walked from strong to weak regularisation; each fit starts on the line through the last two solutions,
  which are nearly linear in log lambda, also where the classes are separable and the weights grow as log(1/lambda).
- L-BFGS keeps its memory from one lambda to the next: it stores the curvature of the data term alone.

Logits are linear in the weights, so a line search needs no product with the features: an iteration costs two, one for
the logits of the step and one for the gradient.
"""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

MEMORY = 10  # pairs kept by L-BFGS
MAX_ITERATIONS = 200  # at one lambda; a fit on ResNet-50 features takes 1 to 5


@dataclass(frozen=True)
class Solution:
    """The minimum at one lambda.

    weight is [D, C] and bias [C], for the features as they were given; objective is the value reached; products counts
    the products with the feature matrix since the previous lambda (two are one gradient); converged says whether the
    estimated distance to the minimum came below the tolerance.
    """

    lambda_: float
    weight: Tensor
    bias: Tensor
    objective: float
    products: int
    converged: bool


def solve_path(
    features: Tensor,
    labels: Tensor,
    lambdas: Sequence[float],
    *,
    num_classes: int,
    start: Solution | None = None,
    tolerance: float = 1e-6,
) -> Iterator[Solution]:
    """Yield the Solution at every lambda, from the strongest to the weakest.

    features is a floating [N, D] whose device and dtype (float32 or float64) the work is done in; labels is int64 [N]
    with values below num_classes, or [N, num_classes] of zeros and ones for one binary problem per class. A fit stops
    when half the squared Newton decrement (L-BFGS's estimate of how far the objective is above its minimum) is below
    `tolerance` times the objective. `start` is a solution of a similar problem to set out from.

    Only the current solution is in memory. Single-label problems with two classes keep two weight vectors, which
    share the penalty: scikit-learn's one vector is at the same optimum for C = 2 / lambda.
    """
    problem = _Problem(features, labels, num_classes)
    path = sorted((float(value) for value in lambdas), reverse=True)
    solver = _Solver(problem, problem.inward(start) if start else problem.prior(), tolerance)
    for lambda_ in path:
        before = problem.products
        objective, converged = solver.solve(lambda_)
        weight, bias = problem.outward(solver.point.theta)
        yield Solution(lambda_, weight, bias, objective, problem.products - before, converged)


class _Problem:
    """The data term in rotated coordinates; parameters theta are [K + 1, C], the bias in the last row."""

    def __init__(self, features: Tensor, labels: Tensor, num_classes: int):
        self.mean = features.mean(0)
        centred = features - self.mean
        # Any orthonormal basis of the span gives the same minimum, so float32 is good enough to find one.
        if len(features) < features.shape[1]:
            span = torch.linalg.qr(centred.T).Q
            centred = centred @ span
        rotation = torch.linalg.eigh(centred.T @ centred).eigenvectors
        self.features = centred @ rotation
        self.basis = span @ rotation if len(features) < features.shape[1] else rotation
        self.labels = labels
        self.num_classes = num_classes
        self.loss = _binary_loss if labels.ndim == 2 else _softmax_loss
        # The Gram matrix of (rotated features, 1) has no more than this diagonal.
        self.gram = torch.cat([self.features.square().sum(0), self.mean.new_tensor([len(features)])])[:, None]
        self.penalised = torch.ones_like(self.gram)
        self.penalised[-1] = 0
        self.products = 0

    def logits(self, theta: Tensor) -> Tensor:
        self.products += 1
        return torch.addmm(theta[-1], self.features, theta[:-1])

    def gradient(self, residual: Tensor) -> Tensor:
        self.products += 1
        return torch.cat([self.features.T @ residual, residual.sum(0, keepdim=True)])

    def prior(self) -> Tensor:
        """Zero weights and about the bias that is best for them, finite also for a class without samples."""
        theta = self.features.new_zeros(len(self.gram), self.num_classes)
        n = len(self.labels)
        if self.labels.ndim == 2:
            positive = self.labels.sum(0) + 0.5
            theta[-1] = torch.log(positive / (n + 1 - positive))
        else:
            theta[-1] = torch.log((torch.bincount(self.labels, minlength=self.num_classes) + 0.5) / n)
        return theta

    def inward(self, solution: Solution) -> Tensor:
        return torch.cat([self.basis.T @ solution.weight, (solution.bias + self.mean @ solution.weight)[None]])

    def outward(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        weight = self.basis @ theta[:-1]
        return weight, theta[-1] - self.mean @ weight


class _Point:
    """Parameters with the logits, loss and residual (gradient to the logits) that belong to them."""

    def __init__(self, problem: _Problem, theta: Tensor, logits: Tensor | None = None):
        self.theta = theta
        self.logits = problem.logits(theta) if logits is None else logits
        self.loss, self.residual = problem.loss(self.logits, problem.labels)

    def objective(self, lambda_: float) -> float:
        return (self.loss + lambda_ / 2 * self.theta[:-1].square().sum(dtype=torch.float64)).item()


class _Solver:
    """Preconditioned L-BFGS that remembers, from one lambda to the next, where it was and how the data term curves."""

    def __init__(self, problem: _Problem, theta: Tensor, tolerance: float):
        self.problem = problem
        self.point = _Point(problem, theta)
        self.tolerance = tolerance
        self.pairs = deque(maxlen=MEMORY)  # (step, change of the data term's gradient)
        self.solved = deque(maxlen=2)  # (log lambda, theta)

    def solve(self, lambda_: float) -> tuple[float, bool]:
        """Move to the minimum at lambda_; return the objective and whether it converged."""
        problem = self.problem
        penalty = lambda_ * problem.penalised
        point = self._set_out(lambda_)
        # p (1 - p) for either loss: the residual is p - 1 for the true class and p for the others.
        curvature = (point.residual.abs() * (1 - point.residual.abs())).mean(0)
        diagonal = curvature.clamp_min(torch.finfo(curvature.dtype).eps) * problem.gram + penalty
        data_gradient = problem.gradient(point.residual)
        for iteration in range(MAX_ITERATIONS + 1):
            gradient = data_gradient + penalty * point.theta
            direction = -_inverse_hessian(gradient, diagonal, [(s, y + penalty * s) for s, y in self.pairs])
            slope = _dot(gradient, direction).item()
            objective = point.objective(lambda_)
            converged = -slope / 2 <= self.tolerance * objective
            if converged or iteration == MAX_ITERATIONS:
                break
            moved = self._search(point, direction, slope, lambda_)
            previous, data_gradient = data_gradient, problem.gradient(moved.residual)
            self.pairs.append((moved.theta - point.theta, data_gradient - previous))
            point = moved
            if VERBOSE: print(lambda_, iteration, objective, slope, LAST[0])
        self.point = point
        self.solved.append((math.log(lambda_), point.theta))
        return objective, converged

    def _set_out(self, lambda_: float) -> _Point:
        """The point on the line through the last two solutions, or the last solution where that is better."""
        if len(self.solved) < 2:
            return self.point
        (older, theta_older), (newer, theta_newer) = self.solved
        share = (math.log(lambda_) - newer) / (newer - older)
        ahead = _Point(self.problem, theta_newer + share * (theta_newer - theta_older))
        return min(ahead, self.point, key=lambda point: point.objective(lambda_))

    def _search(self, point: _Point, direction: Tensor, slope: float, lambda_: float) -> _Point:
        """A step along the direction to where the slope is a tenth of `slope` (< 0) or less: the objective is convex."""
        along = self.problem.logits(direction)
        linear = lambda_ * _dot(point.theta[:-1], direction[:-1]).item()
        square = lambda_ * _dot(direction[:-1], direction[:-1]).item()
        low, low_slope, high, high_slope = 0.0, slope, math.inf, math.inf
        step = 1.0
        for _ in range(MAX_TRIALS):
            moved = _Point(self.problem, point.theta + step * direction, point.logits + step * along)
            here = _dot(moved.residual, along).item() + linear + step * square
            if abs(here) <= 0.1 * abs(slope):
                break
            if here < 0:
                secant = step - here * (step - low) / (here - low_slope) if here > low_slope else math.inf
                low, low_slope = step, here
            else:
                high, high_slope = step, here
                secant = math.inf
            if high < math.inf:
                secant = low - low_slope * (high - low) / (high_slope - low_slope)
                step = min(max(secant, low + 0.1 * (high - low)), high - 0.1 * (high - low))
            else:
                step = min(secant, 4 * step)
        LAST[0] = (_, step)
        return moved

LAST=[0]
VERBOSE=False
MAX_TRIALS=10

def _inverse_hessian(gradient: Tensor, diagonal: Tensor, pairs: list[tuple[Tensor, Tensor]]) -> Tensor:
    """L-BFGS's two loops (Nocedal and Wright, algorithm 7.4), with a diagonal for the initial Hessian."""
    result = gradient
    scaled = []
    for step, change in reversed(pairs):
        product = _dot(step, change)
        weight = torch.where(product > 0, 1 / product, 0)  # rounding can hide the curvature of a tiny step
        share = weight * _dot(step, result)
        result = result - share * change
        scaled.append((step, change, weight, share))
    result = result / diagonal
    if pairs:
        step, change, weight, _ = scaled[0]
        result = result * torch.where(weight>0, _dot(step, change) / _dot(change, change / diagonal), 1)
    for step, change, weight, share in reversed(scaled):
        result = result + (share - weight * _dot(change, result)) * step
    return result


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return torch.vdot(a.flatten(), b.flatten())


def _softmax_loss(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The summed cross-entropy (float64) and its gradient to the logits [N, C].

    Written in the other classes' odds against the true one, so that neither vanishes in rounding where the true class
    has a probability near 1.
    """
    own = labels[:, None]
    margin = logits - logits.gather(1, own)
    margin.scatter_(1, own, -math.inf)
    peak = margin.amax(1, keepdim=True).clamp_min(0)
    odds = torch.exp(margin - peak)
    total = odds.sum(1, keepdim=True)
    loss = peak + torch.log1p(total + torch.expm1(-peak))
    residual = odds / (total + torch.exp(-peak))
    residual.scatter_(1, own, -residual.sum(1, keepdim=True))
    return loss.sum(dtype=torch.float64), residual


def _binary_loss(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The same for one binary problem per class, labels [N, C] of zeros and ones."""
    sign = 1 - 2 * labels
    margin = sign * logits
    return torch.nn.functional.softplus(margin).sum(dtype=torch.float64), sign * torch.sigmoid(margin)
