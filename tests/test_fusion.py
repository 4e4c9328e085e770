"""Formulas as one kernel each: the kernels' source is compiled for the CPU, and gives what the steps one by one give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cuda_helpers import launches

import minitorch as torch
from minitorch import fusion

F = torch.nn.functional
VALUES = [-30.0, -3.0, -1.5, -0.0, 0.0, 1e-8, 0.7, 2.0, 3.0, 40.0, np.inf, -np.inf, np.nan]

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "sigmoid": torch.sigmoid, "silu": F.silu, "mish": F.mish, "logsigmoid": F.logsigmoid, "elu": F.elu,
    "elu 2": lambda x: F.elu(x, 2.0), "celu": lambda x: F.celu(x, 0.5), "selu": F.selu,
    "hardsigmoid": F.hardsigmoid, "hardswish": F.hardswish, "gelu tanh": lambda x: F.gelu(x, approximate="tanh"),
    "gelu": F.gelu, "softplus": F.softplus, "leaky_relu": F.leaky_relu, "leaky_relu 2": lambda x: F.leaky_relu(x, 2.0),
    "softshrink": F.softshrink, "hardshrink": F.hardshrink,
}  # fmt: skip

LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "bce with logits": F.binary_cross_entropy_with_logits, "bce": F.binary_cross_entropy, "mse": F.mse_loss,
    "l1": F.l1_loss, "smooth l1": F.smooth_l1_loss, "smooth l1 2": lambda x, y: F.smooth_l1_loss(x, y, beta=2.0),
    "huber": F.huber_loss, "bce none": lambda x, y: F.binary_cross_entropy_with_logits(x, y, reduction="none").sum(),
    "bce weights": lambda x, y: F.binary_cross_entropy_with_logits(x, y, weight=y + 1, pos_weight=y + 0.5),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name: str, dtype: Any, cuda: str) -> None:
    x = torch.tensor(VALUES * 2, dtype=dtype).reshape(2, -1)
    with launches() as found:
        y = ACTIVATIONS[name](x.cuda())
    assert len(found) == 1
    assert (y.dtype, y.shape) == (x.dtype, x.shape)
    tolerance = 1e-6 if dtype is torch.float32 else 1e-14
    np.testing.assert_allclose(y.cpu().numpy(), ACTIVATIONS[name](x).numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_their_rules(name: str, dtype: Any, cuda: str) -> None:
    """One kernel too, and the CPU's gradient at kinks, infinities and NaN."""
    grads = []
    for place in "cuda", "cpu":
        x = torch.tensor(VALUES, dtype=dtype, device=place, requires_grad=True)
        y = ACTIVATIONS[name](x)
        with launches() as found:
            y.backward(torch.full_like(y, 1.5))
        assert len(found) == (place == "cuda") and x.grad is not None
        grads.append(x.grad.cpu().numpy())
    tolerance = 2e-6 if dtype is torch.float32 else 1e-13
    np.testing.assert_allclose(*grads, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name: str, cuda: str) -> None:
    """The elements of a loss in one kernel, and its rule in another; broadcast operands too."""
    rng = np.random.default_rng(0)
    for shape in (3, 4), (0, 4), ():
        values, results = rng.uniform(0.1, 0.9, shape), []
        for place in "cuda", "cpu":
            x = torch.tensor(values, device=place, requires_grad=True)
            target = torch.full(shape, 0.25, dtype=x.dtype, device=place)
            with launches() as found:
                loss = LOSSES[name](x, target)
                loss.backward()
            assert len(found) == (2 if place == "cuda" else 0), found
            results.append((loss.item(), x.grad.cpu().numpy()))
        np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-12)
        np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-12)


# Kernels and copies of a forward and a backward pass, the seed of the gradient among them.
LAUNCHES: dict[str, tuple[int, Callable[[Any, Any], Any]]] = {
    "relu": (4, lambda x, t: x.relu().sum()),
    "gelu": (4, lambda x, t: F.gelu(x).sum()),
    "tanh": (4, lambda x, t: x.tanh().sum()),
    "softmax": (4, lambda x, t: F.softmax(x, 1).sum()),
    "log_softmax": (4, lambda x, t: F.log_softmax(x, 1).sum()),
    "layer norm": (4, lambda x, t: F.layer_norm(x, (3,)).sum()),
    "layer norm, weighted": (6, lambda x, t: F.layer_norm(x, (3,), x.detach()[0]).sum()),
    "cross entropy": (6, lambda x, t: F.cross_entropy(x, t)),
    "cross entropy sum": (5, lambda x, t: F.cross_entropy(x, t, reduction="sum")),
    "bce with logits": (4, lambda x, t: F.binary_cross_entropy_with_logits(x, x.detach())),
    "mse": (4, lambda x, t: F.mse_loss(x, x.detach())),
    "dropout": (4, lambda x, t: F.dropout(x).sum()),
}
NO_LAUNCH = {
    "reshape", "ravel", "transpose", "swapaxes", "squeeze", "__getitem__", "broadcast_to", "view", "empty", "empty_like",
    "get_default_memory_pool", "ascontiguousarray",
}  # fmt: skip


@pytest.mark.parametrize("name", LAUNCHES)
def test_how_many_launches(name: str, cuda: str) -> None:
    """Each costs the host 5 to 15 us, which on small networks is all there is."""
    if cuda != "double":
        pytest.skip("counts the double's calls")
    most, function = LAUNCHES[name]
    x = torch.randn(4, 3).cuda().requires_grad_()
    target = torch.tensor([0, 2, 1, 1], device="cuda")
    g = torch.cuda.CUDAGraph()
    with torch.cuda.graph(g):
        function(x, target).backward()
    names = [call.name.rpartition(".")[2] for call in g._graph.calls]
    names = [n for n in names if n not in NO_LAUNCH and n != "astype"]
    assert len(names) == most, names


ROWS: dict[str, Callable[[], Any]] = {
    "rows": lambda: torch.arange(2 * 5 * 40.0).reshape(2, 5, 40).sin() * 30,
    "one element": lambda: torch.tensor([[3.0], [-1.0]]),
    "a line": lambda: torch.tensor([1.0, 2.0, -3.0]),
    "no rows": lambda: torch.zeros(0, 3),
    "infinite and NaN": lambda: torch.tensor([
        [1.0, np.inf, 2.0], [1.0, -np.inf, 2.0], [-np.inf] * 3, [np.nan, 1.0, 2.0], [1.0, 2.0, np.nan], [1e30, -1e30, 0.0],
    ]),
    "strided": lambda: torch.arange(12.0).reshape(3, 4).t(),
    "long": lambda: torch.arange(2 * 5000.0).reshape(2, 5000).sin(),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("function", [F.softmax, F.log_softmax])
@pytest.mark.parametrize("name", ROWS)
def test_rows(name: str, function: Any, dtype: Any, cuda: str) -> None:
    """Values, gradients and their gradients."""
    x = ROWS[name]().to(dtype)
    results = []
    for place in "cuda", "cpu":
        y = x.to(place).requires_grad_()
        out = function(y, dim=-1)
        (g,) = torch.autograd.grad(out, y, torch.ones_like(out).cumsum(-1).cos(), create_graph=True)
        (h,) = torch.autograd.grad((g * g).sum(), y)
        results.append([v.detach().cpu().numpy() for v in (out, g, h)])
        assert out.stride() == torch.zeros(out.shape).stride()
    tolerance = 2e-5 if dtype is torch.float32 else 1e-12
    for found, wanted in zip(*results, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ignored", [-100, 1])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 2, 2), (3,), (0, 3), (1, 1), (8200, 2)])
def test_labels(shape: tuple[int, ...], reduction: str, ignored: int, weighted: bool, cuda: str) -> None:
    rng = np.random.default_rng(0)
    classes = shape[0] if len(shape) == 1 else shape[1]
    values = rng.normal(size=shape)
    labels = rng.integers(0, classes, shape[:1] + shape[2:] if len(shape) > 1 else ())
    results = []
    for place in "cuda", "cpu":
        x = torch.tensor(values, device=place, requires_grad=True)
        weight = torch.arange(1.0, classes + 1, dtype=x.dtype, device=place) if weighted else None
        target = torch.tensor(labels, device=place)
        loss = F.nll_loss(x, target, weight, ignore_index=ignored, reduction=reduction)
        (g,) = torch.autograd.grad(loss.sum() * 1.5, x, create_graph=True)
        results.append([loss.detach().cpu().numpy(), g.detach().cpu().numpy()])
        assert loss.dtype is g.dtype is torch.float64 and loss.shape == (target.shape if reduction == "none" else ())
    for found, wanted in zip(*results, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_the_order_of_memory_stays(cuda: str) -> None:
    x = torch.arange(6.0).reshape(2, 3).t().cuda()
    assert torch.sigmoid(x).stride() == x.stride()


def test_halves_are_rounded_once(cuda: str) -> None:
    with launches() as found:
        y = F.silu(torch.ones(3, dtype=torch.float16, device="cuda"))
    assert y.dtype is torch.float16
    assert found == ["minitorch_silu"]  # in float32


def test_what_there_is_no_cuda_for_says_so(cuda: str) -> None:
    x = torch.ones(3, device="cuda")._data
    for formula in (lambda x: np.arctan(x), lambda x: np.add.reduce(x), lambda x: np.sqrt(x, where=True)):
        with pytest.raises(NotImplementedError, match="fusion: no CUDA for numpy"):
            fusion.in_one_kernel(formula, [x])


def test_a_formula_cannot_branch_on_values(cuda: str) -> None:
    x = torch.ones(3, device="cuda")._data
    with pytest.raises(NotImplementedError, match="cannot branch on values"):
        fusion.in_one_kernel(lambda x: x if x > 0 else -x, [x])


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


STEPS: dict[str, Callable[[Any, Any], Any]] = {
    "with numbers": lambda x, y: torch.add(x, 3, alpha=2), "of another shape": lambda x, y: x + y[:1],
    **{n: getattr(torch, n) for n in ("add", "sub", "mul", "div", "pow")},
    **{n: lambda x, y, n=n: getattr(torch, n)(x) for n in ("neg", "abs", "exp", "log", "sqrt", "tanh", "relu")},
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_single_steps(name: str, cuda: str) -> None:
    """One kernel of ours; of few elements and a number CuPy's, and of arrays that broadcast."""
    step = STEPS[name]
    for n in 1 << 22, 1 << 10:
        x, y = torch.linspace(-2, 3, n), torch.linspace(1, 2, n)
        with launches() as found:
            z = step(x.cuda(), y.cuda())
        assert len(found) == {"with numbers": n > 1024, "of another shape": 0}.get(name, 1)
        np.testing.assert_allclose(z.cpu().numpy(), step(x, y).numpy(), rtol=1e-6)
    halves, mixed = (step(x.to(t).cuda(), y.cuda()) for t in (torch.float16, torch.float64))
    assert halves.dtype == step(x.half(), y).dtype and mixed.dtype is torch.float64


def test_single_steps_keep_the_order_of_memory(cuda: str) -> None:
    """As PyTorch's do; CuPy's give C order."""
    x = torch.rand(3, 4, device="cuda").t()
    y = torch.rand(2, 3, 4, device="cuda").permute(2, 0, 1)
    steps: list[Callable[[Any], Any]] = [
        lambda x: x * 2, lambda x: 2 * x, lambda x: x + x, lambda x: 1 - x, lambda x: x / 3, lambda x: -x, lambda x: x**2, lambda x: 2**x, abs, torch.exp,
        torch.relu, torch.sigmoid, torch.tanh, lambda x: x * torch.ones((), device="cuda"),
    ]  # fmt: skip
    for i, step in enumerate(steps):
        assert step(x).stride() == (1, 4), i
        np.testing.assert_allclose(step(x).cpu().numpy(), step(x.contiguous()).cpu().numpy(), rtol=1e-6)
    assert (y * y).stride() == y.stride() == (1, 12, 4) and (x + torch.ones(3, device="cuda")).stride() == (1, 4)
    assert (x[::2] * 2).stride() == torch_strides(x[::2])


def torch_strides(x: Any) -> Any:
    import torch as theirs

    return (theirs.empty(3, 4).t()[::2] * 2).stride()


def test_equal_numbers_are_not_taken_for_each_other(cuda: str) -> None:
    """0.0 equals -0.0, and both have been seen before."""
    x = torch.ones(4, device="cuda")._data
    times = lambda x, y: x * y
    for number in 0.0, -0.0, 0.0:
        out = fusion.in_one_kernel(times, [x, number])
        assert np.signbit(np.array(out.tolist())).all() == np.signbit(number)
