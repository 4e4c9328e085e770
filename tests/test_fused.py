"""Optimizers on a GPU: one kernel a step for all parameters, and the CPU's numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from cuda_helpers import launches, tracing_by, unwaited
from strict_cupy.precision import widenings

import minitorch as torch
from minitorch import fusion, kernels
from minitorch.optim.fused import Fused

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

SHAPES = [(3, 4), (), (0, 2), (1500,), (7,), (1024,), (2, 1025)]


def run(
    name: str, shapes: list[tuple[int, ...]], place: str, waiting: Any = nullcontext
) -> tuple[list[Any], list[str]]:
    """The parameters and their state after steps with changing gradients and a changing learning rate; the kernels."""
    rng = np.random.default_rng(0)
    params = [torch.tensor(rng.standard_normal(s), device=place, requires_grad=True) for s in shapes]
    optimizer = OPTIMIZERS[name](params)
    with launches() as found, waiting():
        for i in range(7):
            optimizer.param_groups[0]["lr"] *= 0.9**i
            for p, s in zip(params, shapes, strict=True):
                p.grad = torch.tensor(rng.standard_normal(s), device=place)
            optimizer.step()
    ends = []
    for p in params:
        ends += [p.detach(), *[v for v in optimizer.state[p].values() if torch.is_tensor(v)]]
    return ends, found


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_one_kernel_a_step(name: str, cuda: str) -> None:
    """For parameters of all sizes, in whose order empty ones may be."""
    wanted, none = run(name, SHAPES, "cpu")
    got, found = run(name, SHAPES, "cuda", lambda: unwaited(cuda))
    assert not none and len(found) == 7
    for mine, theirs in zip(got, wanted, strict=True):
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(mine.cpu().numpy(), theirs.numpy(), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_of_halves(name: str, cuda: str) -> None:
    """float16 takes the formula's steps one by one, as the CPU does: there is no kernel of halves."""
    rng = np.random.default_rng(0)
    start, grads = rng.standard_normal((3, 4)), rng.standard_normal((3, 3, 4))
    ends = []
    for place in "cpu", "cuda":
        p = torch.tensor(start, dtype=torch.float16, device=place, requires_grad=True)
        optimizer = OPTIMIZERS[name]([p])
        waiting = unwaited(cuda) if place == "cuda" else nullcontext()
        with launches() as found, widenings() as wide, waiting:
            for g in grads:
                p.grad = torch.tensor(g, dtype=torch.float16, device=place)
                optimizer.step()
        assert not found and not wide and p.dtype is torch.float16
        ends.append(p.detach().cpu().numpy())
    np.testing.assert_allclose(ends[1], ends[0], rtol=2e-3, atol=2e-3)


def test_more_parameters_than_a_kernel_is_told_of(cuda: str) -> None:
    """2,048 elements are two blocks, the empty ones none."""
    shapes: list[tuple[int, ...]] = [(i % 5,) for i in range(100)] + [(2048,)] + [(3,)] * 100
    wanted, _ = run("Adam", shapes, "cpu")
    got, found = run("Adam", shapes, "cuda")
    assert len(found) == 7
    for mine, theirs in zip(got, wanted, strict=True):
        np.testing.assert_allclose(mine.cpu().numpy(), theirs.numpy(), rtol=1e-10, atol=1e-13)


def pairs(values: list[Any]) -> tuple[list[Any], list[Any]]:
    """Parameters on the GPU, and the same on the CPU."""
    return [torch.nn.Parameter(torch.tensor(v).cuda()) for v in values], [
        torch.nn.Parameter(torch.tensor(v)) for v in values
    ]


def equal(ours: list[Any], others: list[Any]) -> None:
    for p, q in zip(ours, others, strict=True):
        np.testing.assert_allclose(p.detach().cpu().numpy(), q.detach().numpy(), 1e-6)


def test_gradients_of_any_layout(cuda: str) -> None:
    ours, others = pairs([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0, 7.0]] * 2, [1.0, 1.0, 1.0]])
    for params, place in (ours, "cuda"), (others, "cpu"):
        params[0].grad = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=place).t()
        params[1].grad = torch.tensor([1.0, 2.0, 3.0], device=place).expand(2, 3)
        params[2].grad = torch.arange(6.0, device=place)[::2]
        torch.optim.SGD(params, lr=0.1).step()
    equal(ours, others)


def test_parameters_of_any_kind(cuda: str) -> None:
    """One transposed, one of halves, two that share memory, one listed where it is on the CPU: each as if it were alone."""
    base = torch.arange(6.0).reshape(2, 3)
    found = []
    for place in "cuda", "cpu":
        whole = base.clone().to(place)
        shared = torch.nn.Parameter(whole)
        row = torch.nn.Parameter(whole[0])
        params = [
            torch.nn.Parameter(base.to(place).t()), torch.nn.Parameter(base.to(place).half()), shared, row,
            torch.nn.Parameter(base.clone()), torch.nn.Parameter(base.to(place).double()),
        ]  # fmt: skip
        optimizer = torch.optim.Adam(params, lr=0.1)
        for step in range(3):
            for p in params:
                p.grad = torch.full_like(p, step + 1.0)
            optimizer.step()
        found.append([p.detach().cpu().double().tolist() for p in params])
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(mine, theirs, 1e-5)


@pytest.mark.filterwarnings("ignore:This instance was constructed with capturable=True")
def test_counts_that_differ(cuda: str) -> None:
    """With capturable, parameters that got their first gradient later share a kernel, each with its own count."""
    ours, others = pairs([[1.0, 2.0], [3.0], [4.0, 5.0]])
    one, two = torch.optim.NAdam(ours, capturable=True), torch.optim.NAdam(others)
    with launches() as found:
        for step in range(4):
            for params, optimizer in (ours, one), (others, two):
                for i, p in enumerate(params):
                    p.grad = torch.full_like(p, step + 1.0) if step >= i else None
                optimizer.step()
    assert (
        found.count("minitorch_nadam") == 1 + 2 + 2 + 2
    )  # the one whose first step it is takes it alone, and so goes on
    equal(ours, others)
    assert [one.state[p]["step"].item() for p in ours] == [4, 3, 2]
    one.state[ours[0]]["step"].fill_(9)
    two.state[others[0]]["step"].fill_(9)
    for optimizer in one, two:
        optimizer.step()
    equal(ours, others)


def test_state_is_changed_where_it_lies(cuda: str) -> None:
    """Or where somebody has put it."""
    ours, others = pairs([[[1.0, 2.0], [3.0, 4.0]], [5.0, 6.0]])
    for params, place in (ours, "cuda"), (others, "cpu"):
        optimizer = torch.optim.SGD(params, lr=0.1, momentum=0.9)
        for step in range(4):
            for p in params:
                p.grad = torch.ones_like(p)
            optimizer.step()
            kept = optimizer.state[params[0]]["momentum_buffer"]
            if step == 1:
                optimizer.state[params[0]]["momentum_buffer"] = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=place).t()
            if step == 2:
                assert optimizer.state[params[0]]["momentum_buffer"].stride() in ((2, 1), (1, 2))
        assert optimizer.state[params[0]]["momentum_buffer"] is kept
    equal(ours, others)


@pytest.mark.filterwarnings("ignore:This instance was constructed with capturable=True")
@pytest.mark.parametrize("name", ["Adam", "NAdam", "RAdam", "ASGD"])
def test_a_graph_counts_where_others_do(name: str, cuda: str) -> None:
    """Between its replays some of the parameters take steps by themselves, then none, then all."""
    found = []
    for captured in False, True:
        params = [torch.nn.Parameter(torch.ones(3, device="cuda")) for _ in range(3)]
        optimizer = getattr(torch.optim, name)(params, lr=0.1, capturable=True)
        grads = [torch.full((3,), 0.5 * (i + 1), device="cuda") for i in range(3)]
        graph = torch.cuda.CUDAGraph()

        def give(some: set[int], params: list[Any] = params, grads: list[Any] = grads) -> None:
            for i, p in enumerate(params):
                p.grad = grads[i] if i in some else None

        give({0, 1, 2})
        optimizer.step()
        optimizer.step()
        if captured:
            with torch.cuda.graph(graph):
                optimizer.step()
        full = graph.replay if captured else optimizer.step
        for some in {0, 1, 2}, {0, 1}, {0, 1, 2}, set(), {1, 2}, {0, 1, 2}:
            give(some)
            full() if len(some) == 3 else optimizer.step()
        counts = [optimizer.state[p]["step"].item() for p in params]
        found.append([counts, *[p.tolist() for p in params]])
    assert found[0][0] == [6, 7, 6]
    assert found[0] == found[1]


@pytest.mark.parametrize("place", ["cuda", "cpu"])
def test_gradients_of_other_kinds(place: str, cuda: str) -> None:
    """After the parameter's dtype was changed; and of another size: an error, and nothing is changed."""
    p = torch.nn.Parameter(torch.ones(3, device=place))
    p.grad = torch.full_like(p, 0.5).detach()
    p.data = p.data.double()
    optimizer = torch.optim.Adam([p], lr=0.1)
    optimizer.step()
    assert p.dtype is torch.float64
    np.testing.assert_allclose(p.tolist(), [0.9] * 3, 1e-6)
    for shape in (5,), (1,), (3, 1), (0,):
        p.data = torch.ones(shape, dtype=torch.float64, device=place)
        with pytest.raises(RuntimeError, match="has a gradient of shape \\[3\\]: set its grad to None"):
            optimizer.step()
        assert (p == 1).all()
        assert optimizer.state[p]["step"].item() == 1


def test_a_gradient_that_is_another_parameter(cuda: str) -> None:
    """It is read before anything is written, in whatever order the blocks come."""
    a, b, c = (torch.nn.Parameter(torch.full((3,), x, device="cuda")) for x in (1.0, 2.0, 3.0))
    optimizer = torch.optim.SGD([a, b, c], lr=0.1, momentum=0.5)
    for _ in range(2):
        a.grad, b.grad, c.grad = b.detach(), a.detach()[:3], torch.ones(3, device="cuda")
        optimizer.step()
    np.testing.assert_allclose(a.tolist(), [1 - 0.2 - 0.1 * (0.5 * 2 + 1.9)] * 3, 1e-6)
    np.testing.assert_allclose(b.tolist(), [2 - 0.1 - 0.1 * (0.5 * 1 + 0.8)] * 3, 1e-6)


def test_one_listed_twice_steps_twice(cuda: str) -> None:
    for place, n in (("cuda", 0), ("cuda", 2), ("cpu", 2), ("cpu", 0)):
        p = torch.nn.Parameter(torch.zeros(n, device=place))
        with pytest.warns(UserWarning, match="duplicate parameters"):
            optimizer = torch.optim.Adam([p, p])
        p.grad = torch.zeros_like(p)
        optimizer.step()
        optimizer.step()
        assert optimizer.state[p]["step"].item() == 4


@pytest.fixture
def traced() -> Iterator[list[Any]]:
    """The formulas that are traced."""
    found: list[Any] = []
    real = fusion.traced
    with tracing_by(lambda formula, *args: (found.append(formula), real(formula, *args))[1]):
        yield found


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_is_traced_once(name: str, traced: list[Any], cuda: str) -> None:
    """For all parameters and steps, whatever the learning rate is; some formulas have two forms."""
    parameters = [torch.nn.Parameter(torch.ones(n, device="cuda")) for n in (2, 3, 5)]
    optimizer = OPTIMIZERS[name](parameters)
    kernels_made = kernels.for_sets.cache_info().misses
    for i in range(20):
        optimizer.param_groups[0]["lr"] = 0.1 / (i + 1)
        for p in parameters:
            p.grad = torch.ones_like(p)
        optimizer.step()
    assert len(traced) <= 2 and kernels.for_sets.cache_info().misses <= kernels_made + 2


def test_what_a_formula_sees_of_numbers(traced: list[Any], cuda: str) -> None:
    """A branch, and a plain float made of one: another trace where the formula would have seen something else."""

    def formula(x: Any, grad: Any, *spares: Any, a: float, b: float, c: float, d: bool) -> None:
        x *= 2 if a > b else -((1 - 2 * a) ** 2) / 4 + abs(b)
        x += np.float64(c) if c else 5
        x -= 1.5 if d else b - (-b)

    for i, (a, b, c, d) in enumerate([(1.0, 0.5, 3.0, True), (2.0, 0.25, 3.0, True), (2.0, 0.25, 4.0, True),
                                      (0.5, 2.0, 4.0, True), (0.25, 3.0, 0.0, False), (7.0, 3.0, 4.0, True)]):  # fmt: skip
        x, y = torch.tensor([1.0, 3.0], device="cuda"), np.array([1.0, 3.0])
        x.grad = torch.zeros_like(x)
        options = {"a": a, "b": b, "c": c, "d": d}
        Fused([x], [{}], (), (), False).step(formula, lambda _, options=options: options)
        formula(y, None, a=a, b=b, c=c, d=d)
        np.testing.assert_allclose(x.cpu().numpy(), y)
        assert len(traced) == (1, 1, 2, 3, 4, 4)[i]
