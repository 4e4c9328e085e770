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
# What a raw kernel finds instead of CUDA's words.
_RAW_PREAMBLE = """
#define __global__
#define __device__
#define __shared__ static
struct Place { unsigned x; };
static Place blockIdx, threadIdx, blockDim, gridDim;
static void (*call)(void *);
static void *given;
template <class F> void start(F &kernel) { given = &kernel; call = [](void *f) { (*static_cast<F *>(f))(); }; }
"""
# Threads that want nothing of each other: one after the other, at every second launch from the last one to the first.
_BLOCK_OF_ANY = """
static bool diverged;
static int launches;
static void block() {
    for (unsigned i = 0; i < blockDim.x; i++) {
        threadIdx.x = launches % 2 ? blockDim.x - 1 - i : i;
        call(given);
    }
}
"""
# Others run by turns, each on a stack of its own, until they wait or are done: a warp goes on until all of it waits for
# the block, so that whoever should have waited for other warps has not. The warps by turns from the first and from the
# last; at every second launch all of it the other way round. `diverged`: some were done, or elsewhere, while others waited for them.
_BLOCK_OF_FIBERS = """
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
enum State { ready, in_warp, in_block, done };
struct Fiber { jmp_buf at; ucontext_t start; bool made; State state; double shown[2]; int times; };
static Fiber fibers[1024];
static int current, order, launches;
static bool diverged;
static jmp_buf back;
static void run();
static void go(int i) {
    current = threadIdx.x = i;
    if (fibers[i].made) _longjmp(fibers[i].at, 1);
    fibers[i].made = true;
    getcontext(&fibers[i].start);
    fibers[i].start.uc_stack.ss_size = 1 << 16;
    fibers[i].start.uc_stack.ss_sp = malloc(1 << 16);
    makecontext(&fibers[i].start, run, 0);
    setcontext(&fibers[i].start);
}
static bool any(State state, int from, int to) {
    for (int i = from; i < to; i++) if (fibers[i].state == state) return true;
    return false;
}
static void release(State state, int from, int to) {  // those who wait so, if the others do too
    for (int i = from; i < to; i++) {
        diverged |= fibers[i].state != state;
        if (fibers[i].state == state) fibers[i].state = ready;
    }
}
static void go_on(int warp) {
    for (int i = 0; i < 32; i++) {
        const int next = warp + (launches % 2 ? 31 - i : i);
        if (fibers[next].state == ready) go(next);
    }
}
static void leave(State state) {
    fibers[current].state = state;
    if (_setjmp(fibers[current].at)) return;
    const int warp = current / 32 * 32, threads = blockDim.x;
    go_on(warp);
    if (any(in_warp, warp, warp + 32)) {
        release(in_warp, warp, warp + 32);
        go_on(warp);
    }
    if (!any(ready, 0, threads) && any(in_block, 0, threads)) {
        release(in_block, 0, threads);
        order++;
    }
    for (int i = 0; i < threads; i += 32) go_on(order % 2 ? threads - 32 - i : i);
    _longjmp(back, 1);
}
static void run() {
    for (;;) {
        call(given);
        leave(done);
    }
}
static void block() {
    order = launches;
    for (unsigned i = 0; i < blockDim.x; i++) fibers[i].state = ready;
    if (!_setjmp(back)) go(launches % 2 ? blockDim.x - 1 : 0);
}
static void __syncthreads() { leave(in_block); }
template <class V> V __shfl_xor_sync(unsigned lanes, V x, int step) {
    const int turn = fibers[current].times++ % 2;  // what is shown now is read before it is shown again
    memcpy(&fibers[current].shown[turn], &x, sizeof(V));
    leave(in_warp);
    memcpy(&x, &fibers[current ^ step].shown[turn], sizeof(V));
    return x;
}
"""
GUARD = 4096  # bytes around each array: NaN that becomes another one when it is computed with
SIGNALS = {"d": np.uint64(0x7FF4000000000001), "f": np.uint64(0x7FA000017FA00001)}


class RawKernel:
    """`RawKernel(code, name)`: CUDA of one function."""

    def __init__(self, code: str, name: str, options: Any = (), backend: str = "nvrtc", **kwargs: Any) -> None:
        self.code, self.name = code, name

    def __call__(self, grid: Any, block: Any, args: Any, *, shared_mem: int = 0) -> None:
        self.launch(grid, block, [Struct(x) if isinstance(x, np.ndarray) else x for x in args])

    def launch(self, grid: Any, block: Any, args: list[Any]) -> None:
        """With structs' addresses as the arrays that lie there."""
        if _together(self.code) and block[0] % 32:
            raise NotImplementedError(f"kernel {self.name!r}: the double runs whole warps, not {block[0]} threads")
        size = sum(x.value.nbytes if isinstance(x, Struct) else 8 for x in args)
        if size > 4096:
            raise ValueError(f"kernel {self.name!r}: its arguments take {size} bytes, CUDA has room for 4096")
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
        if _raw(self.code, self.name, ",".join(parameters))(*sizes, *passed):
            raise AssertionError(f"kernel {self.name!r}: threads wait for others that are done")
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
        others = {id(x): arrays(x) for _, x, _ in self.found}
        struct = object.__new__(Struct)
        struct.value, struct.found = self.value, [(place, others[id(x)], offset) for place, x, offset in self.found]
        return struct


@cache
def _raw(code: str, kernel: str, parameters: str) -> Any:
    """The kernel for all threads, as a C function (blocks, threads of a block, the kernel's own arguments); it returns
    whether threads waited for others in vain."""
    declared, passed = [], []
    for parameter in parameters.split(","):
        *_, name = re.findall(r"\w+", parameter)
        struct = "*" not in parameter and not re.search("double|long", parameter)  # ctypes hands over its address
        declared.append(re.sub(rf"\b{name}$", f"*{name}", parameter.rstrip()) if struct else parameter)
        passed.append(f"*{name}" if struct else name)
    block = _BLOCK_OF_FIBERS if _together(code) else _BLOCK_OF_ANY
    return _built(
        f"{_PREAMBLE}{_RAW_PREAMBLE}{block}{code}\n"
        f'extern "C" int kernel(long long blocks, long long threads, {", ".join(declared)}) {{ gridDim.x = blocks; blockDim.x = threads;\n'
        f"auto whole = [&] {{ {kernel}({', '.join(passed)}); }}; start(whole); diverged = false;\n"
        f"for (long long i = 0; i < blocks; i++) {{ blockIdx.x = launches % 2 ? blocks - 1 - i : i; block(); }}\n"
        f"launches++; return diverged; }}"
    )


def _together(code: str) -> bool:
    """Whether threads wait for each other."""
    return "__shfl" in code or "__syncthreads" in code


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
