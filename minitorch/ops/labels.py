"""nll_loss on a GPU: a CUDA kernel or two for each pass, where array functions would be a dozen.

Written by hand, since each element reads another one at a place that its label names. A label out of range reads
nothing, counts nothing, and is noted (faults.py).
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from minitorch import faults
from minitorch.device import Array, xp
from minitorch.summation import total

# The input is (N, C, each) in memory, the target (N, each). `counts` is the weight of a label, 0 if it does not count.
_COUNTS = """
    const bool used = label != ignored;
    const bool known = label >= 0 && label < classes;
    const T counts = used && known ? {weight} : static_cast<T>(0);
"""
_PICK = """
    if (used && !known && note[0] == 0) {
        note[0] = site;
        note[1] = static_cast<double>(label);
        note[2] = static_cast<double>(classes - 1);
    }
    const ptrdiff_t row = i / each, within = i % each;
    picked = used && known ? -input[(row * classes + label) * each + within] * counts : static_cast<T>(0);
    weight_of = counts;
"""
_PLACE = """
    const ptrdiff_t row = i / each / classes, column = i / each % classes, place = row * each + i % each;
    const long long label = target[place];
"""
_SPREAD = """
    gradient = used && known && label == column ? -g[per_label ? place : 0] * counts : static_cast<T>(0);
"""


def pick(input: Array, target: Array, weight: Array | None, ignored: int, message: str) -> tuple[Array, Array]:
    """(-weight[t] * input[t], weight[t]) for each label t, both 0 where it is ignored; in the shape of the target.

    message: for a label out of range, see faults.py.
    """
    lib, (classes, each) = xp(input), _sizes(input.shape)
    site, note = faults.site_and_note(input, message)
    picked, counts = lib.empty(target.shape, input.dtype), lib.empty(target.shape, input.dtype)
    _kernel(lib, "pick", weight is not None)(
        input, *_given(weight), target, classes, each, ignored, site, picked, counts, note
    )
    faults.launched(input.device.id)
    return picked, counts


def total_weight(target: Array, weight: Array | None, kind: Any, classes: int, ignored: int) -> Array:
    """The sum of weight[t] over the labels t that count; 0-d, of dtype `kind`."""
    lib = xp(target)
    counts = lib.empty(target.shape, kind)
    _kernel(lib, "weigh", weight is not None)(*_given(weight), target, classes, ignored, counts)
    return total(counts)


def spread(g: Array, target: Array, weight: Array | None, size: tuple[int, ...], ignored: int) -> Array:
    """-weight[t] * g at the place of each label t, else 0; in the shape `size` of the input. g: one, or one per
    label."""
    lib, (classes, each) = xp(g), _sizes(size)
    out = lib.empty(size, g.dtype)
    _kernel(lib, "spread", weight is not None)(g, *_given(weight), target, int(g.size > 1), classes, each, ignored, out)
    return out


def _sizes(shape: tuple[int, ...]) -> tuple[int, int]:
    """(C, each)."""
    return shape[0 if len(shape) == 1 else 1], math.prod(shape[2:])


def _given(weight: Array | None) -> tuple[Array, ...]:
    return () if weight is None else (weight,)


@cache
def _kernel(lib: Any, name: str, weighted: bool) -> Any:
    return lib.ElementwiseKernel(*source(name, weighted), f"minitorch_{name}_labels")


def source(name: str, weighted: bool) -> tuple[str, str, str]:
    """(inputs, outputs, operation) of a kernel."""
    counts = _COUNTS.format(weight="weight[label]" if weighted else "static_cast<T>(1)")
    weights = "raw T weight, " if weighted else ""
    if name == "pick":
        inputs = f"raw T input, {weights}int64 label, int64 classes, int64 each, int64 ignored, float64 site"
        return inputs, "T picked, T weight_of, raw float64 note", counts + _PICK  # CuPy makes inputs const
    if name == "weigh":
        return f"{weights}int64 label, int64 classes, int64 ignored", "T weight_of", counts + "weight_of = counts;"
    inputs = f"raw T g, {weights}raw int64 target, int64 per_label, int64 classes, int64 each, int64 ignored"
    return inputs, "T gradient", _PLACE + counts + _SPREAD
