"""make_graphed_callables: functions and modules whose passes are CUDA graphs, in a program that is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_cuda_graphs import batches

import minitorch as torch
from minitorch import nn, recording
from minitorch.nn import functional as F


class Block(nn.Module):
    """Two inputs, a dict of outputs, dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.scale = nn.Linear(4, 4), nn.Parameter(torch.ones(4))

    def forward(self, x: Any, y: Any) -> dict[str, Any]:
        h = self.linear(x)
        return {"sum": h + y * self.scale, "other": [F.dropout(h.tanh(), 0.5, self.training), y.detach() * 2]}


def graphed_and_eager() -> tuple[Any, Any, Any]:
    torch.manual_seed(0)
    one = Block().to("cuda")
    torch.manual_seed(0)
    two = Block().to("cuda")
    sample = torch.randn(3, 4).to("cuda"), torch.randn(3, 4).to("cuda").requires_grad_()
    return torch.cuda.make_graphed_callables(one, sample), two, sample


def test_a_graphed_module(cuda: str) -> None:
    graphed, eager, _ = graphed_and_eager()
    for step in range(3):
        gradients = []
        for module in (graphed, eager):
            torch.manual_seed(step)
            x, y = torch.randn(3, 4).to("cuda"), torch.randn(3, 4).to("cuda").requires_grad_()
            module.zero_grad()
            out = module(x, y)
            loss = out["sum"].square().sum() + (out["other"][0] * 3).sum() + out["other"][1].sum()
            loss.backward()
            gradients.append([out["sum"], *out["other"], y.grad, *[p.grad for p in module.parameters()]])
        for found, wanted in zip(*gradients, strict=True):
            np.testing.assert_allclose(found.detach().cpu(), wanted.detach().cpu(), rtol=1e-5, atol=1e-6)
    graphed.eval()  # the other mode: as before, no graph
    eager.eval()
    x, y = torch.randn(5, 4).to("cuda"), torch.randn(5, 4).to("cuda")
    np.testing.assert_allclose(
        graphed(x, y)["sum"].detach().cpu(), eager(x, y)["sum"].detach().cpu(), rtol=1e-5, atol=1e-6
    )


def test_a_graphed_module_trains(cuda: str) -> None:
    """Its graphs inside an eager step."""
    data = batches(6)
    results = []
    for graphed in (False, True):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(10, 8), nn.Tanh(), nn.Linear(8, 3)).to("cuda")
        if graphed:
            model = torch.cuda.make_graphed_callables(model, (torch.zeros(8, 10, device="cuda"),))
        optimizer = torch.optim.Adam(model.parameters(), 0.1)
        for x, y in data:
            optimizer.zero_grad()
            F.cross_entropy(model(x.to("cuda")), y.to("cuda")).backward()
            optimizer.step()
        results.append([p.detach().cpu().numpy() for p in model.parameters()])
    for found, wanted in zip(*results, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


def test_several_graphed_functions(cuda: str) -> None:
    double, power = (lambda x: x * 2), (lambda x, y: (x**2 + y, y))
    sample = torch.ones(3, device="cuda", requires_grad=True)
    still = torch.ones(3, device="cuda")
    one, two = torch.cuda.make_graphed_callables((double, power), ((sample,), (sample, still)))
    x, y = torch.tensor([1.0, 2.0, 3.0], device="cuda", requires_grad=True), torch.ones(3, device="cuda")
    squared, same = two(one(x), y)
    assert squared.tolist() == [5, 17, 37] and same.tolist() == [1, 1, 1]
    squared.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [8, 16, 24]
    (g,) = torch.autograd.grad(one(x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError):  # no second derivatives
        g.sum().backward()


def test_unused_inputs(cuda: str) -> None:
    sample = tuple(torch.ones(2, device="cuda", requires_grad=True) for _ in range(2))
    with pytest.raises(RuntimeError, match="allow_unused"):
        torch.cuda.make_graphed_callables(lambda x, y: x * 2, sample)
    assert recording.here.recording is None
    f = torch.cuda.make_graphed_callables(lambda x, y: x * 2, sample, allow_unused_input=True)
    x, y = (torch.ones(2, device="cuda", requires_grad=True) for _ in range(2))
    f(x, y).sum().backward()
    assert x.grad.tolist() == [2, 2] and y.grad is None


def test_what_make_graphed_callables_refuses(cuda: str) -> None:
    x = torch.ones(2, 2, device="cuda")
    module = nn.Linear(2, 2).to("cuda")
    with pytest.raises(AssertionError, match="must contain only Tensors"):
        torch.cuda.make_graphed_callables(lambda x, n: x * n, (x, 2))
    module.register_buffer("b", torch.ones(1, device="cuda", requires_grad=True))
    with pytest.raises(AssertionError, match="only parameters may be trainable"):
        torch.cuda.make_graphed_callables(module, (x,))
    hooked = nn.Linear(2, 2).to("cuda")
    hooked.register_forward_hook(lambda *args: None)
    with pytest.raises(AssertionError, match="must not have hooks"):
        torch.cuda.make_graphed_callables(hooked, (x,))


def test_arguments_must_fit_the_samples(cuda: str) -> None:
    """A missing one would be the sample's, a smaller one would be repeated, a transposed one read the other way."""
    f = torch.cuda.make_graphed_callables(lambda x, y: x * y, (torch.ones(2, 2).cuda(), torch.ones(2, 2).cuda()))
    x, y = (torch.arange(4.0).reshape(2, 2).cuda() for _ in range(2))
    assert f(x, y).tolist() == [[0, 1], [4, 9]]
    for given in [(x,), (x, y, y), (x, y[0]), (x, 3.0), (x[:, :1], y)]:
        with pytest.raises(RuntimeError, match="of the shapes it was captured with"):
            f(*given)
    assert f(x.t(), y).tolist() == [[0, 2], [2, 9]]
    sample = torch.arange(4.0).reshape(2, 2).cuda()
    same = torch.cuda.make_graphed_callables(lambda x: x * 1, (sample,))
    with pytest.raises(RuntimeError, match="single memory location"):
        same(sample.t())
