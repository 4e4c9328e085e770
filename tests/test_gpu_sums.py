"""Sums and means on a GPU, where the library has kernels of its own, against PyTorch on the CPU."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch

import minitorch


def real(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    return np.random.default_rng(0).uniform(-2, 2, shape).astype(dtype)


def sums(t: Any) -> list[Any]:
    """Of a tensor (30, 25, 4), of either library."""
    return [
        t.sum((0, 1)), t.sum((0, 1), keepdim=True), t.reshape(750, 4).sum(0), t.sum((1, 2)),
        t.reshape(750, 4).t().sum(0), t.reshape(750, 4)[:, :0].sum(0), t.sum(), t.sum((0, 1, 2)),
        t.sum((0, 1, 2), keepdim=True), t.reshape(10, 300).sum(0), t.reshape(1500, 2).sum(0),
        t[:0].sum(0), t[:0].sum(), t[0, 0, 0].sum(), t.expand(8, 30, 25, 4).sum(0),
        t.expand(8, 30, 25, 4).contiguous().sum(),
    ]  # fmt: skip


@pytest.mark.parametrize("captured", [False, True])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64"])
def test_sums_on_a_gpu(dtype: str, captured: bool, cuda: str) -> None:
    """By kernels of ours; down many rows by a product with ones, which is another one in a graph."""
    x = real((30, 25, 4), dtype)
    on_gpu = minitorch.from_numpy(x).cuda()
    graph = minitorch.cuda.CUDAGraph() if captured else None
    with minitorch.cuda.graph(graph) if graph else nullcontext():
        found = sums(on_gpu)
    if graph:
        graph.replay()
    wanted = sums(torch.from_numpy(x))
    tolerance = {"float16": 1e-2, "float32": 1e-5}.get(dtype, 1e-12)
    for a, b in zip(found, wanted, strict=True):
        assert (tuple(a.shape), str(a.dtype)[-7:]) == (tuple(b.shape), str(b.dtype)[-7:])
        np.testing.assert_allclose(a.cpu().numpy(), b.numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("shape", [(3, 4), (), (0,), (100, 100), (8192,), (8193,)])
def test_means_on_a_gpu(shape: tuple[int, ...], cuda: str) -> None:
    x = real(shape, "float32")
    for keepdim in False, True:
        a = minitorch.from_numpy(x).cuda().mean(tuple(range(len(shape))), keepdim)
        b = torch.from_numpy(x).mean(tuple(range(len(shape))), keepdim)
        assert (tuple(a.shape), a.dtype) == (tuple(b.shape), minitorch.float32)
        np.testing.assert_allclose(a.cpu().numpy(), b.numpy(), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(
        minitorch.from_numpy(x).cuda().mean().item(), x.mean() if x.size else np.nan, rtol=1e-5, atol=1e-7
    )
