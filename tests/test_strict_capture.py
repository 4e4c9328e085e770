"""CUDA graphs on the double: a capture notes, a launch runs, and what CUDA or CuPy refuses is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from strict_cupy.namespace import cupy, cupyx
from test_strict_cupy import HOST, F, x


class Captured:
    """`with Captured() as c:` notes; `c.graph.launch()` runs."""

    def __enter__(self) -> Captured:
        self.stream, self.pool = cupy.cuda.Stream(non_blocking=True), cupy.cuda.MemoryPool()
        self.allocator = cupy.cuda.using_allocator(self.pool.malloc)
        self.allocator.__enter__()
        self.stream.use()
        self.stream.begin_capture()
        return self

    def __exit__(self, *error: Any) -> None:
        cupy.cuda.Stream.null.use()
        self.allocator.__exit__(None, None, None)
        self.graph = self.stream.end_capture()


def test_a_capture_notes_and_a_launch_runs() -> None:
    a, out = x(), cupy.zeros((2, 3), F)
    with Captured() as c:
        b = a.T * 2
        total = b.sum()
        out += a
        out[0] = 7
    assert np.isnan(b.get()).all() and np.isnan(total.get()) and not out.get().any()
    for n in 1, 2:
        a[...] = n
        c.graph.launch()
        assert b.tolist() == [[2 * n] * 2] * 3 and float(total) == 12 * n
    assert out.tolist() == [[7, 7, 7], [3, 3, 3]]


IN_A_CAPTURE: dict[str, tuple[type[Exception], Callable[[Any], Any]]] = {
    "get": (RuntimeError, lambda a: a.get()),
    "float": (RuntimeError, lambda a: float(a.sum())),
    "mask": (RuntimeError, lambda a: a[a > 0]),
    "nonzero": (RuntimeError, lambda a: a.nonzero()),
    "asarray": (RuntimeError, lambda a: cupy.asarray(HOST)),
    "set": (RuntimeError, lambda a: a.set(HOST)),
    "nine arrays": (RuntimeError, lambda a: cupy.concatenate([a] * 9)),
    "matmul": (NotImplementedError, lambda a: a @ a.T),
    "dot": (NotImplementedError, lambda a: a.dot(a.T)),
    "einsum": (NotImplementedError, lambda a: cupy.einsum("ij,kj->ik", a, a)),
    "pinned": (RuntimeError, lambda a: cupy.asarray(cupyx.zeros_pinned(3))),
    "synchronize": (RuntimeError, lambda a: cupy.cuda.get_current_stream().synchronize()),
    "a second capture": (RuntimeError, lambda a: cupy.cuda.Stream().begin_capture()),
}


@pytest.mark.parametrize("name", IN_A_CAPTURE)
def test_refused_in_a_capture(name: str) -> None:
    kind, call = IN_A_CAPTURE[name]
    a = x()
    capture = Captured()
    capture.__enter__()
    with pytest.raises(kind, match=r"captur"):
        call(a)
    if name == "synchronize":  # CUDA gives up the capture
        with pytest.raises(RuntimeError, match="Invalidated"):
            capture.__exit__()
    else:
        capture.__exit__()
    assert float(a.sum()) == 15


def test_a_launch_needs_the_memory_of_the_capture() -> None:
    a = x()
    with Captured() as c:
        b = a[1:] + 1
    c.graph.launch()
    assert b.tolist() == [[4, 5, 6]]
    del a
    with pytest.raises(AssertionError, match=r"no longer its own"):
        c.graph.launch()


def test_a_capture_must_not_take_everybodys_memory() -> None:
    a, stream = x(), cupy.cuda.Stream(non_blocking=True)
    stream.begin_capture()
    with pytest.raises(AssertionError, match="everybody's pool"):
        a + 1
    stream.end_capture()
    with pytest.raises(RuntimeError, match="cannot capture on the default"):
        cupy.cuda.Stream.null.begin_capture()


def test_pools_count_their_own() -> None:
    pool = cupy.cuda.MemoryPool()
    before = cupy.get_default_memory_pool().used_bytes()
    with cupy.cuda.using_allocator(pool.malloc):
        a = cupy.zeros(10, F)
    assert pool.used_bytes() == 40 and cupy.get_default_memory_pool().used_bytes() == before
    del a
    assert pool.used_bytes() == 0 and pool.total_bytes() == 40


def test_numbers_of_the_host_stay_as_they_were() -> None:
    a, number = x(), np.array(2.0, F)
    with Captured() as c:
        b = a * cupy.asarray(number)
    number[...] = 5
    c.graph.launch()
    assert b.tolist() == (a * 2).tolist()


def test_a_kernel_may_not_write_to_an_input() -> None:
    """CuPy makes inputs const, raw ones too."""
    kernel = cupy.ElementwiseKernel("raw T x", "T y", "x[i] = 1; y = 2", "writes_input")
    with pytest.raises(RuntimeError, match="const"):
        kernel(x(), cupy.empty((2, 3), F))
