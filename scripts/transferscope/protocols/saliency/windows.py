"""Forward passes of batches that differ from a clean activation only inside a window.

An occluder changes a few pixels, and each layer extends the affected region only by its kernel size. A layer
is therefore computed on the affected window, with margins from the clean activation. A layer with a global
receptive field (global pooling, attention) and all layers after it are computed on the whole batch.

This works for any architecture: ``Windowed`` is a tensor-like object that receives all torch functions that
the network calls (``__torch_function__``). Functions in ``RULES`` preserve the window; all others get whole
tensors.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Span = tuple[int, int]
"""First row (or column) and end (exclusive)."""


class Tape:
    """Clean activations in the order of computation: recorded in the first pass, replayed in later ones."""

    def __init__(self):
        self._values: list[Tensor] = []
        self._next = 0

    def rewind(self) -> "Tape":
        """Start the next pass."""
        self._next = 0
        return self

    def take(self, compute: Callable[[], Tensor]) -> Tensor:
        """Return the next value, calling ``compute`` if it has not been recorded."""
        if self._next == len(self._values):
            self._values.append(compute())
        self._next += 1
        return self._values[self._next - 1]


class Windowed:
    """A batch [B, C, H, W] whose items equal ``clean`` outside a common window.

    Attributes:
        clean: [1, C, H, W].
        window: [B, C, h, w], the batch inside the window.
        rows, columns: position of the window.
        tape: clean activations of this and later layers, shared by all passes.
    """

    def __init__(self, clean: Tensor, window: Tensor, rows: Span, columns: Span, tape: Tape):
        self.clean, self.window = clean, window
        self.rows, self.columns = rows, columns
        self.tape = tape

    @property
    def shape(self) -> torch.Size:
        return torch.Size([len(self.window), *self.clean.shape[1:]])

    @property
    def ndim(self) -> int:
        return 4

    def size(self, dim: int | None = None) -> torch.Size | int:
        return self.shape if dim is None else self.shape[dim]

    def whole(self) -> Tensor:
        """The batch as an ordinary tensor."""
        height, width = self.clean.shape[2:]
        return self.part((0, height), (0, width))

    def part(self, rows: Span, columns: Span, fill_value: float = 0.0) -> Tensor:
        """The batch in the given rows and columns; positions outside the image are ``fill_value``."""
        if (rows, columns) == (self.rows, self.columns):
            return self.window
        size = (*self.shape[:2], rows[1] - rows[0], columns[1] - columns[0])
        part = torch.empty(
            size, dtype=self.window.dtype, device=self.window.device, memory_format=torch.channels_last
        )
        if _exceeds(rows, self.clean.shape[2]) or _exceeds(columns, self.clean.shape[3]):
            part.fill_(fill_value)
        _paste(part, self.clean, -rows[0], -columns[0])
        _paste(part, self.window, self.rows[0] - rows[0], self.columns[0] - columns[0])
        return part

    def slide(
        self,
        layer: Callable[[Tensor, int | tuple[int, int]], Tensor],
        kernel: int | tuple[int, int],
        stride: int | tuple[int, int],
        padding: int | tuple[int, int],
        dilation: int | tuple[int, int],
        fill_value: float = 0.0,
    ) -> "Windowed":
        """Apply a sliding-kernel layer at the positions whose receptive field overlaps the window.

        ``layer`` takes a tensor and its padding; ``fill_value`` is the padding value.
        """
        clean = self.tape.take(lambda: layer(self.clean, padding))
        if self._is_whole:
            window, height, width = layer(self.window, padding), *clean.shape[2:]
            return Windowed(clean, window, (0, height), (0, width), self.tape)
        (rows, rows_needed), (columns, columns_needed) = map(
            _dependent_spans,
            (self.rows, self.columns),
            clean.shape[2:],
            *map(_pair, (kernel, stride, padding, dilation)),
        )
        window = layer(self.part(rows_needed, columns_needed, fill_value), 0)
        return Windowed(clean, window, rows, columns, self.tape)

    @property
    def _is_whole(self) -> bool:
        return self.window.shape[2:] == self.clean.shape[2:]

    def __add__(self, other):
        return torch.add(self, other)

    __radd__ = __iadd__ = __add__

    def __mul__(self, other):
        return torch.mul(self, other)

    __rmul__ = __imul__ = __mul__

    def __getattr__(self, name: str):
        # Tensor methods without a rule.
        return getattr(self.whole(), name)

    @classmethod
    def __torch_function__(cls, function, types, arguments=(), options=None):
        result = NotImplemented
        if function in RULES:
            result = RULES[function](function, *arguments, **(options or {}))
        if result is NotImplemented:
            result = function(*map(_to_ordinary, arguments), **(options or {}))
        return result


def _to_ordinary(argument):
    """Replace windowed batches by ordinary tensors, also in lists."""
    if isinstance(argument, Windowed):
        return argument.whole()
    if isinstance(argument, list | tuple):
        return type(argument)(map(_to_ordinary, argument))
    return argument


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


def _exceeds(span: Span, size: int) -> bool:
    return span[0] < 0 or span[1] > size


def _paste(part: Tensor, piece: Tensor, top: int, left: int) -> None:
    """Copy ``piece`` into ``part`` with its corner at (``top``, ``left``), clipped to ``part``."""
    y0, y1 = max(top, 0), min(top + piece.shape[2], part.shape[2])
    x0, x1 = max(left, 0), min(left + piece.shape[3], part.shape[3])
    part[:, :, y0:y1, x0:x1] = piece[:, :, y0 - top : y1 - top, x0 - left : x1 - left]


def _dependent_spans(
    span: Span, size: int, kernel: int, stride: int, padding: int, dilation: int
) -> tuple[Span, Span]:
    """Spans along an axis: the outputs (of ``size``) that depend on ``span``, and the inputs they depend on.

    Output o depends on the inputs o * stride - padding + (0, ..., kernel - 1) * dilation.
    """
    reach = (kernel - 1) * dilation
    first = min(max(0, -((reach - padding - span[0]) // stride)), size - 1)
    # At least one, even if the stride skips the window.
    stop = max(min(size, (span[1] - 1 + padding) // stride + 1), first + 1)
    return (first, stop), (first * stride - padding, (stop - 1) * stride - padding + reach + 1)


def _elementwise(function, *arguments, **options):
    """Rule for position-wise functions of one or several windowed batches."""
    if any(isinstance(argument, Tensor) and argument.ndim == 4 for argument in arguments):
        return NotImplemented
    batches = [argument for argument in arguments if isinstance(argument, Windowed)]
    rows, columns = (
        (min(span[0] for span in spans), max(span[1] for span in spans))
        for spans in zip(*((batch.rows, batch.columns) for batch in batches), strict=True)
    )

    def apply(tensor_of: Callable[[Windowed], Tensor]) -> Tensor:
        given = [tensor_of(item) if isinstance(item, Windowed) else item for item in arguments]
        return function(*given, **options)

    tape = batches[0].tape
    # Clone, since the function may operate in place.
    clean = tape.take(lambda: apply(lambda batch: batch.clean.clone()))
    return Windowed(clean, apply(lambda batch: batch.part(rows, columns)), rows, columns, tape)


def _convolution(function, batch, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    if isinstance(padding, str):
        return NotImplemented

    def layer(tensor: Tensor, padding) -> Tensor:
        return function(tensor, weight, bias, stride, padding, dilation, groups)

    return batch.slide(layer, tuple(weight.shape[2:]), stride, padding, dilation)


def _max_pooling(
    function, batch, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    if ceil_mode or return_indices:
        return NotImplemented
    stride = stride or kernel_size

    def layer(tensor: Tensor, padding) -> Tensor:
        return F.max_pool2d(tensor, kernel_size, stride, padding, dilation)

    return batch.slide(layer, kernel_size, stride, padding, dilation, fill_value=-math.inf)


def _padding(function, batch, pad, mode="constant", value=None):
    if mode != "constant" or len(pad) != 4 or min(pad) < 0 or value:
        return NotImplemented
    left, _, top, _ = pad
    clean = batch.tape.take(lambda: function(batch.clean, pad))
    rows, columns = (
        (start + offset, stop + offset)
        for (start, stop), offset in ((batch.rows, top), (batch.columns, left))
    )
    return Windowed(clean, batch.window, rows, columns, batch.tape)


RULES: dict[Callable, Callable] = {
    torch.conv2d: _convolution,
    torch.max_pool2d: _max_pooling,
    F.max_pool2d: _max_pooling,
    F.pad: _padding,
} | dict.fromkeys(
    [
        torch.add,
        torch.mul,
        F.batch_norm,
        F.dropout,
        F.elu,
        F.gelu,
        F.hardswish,
        F.hardtanh,
        F.leaky_relu,
        F.relu,
        F.relu6,
        F.silu,
    ],
    _elementwise,
)
"""Function -> rule that preserves the window; returns NotImplemented for unsupported arguments."""
