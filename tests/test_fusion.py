"""Formulas as one kernel each: the kernels' source is compiled for the CPU, and gives what the steps one by one give."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import minitorch as torch
from minitorch import fusion

F = torch.nn.functional
VALUES = [-30.0, -3.0, -1.5, -0.0, 0.0, 1e-8, 0.7, 2.0, 3.0, 40.0, np.inf, -np.inf, np.nan]

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "sigmoid": torch.sigmoid, "silu": F.silu, "mish": F.mish, "logsigmoid": F.logsigmoid, "elu": F.elu,
    "elu 2": lambda x: F.elu(x, 2.0), "celu": lambda x: F.celu(x, 0.5), "selu": F.selu,
    "hardsigmoid": F.hardsigmoid, "hardswish": F.hardswish, "gelu": lambda x: F.gelu(x, approximate="tanh"),
}  # fmt: skip

OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1),
    "SGD momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.1),
    "SGD nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "SGD dampening": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.5, maximize=True),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.1),
    "Adam amsgrad": lambda p: torch.optim.Adam(p, lr=0.1, amsgrad=True, weight_decay=0.1, maximize=True),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.1, betas=(0.3, 0.5)),
    "Adamax": lambda p: torch.optim.Adamax(p, lr=0.1),
    "NAdam": lambda p: torch.optim.NAdam(p, lr=0.1),
    "RAdam": lambda p: torch.optim.RAdam(p, lr=0.1),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.1, centered=True, momentum=0.5),
    "Adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1),
    "Adadelta": lambda p: torch.optim.Adadelta(p, lr=0.1),
    "ASGD": lambda p: torch.optim.ASGD(p, lr=0.1, t0=2),
}


@contextmanager
def launches(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The kernels that are started, by name."""
    found: list[str] = []
    real = fusion._kernel

    def noted(lib: Any, inputs: str, outputs: str, operation: str, name: str) -> Any:
        kernel = real(lib, inputs, outputs, operation, name)
        return lambda *args: (found.append(name), kernel(*args))[1]

    with monkeypatch.context() as patch:
        patch.setattr(fusion, "_kernel", noted)
        yield found


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name: str, dtype: Any, cuda: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.tensor(VALUES * 2, dtype=dtype).reshape(2, -1)
    with launches(monkeypatch) as found:
        y = ACTIVATIONS[name](x.cuda())
    assert len(found) == 1
    assert (y.dtype, y.shape) == (x.dtype, x.shape)
    tolerance = 1e-6 if dtype is torch.float32 else 1e-14
    np.testing.assert_allclose(y.cpu().numpy(), ACTIVATIONS[name](x).numpy(), rtol=tolerance, atol=tolerance)


def test_the_order_of_memory_stays(cuda: str) -> None:
    x = torch.arange(6.0).reshape(2, 3).t().cuda()
    assert torch.sigmoid(x).stride() == x.stride()


def test_halves_are_rounded_once(cuda: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with launches(monkeypatch) as found:
        y = F.silu(torch.ones(3, dtype=torch.float16, device="cuda"))
    assert y.dtype is torch.float16
    assert found == ["silu"]  # in float32


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name: str, cuda: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven steps with changing gradients and a changing learning rate: one kernel each, and the CPU's numbers."""
    rng = np.random.default_rng(0)
    start, grads = rng.standard_normal((3, 4)), rng.standard_normal((7, 3, 4))
    ends = []
    for place in "cpu", "cuda":
        p = torch.tensor(start, device=place, requires_grad=True)
        optimizer = OPTIMIZERS[name]([p])
        with launches(monkeypatch) as found:
            for i, g in enumerate(grads):
                optimizer.param_groups[0]["lr"] *= 0.9**i
                p.grad = torch.tensor(g, device=place)
                optimizer.step()
        assert len(found) == (7 if place == "cuda" else 0)
        ends.append([p.detach(), *[v for v in optimizer.state[p].values() if torch.is_tensor(v)]])
    for mine, theirs in zip(*ends, strict=True):
        np.testing.assert_allclose(theirs.cpu().numpy(), mine.numpy(), rtol=1e-10, atol=1e-13)


def test_a_new_number_needs_no_new_kernel(cuda: str) -> None:
    p = torch.ones(3, device="cuda", requires_grad=True)
    p.grad = torch.ones(3, device="cuda")
    optimizer = torch.optim.Adam([p])
    optimizer.step()
    before = fusion._kernel.cache_info().misses
    for lr in 0.1, 0.2, 0.3:
        optimizer.param_groups[0]["lr"] = lr
        optimizer.step()
    assert fusion._kernel.cache_info().misses == before


def test_what_there_is_no_cuda_for_says_so(cuda: str) -> None:
    x = torch.ones(3, device="cuda")._data
    for formula in (lambda x: np.arctan(x), lambda x: np.add.reduce(x), lambda x: np.sqrt(x, where=True)):
        with pytest.raises(NotImplementedError, match="fusion: no CUDA for numpy"):
            fusion.in_one_kernel(formula, [x])


def test_what_is_written_in_place_is_read_before(cuda: str) -> None:
    def formula(x: Any, y: Any, spare: Any, *, z: Any, scale: float) -> Any:
        np.multiply(x, scale, out=spare)
        x += y
        spare += x
        z[...] = spare
        return x * spare

    x, y, z = (torch.tensor(v, device="cuda")._data for v in ([1.0, 2.0], [10.0, 20.0], [0.0, 0.0]))
    out = fusion.in_one_kernel(formula, [x, y], {"z": z, "scale": 3.0}, spares=1)
    found = [torch.tensor(a.tolist()).tolist() for a in (x, y, z, out)]
    assert found == [[11, 22], [10, 20], [14, 28], [154, 616]]
