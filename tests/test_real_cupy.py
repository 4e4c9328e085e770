"""The double against the real CuPy, where that is installed; a GPU is not needed.

A real array over host memory passes all of CuPy's own checks, gives genuine views, and ends in a CUDARuntimeError where
a kernel would start: that counts as accepted. So each call must be refused by both or by neither.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pytest
from cuda_helpers import tracing_by
from strict_cupy import snapshot
from strict_cupy.install import installed
from strict_cupy.namespace import SNAPSHOT
from strict_cupy.namespace import cupy as double
from strict_cupy.recorder import built, recorded
from strict_cupy.registry import UFUNCS

import minitorch
from minitorch import faults, fusion, gpu_places, gpu_rows, gpu_sums, kernels
from minitorch.ops import labels
from minitorch.optim import fused

cupy = pytest.importorskip("cupy", minversion="14", reason="needs CuPy")
cupyx = pytest.importorskip("cupyx.scipy.special") and __import__("cupyx")

KINDS = "?bhilqBefd"
DTYPES = [np.dtype(c) for c in KINDS]


@pytest.mark.skipif(cupy.__version__ != SNAPSHOT["version"], reason="the snapshot is of another version")
def test_the_snapshot_is_true() -> None:
    found = snapshot.take_snapshot()
    assert found.keys() == SNAPSHOT.keys()
    for part, wanted in SNAPSHOT.items():
        if isinstance(wanted, dict):
            for key in wanted.keys() | found[part].keys():
                assert found[part].get(key) == wanted.get(key), f"{part}: {key}"


def real_loop(ufunc: Any, kinds: tuple[np.dtype, ...], weak: tuple[Any, ...]) -> str:
    """The loop that CuPy finds: "ff->f", or the error."""
    op = ufunc._ops._guess_routine_from_in_types(kinds, weak)
    if op is None:
        return "none"
    chars = ["".join(np.dtype(t).char for t in types) for types in (op.in_types, op.out_types)]
    return "->".join(chars) + ("!" if op.error_func is not None else "")


def double_loop(ufunc: Any, kinds: tuple[np.dtype, ...], weak: tuple[Any, ...]) -> str:
    for loop in ufunc._loops:
        from strict_cupy.ufunc import _fits

        if all(_fits(kind, w, into) for kind, w, into in zip(kinds, weak, loop.ins)):
            chars = ["".join(t.char for t in types) for types in (loop.ins, loop.outs)]
            return "->".join(chars) + ("!" if loop.raises else "")
    return "none"


@pytest.mark.parametrize("name", sorted(n for n in UFUNCS if n != "where"))
def test_loops(name: str) -> None:
    """For all pairs of dtypes, and for Python numbers beside arrays."""
    real, mine = getattr(cupy, name), UFUNCS[name]
    for kinds in itertools.product(DTYPES, repeat=real.nin):
        strong = (False,) * real.nin
        assert double_loop(mine, kinds, strong) == real_loop(real, kinds, strong), kinds
        if real.nin == 2:
            for number in (bool, int, float):
                both, weak = (kinds[0], np.dtype(number)), (False, number)
                assert double_loop(mine, both, weak) == real_loop(real, both, weak), (kinds[0], number)


# --- calls: of a library, a float32 array of (2, 3), one of two int64, and a bool array of (2, 3)

Call = Callable[[Any, Any, Any, Any], Any]
HOST = np.ones((2, 3), np.float32)
TEXTS = """
    x[0]; x[0, 0]; x[:, 1:]; x[None]; x[...]; x.T; x[0].T; x.reshape(3, 2); x.reshape(-1); x.reshape((6,)); x.ravel()
    x.swapaxes(0, 1); x.transpose((1, 0)); x.squeeze(); x.view('i4'); x.view('i2'); x[:, :2].view('i8'); x.diagonal()
    cp.broadcast_to(x, (4, 2, 3)); cp.moveaxis(x, 0, 1); cp.flip(x, 0); cp.flip(x, (0, 1)); cp.expand_dims(x, 1)
    x.astype('f4', copy=False); x.astype('f4', order='C', copy=False)
    cp.squeeze(x); cp.ravel(x); cp.reshape(x, (3, 2)); cp.diagonal(x); cp.ascontiguousarray(x); x[1:1]; x[5:]; x[::-1]
    x[5]; x[0, 7]; x[0, 0, 0]; x['a']; x[x]; x.reshape(4); x.view('i8'); x.transpose(0, 0); x.swapaxes(0, 5)
    np.asarray(x); np.float32(x[0, 0]); HOST[i]; hash(x); x.__index__; x.ctypes; x.setflags(write=True); len(x); len(x[0, 0])
    x.flags.writeable; x.flags.c_contiguous; x.item(); bool(x); bool(x[:0]); x.data.ptr; x.dtype; x.base; x[0].base
    x.sum(where=True); x.sum(initial=0); cp.sum(x, where=m); x.max(initial=1); x.min(where=True); x.var(correction=1)
    x.mean(where=m); x.any(where=m); cp.take(x, i, mode='clip'); cp.concatenate(arrays=[x]); cp.clip(x, min=0, max=1)
    cp.zeros(2, like=x); cp.zeros(2, device='cpu'); cp.sort(x, stable=True); cp.einsum('ij->i', x, out=x); cp.reshape(x, shape=(6,))
    x.sort(kind='quicksort'); x.argsort(kind='heapsort'); cp.argsort(x, kind='quicksort')
    cp.where(True, x, x); cp.maximum.reduce(x); cp.maximum.accumulate(x); cp.minimum.at(m, i, m[:2]); cp.multiply.at(x, i, x)
    cp.stack([x, HOST]); x.__setitem__(slice(None), HOST); x.fill(HOST); x.dot(i); cp.tril(x, k=1); cp.bincount(x)
    cp.lexsort([x]); x[:, m]; x[m[0]]; x[m.T]; cp.roll(x, 1, axis=5); cp.repeat(x, HOST); cp.repeat(x, i)
    cp.errstate; cp.block; cp.insert; cp.unstack; cp.vecdot; cp.nditer; cp.geomspace; cp.scatter_add; cp.cudnn; cp.linalg.multi_dot
    cp.random.Philox; cp.random.SeedSequence; cp.random.PCG64; x.__imatmul__; x.__array_interface__; x.to_device; x.nonsense
    cp.concat; cp.permute_dims; cp.unique_values; cp.cumulative_sum; cp.isdtype; cp.from_dlpack; cp.matrix_transpose
    x.fill(x[0]); x.__setitem__(0, [1., 2., 3.]); cp.moveaxis(x, 0, i[0]); cp.expand_dims(x, i[0]); cp.flip(x, [0, 1]); cp.nonzero(HOST)
    cp.matmul(x, x.T, nonsense=1); x[m[0, :2], i]; x[m[:, 0], m[0]]; x.__setitem__((m[:, 0], i), 1.0); cp.full((2, 3), x[0, 0])
    x.astype('f8', casting='safe'); cp.add(x, x, where=m); cp.ElementwiseKernel('T x', 'T y', 'y = x', 'copy', nonsense=1)
    """
CALLS: dict[str, Call] = {
    text: eval(f"lambda cp, x, i, m: {text}", {"np": np, "HOST": HOST})
    for text in map(str.strip, TEXTS.replace("\n", ";").split(";"))
    if text
}
# Refused by the double, and by CuPy later, otherwise, or not at all since 14.2 (where=).
STRICTER = {"x['a']", "HOST[i]", "cp.add(x, x, where=m)", "cp.einsum('ij->i', x, out=x)"}


def outcome(cp: Any, call: Call, make: Callable[[np.ndarray], Any]) -> Any:
    """What became of a call: an error's kind, or what the result is as a view."""
    values = np.arange(6, dtype=np.float32).reshape(2, 3), np.array([0, 1]), np.array([[True, False, True]] * 2)
    arrays = [make(v) for v in values]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the truth of an empty array
            found = call(cp, *arrays)
    except (cupy.cuda.runtime.CUDARuntimeError, ImportError):  # a kernel, or a library of the toolkit, comes next
        return "accepted"
    except AttributeError:
        return AttributeError
    except (TypeError, NotImplementedError):
        return TypeError
    except (ValueError, IndexError):
        return ValueError
    if isinstance(found, cp.ndarray):
        shared = "itself" if found is arrays[0] else "view" if found.base is arrays[0] else "new"
        return found.dtype, found.shape, found.strides, shared
    return found if isinstance(found, bool | int | tuple | np.dtype) and not hasattr(found, "ptr") else "accepted"


@pytest.mark.parametrize("text", CALLS)
def test_calls(text: str) -> None:
    real = outcome(cupy, CALLS[text], lambda a: snapshot.on_host(cupy, a))
    mine = outcome(double, CALLS[text], lambda a: double.array(a))
    if text in STRICTER:
        assert mine in (TypeError, ValueError)
    elif real == "accepted":
        assert mine not in (TypeError, ValueError, AttributeError), mine
    elif isinstance(mine, tuple) and isinstance(real, tuple) and 1 in mine[1]:
        assert (*mine[:2], mine[3]) == (*real[:2], real[3])  # the strides of single elements mean nothing
    elif text != "x.data.ptr":
        assert mine == real


# --- the calls that minitorch makes


def test_every_call_is_accepted() -> None:
    """The parity table run on the double, and each form of call that it makes made again with the real CuPy."""
    table = pytest.importorskip("parity.cases").TABLE
    from parity.evaluate import evaluate

    with installed(), recorded() as calls:
        for case in table:
            for dtype in case.dtypes:
                evaluate(case, minitorch, dtype, device="cuda")
    assert len(calls) > 1000
    refused = []
    for path, args, kwargs in calls:
        function = {"cupy": cupy, "cupyx": cupyx}[path.partition(".")[0]]
        for name in path.split(".")[1:]:
            function = getattr(function, name)
        make = lambda form: built(form, lambda a: snapshot.on_host(cupy, a))
        ufunc_name = isinstance(getattr(function, "__self__", function), cupy.ufunc)
        arguments = make(args)[1:] if ufunc_name else make(args)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                function(*arguments, **{name: make(value) for name, value in kwargs})
        except (cupy.cuda.runtime.CUDARuntimeError, ImportError):
            pass
        except Exception as error:
            refused.append(f"{path}{args}{kwargs}: {error!r}")
    assert not refused, "\n".join(refused[:20])


# --- graphs


def test_the_names_that_graphs_need() -> None:
    names = {
        "Stream": {"begin_capture", "end_capture", "is_capturing"},
        "Graph": {"launch", "debug_dot_str"},
        "MemoryPool": {"malloc", "used_bytes", "total_bytes"},
    }
    for name, wanted in names.items():
        assert wanted <= set(dir(getattr(cupy.cuda, name))), name
        double_class = getattr(double.cuda, name, None)
        assert double_class is None or wanted <= set(dir(double_class)) or name == "Graph", name
    block = np.zeros(4)
    memory = cupy.cuda.UnownedMemory(block.ctypes.data, block.nbytes, (block, "the pool"), 0)
    pointer = cupy.cuda.MemoryPointer(memory, 0)
    assert (pointer.ptr, pointer.device_id) == (block.ctypes.data, 0)
    with cupy.cuda.using_allocator(lambda size: pointer):
        assert cupy.ndarray((4,), "d").data.ptr == pointer.ptr


# --- CUDA source: the compiler needs no GPU either

HEAD = """
#include <cupy/complex.cuh>
#include <cupy/carray.cuh>
typedef {kind} T;
typedef double float64;
typedef float float32;
typedef long long int64;
extern "C" __global__ void kernel({parameters}, CIndexer<1, 1> _ind) {{
    CUPY_FOR(i, _ind.size()) {{
        _ind.set(i);
        {elements}
        {operation}
    }}
}}
"""


def compile_kernel(inputs: str, outputs: str, operation: str, kind: str) -> None:
    """As CuPy would for an ElementwiseKernel."""
    parameters, elements = [], []
    for text, const in (inputs, "const "), (outputs, ""):
        for parameter in text.split(", "):
            words = parameter.split()
            if words[0] == "raw":
                parameters.append(f"{const}CArray<{words[1]}, 1, 1, 1> {words[2]}")
            elif words[0] == "T":
                parameters.append(f"{const}CArray<T, 1, 1, 1> _raw_{words[1]}")
                elements.append(f"{const}T &{words[1]} = _raw_{words[1]}[_ind.get()];")
            else:
                parameters.append(f"const {words[0]} {words[1]}")
    source = HEAD.format(kind=kind, parameters=", ".join(parameters), elements="\n".join(elements), operation=operation)
    compiled(source, "kernel")


def compiled(source: str, name: str) -> None:
    """By NVRTC, for CuPy's oldest GPU but one; the test fails with the compiler's words."""
    nvrtc = cupy.cuda.nvrtc
    try:
        program = nvrtc.createProgram(source, f"{name}.cu", [], [])
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"needs NVRTC: {error}")
    options = cupy._core.core.assemble_cupy_compiler_options(())
    try:
        nvrtc.compileProgram(program, (*options, "-arch=sm_80", "--std=c++17"))
    except nvrtc.NVRTCError:
        pytest.fail(nvrtc.getProgramLog(program) + source)


@pytest.mark.parametrize(
    "kind", ["bool", "signed char", "unsigned char", "short", "int", "long long", "float", "double"]
)
def test_the_kernel_of_faults_compiles(kind: str) -> None:
    compile_kernel(*faults.PARAMETERS, faults._SOURCE, kind)
    kernel = cupy.ElementwiseKernel(*faults.PARAMETERS, faults._SOURCE, faults.KERNEL)
    assert (kernel.nin, kernel.nout) == (4, 1)


@pytest.mark.parametrize("kind", ["float", "double"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["pick", "weigh", "spread", "spread_mean"])
def test_the_kernels_of_labels_compile(name: str, weighted: bool, kind: str) -> None:
    inputs, outputs, operation = labels.source(name, weighted)
    compile_kernel(inputs, outputs, operation, kind)
    cupy.ElementwiseKernel(inputs, outputs, operation, f"minitorch_{name}_labels")


@pytest.mark.parametrize("kind", ["bool", "signed char", "short", "int", "long long", "float", "double"])
@pytest.mark.parametrize("name", gpu_places.KERNELS)
def test_the_kernels_of_places_compile(name: str, kind: str) -> None:
    compile_kernel(*gpu_places.KERNELS[name], kind)
    cupy.ElementwiseKernel(*gpu_places.KERNELS[name], f"minitorch_{name}")


@pytest.mark.parametrize("char", "fd")
def test_raw_kernels_compile(char: str) -> None:
    for name, weighted in itertools.product(("reduce", "finish", "total"), (False, True)):
        compiled(labels.raw_source(name, weighted, char), name)
    for module in gpu_rows, gpu_sums:
        for name in module.KERNELS:
            compiled(module.source(name, char), name)


def fused_operations() -> list[Any]:
    """What is made of the library's formulas, and for an optimizer's the names of all its arrays."""
    from test_fused import OPTIMIZERS
    from test_fusion import ACTIVATIONS, LOSSES

    found: dict[Any, None] = {}

    def noting(real: Any) -> Any:
        def noted(lib: Any, operation: kernels.Operation, *names: Any) -> Any:
            found[operation, *names] = None
            return real(lib, operation, *names)

        return noted

    makers = {name: noting(getattr(fusion, name)) for name in ("for_dense", "for_any_layout")}
    patches = mock.patch.multiple(fusion, **makers), mock.patch.object(fused, "for_sets", noting(fused.for_sets))
    with installed(), patches[0], patches[1], tracing_by(fusion.traced):
        x = minitorch.ones(3, device="cuda", requires_grad=True)
        for activation in ACTIVATIONS.values():
            activation(x).sum().backward()
        for loss in LOSSES.values():
            loss(x.sigmoid(), minitorch.ones(3, device="cuda")).backward()
        for make, capturable in itertools.product(OPTIMIZERS.values(), (False, True)):
            p = minitorch.ones(3, device="cuda", requires_grad=True)
            p.grad = minitorch.ones(3, device="cuda")
            optimizer = make([p])
            if capturable and "capturable" in optimizer.defaults:
                optimizer.param_groups[0] |= {"capturable": True, "lr": minitorch.tensor(0.1, device="cuda")}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # capturable without a capture
                for _ in range(7):  # some formulas change their form after the first steps
                    optimizer.step()
    return list(found)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fused_kernels_compile(dtype: str) -> None:
    """Those for dense arrays, those for any layout, and those for many sets of arrays."""
    found = fused_operations()
    assert len(found) > 60
    parts: list[Any] = []
    lib = SimpleNamespace(ElementwiseKernel=lambda *args: parts.append(args))
    for operation, *names in found:
        read = tuple((name, dtype if kind == operation.dtype else kind) for name, kind in operation.read)
        operation = replace(operation, dtype=dtype, read=read)
        if names:
            compiled(kernels.source_for_sets(operation, *names), operation.name)
            continue
        compiled(kernels.source(operation), operation.name)
        kernels.for_any_layout.__wrapped__(lib, operation)
        inputs, outputs, lines, name = parts.pop()
        compile_kernel(inputs, outputs, lines, {"float32": "float", "float64": "double"}[dtype])
        assert cupy.ElementwiseKernel(inputs, outputs, lines, name).nout == len(operation.written)
