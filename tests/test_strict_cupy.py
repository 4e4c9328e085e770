"""The double of CuPy keeps CuPy's rules. (That these are CuPy's: test_real_cupy.py.)"""

from __future__ import annotations

import copy
import gc
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from strict_cupy import namespace, routines, snapshot
from strict_cupy.namespace import SNAPSHOT, cupy, cupyx
from strict_cupy.precision import widenings
from strict_cupy.sync import HostSync, forbid_sync, host_syncs

F = np.float32


def array(*values: Any, dtype: Any = F) -> Any:
    return cupy.array(np.array(values, dtype))


def raw(lines: str) -> Any:
    return cupy.RawKernel(f'extern "C" __global__ void lines_of_x(float *y) {{ {lines} }}', "lines_of_x")


def x() -> Any:
    return cupy.arange(6, dtype=F).reshape(2, 3)


HOST = np.ones((2, 3), F)
ZERO_D = np.array(1.0, F)

REFUSED: dict[str, tuple[type[Exception], Callable[[], Any]]] = {
    # implicit conversions
    "np.asarray": (TypeError, lambda: np.asarray(x())),
    "np.float32(0-d)": (TypeError, lambda: np.float32(x()[0, 0])),
    "host[device]": (TypeError, lambda: HOST[array(0, dtype=np.int64)]),
    "host[:] = device": (TypeError, lambda: HOST.copy().__setitem__(slice(None), x())),
    "index of a list": (TypeError, lambda: [1, 2][array(0, dtype=int)[0]]),
    "shape": (TypeError, lambda: cupy.zeros(array(2, dtype=int)[0])),
    "reshape": (TypeError, lambda: x().reshape(array(6, dtype=int)[0])),
    "arange": (TypeError, lambda: cupy.arange(array(6, dtype=int)[0])),
    "slice": (TypeError, lambda: x()[: array(1, dtype=int)[0]]),
    "cp.array([device, host])": (TypeError, lambda: cupy.array([x()[0], HOST[0]])),
    # host arrays in device functions
    "device + host": (TypeError, lambda: x() + HOST),
    "host + device": (TypeError, lambda: HOST + x()),
    "device + 0-d host": (TypeError, lambda: x() + ZERO_D),
    "0-d host * device": (TypeError, lambda: ZERO_D * x()),
    "maximum": (TypeError, lambda: cupy.maximum(x(), HOST)),
    "where": (TypeError, lambda: cupy.where(x() > 0, x(), HOST)),
    "matmul": (TypeError, lambda: x() @ HOST.T),
    "dot": (TypeError, lambda: x().dot(HOST.T)),
    "concatenate": (TypeError, lambda: cupy.concatenate([x(), HOST])),
    "stack": (TypeError, lambda: cupy.stack([x(), HOST])),
    "sum": (TypeError, lambda: cupy.sum(HOST)),
    "transpose": (TypeError, lambda: cupy.transpose(HOST)),
    "zeros_like": (TypeError, lambda: cupy.zeros_like(HOST)),
    "index": (TypeError, lambda: x()[np.array([0])]),
    "list index": (TypeError, lambda: x()[[0]]),
    "take": (TypeError, lambda: x().take(np.array([0]))),
    "x[i] = list": (ValueError, lambda: x().__setitem__(0, [1.0, 2.0, 3.0])),
    "fill with several": (ValueError, lambda: x().fill(x()[0])),
    "full of several": (ValueError, lambda: cupy.full((2, 3), x()[0])),
    "axis on the device": (TypeError, lambda: cupy.expand_dims(x(), array(1, dtype=int)[0])),
    "axes on the device": (TypeError, lambda: cupy.moveaxis(x(), 0, array(1, dtype=int)[0])),
    "flip along a list": (TypeError, lambda: cupy.flip(x(), [0, 1])),
    "nonzero of host": (TypeError, lambda: cupy.nonzero(HOST)),
    "matmul keyword": (NotImplementedError, lambda: cupy.matmul(x(), x().T, dtype="d")),
    "x[i] = host": (ValueError, lambda: x().__setitem__(0, HOST[0])),
    "x[index] = host": (ValueError, lambda: x().__setitem__(array(0, dtype=int), HOST[:1])),
    "add.at": (TypeError, lambda: cupy.add.at(x(), np.array([0]), 1.0)),
    "out": (TypeError, lambda: cupy.add(x(), x(), out=HOST.copy())),
    "np.exp": (TypeError, lambda: np.exp(x())),
    "np.sum": (TypeError, lambda: np.sum(x())),
    "np.stack": (TypeError, lambda: np.stack([x(), x()])),
    # what there is not
    "errstate": (AttributeError, lambda: cupy.errstate),
    "block": (AttributeError, lambda: cupy.block),
    "scatter_add": (AttributeError, lambda: cupy.scatter_add),
    "random.Philox": (AttributeError, lambda: cupy.random.Philox),
    "ndarray.setflags": (AttributeError, lambda: x().setflags(write=False)),
    "ndarray.__index__": (AttributeError, lambda: x().__index__),
    "ndarray.ctypes": (AttributeError, lambda: x().ctypes),
    "flags.writeable": (AttributeError, lambda: x().flags.writeable),
    "flags.writeable =": (AttributeError, lambda: setattr(x().flags, "writeable", True)),
    "hash": (TypeError, lambda: hash(x())),
    "len of 0-d": (TypeError, lambda: len(x()[0, 0])),
    # keywords
    "sum where": (TypeError, lambda: x().sum(where=True)),
    "sum initial": (TypeError, lambda: cupy.sum(x(), initial=0)),
    "max initial": (TypeError, lambda: x().max(initial=0)),
    "ufunc where": (TypeError, lambda: cupy.add(x(), x(), where=True)),
    "var correction": (TypeError, lambda: x().var(correction=1)),
    "take mode": (TypeError, lambda: cupy.take(x(), 0, mode="clip")),
    "concatenate arrays=": (TypeError, lambda: cupy.concatenate(arrays=[x()])),
    "zeros like=": (TypeError, lambda: cupy.zeros(2, like=x())),
    "sort stable=": (TypeError, lambda: cupy.sort(x(), stable=True)),
    "einsum out=": (TypeError, lambda: cupy.einsum("ij->i", x(), out=x()[:, 0])),
    "max out=": (TypeError, lambda: x().max(out=x()[0, 0])),
    "sort kind": (ValueError, lambda: cupy.sort(x(), kind="quicksort")),
    "argsort kind": (ValueError, lambda: x().argsort(kind="quicksort")),
    "repeat by host counts": (TypeError, lambda: x().repeat(np.array([1, 2]), 0)),
    # types
    "maximum.at of half": (TypeError, lambda: cupy.maximum.at(x().astype("e"), array(0, dtype=int), x()[0, :1].astype("e"))),
    "add.at of int8": (TypeError, lambda: cupy.add.at(array(1, dtype="b"), array(0, dtype=int), array(1, dtype="b"))),
    "subtract.at of float": (TypeError, lambda: cupy.subtract.at(x(), array(0, dtype=int), 1.0)),
    "multiply.at": (NotImplementedError, lambda: cupy.multiply.at(x(), array(0, dtype=int), 1.0)),
    "maximum.reduce": (NotImplementedError, lambda: cupy.maximum.reduce(x())),
    "maximum.accumulate": (NotImplementedError, lambda: cupy.maximum.accumulate(x())),
    "shift of float": (TypeError, lambda: x() << 1),
    "-bool": (TypeError, lambda: -(x() > 0)),
    "bool - bool": (TypeError, lambda: (x() > 0) - (x() > 1)),
    "x += double": (TypeError, lambda: array(1, dtype=int).__iadd__(1.5)),
    "uint8 + 300": (OverflowError, lambda: array(1, dtype="B") + 300),
    "float index": (IndexError, lambda: x()[x()]),
    "integer out of range": (IndexError, lambda: x()[5]),
    "mask of another shape": (IndexError, lambda: x()[array(True, False, dtype=bool).reshape(1, 2)]),
    "indices that do not broadcast": (ValueError, lambda: x()[array(0, 1, dtype=int), array(0, 1, 2, dtype=int)]),
    "writeable windows": (
        NotImplementedError, lambda: cupy.lib.stride_tricks.sliding_window_view(x(), 2, 1, writeable=True),
    ),
    "where(True)": (AttributeError, lambda: cupy.where(True, x(), x())),
    "max of nothing": (ValueError, lambda: x()[:0].max()),
    "astype casting": (TypeError, lambda: x().astype("d", casting="safe")),
    # CUDA source
    "ElementwiseKernel": (RuntimeError, lambda: cupy.ElementwiseKernel("T x", "T y", "y = unknown")(x(), x())),
    "RawKernel": (RuntimeError, lambda: raw("y[0] = unknown;")((1,), (1,), (x(),))),
    "RawKernel writes outside": (AssertionError, lambda: raw("y[6] = 1;")((1,), (1,), (x(),))),
    "RawKernel without blocks": (ValueError, lambda: raw("y[0] = 1;")((0,), (1,), (x(),))),
    "RawKernel of strides": (AssertionError, lambda: raw("y[0] = 1;")((1,), (1,), (x().T,))),
    "RawKernel of double": (AssertionError, lambda: raw("y[0] = 1;")((1,), (1,), (x().astype("d"),))),
    "RawKernel of two": (TypeError, lambda: raw("y[0] = 1;")((1,), (1,), (x(), x()))),
    "ReductionKernel": (NotImplementedError, lambda: cupy.ReductionKernel("T x", "T y", "x", "a+b", "y=a", "0")),
    "fuse": (NotImplementedError, lambda: cupy.fuse(abs)),
    "not modelled": (NotImplementedError, lambda: cupy.percentile(x(), 50)),
    # overlapping memory
    "x[1:] = x[:-1]": (AssertionError, lambda: (lambda a: a.__setitem__(slice(1, None), a[:-1]))(cupy.arange(5))),
    "broadcast view += 1": (AssertionError, lambda: cupy.broadcast_to(array(1.0), (2, 3)).__iadd__(1)),
    "out= a broadcast view": (AssertionError, lambda: cupy.add(x(), x(), out=cupy.broadcast_to(array(1.0), (2, 3)))),
    "broadcast view[...] = x": (AssertionError, lambda: cupy.broadcast_to(array(1.0), (2, 3)).__setitem__(..., x())),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what: str) -> None:
    error, call = REFUSED[what]
    with pytest.raises(error):
        call()


SYNCHRONIZING: dict[str, Callable[[], Any]] = {
    "float": lambda: float(x()[0, 0]),
    "int": lambda: int(x()[0, 0]),
    "bool": lambda: bool(x()[0, 0]),
    "if": lambda: 1 if x()[0, 0] else 2,
    "item": lambda: x()[0, 0].item(),
    "tolist": lambda: x().tolist(),
    "get": lambda: x().get(),
    "asnumpy": lambda: cupy.asnumpy(x()),
    "repr": lambda: repr(x()),
    "str": lambda: str(x()),
    "format": lambda: f"{x()[0, 0]}",
    "in": lambda: 3 in x()[1],
    "x[mask]": lambda: x()[x() > 1],
    "x[mask] = 0": lambda: x().__setitem__(x() > 1, 0.0),
    "nonzero": lambda: x().nonzero(),
    "cp.nonzero": lambda: cupy.nonzero(x()),
    "where of one": lambda: cupy.where(x() > 1),
    "argwhere": lambda: cupy.argwhere(x()),
    "unique": lambda: cupy.unique(x()),
    "bincount": lambda: cupy.bincount(array(1, dtype=int)),
    "repeat": lambda: x().repeat(array(1, 2, dtype=int), 0),
    "pickle": lambda: pickle.dumps(x()),
    "asarray blocking": lambda: cupy.asarray(HOST, blocking=True),
    "stream": lambda: cupy.cuda.get_current_stream().synchronize(),
    "event": lambda: cupy.cuda.Event().synchronize(),
    "device": lambda: cupy.cuda.Device().synchronize(),
    "runtime": lambda: cupy.cuda.runtime.deviceSynchronize(),
}


@pytest.mark.parametrize("what", SYNCHRONIZING)
def test_host_synchronisations_are_counted_and_can_be_forbidden(what: str) -> None:
    before = host_syncs()
    SYNCHRONIZING[what]()
    assert host_syncs() > before
    with forbid_sync(), pytest.raises(HostSync):
        SYNCHRONIZING[what]()
    SYNCHRONIZING[what]()


QUIET: dict[str, Callable[[], Any]] = {
    "arithmetic": lambda: x() * 2 + x() / 3 - np.float32(1) * x(),
    "in place": lambda: x().__iadd__(1),
    "sum": lambda: x().sum() + x().max() + x().mean(),
    "matmul": lambda: x() @ x().T,
    "views": lambda: x().T.reshape(3, 2)[1:, None, ..., 0].ravel(),
    "take": lambda: x()[:, array(0, dtype=int)],
    "x[index] = y": lambda: x().__setitem__(array(0, dtype=int), x()[:1]),
    "where": lambda: cupy.where(x() > 1, x(), 0.0),
    "add.at": lambda: cupy.add.at(x(), array(0, dtype=int), x()[:1]),
    "to the device": lambda: cupy.asarray(HOST),
    "sort": lambda: cupy.sort(x()),
    "copy": lambda: copy.deepcopy(x()),
    "shape": lambda: (x().shape, len(x()), x().flags.c_contiguous),
}


@pytest.mark.parametrize("what", QUIET)
def test_no_synchronisation(what: str) -> None:
    with forbid_sync():
        QUIET[what]()


def test_results_are_arrays_never_scalars() -> None:
    for found in (
        x().sum(), x().max(), x().argmax(), x().mean(), x()[0, 0], x()[0, 0] + 1, cupy.exp(x()[0, 0]), x().all(),
        x()[0].dot(x()[0]), cupy.add.reduce(x(), axis=None), np.float32(2) * x()[0, 0],
    ):  # fmt: skip
        assert type(found) is cupy.ndarray and found.shape == ()


def test_types_are_cupys() -> None:
    """The first loop that casts; Python numbers are weak, NumPy's are not; argmax has an int64 of its own."""
    assert cupy.exp(array(1, dtype="b")).dtype == np.float16
    assert cupy.exp(array(True, dtype=bool)).dtype == np.float16
    assert cupy.exp(array(1, dtype="h")).dtype == np.float32
    assert cupy.exp(array(1, dtype="i")).dtype == np.float64
    assert (array(1, dtype="b") / array(1, dtype="b")).dtype == np.float64
    assert (x() * 2.5).dtype == (x() * 2).dtype == F
    assert (x() * np.float64(2.5)).dtype == np.float64
    assert (array(1, dtype="i") * 2.5).dtype == np.float64
    assert (x() + array(1.0, dtype="d")).dtype == np.float64
    assert cupyx.scipy.special.erf(x().astype("e")).dtype == np.float64
    assert array(1, dtype="B").sum().dtype == np.uint64
    assert array(1, dtype="b").sum().dtype.char == "l"
    assert x().argmax().dtype == np.int64 and x().argmax().dtype is not np.dtype(np.int64)
    assert (array(2, dtype="l") ** array(-1, dtype="l")).tolist() == [0]
    assert array(1e10, -1e10).astype("i").tolist() == [2**31 - 1, -(2**31)]
    assert array(1.0).astype("i").dtype is np.dtype("i")


def test_what_becomes_float64_is_noted() -> None:
    with widenings() as found:
        x() * 2.5 + x() * F(2) + x().astype("d")
        assert found == []
        x() * np.float64(2)
        x() / array(3, dtype=int)
    assert found == ["cupy_multiply of float32", "cupy_true_divide of float32, int64"]


def test_comparisons_take_a_0d_host_array_as_a_number() -> None:
    for found in (x() > ZERO_D, np.less(ZERO_D, x()), x()[0, 2] > ZERO_D, (x() == np.array(2)) | (x() > ZERO_D)):
        assert type(found) is cupy.ndarray and found.ravel()[-1].item() and found.dtype == bool
    for host in HOST, HOST[0, :1]:
        with pytest.raises(TypeError):
            np.less(host, x())
        with pytest.raises(TypeError):
            np.less(x(), host)


def test_numpy_warns_where_it_asks_for_a_copy() -> None:
    """`__array__` has no parameter of that name. `@` does not ask."""
    for call in (lambda: HOST.dot(x().T), lambda: np.array(x())):
        with pytest.raises(TypeError), pytest.warns(DeprecationWarning, match="copy keyword"):
            call()
    with pytest.raises(TypeError):
        HOST @ x().T


def test_minus_infinity_in_the_kin_of_gamma() -> None:
    special = cupyx.scipy.special
    assert special.gammaln(array(-np.inf, np.inf, -1.0)).tolist() == [-np.inf, np.inf, np.inf]
    assert special.polygamma(cupy.asarray(1), array(-np.inf, -1.0)).tolist() == [np.inf, np.inf]


def test_what_is_sorted_along_another_dimension_is_moved_back() -> None:
    for y, axis in (x(), 0), (x(), -2), (x().T, 0):
        assert y.argsort(axis).strides == (8, 8 * y.shape[0])
        assert y.argsort(axis).tolist() == y.get().argsort(axis).tolist()
    assert x().argsort().strides == x().argsort(1).strides == (24, 8)


def test_indices_wrap_around_silently() -> None:
    a = cupy.arange(3)
    far = array(5, -4, dtype=int)
    assert a[far].tolist() == a.take(far).tolist() == [2, 2]
    assert x()[array(7, dtype=int), array(-4, dtype=int)].tolist() == [5.0]
    a[far[:1]] = 9
    cupy.add.at(a, array(3, dtype=int), 1)
    assert a.tolist() == [1, 1, 9]


def test_of_duplicate_places_the_first_is_kept() -> None:
    """NumPy keeps the last: whoever counts on that is found out."""
    a = cupy.zeros(2)
    a[array(0, 0, 1, dtype=int)] = array(1, 2, 3, dtype=float)
    assert a.tolist() == [1, 3]


def test_memory_is_poisoned_and_always_writable() -> None:
    assert np.isnan(cupy.empty(3).get()).all() and np.isnan(cupy.ndarray((2,), F).get()).all()
    assert (cupy.empty(3, "i").get() == 2**31 - 1).all() and np.isnan(cupy.empty_like(x()).get()).all()
    assert cupy.empty(3, bool).tolist() == cupy.empty_like(cupy.ones(3, bool)).tolist() == [False, True, False]
    b = cupy.broadcast_to(array(1.0), (2, 3))
    assert b.strides == (0, 0)
    b[0, 0] = 5
    assert b.tolist() == [[5] * 3] * 2
    y = x()
    y.diagonal()[...] = 7
    assert y[1, 1].item() == 7


def test_views_share_memory_and_results_are_in_c_order() -> None:
    y = x().copy()
    for view in (
        y.T,
        y[0],
        y[:, None],
        y.reshape(-1),
        y.ravel(),
        y.view("i4"),
        cupy.moveaxis(y, 0, 1),
        cupy.flip(y, 0),
        cupy.einsum("ij->ji", y),
    ):
        assert view.base is y
    assert y[...].T.base is y and (y.T + 1).flags.c_contiguous and (y.T + 1).base is None
    assert y.T.reshape(-1).base is None and y.copy().base is None and y.astype(F, copy=False) is y
    y.T[0, 1] = 50
    assert y[1, 0].item() == 50
    again = cupy.ndarray((2,), F, memptr=y.data + 4, strides=(4,))
    assert again.tolist() == [1, 2] and again.data.ptr == y.data.ptr + 4


def test_in_place_ufuncs_copy_what_overlaps() -> None:
    a = cupy.arange(5)
    a[1:] += a[:-1]
    assert a.tolist() == [0, 1, 3, 5, 7]


def test_memory_is_counted() -> None:
    gc.collect()
    pool = cupy.get_default_memory_pool()
    before = pool.used_bytes()
    a = cupy.zeros((10, 100), F)
    view = a[2:]
    del a
    assert pool.used_bytes() == before + 4000
    del view
    assert pool.used_bytes() == before <= pool.total_bytes()
    pool.free_all_blocks()
    assert pool.total_bytes() == pool.used_bytes()


def test_pinned_memory_must_stay_until_somebody_waits() -> None:
    source = cupyx.zeros_pinned(3)
    cupy.asarray(source)
    cupy.cuda.get_current_stream().synchronize()
    source[0] = 1
    copy = cupy.asarray(source)
    source[0] = 2
    with pytest.raises(AssertionError, match="pinned memory was written to"):
        copy.tolist()
    assert copy.tolist() == [1, 0, 0]
    cupy.asarray(source, blocking=True)
    source[0] = 3
    assert copy.tolist() == [1, 0, 0]


def test_the_double_has_the_names_and_keywords_of_the_snapshot() -> None:
    for module in (cupy, cupy.cuda, cupyx, cupyx.scipy.special, cupy.linalg, cupy.lib.stride_tricks):
        assert set(dir(module)) <= set(SNAPSHOT["names"].get(module.__name__, dir(module)))
    for name in dir(cupy):
        getattr(cupy, name)
    own = {n for n in dir(cupy.ndarray) if not n.startswith("_") or n.startswith("__")}
    extra = own - set(SNAPSHOT["names"]["cupy.ndarray"]) - {"__weakref__", "__annotations__", "__del__"}
    assert extra <= set(dir(object)) | {"__module__", "__slots__"}, extra
    pairs = {f"cupy.{name}": f for name, f in routines.OWN.items()}
    pairs |= {f"cupy.ndarray.{name}": getattr(cupy.ndarray, name) for name in own if not name.startswith("_")}
    for path, function in pairs.items():
        if callable(function) and SNAPSHOT["parameters"].get(path) is not None:
            wanted, found = namespace.signature_of(path), inspect.signature(function)
            if any(p.startswith("*") and p != "*" for p in SNAPSHOT["parameters"][path]):
                continue
            names = [p for p in found.parameters if p != "self"]
            assert names == [p for p in wanted.parameters if p != "self"], path


def test_the_snapshot_is_of_the_lowest_supported_version() -> None:
    assert int(snapshot.load()["version"].split(".")[0]) >= 14
