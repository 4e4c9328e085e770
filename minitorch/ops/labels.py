"""nll_loss on a GPU: a CUDA kernel or two for each pass, where array functions would be a dozen.

Written by hand, since each element reads another one at a place that its label names. A label out of range reads
nothing, counts nothing, and is noted (faults.py).
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from minitorch import faults
from minitorch.device import Array, gpu_of, xp
from minitorch.gpu_sums import FEW, SUM_OF_BLOCK, THREADS, typedef
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
    const long long row = i / each, within = i % each;
    picked = used && known ? -input[(row * classes + label) * each + within] * counts : static_cast<T>(0);
    weight_of = counts;
"""
_PLACE = """
    const long long row = i / each / classes, column = i / each % classes, place = row * each + i % each;
    const long long label = target[place];
"""
_SPREAD = """
    gradient = used && known && label == column ? -g[per_label ? place : 0]{divided} * counts : static_cast<T>(0);
"""
# Blocks whose threads add up what each has found.
_BLOCK = """
extern "C" __global__ void {name}({parameters}, const long long classes, const long long ignored, const long long size) {{
    T sum = 0, divisor = 0;
    for (long long i = 1LL * THREADS * blockIdx.x + threadIdx.x; i < size; i += 1LL * THREADS * gridDim.x) {{ {every} }}
    {last}
}}
"""
_LABEL = "const long long label = target[i];"
_REDUCE = """
    sum = of_all(sum);
    divisor = of_all(divisor);
    if (threadIdx.x) return;
    if (gridDim.x == 1) loss[0] = mean ? sum / divisor : sum;
    else {
        loss[blockIdx.x] = sum;  // for another kernel to finish
        loss[gridDim.x + blockIdx.x] = divisor;
    }
"""
_WEIGH = """
    divisor = of_all(divisor);
    if (threadIdx.x == 0) total[0] = divisor;
"""


def reduced(input: Array, target: Array, weight: Array | None, ignored: int, mean: bool, message: str) -> Array:
    """The sum of -weight[t] * input[t] over the labels t that count, or if `mean` that over the sum of weight[t]; 0-d.

    message: for a label out of range, see faults.py.
    """
    lib, (classes, each), dtype = xp(input), _sizes(input.shape), input.dtype
    site, note = faults.site_and_note(input, message)
    blocks = max(1, min(-(-target.size // FEW), THREADS))
    parts = lib.empty(2 * blocks if blocks > 1 else (), dtype)
    arrays = [lib.ascontiguousarray(x) for x in (input, *_given(weight), target)]
    _raw(lib, "reduce", weight is not None, dtype.char)(
        (blocks,), (THREADS,), (*arrays, parts, note, site, int(mean), each, classes, ignored, target.size)
    )
    faults.launched(gpu_of(input))
    if blocks == 1:
        return parts
    loss = lib.empty((), dtype)
    _raw(lib, "finish", False, dtype.char)((1,), (THREADS,), (parts, loss, int(mean), classes, ignored, blocks))
    return loss


def pick(input: Array, target: Array, weight: Array | None, ignored: int, message: str) -> tuple[Array, Array]:
    """(-weight[t] * input[t], weight[t]) for each label t, both 0 where it is ignored; in the shape of the target."""
    lib, (classes, each) = xp(input), _sizes(input.shape)
    site, note = faults.site_and_note(input, message)
    picked, counts = lib.empty(target.shape, input.dtype), lib.empty(target.shape, input.dtype)
    _kernel(lib, "pick", weight is not None)(
        input, *_given(weight), target, classes, each, ignored, site, picked, counts, note
    )
    faults.launched(gpu_of(input))
    return picked, counts


def total_weight(target: Array, weight: Array | None, kind: Any, classes: int, ignored: int) -> Array:
    """The sum of weight[t] over the labels t that count; 0-d, of dtype `kind`."""
    lib = xp(target)
    if target.size > FEW:
        counts = lib.empty(target.shape, kind)
        _kernel(lib, "weigh", weight is not None)(*_given(weight), target, classes, ignored, counts)
        return total(counts)
    found = lib.empty((), kind)
    arrays = [lib.ascontiguousarray(x) for x in (*_given(weight), target)]
    _raw(lib, "total", weight is not None, kind.char)((1,), (THREADS,), (*arrays, found, classes, ignored, target.size))
    return found


def spread(
    g: Array, target: Array, weight: Array | None, size: tuple[int, ...], ignored: int, divisor: Array | None = None
) -> Array:
    """-weight[t] * g at the place of each label t, else 0; in the shape `size` of the input. g: one, or one per
    label. divisor: 0-d; what g is divided by."""
    lib, (classes, each) = xp(g), _sizes(size)
    out = lib.empty(size, g.dtype)
    name = "spread" if divisor is None else "spread_mean"
    _kernel(lib, name, weight is not None)(
        g, *_given(weight), target, *_given(divisor), int(g.size > 1), classes, each, ignored, out
    )
    return out


def _sizes(shape: tuple[int, ...]) -> tuple[int, int]:
    """(C, each)."""
    return shape[0 if len(shape) == 1 else 1], math.prod(shape[2:])


def _given(weight: Array | None) -> tuple[Array, ...]:
    return () if weight is None else (weight,)


@cache
def _kernel(lib: Any, name: str, weighted: bool) -> Any:
    return lib.ElementwiseKernel(*source(name, weighted), f"minitorch_{name}_labels")


@cache
def _raw(lib: Any, name: str, weighted: bool, char: str) -> Any:
    return lib.RawKernel(raw_source(name, weighted, char), f"minitorch_{name}_labels")


def source(name: str, weighted: bool) -> tuple[str, str, str]:
    """(inputs, outputs, operation) of an elementwise kernel."""
    counts, weights = _counts(weighted), "raw T weight, " if weighted else ""
    if name == "pick":
        inputs = f"raw T input, {weights}int64 label, int64 classes, int64 each, int64 ignored, float64 site"
        return inputs, "T picked, T weight_of, raw float64 note", counts + _PICK  # CuPy makes inputs const
    if name == "weigh":
        return f"{weights}int64 label, int64 classes, int64 ignored", "T weight_of", counts + "weight_of = counts;"
    divisor = "T divisor, " if name == "spread_mean" else ""
    inputs = f"raw T g, {weights}raw int64 target, {divisor}int64 per_label, int64 classes, int64 each, int64 ignored"
    return inputs, "T gradient", _PLACE + counts + _SPREAD.format(divided=" / divisor" if divisor else "")


def raw_source(name: str, weighted: bool, char: str) -> str:
    """A kernel of blocks in CUDA."""
    weights = "const T *weight, " if weighted else ""
    if name == "reduce":
        given = f"const T *input, {weights}const long long *target, T *loss, double *note, const double site"
        given += ", const long long mean, const long long each"
        every = _LABEL + "T picked, weight_of;" + _counts(weighted) + _PICK + "sum += picked; divisor += weight_of;"
        last = _REDUCE
    elif name == "finish":
        given, every, last = (
            "const T *parts, T *loss, const long long mean",
            "sum += parts[i]; divisor += parts[size + i];",
            _REDUCE,
        )
    else:
        given, last = f"{weights}const long long *target, T *total", _WEIGH
        every = _LABEL + _counts(weighted) + "divisor += counts;"
    kernel = _BLOCK.format(name=f"minitorch_{name}_labels", parameters=given, every=every, last=last)
    return typedef(char) + SUM_OF_BLOCK + kernel


def _counts(weighted: bool) -> str:
    return _COUNTS.format(weight="weight[label]" if weighted else "static_cast<T>(1)")
