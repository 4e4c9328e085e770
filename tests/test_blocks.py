"""Large arrays on the CPU in blocks: whatever the size of a block and the number of threads, the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minitorch
from minitorch import blocks, threads
from minitorch.autograd.op import OPS
from minitorch.fusion import elementwise
from minitorch.nn import functional as F
from minitorch.ops.along import add_at


@pytest.fixture(params=[1, 2])
def small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is large, and a block has 6 float32."""
    monkeypatch.setattr(blocks, "LARGE", 1)
    monkeypatch.setattr(blocks, "BLOCK", 24)
    monkeypatch.setattr(threads, "_WORTH_IT", 1)
    monkeypatch.setattr(threads, "_number", request.param)


def whole(function: Callable[[Any], Any], argument: Any) -> Any:
    """function(argument) in one block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "LARGE", 1 << 40)
        patch.setattr(blocks, "BLOCK", 1 << 40)
        return function(argument)


ACTIVATIONS: list[Callable[[Any], Any]] = [
    F.relu, F.gelu, lambda x: F.gelu(x, approximate="tanh"), F.silu, F.elu, F.celu, F.selu, F.leaky_relu, F.softplus,
    F.mish, F.logsigmoid, F.hardswish, F.hardsigmoid, F.softshrink, F.tanhshrink, lambda x: F.hardshrink(x, 0.25),
    lambda x: x.sigmoid(), lambda x: x.tanh(), lambda x: x.rsqrt(), lambda x: x * x / (x + 2), lambda x: x.max(),
]  # fmt: skip


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("shape", [(), (0,), (5,), (6,), (7,), (13,), (5, 7), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("number", range(len(ACTIVATIONS)))
def test_ops_in_blocks(number: int, shape: tuple[int, ...]) -> None:
    def run(transposed: bool) -> list[np.ndarray]:
        x = minitorch.tensor(np.random.default_rng(0).normal(size=shape).astype(np.float32), requires_grad=True)
        y = ACTIVATIONS[number](x.permute(tuple(reversed(range(x.ndim)))) if transposed else x)
        y.backward(minitorch.ones_like(y) * 3)
        assert x.grad is not None
        return [y.detach().numpy(), x.grad.numpy()]

    if shape == (0,) and number == len(ACTIVATIONS) - 1:
        pytest.skip("an empty tensor has no maximum")
    for transposed in (False, True):
        for mine, other in zip(run(transposed), whole(run, transposed), strict=True):
            assert mine.dtype == other.dtype
            assert mine.strides == other.strides
            np.testing.assert_array_equal(mine, other)


LOSSES: list[Callable[..., Any]] = [
    F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss, F.binary_cross_entropy_with_logits, F.kl_div,
    lambda x, y, **k: F.binary_cross_entropy(x.sigmoid(), y, **k),
]  # fmt: skip


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("number", range(len(LOSSES)))
@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
def test_losses_in_blocks(number: int, reduction: str) -> None:
    """Some of their rules ask for the number of elements: of all, not of a block."""

    def run(shape: tuple[int, ...]) -> list[np.ndarray]:
        rng = np.random.default_rng(0)
        x = minitorch.tensor(rng.normal(size=shape), requires_grad=True)
        loss = LOSSES[number](x, minitorch.tensor(rng.random((5, 7))), reduction=reduction)
        loss.sum().backward()
        assert x.grad is not None
        return [loss.detach().numpy(), x.grad.numpy()]

    for mine, other in zip(run((5, 7)), whole(run, (5, 7)), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-14)


USERS: dict[str, tuple[int, Callable[[Any], Any]]] = {
    "gelu": (2, lambda x: F.gelu(x).sum()), "relu": (1, lambda x: x.relu().sum()), "sigmoid": (2, lambda x: x.sigmoid()),
    "mse": (1, lambda x: F.mse_loss(x, x.detach() * 2)), "silu": (2, F.silu), "softmax": (2, lambda x: x.softmax(1)), "softmax, summed": (2, lambda x: x.softmax(1).sum()),
    "bce": (1, lambda x: F.binary_cross_entropy_with_logits(x, x.detach().sigmoid())),
    "layer norm": (2, lambda x: F.layer_norm(x, (7,))), "max": (1, lambda x: x.max()),
}  # fmt: skip


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", USERS)
def test_blocks_are_used(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By so many steps of a forward and a backward pass."""
    used = []
    each = blocks.each
    monkeypatch.setattr(
        blocks, "each", lambda work, parts, touched: (used.append(len(parts)), each(work, parts, touched))
    )
    least, function = USERS[name]
    x = minitorch.arange(35.0).reshape(5, 7).requires_grad_()
    y = function(x)
    y.backward(minitorch.ones_like(y))
    assert len(used) >= least and max(used) > 2


@pytest.mark.usefixtures("small")
def test_a_result_in_blocks_is_no_view() -> None:
    """Else the engine would copy it into `.grad`."""
    x = np.ones((5, 7), np.float32)
    assert elementwise(lambda x: x * 2 + 1)(x).base is None


@pytest.mark.usefixtures("small")
def test_what_a_formula_writes_to_and_is_given() -> None:
    x, y, out = np.arange(10.0), np.full(10, 2.0), np.zeros(10)

    def formula(x: np.ndarray, y: np.ndarray, number: Any, out: np.ndarray, *, word: str) -> None:
        assert word == "yes" and len(x) <= 3
        np.multiply(x, y, out=out)
        out += number

    assert elementwise(formula)(x, y, np.array(1.0), out, word="yes") is None
    np.testing.assert_array_equal(out, x * 2 + 1)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    "other", [np.ones((1, 7)), np.ones((7, 5)).T, (np.ones((5, 7)),)], ids=["row", "order", "tuple"]
)
def test_other_shapes_are_not_cut(other: Any) -> None:
    x = np.ones((5, 7))
    seen = []
    elementwise(lambda x, y: seen.append(x.shape))(x, other)
    assert seen == [(5, 7)]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("shape", [(9, 4), (9, 1), (2, 3, 5), (3, 40), (0, 4), (4, 0)], ids=str)
def test_softmax_in_blocks_of_rows(name: str, shape: tuple[int, ...]) -> None:
    def run(dim: int) -> list[np.ndarray]:
        x = minitorch.tensor(np.random.default_rng(0).normal(size=shape), requires_grad=True)
        y = getattr(F, name)(x, dim)
        y.backward(minitorch.arange(y.numel(), dtype=y.dtype).reshape(y.shape))
        assert x.grad is not None
        return [y.detach().numpy(), x.grad.numpy()]

    for dim in range(len(shape)):
        for mine, other in zip(run(dim), whole(run, dim), strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "value", [0.0, 50.0, -50.0, 88.0, -90.0, 1e4, -1e4, np.inf, -np.inf, np.nan], ids=lambda value: f"{value:g}"
)
def test_softmax_without_the_maximum_where_that_will_do(dtype: Any, value: float) -> None:
    """Large enough that exp is tried first; then the rows of ordinary numbers are right beside any other row."""
    x = np.random.default_rng(0).normal(size=(100, 50)).astype(dtype) * 3
    x[7], x[8, 3] = x[7] + value, value
    with np.errstate(all="ignore"):
        exact = np.exp(x.astype(np.longdouble) - x.max(1, keepdims=True))
        exact /= exact.sum(1, keepdims=True)
    mine = F.softmax(minitorch.from_numpy(x), 1).numpy()
    tiny = np.finfo(dtype).smallest_normal
    np.testing.assert_allclose(mine, exact.astype(dtype), rtol=200 * np.finfo(dtype).eps, atol=tiny)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("width", [1, 2, 7, 8, 500])
@pytest.mark.parametrize("low", [0, -30])
def test_rows_added_in_blocks(dtype: str, width: int, low: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minitorch.ops.along.BLOCK", 256)
    rng = np.random.default_rng(0)
    index = rng.integers(low, 30, 100)
    rows = (rng.normal(size=(100, width)) * 9).astype(dtype)
    mine, other = np.zeros((30, width), dtype), np.zeros((30, width), dtype)
    add_at(mine, index, rows)
    np.add.at(other, index, rows)
    np.testing.assert_array_equal(mine, other)


def test_elementwise_rules_do_not_ask_for_the_shape() -> None:
    """A rule that is cut into blocks would be told that of the whole."""
    named = {
        op.name: op.names(i) for op in OPS.values() for i, rule in enumerate(op.rules) if hasattr(rule, "__wrapped__")
    }
    assert len(named) > 30
    assert not [name for name, names in named.items() if "shape" in names]
