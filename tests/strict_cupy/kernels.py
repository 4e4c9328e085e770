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

from .registry import at_address, is_device_array

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
GUARD = 4096  # bytes around each array: NaN that becomes another one when it is computed with
SIGNALS = {"d": np.uint64(0x7FF4000000000001), "f": np.uint64(0x7FA000017FA00001)}


class RawKernel:
    """`RawKernel(code, name)`: CUDA of one function, whose threads want nothing of each other."""

    def __init__(self, code: str, name: str, options: Any = (), backend: str = "nvrtc", **kwargs: Any) -> None:
        self.code, self.name = code, name

    def __call__(self, grid: Any, block: Any, args: Any, *, shared_mem: int = 0) -> None:
        self.launch(grid, block, [Struct(x) if isinstance(x, np.ndarray) else x for x in args])

    def launch(self, grid: Any, block: Any, args: list[Any]) -> None:
        """With structs' addresses as the arrays that lie there."""
        if min(*grid, *block) < 1 or max(block) > 1024:
            raise ValueError(f"kernel {self.name!r}: CUDA_ERROR_INVALID_VALUE: grid {grid}, block {block}")
        parameters = re.search(rf"{self.name}\((.*?)\)", self.code, re.S).group(1).split(",")
        if len(parameters) != len(args):
            raise TypeError(f"kernel {self.name!r}: {len(args)} arguments for {parameters}")
        guarded: list[Guarded] = []
        passed: list[Any] = []
        for p, x in zip(parameters, args):
            if isinstance(x, Struct):
                copies = {id(array): Guarded(array, written=True) for _, array, _ in x.found}
                guarded += copies.values()
                moved = x.value.copy()
                for place, array, offset in x.found:
                    moved["at"][place] = copies[id(array)].address + offset
                passed.append(ctypes.c_void_p(moved.ctypes.data))
                continue
            if not is_device_array(x):
                assert ("double" in p and type(x) is float) or ("long long" in p and type(x) is int), (p, x)
                passed.append(ctypes.c_double(x) if type(x) is float else ctypes.c_longlong(x))
                continue
            kind = p.replace("const", "").split("*")[0].strip()
            if kind == "T":
                kind = re.search(r"typedef (\w+) T;", self.code).group(1)
            assert x.dtype.char in _OF_C[kind], f"kernel {self.name!r}: {x.dtype} for {p}"
            guarded.append(Guarded(x, written="const" not in p))
            passed.append(ctypes.c_void_p(guarded[-1].address))
        sizes = [ctypes.c_longlong(n) for n in (grid[0], block[0])]
        _raw(self.code, self.name, ",".join(parameters))(*sizes, *passed)
        for copy in guarded:
            copy.take_back(self.name)


class Guarded:
    """A copy of an array for a kernel, around which it must not write."""

    def __init__(self, array: Any, written: bool) -> None:
        assert array._a.flags.c_contiguous, "a raw kernel knows nothing of strides"
        self.array, self.written = array, written
        self.edge = np.full(GUARD // 8, SIGNALS["d" if array.dtype.itemsize == 8 else "f"]).view(np.uint8)
        self.memory = np.concatenate([self.edge, np.zeros(array._a.nbytes, np.uint8), self.edge])
        self.inside = self.memory[GUARD:-GUARD].view(array.dtype)
        self.inside[:] = array._a.ravel()
        self.before = self.inside.tobytes()
        self.address = self.inside.ctypes.data

    def take_back(self, name: str) -> None:
        """What the kernel has written, into the array."""
        assert (self.memory[:GUARD] == self.edge).all() and (self.memory[-GUARD:] == self.edge).all(), (
            f"kernel {name!r} writes outside"
        )
        if self.written and self.inside.tobytes() != self.before:  # what is only read may be somebody else's, too
            self.array._a.ravel()[:] = self.inside


class Struct:
    """A struct handed over by value: a NumPy array of one element, its field "at" addresses of arrays, a column for each of
    "count" sets that are not of "size" 0. found: (index, array, bytes from its start)."""

    def __init__(self, value: np.ndarray) -> None:
        if value.size != 1:
            raise TypeError(f"You are trying to pass a numpy.ndarray of shape {value.shape} as a kernel parameter.")
        self.value = value.copy()
        columns = [i for i in range(int(value["count"])) if value["size"][i]]
        self.found = [
            ((row, i), *at_address(int(value["at"][row, i]))) for row in range(len(value["at"])) for i in columns
        ]

    def of(self, arrays: Any) -> Struct:
        """The same with other array objects for its arrays."""
        struct = object.__new__(Struct)
        struct.value, struct.found = self.value, [(place, arrays(x), offset) for place, x, offset in self.found]
        return struct


@cache
def _raw(code: str, name: str, parameters: str) -> Any:
    """The kernel for all threads, as a C function (blocks, threads of a block, the kernel's own arguments)."""
    names = ", ".join(re.findall(r"(\w+)\s*(?:,|$)", parameters))
    if struct := re.search(r"const (?!double|long)\w+ (\w+)(?=,|$)", parameters):  # C cannot be told it by ctypes
        parameters, names = (
            parameters.replace(f" {struct[1]}", f" *{struct[1]}"),
            names.replace(struct[1], f"*{struct[1]}"),
        )
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
