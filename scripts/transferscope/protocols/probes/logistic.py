"""L2-regularised logistic regression along a path of regularisation strengths, on CPU or GPU.

For features x_i and labels y_i it minimises, at every lambda of a path,

    sum_i loss(x_i W + b, y_i) + lambda/2 ||W||^2        (the bias b is not penalised)

where loss is the softmax cross-entropy or, for multi-label targets, the sum of one binary cross-entropy per
class: the linear probe of Ericsson et al. (CVPR 2021, Appendix A.2). Three things make a whole path cheap:

- The centred features are rotated once into the eigenvectors of their Gram matrix. There the Hessian at W =
  0 is diagonal but for the coupling of the classes, as is Boehning's bound on it everywhere (Ann. Inst.
  Stat. Math. 44, 1992), so one diagonal plus lambda preconditions every fit. Centring parts the bias from
  the weights, and with fewer samples than features the rotation leaves only as many coordinates as samples.
- The path is walked from strong to weak regularisation, and each fit sets out on the line through the last
  two solutions. They are nearly linear in log lambda, also where the classes are separable and W grows as
  log(1 / lambda).
- L-BFGS keeps its memory from one lambda to the next, since it stores the curvature of the data term alone.

Logits are linear in the parameters, so neither a line search nor the start on that line needs a product with
the features: an iteration costs two, one for the logits of its direction and one for the gradient.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

MEMORY = 10  # pairs that L-BFGS keeps
MAX_ITERATIONS = 200  # at one lambda; ResNet-50 features take 1 to 5
MAX_TRIALS = 20  # of a step's length
TOLERANCE = 3e-7  # of a sample's loss
TOLERANCES_OF_OBJECTIVE = 5  # so 1.5e-6 of it, which decides where hardly any loss is left


@dataclass(frozen=True)
class Solution:
    """A fit at one lambda: weight [D, C] and bias [C] for the features as given, and what it took.

    ``converged`` says whether the solver met its tolerance before its limit of iterations. ``basis`` [D, K]
    is the rotation that the solver worked in, for the fit of a similar problem.
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

    ``features`` is [N, D]; the work is done on its device and in its dtype, float32 or float64. ``labels``
    is int64 [N] in 0..C-1, or [N, C] of 0 and 1 for one binary problem a class. A fit stops when half its
    squared Newton decrement, an estimate of how far the objective is above its minimum, is below
    ``tolerance`` times the smaller of N and TOLERANCES_OF_OBJECTIVE times the objective. ``start`` is the
    solution of a similar problem to set out from, such as that of a part of the samples; its rotation
    serves again, which spares most of the preparation. Only one solution is in memory.

    Two single-label classes have two weight vectors, which share the penalty; the one vector that
    scikit-learn fits for them has the same optimum at C = 2 / lambda.
    """
    problem = _Problem(features, labels, num_classes, basis=start.basis if start else None)
    solver = _Solver(problem, problem.inward(start) if start else problem.prior(), tolerance)
    for lambda_ in sorted({float(value) for value in lambdas}, reverse=True):
        iterations, converged = solver.solve(lambda_)
        weight, bias = problem.outward(solver.point.theta)
        yield Solution(lambda_, weight, bias, iterations, converged, problem.basis)


class _Problem:
    """The data term in rotated coordinates; parameters theta are [K + 1, C], the bias in the last row.

    A ``basis`` of all dimensions, from a similar problem, is taken as it is.
    """

    def __init__(self, features: Tensor, labels: Tensor, num_classes: int, basis: Tensor | None = None):
        self.mean = features.mean(0)
        centred = features - self.mean
        complete = basis is not None and basis.shape[1] == features.shape[1]
        self.basis = basis if complete else _principal_axes(centred)
        self.features = centred @ self.basis
        self.labels = labels.to(features.dtype) if labels.ndim == 2 else labels
        self.num_classes = num_classes
        self.loss = _binary_loss if labels.ndim == 2 else _softmax_loss
        # The diagonal of the Gram matrix of the rotated features and a column of ones; the rest is zero, or
        # small where the rotation comes from a similar problem.
        self.gram = torch.cat([self.features.square().sum(0), self.mean.new_tensor([len(features)])])[:, None]
        self.penalised = torch.ones_like(self.gram)
        self.penalised[-1] = 0

    def logits(self, theta: Tensor) -> Tensor:
        return torch.addmm(theta[-1], self.features, theta[:-1])

    def gradient(self, residual: Tensor) -> Tensor:
        return torch.cat([self.features.T @ residual, residual.sum(0, keepdim=True)])

    def precondition(self, vector: Tensor, diagonal: Tensor) -> Tensor:
        """The inverse of ``diagonal`` times ``vector`` [K + 1, C]; for a softmax, kept to rows of sum zero.

        What is added to all classes alike leaves a softmax as it is, so at the minimum the weights of the
        classes sum to zero; steps in that space are not slowed by the direction that the loss does not curve.
        """
        solved = vector / diagonal
        if self.labels.ndim == 2:
            return solved
        inverse = 1 / diagonal
        return solved - inverse * (solved.sum(1, keepdim=True) / inverse.sum(1, keepdim=True))

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
        bias = solution.bias + self.mean @ solution.weight
        return torch.cat([self.basis.T @ solution.weight, bias[None]])

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
    """Preconditioned L-BFGS that remembers, from lambda to lambda, where it was and how the loss curves."""

    def __init__(self, problem: _Problem, theta: Tensor, tolerance: float):
        self.problem = problem
        self.point = _Point(problem, theta)
        self.tolerance = tolerance
        self.pairs = deque(maxlen=MEMORY)  # (step, change of the data term's gradient)
        self.solved = deque(maxlen=2)  # (log lambda, point)

    def solve(self, lambda_: float) -> tuple[int, bool]:
        """Move to the minimum at lambda_; return the iterations it took and whether they sufficed."""
        problem = self.problem
        penalty = lambda_ * problem.penalised
        point = self._set_out(lambda_)
        # p (1 - p) for either loss: the residual is p - 1 for the true class and p for the others.
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
            moved = self._search(point, direction, slope, lambda_)
            moved_gradient = problem.gradient(moved.residual)
            self.pairs.append((moved.theta - point.theta, moved_gradient - data_gradient))
            point, data_gradient = moved, moved_gradient
        self.point = point
        self.solved.append((math.log(lambda_), point))
        return iterations, converged

    def _set_out(self, lambda_: float) -> _Point:
        """The point on the line through the last two solutions, or the last solution where that is better."""
        if len(self.solved) < 2:
            return self.point
        (log_older, older), (log_newer, newer) = self.solved
        share = (math.log(lambda_) - log_newer) / (log_newer - log_older)
        ahead = _Point(
            self.problem,
            newer.theta + share * (newer.theta - older.theta),
            newer.logits + share * (newer.logits - older.logits),
        )
        return min(ahead, self.point, key=lambda point: point.objective(lambda_))

    def _search(self, point: _Point, direction: Tensor, slope: float, lambda_: float) -> _Point:
        """The point along ``direction`` where ``slope`` (< 0) has come within a tenth of it from zero.

        The objective is convex, so that is near its minimum on the line, and rounding spoils slopes less than
        differences of objectives.
        """
        along = self.problem.logits(direction)
        linear = lambda_ * _dot(point.theta[:-1], direction[:-1]).item()
        square = lambda_ * _dot(direction[:-1], direction[:-1]).item()
        low, low_slope = 0.0, slope
        high = None
        step = 1.0
        for _ in range(MAX_TRIALS):
            moved = _Point(self.problem, point.theta + step * direction, point.logits + step * along)
            here = _dot(moved.residual, along).item() + linear + step * square
            if abs(here) <= 0.1 * abs(slope):
                break
            if here < 0:
                low, low_slope = step, here
            else:
                high, high_slope = step, here
            if high is None:
                step *= 2
            else:
                share = low_slope / (low_slope - high_slope)  # where the secant crosses zero
                step = low + min(max(share, 0.1), 0.9) * (high - low)
        return moved


def _principal_axes(centred: Tensor) -> Tensor:
    """Eigenvectors of the Gram matrix of ``centred`` [N, D]: [D, K], K the smaller of N and D.

    Any orthonormal basis of the span gives the same minimum, so float32 is good enough to find one.
    """
    if len(centred) >= centred.shape[1]:
        return torch.linalg.eigh(centred.T @ centred).eigenvectors
    span = torch.linalg.qr(centred.T).Q
    inside = centred @ span
    return span @ torch.linalg.eigh(inside.T @ inside).eigenvectors


def _inverse_hessian(
    gradient: Tensor, precondition: Callable[[Tensor], Tensor], pairs: list[tuple[Tensor, Tensor]]
) -> Tensor:
    """L-BFGS's estimate of the inverse Hessian times ``gradient`` (Nocedal and Wright 2006, algorithm 7.4).

    ``precondition`` is the initial inverse but for its scale; ``pairs`` are steps with the changes of the
    gradient over them, oldest first.
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
    """The inner product of two matrices of one shape, left on their device."""
    return torch.vdot(a.flatten(), b.flatten())


def _softmax_loss(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The summed cross-entropy (float64) and its gradient to the logits [N, C].

    Written in the odds of the other classes against the true one, so that neither drowns in rounding where
    the true class has a probability near 1.
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
