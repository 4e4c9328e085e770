"""Rows of arrays on a GPU, each by a few threads of its own: softmax, layer normalization, their gradients, sums, variances,
and where the largest is.

Array functions take two sums and two or three steps around them. By hand, since fusion.py knows no sums.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from minitorch.device import Array, is_on_gpu, xp
from minitorch.gpu_sums import typedef

THREADS = 128  # of a block
WARP = 32  # threads that see each other's variables: the most that can share a row
EACH = 4  # numbers that a thread should have before another one helps
LONGEST = 4096  # a longer row is work for more than a warp

_HEAD = """
#define AMONG_LANES(x, y, both) \\
    for (int step = width / 2; step; step /= 2) {{ const T y = __shfl_xor_sync(0xffffffff, x, step); x = both; }}
#define EACH _Pragma("unroll 4") for (long long j = lane; j < mine; j += width)

extern "C" __global__ void {name}(
    {parameters}, const long long rows, const long long columns, const long long width
) {{
    const long long found = ({threads} / width) * blockIdx.x + threadIdx.x / width, lane = threadIdx.x % width;
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
# The mean of a row, and the sum of the squares of what differs from it.
_MOMENTS = """
    const T *in = x + row * columns;
    T sum = 0, square = 0;
    EACH sum += in[j];
    AMONG_LANES(sum, other, sum + other)
    const T middle = sum / columns;
    EACH square += (in[j] - middle) * (in[j] - middle);
    AMONG_LANES(square, other, square + other)
"""
_NORMALIZED = f"""{_MOMENTS}
    T *out = y + row * columns;
    const T variance = square / columns + static_cast<T>(eps);
    const T factor = 1 / sqrt(variance + variance * 0);  // where the squares overflow, NaN: not 0
    EACH out[j] = (in[j] - middle) * factor;
    if (lane == 0 && found < rows) {{ mean[row] = middle; scale[row] = factor; }}
}}
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
_SUM = """
    const T *in = x + row * columns;
    T total = 0;
    EACH total += in[j];
    AMONG_LANES(total, other, total + other)
    if (lane == 0 && found < rows) sum[row] = total;
}
"""
_VARIANCE = f"""{_MOMENTS}
    if (lane == 0 && found < rows) variance[row] = square / static_cast<T>(freedom);
}}
"""
# The first NaN, or the first of the {ahead} ones.
_PLACE = """
    const T *in = x + row * columns;
    long long at = lane < columns ? lane : 0;
    T most = in[at];
    EACH if (!(most != most) && (in[j] != in[j] || in[j] {ahead} most)) {{ most = in[j]; at = j; }}
    for (int step = width / 2; step; step /= 2) {{
        const T value = __shfl_xor_sync(0xffffffff, most, step);
        const long long place = __shfl_xor_sync(0xffffffff, at, step);
        const bool both = value == most || (value != value && most != most);
        if (both ? place < at : value != value || (!(most != most) && value {ahead} most)) {{ most = value; at = place; }}
    }}
    if (lane == 0 && found < rows) index[row] = at;
}}
"""
_FORWARDS = "const T *__restrict__ x, T *__restrict__ y"
_BACKWARDS = "const T *__restrict__ grad, const T *__restrict__ y, T *__restrict__ input_grad"
_INDEX = "const T *__restrict__ x, long long *__restrict__ index"
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
    "row_sums": ("const T *__restrict__ x, T *__restrict__ sum", _SUM),
    "variance": ("const T *__restrict__ x, T *__restrict__ variance, const double freedom", _VARIANCE),
    "argmax": (_INDEX, _PLACE.format(ahead=">")),
    "argmin": (_INDEX, _PLACE.format(ahead="<")),
}
PLACES = "argmax", "argmin"


def fits(x: Array, dim: Any) -> bool:
    """Whether KERNELS take the lines of `x` along dim (an int, or a tuple of one)."""
    return (
        is_on_gpu(x)
        and x.ndim > 0
        and dim in (-1, x.ndim - 1, (x.ndim - 1,))
        and x.dtype.char in "fd"
        and 0 < x.shape[-1] <= LONGEST
        and x.size > 0
        and x.flags.c_contiguous
    )


def each_element(name: str, arrays: tuple[Array, ...], numbers: tuple[float, ...] = ()) -> Array:
    """What one of KERNELS makes of arrays, in the shape of the last one, which `fits`."""
    out = xp(arrays[-1]).empty(arrays[-1].shape, arrays[-1].dtype)
    _launch(name, arrays, out, numbers)
    return out


def each_row(name: str, x: Array, keepdims: bool = False, numbers: tuple[float, ...] = ()) -> Array:
    """What one of KERNELS finds for each row of `x`, which `fits`: places are int64."""
    shape = (*x.shape[:-1], 1) if keepdims else x.shape[:-1]
    out = xp(x).empty(shape, "int64" if name in PLACES else x.dtype)
    _launch(name, (x,), out, numbers)
    return out


def _launch(name: str, arrays: tuple[Array, ...], out: Array, numbers: tuple[float, ...]) -> None:
    lib, last = xp(out), arrays[-1]
    columns = last.shape[-1]
    rows = last.size // columns
    inputs = [lib.ascontiguousarray(x) for x in arrays[:-1]]
    width = min(WARP, 1 << (-(-columns // EACH) - 1).bit_length())  # a power of two: halves of halves meet
    grid = (-(-rows // (THREADS // width)),)
    _kernel(lib, name, last.dtype.char)(grid, (THREADS,), (*inputs, last, out, *numbers, rows, columns, width))


@cache
def _kernel(lib: Any, name: str, char: str) -> Any:
    return lib.RawKernel(source(name, char), f"minitorch_{name}")


def source(name: str, char: str) -> str:
    """A kernel in CUDA."""
    parameters, body = KERNELS[name]
    return typedef(char) + _HEAD.format(name=f"minitorch_{name}", parameters=parameters, threads=THREADS) + body
