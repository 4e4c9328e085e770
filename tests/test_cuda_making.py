"""Tensors made on "cuda" and moved there: the same values as on the CPU, random ones too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minitorch as torch
from minitorch.faults import AcceleratorError

MAKERS: dict[str, Callable[[str], Any]] = {
    "zeros": lambda d: torch.zeros(2, 3, device=d),
    "ones": lambda d: torch.ones(2, dtype=torch.int64, device=d),
    "full": lambda d: torch.full((2, 3), 7.5, device=d),
    "full of bool": lambda d: torch.full((2,), True, device=d),
    "eye": lambda d: torch.eye(2, 3, device=d),
    "arange": lambda d: torch.arange(1, 10, 2, device=d),
    "arange float": lambda d: torch.arange(0.1, 1, 0.1, device=d),
    "linspace": lambda d: torch.linspace(0, 1, 7, device=d),
    "linspace of one": lambda d: torch.linspace(0, 1, 1, device=d),
    "logspace": lambda d: torch.logspace(0, 2, 5, device=d),
    "tensor": lambda d: torch.tensor([[1, 2], [3, 4.5]], device=d),
    "tensor of numpy": lambda d: torch.tensor(np.arange(3), device=d),
    "tensor of tensors": lambda d: torch.tensor([torch.tensor(1.0, device=d), torch.tensor(2.0, device=d)]).to(d),
    "as_tensor": lambda d: torch.as_tensor([1, 2], device=d),
    "asarray": lambda d: torch.asarray(np.ones(2), device=d),
    "scalar_tensor": lambda d: torch.scalar_tensor(2, device=d),
    "zeros_like": lambda d: torch.zeros_like(torch.ones(2, 3, device=d).t()),
    "full_like": lambda d: torch.full_like(torch.ones(2, device=d), 3),
    "ones_like of cpu": lambda d: torch.ones_like(torch.ones(2), device=d),
    "new_tensor": lambda d: torch.ones(2, device=d).new_tensor([1, 2]),
    "new_zeros": lambda d: torch.ones(2, device=d).new_zeros(3),
    "new_full": lambda d: torch.ones(2, device=d).new_full((2,), 5),
    "rand": lambda d: torch.rand(2, 3, device=d),
    "randn": lambda d: torch.randn(40, device=d),
    "randn double": lambda d: torch.randn(5, device=d, dtype=torch.float64),
    "randint": lambda d: torch.randint(3, 9, (4,), device=d),
    "randperm": lambda d: torch.randperm(9, device=d),
    "rand_like": lambda d: torch.rand_like(torch.ones(2, 3, device=d)),
    "randn_like": lambda d: torch.randn_like(torch.ones(2, 3, device=d)),
    "randint_like": lambda d: torch.randint_like(torch.ones(2, 3, device=d), 5),
    "normal": lambda d: torch.normal(torch.zeros(3, device=d), torch.ones(3, device=d)),
    "bernoulli": lambda d: torch.bernoulli(torch.full((9,), 0.5, device=d)),
    "multinomial": lambda d: torch.multinomial(torch.ones(2, 5, device=d), 3),
    "poisson": lambda d: torch.poisson(torch.full((5,), 3.0, device=d)),
    "uniform_": lambda d: torch.empty(5, device=d).uniform_(2, 3),
    "normal_": lambda d: torch.empty(5, 2, device=d).t().normal_(),
    "random_": lambda d: torch.empty(5, device=d, dtype=torch.int32).random_(10),
    "exponential_": lambda d: torch.empty(5, device=d).exponential_(),
    "bernoulli_ of a tensor": lambda d: torch.empty(3, device=d).bernoulli_(torch.tensor([0.0, 1.0, 0.5], device=d)),
    "cauchy_": lambda d: torch.empty(5, device=d).cauchy_(),
    "log_normal_": lambda d: torch.empty(5, device=d).log_normal_(),
    "geometric_": lambda d: torch.empty(5, device=d).geometric_(0.5),
    "with a generator": lambda d: torch.rand(3, device=d, generator=torch.Generator(d).manual_seed(3)),
    "xavier_uniform_": lambda d: torch.nn.init.xavier_uniform_(torch.empty(3, 4, device=d)),
    "kaiming_normal_": lambda d: torch.nn.init.kaiming_normal_(torch.empty(3, 4, device=d)),
    "trunc_normal_": lambda d: torch.nn.init.trunc_normal_(torch.empty(30, device=d), a=-1, b=1),
    "orthogonal_": lambda d: torch.nn.init.orthogonal_(torch.empty(3, 4, device=d)),
    "eye_": lambda d: torch.nn.init.eye_(torch.empty(3, 4, device=d)),
    "dirac_": lambda d: torch.nn.init.dirac_(torch.empty(3, 4, 2, device=d)),
    "sparse_": lambda d: torch.nn.init.sparse_(torch.empty(6, 4, device=d), 0.5),
    "nn.Linear": lambda d: torch.nn.Linear(3, 2, device=d).weight.detach(),
    "FloatTensor": lambda d: (torch.cuda if d == "cuda" else torch).FloatTensor([1, 2]),
}


@pytest.mark.parametrize("name", MAKERS)
def test_making(name: str, cuda: str) -> None:
    """The same values, random ones too, as on the CPU."""
    torch.manual_seed(5)
    found = MAKERS[name]("cuda")
    torch.manual_seed(5)
    wanted = MAKERS[name]("cpu")
    assert found.is_cuda and found.device == torch.device("cuda", 0) and found.dtype is wanted.dtype
    np.testing.assert_allclose(found.cpu().numpy(), wanted.numpy(), rtol=1e-6, atol=1e-7)


def test_moving(cuda: str) -> None:
    x = torch.arange(6.0).reshape(2, 3).requires_grad_()
    y = x.cuda()
    assert y.is_cuda and not y.is_cpu and y.get_device() == 0 and x.get_device() == -1
    assert y.cuda() is y and y.to("cuda") is y and y.to("cuda:0") is y and x.cpu() is x and y.to(y) is y
    assert x.to("cuda", torch.float64).dtype is torch.float64 and y.to("cuda", copy=True) is not y
    assert y.type() == "torch.cuda.FloatTensor" and y.cpu().type() == "torch.FloatTensor"
    assert x.type("torch.cuda.HalfTensor").is_cuda and x.type_as(y).is_cuda and x.to(device=0).is_cuda
    (y * 2).sum().backward()
    assert not x.grad.is_cuda and x.grad.tolist() == [[2] * 3] * 2
    z = torch.ones(2, device="cuda", requires_grad=True)
    (z.cpu() * torch.tensor([1.0, 3.0])).sum().backward()
    assert z.grad.is_cuda and z.grad.tolist() == [1, 3]
    a, b = torch.zeros(3), torch.ones(3, device="cuda")
    assert not a.copy_(b).is_cuda and a.tolist() == [1, 1, 1] and b.copy_(torch.arange(3.0)).tolist() == [0, 1, 2]
    b[1:] = torch.tensor([5.0, 6.0])  # by slices, values may come from the other device
    assert b.tolist() == [0, 5, 6] and isinstance(torch.cuda.FloatTensor(2), torch.cuda.FloatTensor)


def test_devices_that_are_not_there(cuda: str) -> None:
    count = torch.cuda.device_count()
    for make in (lambda d: torch.zeros(2, device=d), lambda d: torch.ones(2).to(d), lambda d: torch.randn(2, device=d)):
        with pytest.raises(AcceleratorError, match="invalid device ordinal"):
            make(f"cuda:{count}")
    if cuda == "gpu" and count > 1:
        with pytest.raises(NotImplementedError, match=r"set_device\(1\)"):
            torch.zeros(2, device="cuda:1")


def test_copies_keep_the_order_of_memory(cuda: str) -> None:
    """To the GPU and back, as PyTorch's do."""
    x = torch.arange(24.0).reshape(2, 3, 4)
    for y in (
        x,
        x.transpose(0, 1),
        x.permute(2, 0, 1),
        x[:, 1:, ::2],
        x[0].t(),
        x[0, 0, 0],
        x[:0],
        x[:, :1].expand(2, 3, 4),
    ):
        z = y.cuda()
        assert z.stride() == y.clone().stride() and z.tolist() == y.tolist()
        assert z.cpu().stride() == z.stride() and z.cpu().tolist() == y.tolist()
        assert y.pin_memory().to("cuda", non_blocking=True).tolist() == y.tolist()


ZEROS = {
    "full": lambda: torch.full((2,), -0.0, device="cuda"), "full_like": lambda: torch.full_like(torch.ones(2).cuda(), -0.0),
    "a number": lambda: torch.tensor(-0.0, device="cuda"), "a number moved": lambda: torch.tensor(-0.0).cuda(),
    "numbers": lambda: torch.tensor([-0.0, -0.0], device="cuda"), "scalar_tensor": lambda: torch.scalar_tensor(-0.0, device="cuda"),
    "fill_": lambda: torch.ones(2, device="cuda").fill_(-0.0), "new_full": lambda: torch.ones(2, device="cuda").new_full((2,), -0.0),
    "x[...] = y": lambda: assigned(...), "x[0:2] = y": lambda: assigned(slice(0, 2)), "x[index] = y": lambda: assigned(torch.tensor([0, 1]).cuda()),
    "x[mask] = y": lambda: assigned(torch.tensor([True, True]).cuda()), "masked_fill": lambda: torch.ones(2).cuda().masked_fill(torch.tensor(True).cuda(), -0.0),
    "where": lambda: torch.where(torch.tensor([True, True]).cuda(), -0.0, torch.ones(2).cuda()), "half": lambda: torch.full((2,), -0.0, dtype=torch.float16, device="cuda"),
    "times": lambda: torch.ones(2, device="cuda") * -0.0, "clamp": lambda: torch.full((2,), -1.0, device="cuda").clamp(min=-0.0),
    "index_fill": lambda: torch.ones(2).cuda().index_fill(0, torch.tensor([0, 1]).cuda(), -0.0), "copy_": lambda: torch.ones(2).cuda().copy_(torch.tensor(-0.0)),
    "pad of where": lambda: torch.ones(2).cuda().mul(torch.tensor(-0.0)), "captured": lambda: captured(),
}  # fmt: skip


def assigned(index: Any) -> Any:
    x = torch.ones(2, device="cuda")
    x[index] = -0.0
    return x


def captured() -> Any:
    g = torch.cuda.CUDAGraph()
    with torch.cuda.graph(g):
        x = torch.full((2,), -0.0, device="cuda")
    g.replay()
    return x


@pytest.mark.parametrize("name", ZEROS)
def test_zero_keeps_its_sign(name: str, cuda: str) -> None:
    """CuPy fills with 0 where it is asked for -0.0."""
    x = ZEROS[name]().cpu()
    assert (x == 0).all() and torch.signbit(x).all()
