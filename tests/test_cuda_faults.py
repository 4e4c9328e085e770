"""Indices and labels out of range: on a GPU they show when the host next waits for it. Indexing without waiting."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cuda_helpers import unwaited

import minitorch as torch
from minitorch import faults
from minitorch.faults import AcceleratorError
from minitorch.nn import functional as F

GPU = lambda: torch.ones(2, 3, device="cuda")


def on_gpu(*values: Any, **options: Any) -> Any:
    return torch.tensor(values, device="cuda", **options)


WRAPPING: dict[str, tuple[str, Callable[[], Any]]] = {
    "x[index]": ("index 7 is out of bounds for dimension 0 with size 3", lambda: on_gpu(1.0, 2, 3)[on_gpu(0, 7)]),
    "x[-4]": ("index -4 is out of bounds for dimension 0 with size 3", lambda: on_gpu(1.0, 2, 3)[on_gpu(0, -4)]),
    "x[:, index]": ("index 3 is out of bounds for dimension 1 with size 3", lambda: GPU()[:, on_gpu(3)]),
    "x[i, j]": ("index 9 is out of bounds for dimension 1 with size 3", lambda: GPU()[on_gpu(0), on_gpu(9)]),
    "x[index] = 1": ("index 3 is out of bounds", lambda: GPU()[0].__setitem__(on_gpu(3), 1.0)),
    "index_put_": ("index 3 is out of bounds", lambda: GPU()[0].index_put_((on_gpu(3),), on_gpu(1.0))),
    "index_put": ("index 3 is out of bounds", lambda: GPU()[0].index_put((on_gpu(3),), on_gpu(1.0), accumulate=True)),
    "gather": ("index 2 is out of bounds for dimension 0 with size 2", lambda: GPU().gather(0, on_gpu([2]))),
    "gather -1": ("index -1 is out of bounds for dimension 0 with size 2", lambda: GPU().gather(0, on_gpu([-1]))),
    "scatter": ("index 3 is out of bounds for dimension 1 with size 3", lambda: GPU().scatter(1, on_gpu([3]), 1.0)),
    "scatter_add": ("index 3 is out of bounds", lambda: GPU().scatter_add(1, on_gpu([3]), GPU())),
    "index_select": ("index out of range in self: 5", lambda: GPU().index_select(1, on_gpu(5))),
    "index_select -1": ("index out of range in self: -1", lambda: GPU().index_select(1, on_gpu(-1))),
    "index_add": ("index out of range in self: 5", lambda: GPU().index_add(1, on_gpu(5), GPU()[:, :1])),
    "index_fill": ("index out of range in self: 5", lambda: GPU().index_fill(1, on_gpu(5), 1.0)),
    "index_copy": ("index out of range in self: 5", lambda: GPU().index_copy(1, on_gpu(5), GPU()[:, :1])),
    "take": ("index 6 is out of bounds", lambda: GPU().take(on_gpu(6))),
    "take_along_dim": ("", lambda: torch.take_along_dim(GPU(), on_gpu([2]), 0)),
    "searchsorted sorter": ("sorter index out of range", lambda: torch.searchsorted(GPU()[0], on_gpu(1.0), sorter=on_gpu(0, 1, 5))),
    "cross_entropy": (r"Target 3 is out of bounds. Class indices must lie in \[0, 3\)", lambda: F.cross_entropy(GPU(), on_gpu(0, 3))),
    "cross_entropy -1": ("Target -1 is out of bounds", lambda: F.cross_entropy(GPU(), on_gpu(0, -1))),
    "nll_loss": ("Target 3 is out of bounds", lambda: F.nll_loss(GPU(), on_gpu(3, 0), ignore_index=0)),
    "nll_loss weight": ("Target 3 is out of bounds", lambda: F.nll_loss(GPU(), on_gpu(3, 0), torch.ones(3, device="cuda"))),
    "bce input": ("all elements of input should be between 0 and 1, but one is 1.5", lambda: F.binary_cross_entropy(on_gpu(0.5, 1.5), on_gpu(0.0, 1))),
    "bce target": ("all elements of target should be between 0 and 1, but one is -2", lambda: F.binary_cross_entropy(on_gpu(0.5, 0.5), on_gpu(0.0, -2))),
    "bce nan": ("all elements of input should be between 0 and 1, but one is nan", lambda: F.binary_cross_entropy(on_gpu(0.5, np.nan), on_gpu(0.0, 1))),
}  # fmt: skip


@pytest.mark.parametrize("name", WRAPPING)
def test_what_is_out_of_range_shows_when_the_host_waits(name: str, cuda: str) -> None:
    message, call = WRAPPING[name]
    inputs_made_outside = torch.zeros(1, device="cuda")
    with unwaited(cuda):
        call()
    if not message:  # wraps around in PyTorch too
        inputs_made_outside.item()
        return
    with pytest.raises(AcceleratorError, match=rf"CUDA error: device-side assert triggered: .*{message}"):
        inputs_made_outside.item()
    assert inputs_made_outside.item() == 0  # said once


WAITING: dict[str, Callable[[Any], Any]] = {
    "item": lambda x: x.item(),
    "cpu": lambda x: x.cpu(),
    "tolist": lambda x: x.tolist(),
    "numpy": lambda x: x.numpy(force=True),
    "repr": lambda x: repr(x),
    "bool": lambda x: bool(x),
    "float": lambda x: float(x),
    "int": lambda x: int(x),
    "format": lambda x: f"{x:.2f}",
    "index": lambda x: [1, 2, 3][x.long()],
    "x[0-d]": lambda x: torch.ones(9)[x.long()],
    "equal": lambda x: torch.equal(x, x),
    "allclose": lambda x: torch.allclose(x, x),
    "synchronize": lambda x: torch.cuda.synchronize(),
    "stream": lambda x: torch.cuda.current_stream().synchronize(),
    "event": lambda x: torch.cuda.current_stream().record_event().synchronize(),
    "save": lambda x: torch.save(x, io.BytesIO()),
    "pickle": lambda x: pickle.dumps(x),
}


@pytest.mark.parametrize("name", WAITING)
def test_every_wait_finds_the_fault(name: str, cuda: str) -> None:
    x = torch.ones(1, device="cuda").sum()
    on_gpu(1.0, 2)[on_gpu(2)]
    with pytest.raises(AcceleratorError):
        WAITING[name](x)


def test_what_is_in_range_raises_nothing(cuda: str) -> None:
    x = torch.arange(6.0, device="cuda").reshape(2, 3)
    assert x[:, on_gpu(-1, 2, -3)].tolist() == [[2, 2, 0], [5, 5, 3]]
    assert F.cross_entropy(x, on_gpu(-100, 2)).item() == pytest.approx(0.4076, abs=1e-4)
    assert x.gather(1, on_gpu([0], [2])).tolist() == [[0], [5]] and x[on_gpu(dtype=torch.int64)].tolist() == []
    torch.cuda.synchronize()


def test_launch_blocking(cuda: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "_AT_ONCE", True)
    with pytest.raises(AcceleratorError, match="index 2"):
        on_gpu(1.0, 2)[on_gpu(2)]


def test_a_cpu_index_is_checked_at_once(cuda: str) -> None:
    assert on_gpu(1.0, 2, 3)[torch.tensor([2, 0])].tolist() == [3, 1]
    assert on_gpu(1.0, 2, 3)[[True, False, True]].tolist() == [1, 3]
    with pytest.raises(IndexError, match="index 5 is out of bounds for dimension 0 with size 3"):
        on_gpu(1.0, 2, 3)[torch.tensor([5])]
    with pytest.raises(IndexError, match="index 5 is out of bounds"):
        on_gpu(1.0, 2, 3)[[0, 5]]
    for mask in (torch.tensor([True, False]), torch.tensor([True, False], device="cuda")):
        with pytest.raises(IndexError, match=r"The shape of the mask \[2\] at index 0 does not match"):
            on_gpu(1.0, 2, 3)[mask]
        with pytest.raises(IndexError, match=r"The shape of the mask \[2\] at index 0 does not match"):
            on_gpu(1.0, 2, 3)[mask] = 1.0


def test_gradients_do_not_wait_for_what_the_forward_pass_has_waited_for(cuda: str) -> None:
    x = torch.arange(6.0, device="cuda", requires_grad=True)
    y = x.reshape(2, 3)
    results = [
        y[y > 1],
        y.masked_select(y < 3),
        y[:, torch.tensor([True, False, True], device="cuda")],
        y.repeat_interleave(2, 1),
    ]
    with unwaited(cuda):
        sum(r.sum() for r in results).backward()
    assert x.grad.tolist() == [4, 3, 5, 4, 3, 4]


def test_masks_written_with_one_value_do_not_wait(cuda: str) -> None:
    x = torch.arange(6.0, device="cuda").reshape(2, 3)
    row, value = torch.tensor([True, False], device="cuda"), torch.tensor(9.0, device="cuda")
    with unwaited(cuda):
        x[x > 3] = 0.0
        x[:, x[0] > 1] = value
        x[row] = 7
        y = x.masked_fill(x > 8, 1.0)
    assert x.tolist() == [[7, 7, 7], [3, 0, 9]] and y.tolist() == [[7, 7, 7], [3, 0, 1]]
    x[x > 6] = torch.tensor([1.0, 2, 3, 4], device="cuda")
    assert x.tolist() == [[1, 2, 3], [3, 0, 4]]


def test_a_few_of_many_do_not_wait(cuda: str) -> None:
    """The CPU selects without sorting if there is no NaN: to ask that would stop a GPU."""
    x = torch.arange(200.0).reshape(2, 100).sin()
    y = x.to("cuda")
    with unwaited(cuda):
        found = [y.topk(3), y.topk(2, 1, largest=False), y.kthvalue(5), y.median(1)]
    for (values, index), (wanted, places) in zip(
        found, [x.topk(3), x.topk(2, 1, largest=False), x.kthvalue(5), x.median(1)]
    ):
        assert values.tolist() == wanted.tolist() and index.tolist() == places.tolist()


@pytest.mark.parametrize("kind", ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float64"])
def test_adding_at_duplicates_in_every_dtype(kind: str, cuda: str) -> None:
    """CUDA adds in place in some types only."""
    dtype = getattr(torch, kind)
    results = []
    for place in ("cuda", "cpu"):
        zeros, ones = torch.zeros(3, dtype=dtype, device=place), torch.ones(4, dtype=dtype, device=place)
        index = torch.tensor([0, 2, 2, 2], device=place)
        results.append([
            zeros.index_add(0, index, ones).tolist(), zeros.scatter_add(0, index, ones).tolist(),
            zeros.index_put((index,), ones, accumulate=True).tolist(),
        ])  # fmt: skip
    assert results[0] == results[1]
