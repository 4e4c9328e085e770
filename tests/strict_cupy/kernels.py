"""Kernels of our own. An elementwise one is C++ but for its loop: it is compiled for the CPU and run. Where that does not
work (raw arguments, what only a GPU has), a Python function of the kernel's name stands in for it.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .registry import is_device_array

Model = Callable[..., None]
_models: dict[str, Model] = {}
_C_TYPES = {"f": "float", "d": "double"}
# Of CUDA's mathematics what is used; without a header, which takes longer to read than all else.
_PREAMBLE = "typedef double float64; typedef float float32;\n" + "\n".join(
    f'extern "C" double {f}(double); inline float {f}(float x) {{ return __builtin_{f}f(x); }}'
    for f in ("fabs", "sqrt", "exp", "expm1", "log", "log1p", "tanh", "erf")
)
_PREAMBLE += (
    'extern "C" double pow(double, double); inline float pow(float x, float y) { return __builtin_powf(x, y); }'
)


def model(name: str) -> Callable[[Model], Model]:
    """Register what the elementwise kernel `name` does: a function that gets NumPy arrays, inputs first, and writes."""

    def register(function: Model) -> Model:
        _models[name] = function
        return function

    return register


class ElementwiseKernel:
    """`ElementwiseKernel(in_params, out_params, operation, name)`; all outputs must be given in the call."""

    def __init__(
        self, in_params: str, out_params: str, operation: str, name: str = "kernel", reduce_dims: bool = True,
        preamble: str = "", no_return: bool = False, return_tuple: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        self.name, self.operation = name, operation
        inputs, outputs = ([p.split() for p in text.split(",") if p.strip()] for text in (in_params, out_params))
        self.params, self.nin = [*inputs, *outputs], len(inputs)

    def __call__(self, *args: Any, size: int | None = None, block_size: int = 128, stream: Any = None) -> Any:
        if len(args) != len(self.params):
            raise NotImplementedError(f"kernel {self.name!r}: the double wants all {len(self.params)} arguments")
        if any(isinstance(x, np.ndarray) for x in args):
            raise TypeError(f"Unsupported type {np.ndarray}")
        bare = [x._a if is_device_array(x) else x for x in args]
        with np.errstate(all="ignore"):
            if self.name in _models:
                _models[self.name](*bare)
            else:
                self._run(bare)
        return args[self.nin] if len(args) == self.nin + 1 else args[self.nin :]

    def _run(self, args: list[Any]) -> None:
        """The operation for each element; what is written to must have the whole shape."""
        kinds = {a.dtype.char for (kind, _), a in zip(self.params, args) if kind == "T"}
        if len(kinds) != 1:
            raise TypeError(f"kernel {self.name!r}: T is one type, not {sorted(kinds)}")
        shape = np.broadcast_shapes(*[np.shape(a) for a in args])
        if any(a.shape != shape for a in args[self.nin :]):
            raise ValueError(f"kernel {self.name!r}: an output has not the shape {shape}")
        for (kind, name), a in zip(self.params, args):
            if kind != "T" and isinstance(a, np.ndarray) and a.dtype.name != kind:
                raise TypeError(f"kernel {self.name!r}: {name} is {kind}, not {a.dtype}")
        whole = [np.array(np.broadcast_to(a, shape), order="C") if isinstance(a, np.ndarray) else a for a in args]
        arrays = tuple(isinstance(a, np.ndarray) for a in args)
        function = _compiled(tuple(map(tuple, self.params)), arrays, self.operation, *kinds)
        function(whole[-1].size, *[a.ctypes.data_as(ctypes.c_void_p) if hasattr(a, "ctypes") else a for a in whole])
        for target, values in zip(args[self.nin :], whole[self.nin :]):
            target[...] = values


@cache
def _compiled(params: tuple[tuple[str, str], ...], arrays: tuple[bool, ...], operation: str, kind: str) -> Any:
    """The loop over all elements, as a C function (count, a pointer for each array, the numbers themselves)."""
    compiler = shutil.which("c++") or shutil.which("g++") or pytest.skip("needs a C++ compiler")
    signature = ", ".join(f"{t} *p_{n}" if array else f"{t} {n}" for (t, n), array in zip(params, arrays))
    elements = " ".join(f"{t} &{n} = p_{n}[i];" for (t, n), array in zip(params, arrays) if array)
    source = (
        f"{_PREAMBLE}\ntypedef {_C_TYPES[kind]} T;\n"
        f'extern "C" void kernel(long n, {signature}) {{ for (long i = 0; i < n; i++) {{ {elements}\n{operation};\n}} }}'
    )
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "kernel.so"
        command = [compiler, "-shared", "-fPIC", "-ffp-contract=off", "-x", "c++", "-", "-o", str(library), "-lm"]
        done = subprocess.run(command, input=source, text=True, capture_output=True)
        if done.returncode:
            raise RuntimeError(f"{done.stderr}\n{source}")
        function = ctypes.CDLL(str(library)).kernel
    function.argtypes = [ctypes.c_long, *[ctypes.c_void_p if array else ctypes.c_double for array in arrays]]
    function.restype = None
    return function


def refused(what: str) -> Any:
    """A way to run CUDA source that nobody can stand in for."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"cupy.{what}: the double runs no CUDA source")

    return refuse
