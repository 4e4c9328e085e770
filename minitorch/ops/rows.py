"""softmax of rows on a GPU, and its gradient: each is a kernel in which a warp (32 threads) has a row to itself.

Array functions take two sums and two or three steps around them. By hand, since fusion.py knows no sums.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from minitorch.device import Array, is_on_gpu, xp

WARPS = 4  # of a block
LONGEST = 4096  # a longer row is work for more than a warp

_HEAD = """
typedef {real} T;
#ifdef __CUDACC__
const int LANES = 32;
#define AMONG_LANES(x, y, both) \\
    for (int step = 16; step; step /= 2) {{ const T y = __shfl_xor_sync(0xffffffff, x, step); x = both; }}
#else  // for a CPU: one thread does the whole row
const int LANES = 1;
#define AMONG_LANES(x, y, both)
#endif
#define EACH for (long long j = lane; j < columns; j += LANES)

extern "C" __global__ void {name}({parameters}, const long long rows, const long long columns) {{
    const long long row = {warps}LL * blockIdx.x + threadIdx.x / 32;
    const int lane = threadIdx.x % 32;
    if (row >= rows || lane >= LANES) return;
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
_FORWARDS = "const T *x, T *y"
_BACKWARDS = "const T *grad, const T *y, T *input_grad"
KERNELS = {
    "softmax": (_FORWARDS, _FORWARD.format(last="EACH out[j] /= sum;")),
    "log_softmax": (_FORWARDS, _FORWARD.format(last="sum = log(sum); EACH out[j] = in[j] - most - sum;")),
    "softmax_backward": (_BACKWARDS, _BACKWARD.format(summand="g[j] * out[j]", result="(g[j] - sum) * out[j]")),
    "log_softmax_backward": (_BACKWARDS, _BACKWARD.format(summand="g[j]", result="g[j] - exp(out[j]) * sum")),
}


def fit(x: Array, dim: int) -> bool:
    """Whether `by_rows` knows what to do for x along dim."""
    return (
        is_on_gpu(x)
        and dim in (-1, x.ndim - 1)
        and x.dtype.char in "fd"
        and 0 < x.shape[-1] <= LONGEST
        and x.size > 0
        and x.flags.c_contiguous
    )


def by_rows(name: str, *arrays: Array) -> Array:
    """One of KERNELS on arrays of one shape, the last of which must `fit`; a new array."""
    lib, last = xp(arrays[0]), arrays[-1]
    out = lib.empty(last.shape, last.dtype)
    columns = last.shape[-1]
    rows = last.size // columns
    inputs = [lib.ascontiguousarray(x) for x in arrays]
    _kernel(lib, name, last.dtype.name)((-(-rows // WARPS),), (32 * WARPS,), (*inputs, out, rows, columns))
    return out


@cache
def _kernel(lib: Any, name: str, dtype: str) -> Any:
    return lib.RawKernel(source(name, dtype), f"minitorch_{name}")


def source(name: str, dtype: str) -> str:
    """A kernel in CUDA."""
    parameters, body = KERNELS[name]
    real = {"float32": "float", "float64": "double"}[dtype]
    return _HEAD.format(real=real, name=f"minitorch_{name}", parameters=parameters, warps=WARPS) + body
