"""Elementwise CUDA kernels, made from the lines that compute one element: for arrays of any layout, for dense ones, or for
many sets of dense ones.

CuPy's ElementwiseKernel works out where each element lies, one by one. Of arrays that lie in one piece in the same order
a plain kernel reads several elements at once and is launched with less ado: on an H200, 3 + 1 arrays of 100 million
float32, 360 us and not 479; a call takes 5 us of the host and not 10.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Any

import numpy as np

from minitorch.device import Array

THREADS = 256  # of a block
EACH = 4  # elements per thread, THREADS apart, so that neighbours read neighbours
_C = {"float32": "float", "float64": "double"}

# launch(what is only read, numbers, what is written to, elements)
Launch = Callable[[Sequence[Array], Sequence[float], Sequence[Array], int], None]


@dataclass(frozen=True)
class Operation:
    """What is computed for an element, in lines of CUDA. T: the dtype of all arrays but those of one element.

    read, written: names of arrays, and of what else is read the dtypes; "result" is one that nothing is read from.
    numbers: how many there are, n0, n1, ... of type double. single: the arrays of one element, which all others meet.
    """

    name: str
    lines: str
    dtype: str
    read: tuple[tuple[str, str], ...]
    written: tuple[str, ...]
    numbers: int
    single: frozenset[str] = frozenset()


@cache
def for_any_layout(lib: Any, operation: Operation) -> Launch:
    """As CuPy does it: all arrays broadcast, those written to have the whole shape."""
    inputs = [f"{'T' if dtype == operation.dtype else dtype} {name}" for name, dtype in operation.read]
    inputs += [f"float64 n{i}" for i in range(operation.numbers)]
    outputs = [f"T {name}" for name in operation.written]
    kernel = lib.ElementwiseKernel(", ".join(inputs), ", ".join(outputs), operation.lines, operation.name)
    return lambda read, numbers, written, size: kernel(*read, *numbers, *written)


def may_be_dense(operation: Operation) -> bool:
    """Whether `for_dense` knows all dtypes."""
    return all(dtype in _C for _, dtype in operation.read)


@cache
def for_dense(lib: Any, operation: Operation) -> Launch:
    """For arrays in C order, of one shape but for the single ones."""
    kernel = lib.RawKernel(source(operation), operation.name)

    def launch(read: Sequence[Array], numbers: Sequence[float], written: Sequence[Array], size: int) -> None:
        if size:  # CUDA has no grid of no blocks
            kernel((-(-size // (EACH * THREADS)),), (THREADS,), (*read, *written, *numbers, size))

    return launch


def source(operation: Operation) -> str:
    """The kernel in CUDA."""
    pointers = [f"{kind} *{name}" for name, kind in _pointers(operation).items()]
    parameters = [*pointers, *_numbers(operation), "const long long size"]
    return _kernel(operation, parameters, [f"const long long first = {EACH * THREADS}LL * blockIdx.x + threadIdx.x;"])


def _pointers(operation: Operation) -> dict[str, str]:
    """The type of what each pointer points to."""
    return {f"in_{name}": f"const {_C[dtype]}" for name, dtype in operation.read} | {
        f"out_{name}": "T" for name in operation.written
    }


def _numbers(operation: Operation) -> list[str]:
    return [f"const double n{i}" for i in range(operation.numbers)]


def _kernel(operation: Operation, parameters: list[str], before: list[str], structure: str = "") -> str:
    """before: lines that say what `first` is, a thread's first element. A thread reads all that it needs before it writes:
    what is written may be what is read."""
    before, loads, uses, stores = before[:], [], [], []
    for name, dtype in operation.read:
        if name in operation.single:
            before.append(f"const {_C[dtype]} {name} = in_{name}[0];")
        else:
            before.append(f"T all_{name}[{EACH}];")
            loads.append(f"all_{name}[k] = in_{name}[i];")
            uses.append(f"const T {name} = all_{name}[k];")
    for name in operation.written:
        if name == "result":
            uses.append(f"T {name};")
        else:
            before.append(f"T all_{name}[{EACH}];")
            loads.append(f"all_{name}[k] = out_{name}[i];")
            uses.append(f"T {name} = all_{name}[k];")
        stores.append(f"out_{name}[i] = {name};")
    loop = f"for (int k = 0; k < {EACH}; k++) {{ const long long i = first + k * {THREADS}; if (i < size) {{\n%s\n}} }}"
    return "\n".join([
        f"typedef {_C[operation.dtype]} T;",
        structure,
        f'extern "C" __global__ void {operation.name}({", ".join(parameters)}) {{',
        *before,
        loop % "\n".join(loads),
        loop % "\n".join([*uses, operation.lines, *stores]),
        "}",
    ])  # fmt: skip


# --- many sets of arrays in one launch, as the parameters of an optimizer


class Sets:
    """n sets of arrays in C order, the i-th of `sizes[i]` elements: at[k, i] is the address of the k-th array.

    They go to the kernel by value, as PyTorch's multi_tensor_apply has it: nothing is copied to the GPU for it, and a graph
    keeps them. As many sets as a launch may be told of make a pack.
    """

    def __init__(self, sizes: Sequence[int], rows: int) -> None:
        self.at = np.zeros((rows, len(sizes)), np.uint64)
        most = most_sets(rows)
        self.packs: list[tuple[slice, np.ndarray, int]] = []  # (which sets, what the kernel is told, blocks)
        for start in range(0, len(sizes), most):
            part = slice(start, min(start + most, len(sizes)))
            pack = np.zeros((), _pack(rows))
            blocks = [-(-size // (EACH * THREADS)) for size in sizes[part]]
            pack["count"] = len(blocks)
            pack["size"][: len(blocks)] = sizes[part]
            pack["first"][: len(blocks)] = [0, *accumulate(blocks[:-1])]
            self.packs.append((part, pack, sum(blocks)))


_NUMBERS = 24  # at most
_ROOM = 4096 - 8 - 8 * _NUMBERS  # bytes: what CUDA lets a kernel be told, less the count and the numbers


def most_sets(rows: int) -> int:
    """How many sets a launch may be told of."""
    return _ROOM // (8 * rows + 16)


def _pack(rows: int) -> np.dtype:
    most = most_sets(rows)
    return np.dtype([("at", "u8", (rows, most)), ("size", "i8", most), ("first", "i8", most), ("count", "i8")])


@cache
def for_sets(lib: Any, operation: Operation, names: tuple[str, ...]) -> Callable[[Sets, Sequence[float]], None]:
    """For all sets, whose arrays are named so. Nothing is made: the operation has no "result"."""
    assert operation.numbers <= _NUMBERS, operation
    kernel = lib.RawKernel(source_for_sets(operation, names), operation.name)

    def launch(sets: Sets, numbers: Sequence[float]) -> None:
        for part, pack, blocks in sets.packs:
            pack["at"][:, : part.stop - part.start] = sets.at[:, part]
            if blocks:
                kernel((blocks,), (THREADS,), (pack, *numbers))

    return launch


def source_for_sets(operation: Operation, names: tuple[str, ...]) -> str:
    """The kernel in CUDA. Each block looks up which set it belongs to: the last that begins at it or before."""
    most = most_sets(len(names))
    before = [
        "int set = 0;",
        "for (int step = 64; step; step /= 2)",
        "    if (set + step < sets.count && sets.first[set + step] <= blockIdx.x) set += step;",
        "const long long size = sets.size[set];",
        f"const long long first = {EACH * THREADS}LL * (blockIdx.x - sets.first[set]) + threadIdx.x;",
    ]
    for pointer, kind in _pointers(operation).items():
        row = names.index(pointer.partition("_")[2])
        before.append(f"{kind} *{pointer} = reinterpret_cast<{kind} *>(sets.at[{row}][set]);")
    structure = (
        f"struct Sets {{ unsigned long long at[{len(names)}][{most}]; long long size[{most}], first[{most}], count; }};"
    )
    return _kernel(operation, ["const Sets sets", *_numbers(operation)], before, structure)
