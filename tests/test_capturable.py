"""Optimizers with capturable=True on "cuda": their numbers are PyTorch's, and stay on the GPU."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch as theirs
from cuda_helpers import unwaited
from optim_helpers import NAMES
from test_optim import OPTIONS

import minitorch as torch

CAPTURABLE = [name for name in NAMES if name not in ("SGD", "Adagrad")]
CASES = [pytest.param(name, options, id=f"{name} {options}") for name in CAPTURABLE for options in OPTIONS[name]]
pytestmark = pytest.mark.filterwarnings("ignore:This instance was constructed with capturable=True")
SHAPES = [(3, 2), (4,), (), (2, 0)]


def made(lib: Any, place: str, dtype: str, name: str, options: dict[str, Any]) -> tuple[Any, list[Any]]:
    rng = np.random.default_rng(0)
    params = [lib.nn.Parameter(lib.tensor(rng.normal(size=s), dtype=getattr(lib, dtype), device=place)) for s in SHAPES]
    return getattr(lib.optim, name)(params, capturable=True, **options), params


def gradients(steps: int) -> list[list[np.ndarray]]:
    rng = np.random.default_rng(1)
    return [[rng.normal(size=s) for s in SHAPES] for _ in range(steps)]


def put(lib: Any, params: list[Any], values: list[np.ndarray]) -> None:
    for p, value in zip(params, values, strict=True):
        p.grad = lib.tensor(value, dtype=p.dtype, device=p.device)


@contextmanager
def on_the_cpu() -> Iterator[None]:
    """PyTorch's capturable code, where it has no GPU to run on."""
    with ExitStack() as stack:
        for name in "adam nadam radam adamax adadelta asgd rmsprop".split():
            module = importlib.import_module(f"torch.optim.{name}")
            stack.enter_context(mock.patch.object(module, "_get_capturable_supported_devices", return_value=["cpu"]))
        yield


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize(("name", "options"), CASES)
def test_numbers_are_pytorchs(name: str, options: dict[str, Any], dtype: str, cuda: str) -> None:
    mine, params = made(torch, "cuda", dtype, name, options)
    other, others = made(theirs, "cpu", dtype, name, options)
    rtol, atol = {"float64": (2e-5, 1e-6), "float32": (2e-4, 1e-5), "float16": (2e-2, 1e-2)}[dtype]
    for step, values in enumerate(gradients(8)):
        put(torch, params, values)
        put(theirs, others, values)
        with unwaited(cuda):
            mine.step()
        with on_the_cpu():
            other.step()
        for p, q in zip(params, others, strict=True):
            np.testing.assert_allclose(p.detach().cpu().numpy(), q.detach().numpy(), rtol, atol, err_msg=f"step {step}")
    for p, q in zip(params, others, strict=True):
        state, wanted = mine.state[p], other.state[q]
        assert state.keys() == wanted.keys()
        for key in state:
            assert state[key].is_cuda and str(state[key].dtype) == str(wanted[key].dtype), key
            assert state[key].shape == wanted[key].shape


@pytest.mark.parametrize("name", CAPTURABLE)
def test_a_learning_rate_on_the_gpu_is_read_there(name: str, cuda: str) -> None:
    lr = torch.tensor(0.1, device="cuda")
    one, params = made(torch, "cuda", "float32", name, {"lr": lr})
    two, others = made(torch, "cuda", "float32", name, {"lr": 0.1})
    for step, values in enumerate(gradients(4)):
        lr.fill_(0.1 / (step + 1))
        two.param_groups[0]["lr"] = 0.1 / (step + 1)
        put(torch, params, values)
        put(torch, others, values)
        with unwaited(cuda):
            one.step()
        two.step()
    for p, q in zip(params, others, strict=True):
        np.testing.assert_allclose(p.detach().cpu().numpy(), q.detach().cpu().numpy(), 1e-4, 1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_learning_rate_on_the_gpu_without_capturable(name: str, cuda: str) -> None:
    for place in ("cuda", "cpu"):
        lr = torch.tensor(0.1, device=place)
        p = torch.nn.Parameter(torch.ones(3, device="cuda"))
        optimizer = getattr(torch.optim, name)([p], lr=lr)
        p.grad = torch.ones_like(p)
        optimizer.step()
        q = torch.nn.Parameter(torch.ones(3))
        other = getattr(torch.optim, name)([q], lr=0.1)
        q.grad = torch.ones_like(q)
        other.step()
        np.testing.assert_allclose(p.detach().cpu().numpy(), q.detach().numpy(), 1e-5)


@pytest.mark.parametrize("name", CAPTURABLE)
def test_state_is_saved_and_loaded(name: str, cuda: str) -> None:
    """With its numbers on the GPU, with capturable off on the CPU; and goes on from there."""
    one, params = made(torch, "cuda", "float32", name, {})
    two, others = made(torch, "cuda", "float32", name, {})
    values = gradients(4)
    for v in values[:2]:
        put(torch, params, v)
        one.step()
    two.load_state_dict(one.state_dict())
    for p, q in zip(params, others, strict=True):
        q.data.copy_(p.data)
        assert two.state[q]["step"].is_cuda and two.state[q]["step"] is not one.state[p]["step"]
    for v in values[2:]:
        for optimizer, ps in ((one, params), (two, others)):
            put(torch, ps, v)
            optimizer.step()
    for p, q in zip(params, others, strict=True):
        assert p.detach().cpu().tolist() == q.detach().cpu().tolist()
        assert two.state[q]["step"].item() == 4
    saved = one.state_dict()
    for group in saved["param_groups"]:
        group["capturable"] = False
    two.load_state_dict(saved)
    put(torch, others, values[0])
    two.step()
    assert all(not two.state[q]["step"].is_cuda and two.state[q]["step"].item() == 5 for q in others)


def test_the_warning_comes_once(cuda: str) -> None:
    optimizer, params = made(torch, "cuda", "float32", "Adam", {})
    put(torch, params, gradients(1)[0])
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        optimizer.step()
        optimizer.step()
    assert [str(w.message)[:49] for w in found] == ["This instance was constructed with capturable=Tru"]
    assert found[0].filename == __file__


def test_turning_it_on_later(cuda: str) -> None:
    """The step counts move to the GPU."""
    p = torch.nn.Parameter(torch.ones(3, device="cuda"))
    optimizer = torch.optim.Adam([p])
    p.grad = torch.ones_like(p)
    optimizer.step()
    assert not optimizer.state[p]["step"].is_cuda
    optimizer.param_groups[0]["capturable"] = True
    with pytest.warns(UserWarning, match="capturable=True"):
        optimizer.step()
    assert optimizer.state[p]["step"].is_cuda and optimizer.state[p]["step"].item() == 2
