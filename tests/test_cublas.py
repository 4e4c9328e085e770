"""Products of matrices in a CUDA graph, which go to cuBLAS itself."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strict_cupy import cublas as fake_cublas
from strict_cupy.install import installed

import minitorch as torch
from minitorch import cublas
from minitorch.device import require_cupy


@st.composite
def products(draw: Any) -> tuple[np.ndarray, np.ndarray]:
    """Two operands of `@` in any rank, layout and broadcast, the empty ones included."""
    size = st.integers(0, 4) if draw(st.integers(0, 9)) == 0 else st.integers(1, 4)
    n, k, m = draw(size), draw(size), draw(size)
    kind = np.dtype(draw(st.sampled_from("fde")))
    batch = draw(st.lists(st.integers(1, 3), max_size=3))
    parts = []
    for rows, columns in ((n, k), (k, m)):
        shape = [draw(st.sampled_from([1, s])) for s in batch][draw(st.integers(0, len(batch))) :]
        if not shape and draw(st.integers(0, 5)) == 0:
            shape, rows, columns = [], None, k  # a vector
        full = [*shape, *([] if rows is None else [rows]), columns]
        values = np.random.default_rng(draw(st.integers(0, 99))).normal(size=full).astype(kind)
        parts.append(draw(laid_out(values)))
    return parts[0], parts[1]


@st.composite
def laid_out(draw: Any, a: np.ndarray) -> np.ndarray:
    """The same values with other strides."""
    kind = draw(st.sampled_from(["c", "transposed", "gaps", "reversed", "broadcast", "axes"]))
    if kind == "transposed" and a.ndim > 1:
        return np.ascontiguousarray(a.swapaxes(-1, -2)).swapaxes(-1, -2)
    if kind == "axes" and a.ndim > 2:
        return np.ascontiguousarray(np.moveaxis(a, 0, -1)).transpose(-1, *range(a.ndim - 1))
    if kind == "gaps" and a.ndim:
        step = draw(st.integers(2, 3))
        axis = draw(st.integers(0, a.ndim - 1))
        wide = np.repeat(a, step, axis)
        return wide[(slice(None),) * axis + (slice(None, None, step),)]
    if kind == "reversed":
        return np.ascontiguousarray(a[..., ::-1])[..., ::-1]
    if kind == "broadcast" and a.ndim > 1 and a.shape[-2]:
        return np.broadcast_to(a[..., :1, :], a.shape)
    return a


@settings(max_examples=400, deadline=None)
@given(products())
def test_products_in_a_graph(pair: tuple[np.ndarray, np.ndarray]) -> None:
    """Through C's calling convention to a cuBLAS that knows what it may read."""
    with installed():
        cupy = require_cupy()
        a, b = (on_device(cupy, x) for x in pair)
        g = torch.cuda.CUDAGraph()
        fake_cublas.raised.clear()
        with torch.cuda.graph(g):
            out = cublas.matmul(a, b)
        assert not fake_cublas.raised
        g.replay()
        wide = [x.astype(np.float64) for x in pair]
        tolerance = {"f": 1e-5, "d": 1e-12, "e": 2e-2}[pair[0].dtype.char]
        np.testing.assert_allclose(out.get(), wide[0] @ wide[1], rtol=tolerance, atol=tolerance)
        assert out.dtype == pair[0].dtype


def on_device(cupy: Any, a: np.ndarray) -> Any:
    """A device array with the very strides of `a`."""
    if not a.size:
        return cupy.asarray(a)
    low, high = np.lib.array_utils.byte_bounds(a)
    whole = cupy.asarray(np.frombuffer((ctypes.c_char * (high - low)).from_address(low), "u1"))
    return cupy.ndarray(a.shape, a.dtype, whole.data + (a.ctypes.data - low), a.strides)


def test_a_product_of_wrong_shapes_in_a_graph(cuda: str) -> None:
    a = require_cupy().ones((2, 3), "f")
    with pytest.raises(ValueError, match=r"\[2, 3\] @ \[2, 3\]"), torch.cuda.graph(torch.cuda.CUDAGraph()):
        cublas.matmul(a, a)


def test_integers_have_kernels_of_cupys(cuda: str) -> None:
    a = torch.arange(6, device="cuda").reshape(2, 3)
    g = torch.cuda.CUDAGraph()
    with torch.cuda.graph(g):
        out = a @ a.t()
    g.replay()
    assert out.tolist() == [[5, 14], [14, 50]]


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("ij,jk->ik", [(2, 3), (3, 4)]),
        ("bi,bj->bij", [(1, 3), (4, 3)]),
        ("ij,jk->ik", [(2, 1), (3, 4)]),
        ("ij,jk,kl->il", [(2, 3), (3, 1), (4, 2)]),
        ("...ij,...jk->...ik", [(1, 2, 3), (5, 3, 4)]),
        ("ij,ij->", [(2, 3), (2, 3)]),
    ],
)
def test_einsum_in_a_graph(equation: str, shapes: list[tuple[int, ...]], cuda: str) -> None:
    """With dimensions of size 1 that broadcast, as in PyTorch."""
    operands = [torch.randn(shape).cuda() for shape in shapes]
    g = torch.cuda.CUDAGraph()
    with torch.cuda.graph(g):
        out = torch.einsum(equation, *operands)
    g.replay()
    wanted = torch.einsum(equation, *[x.cpu() for x in operands])
    np.testing.assert_allclose(out.cpu(), wanted, rtol=1e-5, atol=1e-6)
