"""The double's kernels: CUDA that is compiled for the CPU and run, the threads of a block by turns."""

from __future__ import annotations

import numpy as np
import pytest
from strict_cupy.namespace import cupy

F = np.float32
HOST = np.ones((2, 3), F)


def test_kernels_are_compiled_and_run() -> None:
    x = cupy.array(np.arange(6, dtype=F).reshape(2, 3))
    out = cupy.empty((2, 3), F)
    assert cupy.ElementwiseKernel("T x", "T y", "y = 2 * x", "twice")(x, out) is out
    assert out.tolist() == (x * 2).tolist()
    shift = cupy.ElementwiseKernel("raw T x, int64 k, float64 c", "T y", "y = x[(i + k) % 6] + c", "shift")
    assert shift(x.T, 2, 0.5, out).tolist() == [[1.5, 4.5, 2.5], [5.5, 0.5, 3.5]]
    code = 'extern "C" __global__ void add(const float *a, float *b, const double c, const long long n) {' + (
        " const long long i = 2 * blockIdx.x + threadIdx.x; if (i < n) b[i] = a[i] + c; }"
    )
    cupy.RawKernel(code, "add")((3,), (2,), (x, out, 0.5, 5))
    assert out.ravel().tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 3.5]
    with pytest.raises(TypeError, match="Unsupported type"):
        cupy.ElementwiseKernel("T x", "T y", "y = 2 * x", "twice")(HOST, out)
    with pytest.raises(AssertionError, match="outside of a raw array"):
        cupy.ElementwiseKernel("raw T x", "T y", "y = x[i + 1]", "over")(x, out)
    with pytest.raises(TypeError, match="k is int64, not int32"):
        cupy.ElementwiseKernel("T x, int64 k", "T y", "y = x + k", "kinds")(x, x.astype("i"), out)


_WARP = 'extern "C" __global__ void k(double *x, const long long n) { %s }'


def run_kernel(body: str, threads: int) -> list[float]:
    x = cupy.arange(float(threads))
    cupy.RawKernel(_WARP % body, "k")((1,), (threads,), (x, threads))
    return x.tolist()


def test_threads_of_a_warp_see_each_other() -> None:
    body = "double v = x[threadIdx.x]; for (int s = 16; s; s /= 2) v += __shfl_xor_sync(0xffffffff, v, s); x[threadIdx.x] = v;"
    assert run_kernel(body, 64) == [sum(range(32))] * 32 + [sum(range(32, 64))] * 32


@pytest.mark.parametrize("threads", [64, 1024])
def test_threads_of_a_block_wait_for_each_other(threads: int) -> None:
    body = (
        "__shared__ double all[1024]; all[threadIdx.x] = x[threadIdx.x]; %s x[threadIdx.x] = all[n - 1 - threadIdx.x];"
    )
    wanted = [float(i) for i in reversed(range(threads))]
    assert run_kernel(body % "__syncthreads();", threads) == wanted
    assert run_kernel(body % "const double v = __shfl_xor_sync(~0u, 0.0, 1); x[0] += v;", threads) != wanted


@pytest.mark.parametrize(
    "body", ["if (threadIdx.x < 40) __syncthreads();", "if (threadIdx.x < 8) __shfl_xor_sync(0xffffffff, 1.0, 1);"]
)
def test_threads_that_wait_for_others_in_vain(body: str) -> None:
    with pytest.raises(AssertionError, match="kernel 'k': threads wait for others that are done"):
        run_kernel(body, 64)


def test_part_of_a_warp_is_not_run() -> None:
    with pytest.raises(NotImplementedError, match="whole warps, not 48 threads"):
        run_kernel("__syncthreads();", 48)


def test_every_second_launch_goes_the_other_way() -> None:
    """Whoever writes last should not matter."""
    found = [run_kernel("x[0] = threadIdx.x;", 64)[0] for _ in range(2)]
    found += [run_kernel("__syncthreads(); x[0] = threadIdx.x;", 64)[0] for _ in range(2)]
    assert (sorted(found[:2]), sorted(found[2:])) == ([0, 63], [31, 32])  # after a barrier, the warps the other way


def test_a_kernel_that_computes_outside_of_its_array() -> None:
    with pytest.raises(AssertionError, match="kernel 'k' writes outside"):
        run_kernel("x[n] = x[n] + 1;", 32)


def test_a_struct_of_addresses() -> None:
    """They are those of arrays that somebody holds."""
    code = (
        "struct Sets { unsigned long long at[1][2]; long long size[2], first[2], count; };"
        'extern "C" __global__ void k(const Sets sets, const double n) {'
        "for (int i = 0; i < sets.count; i++) reinterpret_cast<double *>(sets.at[0][i])[0] = n + i; }"
    )
    kind = np.dtype([("at", "u8", (1, 2)), ("size", "i8", 2), ("first", "i8", 2), ("count", "i8")])
    x, y = cupy.zeros(4), cupy.zeros(2)
    sets = np.zeros((), kind)
    sets["at"], sets["size"], sets["count"] = [[x[1:].data.ptr, y.data.ptr]], [3, 2], 2
    kernel = cupy.RawKernel(code, "k")
    kernel((1,), (1,), (sets, 0.5))
    assert (x.tolist(), y.tolist()) == ([0, 0.5, 0, 0], [1.5, 0])
    with pytest.raises(TypeError, match="of shape"):
        kernel((1,), (1,), (np.zeros(2, kind), 0.5))
    with pytest.raises(ValueError, match="arguments take 4160 bytes"):
        kernel((1,), (1,), (np.zeros((), [*kind.descr, ("more", "u1", 4096)]), 0.5))
    sets["at"][0, 1] = 8
    with pytest.raises(AssertionError, match="no array lies at 8"):
        kernel((1,), (1,), (sets, 0.5))
