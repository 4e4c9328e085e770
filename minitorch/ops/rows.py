"""softmax and layer normalization, row by row: on a GPU each is a kernel in which a few threads have a row to themselves,
as are their gradients.

Array functions take two sums and two or three steps around them. By hand, since fusion.py knows no sums.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from minitorch import blocks
from minitorch.device import Array, is_on_gpu, xp
from minitorch.gpu_sums import typedef

THREADS = 128  # of a block
WARP = 32  # threads that see each other's variables: the most that can share a row
EACH = 4  # numbers that a thread should have before another one helps
LONGEST = 4096  # a longer row is work for more than a warp

_HEAD = """
#ifdef __CUDACC__
#define LANES width
#define AMONG_LANES(x, y, both) \\
    for (int step = width / 2; step; step /= 2) {{ const T y = __shfl_xor_sync(0xffffffff, x, step); x = both; }}
#else  // for a CPU: one thread does the whole row
#define LANES 1
#define AMONG_LANES(x, y, both)
#endif
#define EACH _Pragma("unroll 4") for (long long j = lane; j < mine; j += LANES)

extern "C" __global__ void {name}(
    {parameters}, const long long rows, const long long columns, const long long width
) {{
    const long long found = ({threads} / width) * blockIdx.x + threadIdx.x / width, lane = threadIdx.x % width;
    if (lane >= LANES) return;
    // whoever has no row stays, for its warp, and does nothing
    const long long row = found < rows ? found : 0, mine = found < rows ? columns : 0;
"""
# Less the maximum, exp cannot overflow. A NaN is the greatest.
_FORWARD = """
    const T *in = x + row * columns;
    T *out = y + row * columns;
    T most = in[lane < columns ? lane : 0], sum = 0;
    EACH most = in[j] != in[j] || in[j] > most ? in[j] : most;
    AMONG_LANES(most, other, other != other || other > most ? other : most)
    EACH {{ out[j] = exp(in[j] - most); sum += out[j]; }}
    AMONG_LANES(sum, other, sum + other)
    {last}
}}
"""
_BACKWARD = """
    const T *g = grad + row * columns, *out = y + row * columns;
    T *result = input_grad + row * columns;
    T sum = 0;
    EACH sum += {summand};
    AMONG_LANES(sum, other, sum + other)
    EACH result[j] = {result};
}}
"""
_NORMALIZED = """
    const T *in = x + row * columns;
    T *out = y + row * columns;
    T sum = 0, square = 0;
    EACH sum += in[j];
    AMONG_LANES(sum, other, sum + other)
    const T middle = sum / columns;
    EACH square += (in[j] - middle) * (in[j] - middle);
    AMONG_LANES(square, other, square + other)
    const T variance = square / columns + static_cast<T>(eps);
    const T factor = 1 / sqrt(variance + variance * 0);  // where the squares overflow, NaN: not 0
    EACH out[j] = (in[j] - middle) * factor;
    if (lane == 0 && found < rows) { mean[row] = middle; scale[row] = factor; }
}
"""
_NORMALIZED_BACKWARD = """
    const T *g = grad + row * columns, *in = x + row * columns;
    T *result = input_grad + row * columns;
    const T middle = mean[row], factor = scale[row];
    T sum = 0, product = 0;
    EACH { sum += g[j]; product += g[j] * ((in[j] - middle) * factor); }
    AMONG_LANES(sum, other, sum + other)
    AMONG_LANES(product, other, product + other)
    sum /= columns;
    product /= columns;
    EACH result[j] = factor * (g[j] - sum - (in[j] - middle) * factor * product);
}
"""
_FORWARDS = "const T *__restrict__ x, T *__restrict__ y"
_BACKWARDS = "const T *__restrict__ grad, const T *__restrict__ y, T *__restrict__ input_grad"
KERNELS = {
    "softmax": (_FORWARDS, _FORWARD.format(last="EACH out[j] /= sum;")),
    "log_softmax": (_FORWARDS, _FORWARD.format(last="sum = log(sum); EACH out[j] = in[j] - most - sum;")),
    "softmax_backward": (_BACKWARDS, _BACKWARD.format(summand="g[j] * out[j]", result="(g[j] - sum) * out[j]")),
    "log_softmax_backward": (_BACKWARDS, _BACKWARD.format(summand="g[j]", result="g[j] - exp(out[j]) * sum")),
    "normalized": (f"T *__restrict__ mean, T *__restrict__ scale, {_FORWARDS}, const double eps", _NORMALIZED),
    "normalized_backward": (
        "const T *__restrict__ mean, const T *__restrict__ scale, const T *__restrict__ grad, const T *__restrict__ x, "
        "T *__restrict__ input_grad",
        _NORMALIZED_BACKWARD,
    ),
}


def along(
    name: str, formula: Callable[..., None], args: tuple[Array, ...], dim: int, numbers: tuple[float, ...] = ()
) -> Array:
    """One of KERNELS where it fits; else what formula(*args, dim, out, *numbers) writes to out, contiguous as PyTorch's.

    args: arrays of which each line along dim is by itself, the last one of the shape of the result; contiguous
    those that are written to.
    """
    last = args[-1]
    if _fit(last, dim):
        return _by_kernel(name, args, numbers)
    out = xp(last).empty(last.shape, last.dtype)
    if out.nbytes > blocks.BLOCK:
        blocks.by_rows(formula, args, dim, out, numbers)
    elif last.size:
        formula(*args, dim, out, *numbers)
    return out


def _fit(x: Array, dim: int) -> bool:
    return (
        is_on_gpu(x)
        and dim in (-1, x.ndim - 1)
        and x.dtype.char in "fd"
        and 0 < x.shape[-1] <= LONGEST
        and x.size > 0
        and x.flags.c_contiguous
    )


def _by_kernel(name: str, arrays: tuple[Array, ...], numbers: tuple[float, ...]) -> Array:
    lib, last = xp(arrays[0]), arrays[-1]
    out = lib.empty(last.shape, last.dtype)
    columns = last.shape[-1]
    rows = last.size // columns
    inputs = [lib.ascontiguousarray(x) for x in arrays[:-1]]
    width = min(WARP, 1 << (-(-columns // EACH) - 1).bit_length())  # a power of two: halves of halves meet
    grid = (-(-rows // (THREADS // width)),)
    _kernel(lib, name, last.dtype.char)(grid, (THREADS,), (*inputs, last, out, *numbers, rows, columns, width))
    return out


@cache
def _kernel(lib: Any, name: str, char: str) -> Any:
    return lib.RawKernel(source(name, char), f"minitorch_{name}")


def source(name: str, char: str) -> str:
    """A kernel in CUDA."""
    parameters, body = KERNELS[name]
    return typedef(char) + _HEAD.format(name=f"minitorch_{name}", parameters=parameters, threads=THREADS) + body
