"""Elementwise CUDA kernels, made from the lines that compute one element: for arrays of any layout, or for dense ones.

CuPy's ElementwiseKernel works out where each element lies, one by one. Of arrays that lie in one piece in the same order
a plain kernel reads several elements at once and is launched with less ado: on an H200, 3 + 1 arrays of 100 million
float32, 360 us and not 479; a call takes 5 us of the host and not 10.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

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
    """The kernel in CUDA. It reads all that a thread needs before it writes: what is written may be what is read."""
    parameters, before, loads, uses, stores = [], [], [], [], []
    for name, dtype in operation.read:
        parameters.append(f"const {_C[dtype]} *in_{name}")
        if name in operation.single:
            before.append(f"const {_C[dtype]} {name} = in_{name}[0];")
        else:
            before.append(f"T all_{name}[{EACH}];")
            loads.append(f"all_{name}[k] = in_{name}[i];")
            uses.append(f"const T {name} = all_{name}[k];")
    for name in operation.written:
        parameters.append(f"T *out_{name}")
        if name == "result":
            uses.append(f"T {name};")
        else:
            before.append(f"T all_{name}[{EACH}];")
            loads.append(f"all_{name}[k] = out_{name}[i];")
            uses.append(f"T {name} = all_{name}[k];")
        stores.append(f"out_{name}[i] = {name};")
    parameters += [f"const double n{i}" for i in range(operation.numbers)]
    loop = f"for (int k = 0; k < {EACH}; k++) {{ const long long i = first + k * {THREADS}; if (i < size) {{\n%s\n}} }}"
    return "\n".join([
        f"typedef {_C[operation.dtype]} T;",
        f'extern "C" __global__ void {operation.name}({", ".join(parameters)}, const long long size) {{',
        f"const long long first = {EACH * THREADS}LL * blockIdx.x + threadIdx.x;",
        *before,
        loop % "\n".join(loads),
        loop % "\n".join([*uses, operation.lines, *stores]),
        "}",
    ])  # fmt: skip
