"""How tensors print: PyTorch's format, character for character, and `set_printoptions`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from minitorch import dtypes
from minitorch.autograd import tape
from minitorch.device import Array, as_numpy, device_of, xp


@dataclass
class PrintOptions:
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


OPTIONS = PrintOptions()
_PROFILES = {
    "default": PrintOptions(),
    "short": PrintOptions(precision=2, edgeitems=2),
    "full": PrintOptions(threshold=math.inf),
}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """How tensors print from now on; what is None stays, but for `sci_mode`, which every call sets.

    precision: digits after the point. threshold: tensors of more elements show `edgeitems` at each end.
    linewidth: characters per line. profile: "default", "short" or "full" (no threshold) to start from; as in
    PyTorch, other names change nothing. sci_mode: scientific notation always, never, or (None) where needed.
    """
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    for name in given:
        if profile in _PROFILES:
            setattr(OPTIONS, name, getattr(_PROFILES[profile], name))
        if given[name] is not None:
            setattr(OPTIONS, name, given[name])
    OPTIONS.sci_mode = sci_mode


def format_tensor(t: Any, spec: str) -> str:
    """`f"{t:{spec}}"`: a 0-d tensor formats as its number; others take no spec (TypeError)."""
    if t._data.ndim == 0 and type(t) is tape.Tensor:
        return format(t.item(), spec)
    return object.__format__(t, spec)


def tensor_repr(t: Any) -> str:
    """`tensor([1., 2.], dtype=torch.float64, grad_fn=<MulBackward0>)`."""
    data, prefix = t._data, "tensor("
    indent = len(prefix)
    text = prefix + (_content(data, indent) if data.size else "[]")
    column = len(text) - (text.rfind("\n") + 1) + 2  # PyTorch leaves two free after the numbers
    for note in _notes(t):
        if column + 2 + len(note) > OPTIONS.linewidth:
            text += ",\n" + " " * indent + note
            column = indent + len(note)
        else:
            text += ", " + note
            column += 2 + len(note)
    return text + ")"


def _notes(t: Any) -> list[str]:
    """What follows the numbers: device, size, dtype and gradient, where they are not the usual ones."""
    data, notes = t._data, []
    dtype, default, place = dtypes.from_numpy(data.dtype), dtypes.get_default_dtype(), device_of(data)
    if place.type != "cpu":
        notes.append(f"device='{place}'")
    if (not data.size and data.ndim != 1) or (data.size and not OPTIONS.edgeitems):
        notes.append(f"size={tuple(data.shape)}")
    if dtype is not default and (not data.size or dtype not in (dtypes.int64, dtypes.bool)):
        notes.append(f"dtype={dtype}")
    if t.grad_fn is not None:
        notes.append(f"grad_fn=<{t.grad_fn.name().rsplit('::', 1)[-1]}>")
    elif t.requires_grad:
        notes.append("requires_grad=True")
    return notes


# --- the numbers


def _content(data: Array, indent: int) -> str:
    """The numbers of a tensor that is not empty, in brackets."""
    summarize = data.ndim > 0 and data.size > OPTIONS.threshold
    if summarize and not OPTIONS.edgeitems:
        return "[...]"
    shown = as_numpy(_corners(data) if summarize else data)
    texts, width = _texts(shown.ravel().tolist(), shown.dtype.kind)
    if not data.ndim:
        return texts[0]
    grid = np.array(texts, dtype=object).reshape(shown.shape)
    return _nested(grid, data.shape, indent, width)


def _corners(data: Array) -> Array:
    """The first and last `edgeitems` along each dimension that has more than both."""
    edge = OPTIONS.edgeitems
    for axis, size in enumerate(data.shape):
        if size > 2 * edge:
            ends = [(*[slice(None)] * axis, part) for part in (slice(edge), slice(size - edge, size))]
            data = xp(data).concatenate([data[end] for end in ends], axis)
    return data


def _nested(grid: Any, shape: tuple[int, ...], indent: int, width: int) -> str:
    """Brackets in brackets. `grid` holds the texts to show; where `shape` says there were more, dots stand in."""
    indent += 1
    gap = OPTIONS.edgeitems if len(grid) < shape[0] else None
    if len(shape) > 1:
        rows = [_nested(row, shape[1:], indent, width) for row in grid]
        if gap:
            rows.insert(gap, "...")
        return "[" + ("," + "\n" * (len(shape) - 1) + " " * indent).join(rows) + "]"
    items = list(grid)
    if gap:
        items.insert(gap, " ...")
    per_line = max(1, int((OPTIONS.linewidth - indent + 1) // (width + 2)))
    lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
    return "[" + (",\n" + " " * indent).join(lines) + "]"


def _texts(values: list[Any], kind: str) -> tuple[list[str], int]:
    """Each number as text, right-aligned, and their common width."""
    if kind != "f":
        texts = [str(value) for value in values]
        width = max(len(text) for text in texts)
    else:
        # Zeros, nan and inf neither choose the notation nor widen the column.
        usual = [value for value in values if value and math.isfinite(value)]
        form, point = _notation(usual)
        texts = [form % value + point if math.isfinite(value) else str(value) for value in values]
        width = max([len(form % value + point) for value in usual], default=1)
    return [text.rjust(width) for text in texts], width


def _notation(usual: list[float]) -> tuple[str, str]:
    """The %-format for all numbers of a tensor, and what follows each: '1.', '1.5000' or '1.5000e+00'."""
    whole, scientific = True, False
    if usual:
        whole = all(value.is_integer() for value in usual)
        low, high = min(map(abs, usual)), max(map(abs, usual))
        scientific = high / low > 1000 or high > 1e8 or (not whole and low < 1e-4)
        if OPTIONS.sci_mode is not None:
            scientific = bool(OPTIONS.sci_mode)
    if scientific:
        return f"%.{OPTIONS.precision}e", ""
    return ("%.0f", ".") if whole else (f"%.{OPTIONS.precision}f", "")
