"""A cuBLAS of which only the products of matrices are there, on addresses of the host and through C's calling
convention: what is handed over is what the real one would get."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace
from typing import Any

import numpy as np

from .array import ndarray
from .capture import owner_of
from .cuda import get_current_stream
from .registry import capturing

INVALID_VALUE, NOT_SUPPORTED, NOT_INITIALIZED = 7, 15, 1
_KINDS = {0: np.dtype("f"), 1: np.dtype("d"), 2: np.dtype("e")}
_COMPUTE = {0: (68, ctypes.c_float), 1: (70, ctypes.c_double), 2: (68, ctypes.c_float)}
_P, _I, _L = ctypes.c_void_p, ctypes.c_int, ctypes.c_longlong


class _State:
    stream: int | None = None
    workspace = 0


def _create(handle: int) -> int:
    ctypes.c_void_p.from_address(handle).value = 1
    return 0


def _set_stream(handle: int, stream: int) -> int:
    _State.stream, _State.workspace = stream, 0  # it goes back to its own workspace
    return 0


def _set_workspace(handle: int, workspace: int, size: int) -> int:
    _State.workspace = size
    return 0


def _gemm(
    handle: int, transa: int, transb: int, m: int, n: int, k: int, alpha: int,
    a: int, atype: int, lda: int, stridea: int, b: int, btype: int, ldb: int, strideb: int,
    beta: int, c: int, ctype: int, ldc: int, stridec: int, count: int, compute: int, algorithm: int,
) -> int:  # fmt: skip
    """C = alpha * op(A) @ op(B) + beta * C, columns first."""
    current = get_current_stream()  # where what it reads was computed
    if not current.is_capturing() or _State.stream != current.ptr or not _State.workspace or handle != 1:
        return NOT_INITIALIZED
    if not atype == btype == ctype or compute != _COMPUTE[atype][0]:
        return NOT_SUPPORTED
    kind = _KINDS[atype]
    number = _COMPUTE[atype][1]
    left = (k, m) if transa else (m, k)
    right = (n, k) if transb else (k, n)
    if lda < max(1, left[0]) or ldb < max(1, right[0]) or ldc < max(1, m) or count < 0 or algorithm != -1:
        return INVALID_VALUE
    whole = [
        _matrices(a, left, lda, stridea, count, kind), _matrices(b, right, ldb, strideb, count, kind),
        _matrices(c, (m, n), ldc, stridec, count, kind),
    ]  # fmt: skip
    scale, keep = number.from_address(alpha).value, number.from_address(beta).value
    uses = tuple(capturing[-1].pointers[address] for address in (a, b, c))
    for matrices, array in zip(whole, uses):
        _inside(matrices, array)

    def run() -> None:
        x, y, z = whole
        x, y = (x.swapaxes(1, 2) if transa else x), (y.swapaxes(1, 2) if transb else y)
        wide = np.dtype("f") if kind == np.dtype("e") else kind
        z[...] = scale * (x.astype(wide) @ y.astype(wide)) + (keep * z if keep else 0)

    capturing[-1].note("cublasGemmStridedBatchedEx", run, uses=uses)
    return 0


def _matrices(address: int, shape: tuple[int, int], line: int, step: int, count: int, kind: np.dtype) -> np.ndarray:
    """The matrices at an address: a column after the other."""
    size = kind.itemsize
    last = (count - 1) * step + (shape[1] - 1) * line + shape[0]
    memory = (ctypes.c_char * (last * size)).from_address(address)
    return np.ndarray((count, *shape), kind, memory, strides=(step * size, size, line * size))


def _inside(matrices: np.ndarray, array: ndarray) -> None:
    """The matrices must lie in the array's memory."""
    low, high = np.lib.array_utils.byte_bounds(matrices)
    begin, end = np.lib.array_utils.byte_bounds(owner_of(array)._a)
    if low < begin or high > end:
        raise AssertionError(f"cuBLAS would touch [{low}, {high}), but the array lies in [{begin}, {end})")


def library(name: str) -> Any:
    """What ctypes.CDLL gives. The functions check their arguments as C would, and put errors of Python's away."""
    if name not in ("libcublas.so.13", "cublas64_13.dll"):
        raise OSError(f"{name}: cannot open shared object file")
    return SimpleNamespace(
        cublasCreate_v2=_exported(_create, _P),
        cublasSetStream_v2=_exported(_set_stream, _P, _P),
        cublasSetWorkspace_v2=_exported(_set_workspace, _P, _P, ctypes.c_size_t),
        cublasGemmStridedBatchedEx=_exported(
            _gemm, _P, *[_I] * 5, _P, _P, _I, _I, _L, _P, _I, _I, _L, _P, _P, _I, _I, _L, _I, _I, _I
        ),
    )


raised: list[BaseException] = []  # by the functions: C cannot hand it on


def _exported(function: Any, *types: Any) -> Any:
    def guarded(*args: Any) -> int:
        try:
            return function(*args)
        except BaseException as error:
            raised.append(error)
            return -1

    return ctypes.CFUNCTYPE(_I, *types)(guarded)
