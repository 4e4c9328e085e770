"""Kernels of our own. An elementwise one is C++ but for its loop: it is compiled for the CPU and run."""

from __future__ import annotations

import ctypes
import math
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
    compiler = shutil.which("c++") or shutil.which("g++") or pytest.skip("needs a C++ compiler")
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
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "kernel.so"
        command = [compiler, "-shared", "-fPIC", "-ffp-contract=off", "-x", "c++", "-", "-o", str(library), "-lm"]
        done = subprocess.run(command, input=source, text=True, capture_output=True)
        if done.returncode:
            raise RuntimeError(f"{done.stderr}\n{source}")
        function = ctypes.CDLL(str(library)).kernel
    function.argtypes = [ctypes.c_long]
    for p, array in zip(params, arrays):
        number = ctypes.c_longlong if p.kind == "int64" else ctypes.c_double
        function.argtypes += [ctypes.c_void_p, ctypes.c_long] if array else [number]
    return function


def refused(what: str) -> Any:
    """A way to run CUDA source that nobody can stand in for."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"cupy.{what}: the double runs no CUDA source")

    return refuse
