"""Rows and places on a GPU, where the library has kernels of its own, against PyTorch on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from cuda_helpers import unwaited
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import minitorch
from minitorch import gpu_places, gpu_rows

SHAPES = [(1, 1), (5, 3), (7,), (3, 2, 4), (2, 33), (1, 130), (260, 5), (2, 1000), (1, 4096), (1, 4097), (0, 3), (4, 0)]


def values(shape: tuple[int, ...]) -> np.ndarray:
    """With ties, and in every seventh place a NaN."""
    x = np.random.default_rng(0).integers(-9, 9, shape).astype("float32")
    x.reshape(-1)[5::7] = np.nan
    return x


ROWS: dict[str, Callable[[Any], Any]] = {
    "argmax": lambda x: x.argmax(-1),
    "argmin": lambda x: x.argmin(-1, keepdim=True),
    "max": lambda x: [*x.max(-1)],
    "min": lambda x: [*x.min(-1, keepdim=True)],
    "max of no NaN": lambda x: [*x.nan_to_num(0).max(-1)],
    "argmin of no NaN": lambda x: x.nan_to_num(0).argmin(-1),
    "sum": lambda x: x.nan_to_num(0).sum(-1),
    "sum, keepdim": lambda x: x.nan_to_num(0).double().sum((-1,), keepdim=True),
    "var": lambda x: x.nan_to_num(0).var(-1, correction=0),
    "var, corrected": lambda x: x.nan_to_num(0).var((-1,), correction=0.5),
    "std": lambda x: x.nan_to_num(0).std(-1, keepdim=True, correction=0),
    "mean": lambda x: x.nan_to_num(0).mean(-1),
    "of a transposed one": lambda x: x.movedim(0, -1).argmax(-1),
}


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("shape", SHAPES)
def test_rows(shape: tuple[int, ...], name: str, cuda: str) -> None:
    if 0 in shape and "sum" not in name:
        pytest.skip("there is no extremum, and the mean of nothing is NaN")
    x = values(shape)
    on_gpu = minitorch.from_numpy(x).cuda()
    with unwaited(cuda):
        found = ROWS[name](on_gpu)
    wanted = ROWS[name](torch.from_numpy(x))
    for a, b in zip(*[r if isinstance(r, list) else [r] for r in (found, wanted)], strict=True):
        assert (tuple(a.shape), str(a.dtype)[-7:]) == (tuple(b.shape), str(b.dtype)[-7:])
        np.testing.assert_allclose(a.cpu().numpy(), b.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["argmax", "argmin", "row_sums", "variance"])
def test_rows_are_by_kernel(name: str, cuda: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[str] = []
    real = gpu_rows._launch
    monkeypatch.setattr(gpu_rows, "_launch", lambda kernel, *args: (found.append(kernel), real(kernel, *args)))
    x = minitorch.ones(4, 5, device="cuda")
    {"argmax": x.max, "argmin": x.argmin, "row_sums": x.sum, "variance": x.var}[name](1)
    assert found == [name]


# --- places


KINDS = ["float32", "float64", "float16", "int64", "int32", "uint8", "bool"]
PLACES: dict[str, Callable[[Any, Any], Any]] = {
    "vector": lambda x, i: x[i[0, 0] % 3],
    "negative": lambda x, i: x[i - 3],
    "int32": lambda x, i: x[:, (i[0] % 2).int()],
    "behind": lambda x, i: x[..., i[0, 0] % 4],
    "index_select": lambda x, i: x.index_select(1, i[0, 0] % 2),
    "transposed": lambda x, i: x.permute(2, 0, 1)[i],
    "gather": lambda x, i: x.gather(0, i[:, :2, :4]),
    "gather, longer": lambda x, i: x.gather(1, (i[:, :, :4] % 2)),
    "gather, last": lambda x, i: x.permute(1, 2, 0).gather(2, i[:2, :4]),
    "gather, smaller": lambda x, i: x.gather(2, i[:2, :1, :3]),
    "one of each line": lambda x, i: x.max(0).values,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PLACES)
def test_places(name: str, kind: str, cuda: str) -> None:
    x = np.random.default_rng(0).integers(0, 99, (3, 2, 4)).astype(kind)
    i = np.random.default_rng(1).integers(0, 3, (3, 5, 4))
    with unwaited(cuda):
        found = PLACES[name](minitorch.from_numpy(x).cuda(), minitorch.from_numpy(i).cuda())
    wanted = PLACES[name](torch.from_numpy(x), torch.from_numpy(i))
    assert found.cpu().numpy().tolist() == wanted.numpy().tolist()
    assert str(found.dtype)[-7:] == str(wanted.dtype)[-7:]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.integers(0, 4), min_size=1, max_size=4),
    data=st.data(),
    kind=st.sampled_from(["float32", "int16"]),
)
def test_drawn_places(sizes: list[int], data: st.DataObject, kind: str, cuda: str) -> None:
    dim = data.draw(st.integers(0, len(sizes) - 1))
    each = data.draw(st.integers(0, 3)) if sizes[dim] else 0
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    x = rng.integers(0, 99, sizes).astype(kind)
    i = rng.integers(0, max(sizes[dim], 1), [*sizes[:dim], each, *sizes[dim + 1 :]])
    found = minitorch.from_numpy(x).cuda().gather(dim, minitorch.from_numpy(i).cuda())
    assert found.tolist() == torch.from_numpy(x).gather(dim, torch.from_numpy(i)).tolist()
    at = rng.integers(-sizes[dim], max(sizes[dim], 1), (2, each)) if sizes[dim] else np.zeros((2, 0), np.int64)
    index = (slice(None),) * dim
    taken = minitorch.from_numpy(x).cuda()[(*index, minitorch.from_numpy(at).cuda())]
    assert taken.tolist() == torch.from_numpy(x)[(*index, torch.from_numpy(at))].tolist()


@pytest.mark.parametrize("name", ["gather", "max", "sort", "index"])
def test_gradients_of_places(name: str, cuda: str) -> None:
    """And theirs: what was read is written to, and read again."""
    function: dict[str, Callable[[Any], Any]] = {
        "gather": lambda x: x.gather(1, x.argsort(1)),
        "max": lambda x: x.max(1).values,
        "sort": lambda x: x.sort(0).values,
        "index": lambda x: x[x.argmax(0)],
    }
    x = np.random.default_rng(0).normal(size=(5, 4))
    results = []
    for lib, place in (minitorch, "cuda"), (torch, "cpu"):
        a = lib.tensor(x, device=place, requires_grad=True)
        (g,) = lib.autograd.grad((function[name](a) ** 3).sum(), a, create_graph=True)
        (h,) = lib.autograd.grad((g * g).sum(), a)
        results.append([g.detach().cpu().numpy(), h.cpu().numpy()])
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(mine, theirs, 1e-12)


def test_places_out_of_range_touch_nothing(cuda: str) -> None:
    x, index = minitorch.ones(3, 4, device="cuda"), minitorch.tensor([[0, 9, -1, 2]], device="cuda")
    assert gpu_places.take_along(x._data, index._data, 0).tolist() == [[1, 0, 0, 1]]
    assert gpu_places.put_along(x._data[:1], index._data, (3, 4), 0).tolist() == [[1, 0, 0, 0], [0] * 4, [0, 0, 0, 1]]


def test_nothing_to_take_from(cuda: str) -> None:
    index = minitorch.tensor([0], device="cuda")
    for shape in (0, 0), (0, 3):
        with pytest.raises(IndexError, match="index is out of bounds for dimension 0 with size 0"):
            minitorch.zeros(shape, device="cuda")[index]
    assert minitorch.zeros(0, 3, device="cuda")[index[:0]].shape == (0, 3)
