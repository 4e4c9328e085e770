"""Products of matrices by cuBLAS, called directly: for CUDA graphs, which CuPy's own products refuse to be part of.

CuPy declines any call of cuBLAS while a stream is captured; cuBLAS itself does not mind, if it was given memory to work
in beforehand (cuBLAS manual, 2.1.14 "CUDA Graphs Support").
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from ctypes import CDLL
from functools import cache
from math import prod
from typing import Any

import numpy as np

from minitorch import recording
from minitorch.device import Array, current_gpu, require_cupy, xp

WORKSPACE = 32 << 20  # bytes; what NVIDIA recommends for its largest GPUs
_DEFAULT_ALGORITHM = -1  # CUBLAS_GEMM_DEFAULT
# By NumPy's character: cudaDataType, cublasComputeType_t, and the C type of alpha and beta. Halves add up in float32.
_TYPES = {"e": (2, 68, ctypes.c_float), "f": (0, 68, ctypes.c_float), "d": (1, 70, ctypes.c_double)}
_INT, _LONG, _POINTER = ctypes.c_int, ctypes.c_longlong, ctypes.c_void_p
_MATRIX = [_POINTER, _INT, _INT, _LONG]  # address, type, elements from line to line, elements from matrix to matrix
_GEMM: list[Any] = [_POINTER, *[_INT] * 5, _POINTER, *_MATRIX, *_MATRIX, _POINTER, *_MATRIX, _INT, _INT, _INT]


def matmul(a: Array, b: Array) -> Array:
    """a @ b of CuPy arrays, as NumPy has it: CuPy's, or in a graph that is being captured, cuBLAS's own."""
    if recording.here.recording is None or a.dtype.char not in _TYPES:
        return a @ b
    return recording.here.recording.gemm(a, b)


class Gemm:
    """a @ b on the current stream. To be made before the capture, which cuBLAS itself must not start in.

    workspace(stream): the address of WORKSPACE bytes for products on that stream.
    """

    def __init__(self, workspace: Callable[[int], int]) -> None:
        self.handle, self._workspace, self._stream = _handle(current_gpu()), workspace, -1

    def _follow(self, stream: int) -> None:
        """A capture may fork to other streams."""
        if stream != self._stream:
            _check("SetStream", _library().cublasSetStream_v2(self.handle, stream))
            # after SetStream, which takes the workspace away
            _check("SetWorkspace", _library().cublasSetWorkspace_v2(self.handle, self._workspace(stream), WORKSPACE))
            self._stream = stream

    def __call__(self, a: Array, b: Array) -> Array:
        """Leading dimensions broadcast; a vector is a row on the left and a column on the right."""
        if a.ndim == 1:
            return self(a[None], b)[..., 0, :] if b.ndim > 1 else self(a[None], b[:, None])[0, 0]
        if b.ndim == 1:
            return self(a, b[:, None])[..., 0]
        lib, (n, k), m = xp(a), a.shape[-2:], b.shape[-1]
        if b.shape[-2] != k:
            raise ValueError(f"matmul: {list(a.shape)} @ {list(b.shape)}: {k} columns cannot meet {b.shape[-2]} rows")
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        out = lib.empty((*batch, n, m), a.dtype)
        if not out.size or not k:
            out.fill(0)
            return out
        self._follow(require_cupy().cuda.get_current_stream().ptr)
        left, left_turned, left_line, left_step = _readable(a, batch)
        right, right_turned, right_line, right_step = _readable(b, batch)
        kind, compute, number = _TYPES[a.dtype.char]
        one, zero = number(1), number(0)
        # cuBLAS counts columns first: what lies in memory is a.T, b.T and out.T, and out.T = b.T @ a.T
        status = _library().cublasGemmStridedBatchedEx(
            self.handle, right_turned, left_turned, m, n, k, ctypes.addressof(one),
            right.data.ptr, kind, right_line, right_step,
            left.data.ptr, kind, left_line, left_step,
            ctypes.addressof(zero), out.data.ptr, kind, m, n * m,
            prod(batch), compute, _DEFAULT_ALGORITHM,
        )  # fmt: skip
        _check("GemmStridedBatchedEx", status)
        return out


def _readable(x: Array, batch: tuple[int, ...]) -> tuple[Array, bool, int, int]:
    """`x`, or a copy, as cuBLAS can read it: (array, whether its matrices lie transposed, elements from line to line,
    elements from matrix to matrix)."""
    lib = xp(x)
    if x.ndim > 2 and prod(x.shape[:-2]) == 1:
        x = x.reshape(x.shape[-2:])
    if x.ndim > 2:  # one step from matrix to matrix: CuPy copies where there is none
        x = lib.broadcast_to(x, (*batch, *x.shape[-2:])).reshape(-1, *x.shape[-2:])
    layout = _lines(x)
    if layout is None:
        x = lib.ascontiguousarray(x)
        layout = _lines(x)
        assert layout is not None
    return x, *layout, x.strides[0] // x.itemsize if x.ndim > 2 else 0


def _lines(x: Array) -> tuple[bool, int] | None:
    """Whether the matrices lie transposed, and how many elements it is from line to line; None if not in lines."""
    rows, columns = x.shape[-2:]
    down, across = (stride // x.itemsize for stride in x.strides[-2:])
    if (across == 1 or columns == 1) and (down >= columns or rows == 1):
        return False, columns if rows == 1 else down
    if (down == 1 or rows == 1) and across >= rows:
        return True, across
    return None


# --- the library


@cache
def _library() -> Any:
    cupy = require_cupy()
    cupy.cuda.get_cublas_handle()  # CuPy loads cuBLAS when it first needs it; then it is found by its name alone
    major = cupy.cuda.runtime.runtimeGetVersion() // 1000
    library = CDLL(f"cublas64_{major}.dll" if os.name == "nt" else f"libcublas.so.{major}")
    library.cublasCreate_v2.argtypes = [_POINTER]
    library.cublasSetStream_v2.argtypes = [_POINTER, _POINTER]
    library.cublasSetWorkspace_v2.argtypes = [_POINTER, _POINTER, ctypes.c_size_t]
    library.cublasGemmStridedBatchedEx.argtypes = _GEMM
    return library


@cache
def _handle(gpu: int) -> Any:
    handle = _POINTER()
    _check("Create", _library().cublasCreate_v2(ctypes.byref(handle)))
    return handle


def _check(name: str, status: int) -> None:
    if status:
        raise RuntimeError(f"cuBLAS: cublas{name} failed with status {status}")
