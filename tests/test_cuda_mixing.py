"""Tensors of several devices in one call: an error, unless one is a number in a 0-d CPU tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minitorch as torch
from minitorch.nn import functional as F

CPU, GPU = (lambda: torch.ones(2, 3)), (lambda: torch.ones(2, 3, device="cuda"))
INDEX = lambda d: torch.tensor([0, 1], device=d)
MIXED: dict[str, Callable[[], Any]] = {
    "add": lambda: CPU() + GPU(),
    "add 2": lambda: GPU() + CPU(),
    "add of two dtypes": lambda: GPU() + CPU().double(),
    "mul 0-d gpu": lambda: CPU() * torch.tensor(2.0, device="cuda"),
    "eq": lambda: CPU() == GPU(),
    "maximum": lambda: torch.maximum(CPU(), GPU()),
    "where": lambda: torch.where(CPU() > 0, GPU(), GPU()),
    "where 2": lambda: torch.where(GPU() > 0, GPU(), CPU()),
    "where 3": lambda: torch.where(CPU() > 0, GPU(), 0.0),
    "addcmul": lambda: torch.addcmul(GPU(), CPU(), GPU()),
    "lerp": lambda: torch.lerp(GPU(), GPU(), CPU()),
    "add_": lambda: GPU().add_(CPU()),
    "add_ 2": lambda: CPU().add_(GPU()),
    "mul_ of a view": lambda: GPU()[0].mul_(CPU()[0]),
    "mm": lambda: GPU() @ CPU().t(),
    "mm 2": lambda: CPU() @ GPU().t(),
    "dot": lambda: torch.dot(GPU()[0], CPU()[0]),
    "bmm": lambda: torch.bmm(GPU()[None], CPU().t()[None]),
    "einsum": lambda: torch.einsum("ij,kj->ik", GPU(), CPU()),
    "linear": lambda: F.linear(GPU(), CPU()),
    "linear bias": lambda: F.linear(GPU(), GPU(), CPU()[:, 0]),
    "model": lambda: torch.nn.Linear(3, 2)(GPU()),
    "model 2": lambda: torch.nn.Linear(3, 2, device="cuda")(CPU()),
    "cat": lambda: torch.cat([GPU(), CPU()]),
    "stack": lambda: torch.stack([CPU(), GPU()]),
    "gather": lambda: GPU().gather(0, INDEX("cpu")[:, None]),
    "gather 2": lambda: CPU().gather(0, INDEX("cuda")[:, None]),
    "scatter": lambda: GPU().scatter(0, INDEX("cpu")[:, None], GPU()),
    "scatter 2": lambda: GPU().scatter(0, INDEX("cuda")[:, None], CPU()),
    "scatter_add": lambda: GPU().scatter_add(0, INDEX("cuda")[:, None], CPU()),
    "index_select": lambda: GPU().index_select(0, INDEX("cpu")),
    "index_add": lambda: GPU().index_add(0, INDEX("cpu"), GPU()),
    "index_add 2": lambda: GPU().index_add(0, INDEX("cuda"), CPU()),
    "index_fill": lambda: GPU().index_fill(0, INDEX("cpu"), 1.0),
    "index_copy": lambda: GPU().index_copy(0, INDEX("cpu"), GPU()),
    "take": lambda: GPU().take(INDEX("cpu")),
    "x[gpu] of cpu": lambda: CPU()[INDEX("cuda")],
    "x[index] = cpu": lambda: GPU().__setitem__(INDEX("cuda"), CPU()),
    "masked_fill": lambda: GPU().masked_fill(CPU() > 0, 1.0),
    "masked_select": lambda: CPU().masked_select(GPU() > 0),
    "softmax gradient": lambda: torch.autograd.grad(GPU().requires_grad_().softmax(0), GPU().requires_grad_(), CPU()),
    "mse": lambda: F.mse_loss(GPU(), CPU()),
    "l1": lambda: F.l1_loss(GPU(), CPU()),
    "huber": lambda: F.huber_loss(GPU(), CPU()),
    "smooth l1": lambda: F.smooth_l1_loss(GPU(), CPU()),
    "kl_div": lambda: F.kl_div(GPU(), CPU(), reduction="sum"),
    "bce": lambda: F.binary_cross_entropy(GPU(), CPU()),
    "bce logits": lambda: F.binary_cross_entropy_with_logits(GPU(), CPU()),
    "bce logits weight": lambda: F.binary_cross_entropy_with_logits(GPU(), GPU(), CPU()),
    "cross entropy": lambda: F.cross_entropy(GPU(), INDEX("cpu")),
    "cross entropy 2": lambda: F.cross_entropy(CPU(), INDEX("cuda")),
    "cross entropy weight": lambda: F.cross_entropy(GPU(), INDEX("cuda"), torch.ones(3)),
    "cross entropy probabilities": lambda: F.cross_entropy(GPU(), CPU()),
    "nll": lambda: F.nll_loss(GPU(), INDEX("cpu")),
    "prelu": lambda: F.prelu(GPU(), torch.ones(3)),
    "searchsorted": lambda: torch.searchsorted(GPU()[0], CPU()[0]),
    "bincount": lambda: torch.bincount(INDEX("cuda"), torch.ones(2)),
    "allclose": lambda: torch.allclose(GPU(), CPU()),
    "equal": lambda: torch.equal(GPU(), CPU()),
    "dist": lambda: torch.dist(GPU(), CPU()),
    "clamp": lambda: torch.clamp(GPU(), CPU()),
    "bilinear": lambda: F.bilinear(GPU(), CPU(), torch.ones(1, 3, 3, device="cuda")),
    "backward": lambda: GPU().requires_grad_().exp().backward(CPU()),
    "grad =": lambda: setattr(GPU(), "grad", CPU()),
    "take_along_dim": lambda: torch.take_along_dim(GPU(), INDEX("cpu")[:, None], 0),
    "repeat_interleave": lambda: GPU().repeat_interleave(INDEX("cpu"), 0),
    "quantile": lambda: torch.quantile(GPU(), torch.tensor([0.5])),
    "addmm": lambda: torch.addmm(CPU()[:, :2], GPU(), GPU().t()),
}


@pytest.mark.parametrize("name", MIXED)
def test_mixing_devices_is_an_error(name: str, cuda: str) -> None:
    with pytest.raises(RuntimeError) as found:
        MIXED[name]()
    text = str(found.value)
    assert "cpu" in text and ("cuda:0" in text or "same device" in text), text


def test_the_error_names_op_arguments_and_devices(cuda: str) -> None:
    with pytest.raises(RuntimeError) as found:
        torch.ones(2, device="cuda").mul(torch.ones(2))
    for part in (
        "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!",
        "mul", "'input' on cuda:0", "'other' on cpu", ".to('cuda:0')",
    ):  # fmt: skip
        assert part in str(found.value)


SCALAR = lambda: torch.tensor(2.0)
JOINED: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda x, s: x + s,
    "radd": lambda x, s: s + x,
    "sub": lambda x, s: s - x,
    "mul": lambda x, s: x * s,
    "div": lambda x, s: s / x,
    "pow": lambda x, s: x**s,
    "maximum": lambda x, s: torch.maximum(x, s),
    "where": lambda x, s: torch.where(x > 2, x, s),
    "lerp": lambda x, s: torch.lerp(x, x * 3, s),
    "addcmul": lambda x, s: torch.addcmul(x, x, s),
    "clamp": lambda x, s: torch.clamp(x, s),
    "masked_fill": lambda x, s: x.masked_fill(x > 2, s),
    "atan2": lambda x, s: torch.atan2(x, s),
    "add_": lambda x, s: (x * 1).add_(s),
    "mul_ of a view": lambda x, s: _written(x, s),
    "fill_": lambda x, s: (x * 1).fill_(s) + x,
    "x[0] = s": lambda x, s: _set(x, 0, s),
    "x[index] = s": lambda x, s: _set(x, torch.tensor([0, 2]), s),
    "x[mask] = s": lambda x, s: _set(x, x.detach() > 2, s),
}


def _written(x: Any, s: Any) -> Any:
    out = x * 1
    out[1:].mul_(s)
    return out


def _set(x: Any, index: Any, value: Any) -> Any:
    out = x * 1
    out[index] = value
    return out


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", JOINED)
def test_a_0d_cpu_tensor_joins_as_a_number_does(name: str, dtype: Any, cuda: str) -> None:
    """And its gradient comes back to the CPU."""
    results = []
    for place in ("cuda", "cpu"):
        x = torch.tensor([1.0, 2.5, 4.0], device=place, requires_grad=True)
        s = torch.tensor(2.0, dtype=dtype if name[:2] not in ("ma", "le", "x[") else torch.float32, requires_grad=True)
        out = JOINED[name](x, s)
        assert out.device.type == place
        (out * torch.tensor([1.0, 2.0, 3.0], device=place)).sum().backward()
        assert x.grad is None or x.grad.device.type == place
        assert s.grad.device.type == "cpu"
        results.append([out.dtype, out.tolist(), None if x.grad is None else x.grad.tolist(), s.grad.item()])
    assert results[0][0] is results[1][0]
    for found, wanted in zip(results[0][1:], results[1][1:], strict=True):
        assert (found is None and wanted is None) or np.allclose(found, wanted, rtol=1e-6)


def test_two_scalars_and_comparisons_join_too(cuda: str) -> None:
    s, t = torch.tensor(2.0, device="cuda"), torch.tensor(3)
    assert (s + t).is_cuda and (t * s).item() == 6 and (s < t).item() and not torch.isclose(s, t.float()).item()
    assert torch.logical_and(s, t).is_cuda and (torch.ones(3, device="cuda") == torch.tensor(1)).all()
