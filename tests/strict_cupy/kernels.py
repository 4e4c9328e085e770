"""Kernels of our own. An elementwise one is C++ but for its loop: it is compiled for the CPU and run."""

from __future__ import annotations

import ctypes
import math
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .registry import is_device_array

_C_TYPES = {
    "f": "float", "d": "double", "?": "bool", "b": "signed char", "B": "unsigned char", "h": "short", "i": "int",
    "l": "long", "q": "long long",
}  # fmt: skip
# Of CUDA's mathematics what is used; without a header, which takes longer to read than all else.
_PREAMBLE = """
typedef double float64; typedef float float32; typedef long long int64; typedef long ptrdiff_t;
static bool outside;
template <typename E> struct Raw {
    E *values; long size;
    E &operator[](long i) const { static E other{}; if (i < 0 || i >= size) outside = true; return outside ? other : values[i]; }
};
""" + "\n".join(
    f'extern "C" double {f}(double); inline float {f}(float x) {{ return __builtin_{f}f(x); }}'
    for f in ("fabs", "sqrt", "exp", "expm1", "log", "log1p", "tanh", "erf")
)
_PREAMBLE += (
    'extern "C" double pow(double, double); inline float pow(float x, float y) { return __builtin_powf(x, y); }'
)


class ElementwiseKernel:
    """`ElementwiseKernel(in_params, out_params, operation, name)`; all outputs must be given in the call."""

    def __init__(
        self, in_params: str, out_params: str, operation: str, name: str = "kernel", reduce_dims: bool = True,
        preamble: str = "", no_return: bool = False, return_tuple: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        self.name, self.operation = name, operation
        inputs, outputs = ([Parameter(p) for p in text.split(",") if p.strip()] for text in (in_params, out_params))
        self.params, self.nin = (*inputs, *outputs), len(inputs)

    def __call__(self, *args: Any, size: int | None = None, block_size: int = 128, stream: Any = None) -> Any:
        if len(args) != len(self.params):
            raise NotImplementedError(f"kernel {self.name!r}: the double wants all {len(self.params)} arguments")
        if any(isinstance(x, np.ndarray) for x in args):
            raise TypeError(f"Unsupported type {np.ndarray}")
        bare = [x._a if is_device_array(x) else x for x in args]
        with np.errstate(all="ignore"):
            self._run(bare)
        return args[self.nin] if len(args) == self.nin + 1 else args[self.nin :]

    def _run(self, args: list[Any]) -> None:
        """The operation for each element; what is written to must have the whole shape, or be raw."""
        given = list(zip(self.params, args))
        kinds = {a.dtype.char for p, a in given if p.kind == "T"}
        if len(kinds) != 1:
            raise TypeError(f"kernel {self.name!r}: T is one type, not {sorted(kinds)}")
        shape = np.broadcast_shapes(*[np.shape(a) for p, a in given if not p.raw])
        if any(a.shape != shape for p, a in given[self.nin :] if not p.raw):
            raise ValueError(f"kernel {self.name!r}: an output has not the shape {shape}")
        for p, a in given:
            if p.kind != "T" and isinstance(a, np.ndarray) and a.dtype.name != p.kind:
                raise TypeError(f"kernel {self.name!r}: {p.name} is {p.kind}, not {a.dtype}")
        whole = [
            np.array(a if p.raw else np.broadcast_to(a, shape), order="C") if isinstance(a, np.ndarray) else a
            for p, a in given
        ]
        arrays = tuple(isinstance(a, np.ndarray) for a in args)
        function = _compiled(self.params, self.nin, arrays, self.operation, *kinds)
        passed: list[Any] = []
        for a in whole:
            passed += [a.ctypes.data_as(ctypes.c_void_p), a.size] if isinstance(a, np.ndarray) else [a]
        if function(math.prod(shape), *passed):
            raise AssertionError(f"kernel {self.name!r} reads or writes outside of a raw array")
        for target, values in zip(args[self.nin :], whole[self.nin :]):
            target[...] = values


class Parameter:
    """ "raw T x": all of x, by an index; "T x": its element; "float64 x": a number."""

    def __init__(self, text: str) -> None:
        *raw, self.kind, self.name = text.split()
        self.raw = raw == ["raw"]


@cache
def _compiled(params: tuple[Parameter, ...], nin: int, arrays: tuple[bool, ...], operation: str, kind: str) -> Any:
    """The loop over all elements, as a C function (count, a pointer and a size for each array, the numbers themselves);
    it returns whether an index was out of bounds."""
    signature, elements, whole = ["long count"], "", ""
    for n, (p, array) in enumerate(zip(params, arrays)):
        signature.append(f"{p.kind} *p_{p.name}, long s_{p.name}" if array else f"{p.kind} {p.name}")
        if p.raw:
            const = "const " * (n < nin)  # CuPy makes inputs const, raw ones too
            whole += f"{const}Raw<{const}{p.kind}> {p.name} = {{p_{p.name}, s_{p.name}}}; "
        elif array:
            elements += f"{p.kind} &{p.name} = p_{p.name}[i]; "
    source = (
        f"{_PREAMBLE}\ntypedef {_C_TYPES[kind]} T;\n"
        f'extern "C" int kernel({", ".join(signature)}) {{ outside = false; {whole}\n'
        f"for (long i = 0; i < count; i++) {{ {elements}\n{operation};\n}} return outside; }}"
    )
    function = _built(source)
    function.argtypes = [ctypes.c_long]
    for p, array in zip(params, arrays):
        number = ctypes.c_longlong if p.kind == "int64" else ctypes.c_double
        function.argtypes += [ctypes.c_void_p, ctypes.c_long] if array else [number]
    return function


_OF_C = {"float": "f", "double": "d", "long long": "lq"}
# What a raw kernel finds instead of CUDA's words; its threads run one after the other.
_RAW_PREAMBLE = """
#define __global__
struct Place { long long x; };
static Place blockIdx, threadIdx, blockDim, gridDim;
"""
GUARD = 4096  # bytes of NaN around each array


class RawKernel:
    """`RawKernel(code, name)`: CUDA of one function, whose threads want nothing of each other."""

    def __init__(self, code: str, name: str, options: Any = (), backend: str = "nvrtc", **kwargs: Any) -> None:
        self.code, self.name = code, name

    def __call__(self, grid: Any, block: Any, args: Any, *, shared_mem: int = 0) -> None:
        if min(*grid, *block) < 1 or max(block) > 1024:
            raise ValueError(f"kernel {self.name!r}: CUDA_ERROR_INVALID_VALUE: grid {grid}, block {block}")
        parameters = re.search(rf"{self.name}\((.*?)\)", self.code, re.S).group(1).split(",")
        if len(parameters) != len(args):
            raise TypeError(f"kernel {self.name!r}: {len(args)} arguments for {parameters}")
        guarded, passed = [], []
        for p, x in zip(parameters, args):
            if not is_device_array(x):
                assert ("double" in p and type(x) is float) or ("long long" in p and type(x) is int), (p, x)
                passed.append(ctypes.c_double(x) if type(x) is float else ctypes.c_longlong(x))
                continue
            kind = p.replace("const", "").split("*")[0].strip()
            if kind == "T":
                kind = re.search(r"typedef (\w+) T;", self.code).group(1)
            assert x.dtype.char in _OF_C[kind], f"kernel {self.name!r}: {x.dtype} for {p}"
            assert x._a.flags.c_contiguous, "a raw kernel knows nothing of strides"
            memory = np.full(x._a.nbytes + 2 * GUARD, 255, np.uint8)
            inside = memory[GUARD:-GUARD].view(x.dtype)
            inside[:] = x._a.ravel()
            guarded.append((p, x, memory, inside))
            passed.append(ctypes.c_void_p(inside.ctypes.data))
        sizes = [ctypes.c_longlong(n) for n in (grid[0], block[0])]
        _raw(self.code, self.name, ",".join(parameters))(*sizes, *passed)
        for p, x, memory, inside in guarded:
            assert (memory[:GUARD] == 255).all() and (memory[-GUARD:] == 255).all(), (
                f"kernel {self.name!r} writes outside"
            )
            if "const" not in p:
                x._a.ravel()[:] = inside


@cache
def _raw(code: str, name: str, parameters: str) -> Any:
    """The kernel for all threads, as a C function (blocks, threads of a block, the kernel's own arguments)."""
    names = ", ".join(re.findall(r"(\w+)\s*(?:,|$)", parameters))
    return _built(
        f"{_PREAMBLE}{_RAW_PREAMBLE}{code}\n"
        f'extern "C" void kernel(long long blocks, long long threads, {parameters}) {{ gridDim.x = blocks; blockDim.x = threads;\n'
        f"for (blockIdx.x = 0; blockIdx.x < blocks; blockIdx.x++) for (threadIdx.x = 0; threadIdx.x < threads; threadIdx.x++)\n"
        f"{name}({names}); }}"
    )


def _built(source: str) -> Any:
    """The function `kernel` of a source in C++."""
    compiler = shutil.which("c++") or shutil.which("g++") or pytest.skip("needs a C++ compiler")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "kernel.so"
        command = [compiler, "-shared", "-fPIC", "-ffp-contract=off", "-x", "c++", "-", "-o", str(library), "-lm"]
        done = subprocess.run(command, input=source, text=True, capture_output=True)
        if done.returncode:
            raise RuntimeError(f"{done.stderr}\n{source}")
        return ctypes.CDLL(str(library)).kernel


def refused(what: str) -> Any:
    """A way to run CUDA source that nobody can stand in for."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"cupy.{what}: the double runs no CUDA source")

    return refuse
