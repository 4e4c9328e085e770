"""Activation functions and softmax against PyTorch: values, both derivatives, kinks, infinities, dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from nn_helpers import check_same, outcome, ulps

import minitorch

INF, NAN = float("inf"), float("nan")
KINKS = [-INF, -8.0, -6.0, -4.0, -3.0, -2.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 7.0, 25.0, INF, NAN]
# PyTorch treats a NaN, and gelu an infinity, differently in what is left over of a vector: leave nothing over.
KINKS += [0.25] * (64 - len(KINKS))
each_kind = pytest.mark.parametrize("kind", ["float32", "float64"])


def derivatives(lib: Any, function: Any, x: Any, g: Any = None) -> list[Any]:
    """function(x), its gradient from g (or ones), and the gradient of that gradient's sum."""
    t = lib.from_numpy(x.copy()).requires_grad_()
    y = function(lib.nn.functional, t)
    g = np.ones_like(y.detach().numpy()) if g is None else g
    (first,) = lib.autograd.grad(y, t, lib.from_numpy(g), create_graph=True)
    second = None
    if first.requires_grad:
        try:
            (second,) = lib.autograd.grad(first.sum(), t, allow_unused=True)
        except RuntimeError as error:  # PyTorch has no second derivative of some
            if "not implemented" not in str(error):
                raise
            second = "none"
    found = [y.detach().numpy(), first.detach().numpy()]
    return [*found, second if second is None or isinstance(second, str) else second.numpy()]


# --- activations

# function, and how many ulps value and derivatives may differ from PyTorch's where no cancellation happens
ACTIVATIONS = {
    "relu": lambda f, x: f.relu(x),
    "leaky_relu": lambda f, x: f.leaky_relu(x),
    "leaky_relu 0.3": lambda f, x: f.leaky_relu(x, 0.3),
    "elu": lambda f, x: f.elu(x),
    "elu 0.7": lambda f, x: f.elu(x, 0.7),
    "selu": lambda f, x: f.selu(x),
    "celu 2": lambda f, x: f.celu(x, 2.0),
    "relu6": lambda f, x: f.relu6(x),
    "hardtanh": lambda f, x: f.hardtanh(x),
    "hardtanh -2 3": lambda f, x: f.hardtanh(x, -2.0, 3.0),
    "hardsigmoid": lambda f, x: f.hardsigmoid(x),
    "hardswish": lambda f, x: f.hardswish(x),
    "softshrink": lambda f, x: f.softshrink(x),
    "softshrink 1": lambda f, x: f.softshrink(x, 1.0),
    "hardshrink": lambda f, x: f.hardshrink(x),
    "hardshrink 1": lambda f, x: f.hardshrink(x, 1.0),
    "threshold": lambda f, x: f.threshold(x, 1.0, 9.0),
    "softplus": lambda f, x: f.softplus(x),
    "softplus 2 5": lambda f, x: f.softplus(x, 2.0, 5.0),
    "logsigmoid": lambda f, x: f.logsigmoid(x),
    "silu": lambda f, x: f.silu(x),
    "mish": lambda f, x: f.mish(x),
    "gelu": lambda f, x: f.gelu(x),
    "gelu tanh": lambda f, x: f.gelu(x, approximate="tanh"),
    "softsign": lambda f, x: f.softsign(x),
    "tanhshrink": lambda f, x: f.tanhshrink(x),
    "sigmoid": lambda f, x: f.sigmoid(x),
    "tanh": lambda f, x: f.tanh(x),
}


# By how much of eps value and derivatives may differ, in numbers around 1. PyTorch's vectorised gelu is coarser than
# float32; the others subtract numbers close to each other.
LOOSE = {"gelu": 16.0, "gelu tanh": 100.0, "mish": 32.0}


def check_close(mine: list[Any], theirs: list[Any], kind: str, name: str = "") -> None:
    """Value and derivatives agree to a few ulps of the larger of the number and 1."""
    eps = LOOSE.get(name, 8.0) * np.finfo(kind).eps
    for a, b in zip(mine, theirs, strict=True):
        if isinstance(b, str):
            continue
        if a is None or b is None:
            other = a if b is None else b
            assert other is None or not np.nan_to_num(other).any()
            continue
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=eps, atol=eps)


@pytest.mark.parametrize("name", ACTIVATIONS)
@each_kind
def test_activation(name: str, kind: str) -> None:
    rng = np.random.default_rng(1)
    x = (rng.standard_normal((7, 23)) * 3).astype(kind)
    g = rng.standard_normal((7, 23)).astype(kind)
    check_close(*(derivatives(lib, ACTIVATIONS[name], x, g) for lib in (minitorch, torch)), kind, name)


@pytest.mark.parametrize("name", ACTIVATIONS)
@each_kind
def test_activation_at_kinks_and_infinities(name: str, kind: str) -> None:
    x = np.array(KINKS, kind)
    if name == "gelu":
        x[np.isposinf(x)] = 1.0  # PyTorch's vectorised gelu(inf) is NaN
    mine, theirs = (derivatives(lib, ACTIVATIONS[name], x)[:2] for lib in (minitorch, torch))
    check_close(mine, theirs, kind, name)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_second_derivative_at_kinks(name: str) -> None:
    x = np.array([v for v in KINKS if np.isfinite(v)])
    mine, theirs = (derivatives(lib, ACTIVATIONS[name], x)[2:] for lib in (minitorch, torch))
    check_close(mine, theirs, "float64", name)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 0, 3)], ids=str)
def test_activation_of_small_shapes(name: str, shape: Any) -> None:
    x = np.full(shape, 0.7, np.float32)
    check_close(*(derivatives(lib, ACTIVATIONS[name], x) for lib in (minitorch, torch)), "float32")


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_of_a_transpose(name: str) -> None:
    x = np.random.default_rng(2).standard_normal((4, 5)).astype(np.float32)
    mine, theirs = (derivatives(lib, lambda f, t: ACTIVATIONS[name](f, t.t()), x) for lib in (minitorch, torch))
    check_close(mine, theirs, "float32")


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("kind", ["float16", "int64", "bool", "uint8"])
def test_activation_dtypes(name: str, kind: str) -> None:
    def case(t: Any) -> Any:
        y = ACTIVATIONS[name](t.nn.functional, t.tensor([0.0, 1.0, 1.0]).to(getattr(t, kind)))
        return str(y.dtype), y.tolist()

    if kind == "bool" and name in ("softsign", "tanhshrink"):
        return  # compositions: see the ops they are made of

    mine, theirs = outcome(case, minitorch), outcome(case, torch)
    assert mine[0] == theirs[0], (mine, theirs)
    if mine[0] == "value":
        assert mine[1][1] == theirs[1][1]
        np.testing.assert_allclose(mine[1][2][1:], theirs[1][2][1:], rtol=1e-3 if kind == "float16" else 1e-6)


def test_half_is_rounded_once() -> None:
    x = np.linspace(-6, 6, 301).astype(np.float16)
    for name in ("silu", "mish", "softplus", "gelu", "gelu tanh", "elu", "hardswish", "logsigmoid"):
        mine, theirs = (
            ACTIVATIONS[name](lib.nn.functional, lib.from_numpy(x.copy())).numpy() for lib in (minitorch, torch)
        )
        if name.startswith("gelu"):  # near 0 on the left, where PyTorch's is coarse
            np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-6)
        else:
            assert ulps(mine, theirs) <= 1, name


@pytest.mark.parametrize("bad", [INF, -INF, NAN])
def test_a_strange_gradient_does_not_pass_a_closed_relu(bad: float) -> None:
    """Multiplying by the mask would make NaN of 0 * inf."""
    x = np.array([-1.0, 0.0, 1.0], np.float32)
    g = np.full(3, bad, np.float32)
    for name in ("relu", "relu6", "hardtanh", "threshold", "hardshrink", "softshrink", "elu"):
        mine, theirs = (derivatives(lib, ACTIVATIONS[name], x, g)[1] for lib in (minitorch, torch))
        assert mine.tobytes() == theirs.tobytes() or name == "elu"
        np.testing.assert_array_equal(mine, theirs)


INPLACE = ["relu", "leaky_relu", "elu", "selu", "celu", "relu6", "hardtanh", "silu", "mish", "hardsigmoid", "hardswish"]


@pytest.mark.parametrize("name", INPLACE)
def test_inplace(name: str) -> None:
    def case(t: Any) -> Any:
        x = t.tensor([-1.0, 2.0, 0.25], requires_grad=True)
        z = x * 1
        y = getattr(t.nn.functional, name)(z, inplace=True)
        y.sum().backward()
        numbers = [round(v, 5) for v in (*y.tolist(), *x.grad.tolist())]
        return y is z, z._version, numbers

    check_same(case)


@pytest.mark.parametrize("name", ["relu_", "leaky_relu_", "elu_", "selu_", "celu_", "hardtanh_"])
def test_underscore_functions(name: str) -> None:
    def case(t: Any) -> Any:
        x = t.tensor([-1.0, 2.0, 0.25])
        return getattr(t.nn.functional, name)(x) is x, [round(v, 5) for v in x.tolist()]

    check_same(case)


def test_inplace_on_a_leaf_is_refused() -> None:
    check_same(lambda t: t.nn.functional.relu(t.ones(2, requires_grad=True), inplace=True), wording="type")


def test_relu_saves_its_output_alone() -> None:
    """So that `relu(inplace)` after a linear layer is right, and writing into the output is noticed."""
    for lib in (minitorch, torch):
        x = lib.ones(3, requires_grad=True)
        y = lib.relu(x * 1)
        y.add_(1)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.sum().backward()


@each_kind
@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("channels", [False, True])
def test_prelu(channels: bool, shape: Any, kind: str) -> None:
    count = shape[1] if channels and len(shape) > 1 else 1
    rng = np.random.default_rng(3)
    x, w = rng.standard_normal(shape).astype(kind), np.linspace(0.1, 0.4, count).astype(kind)
    results = []
    for lib in (minitorch, torch):
        leaves = [lib.from_numpy(np.array(a)).requires_grad_() for a in (x, w)]
        y = lib.nn.functional.prelu(*leaves)
        first = lib.autograd.grad((y * y).sum(), leaves, create_graph=True)
        second = lib.autograd.grad(sum(g.sum() for g in first), leaves)
        results.append([r.detach().numpy() for r in (y, *first, *second)])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5 if kind == "float32" else 1e-12)


@each_kind
@pytest.mark.parametrize("shape_dim", [((4,), -1), ((3, 4), 1), ((4, 3), 0), ((2, 6, 3), 1)], ids=str)
def test_glu(shape_dim: Any, kind: str) -> None:
    shape, dim = shape_dim
    x = np.random.default_rng(4).standard_normal(shape).astype(kind)
    check_close(*(derivatives(lib, lambda f, t: f.glu(t, dim), x) for lib in (minitorch, torch)), kind)


# --- softmax

SOFTMAXES = ["softmax", "log_softmax", "softmin"]


@each_kind
@pytest.mark.parametrize("name", SOFTMAXES)
@pytest.mark.parametrize(
    "shape_dim", [((), 0), ((), -1), ((5,), 0), ((3, 4), 1), ((3, 4), 0), ((2, 3, 4), -2)], ids=str
)
def test_softmax(name: str, shape_dim: Any, kind: str) -> None:
    shape, dim = shape_dim
    rng = np.random.default_rng(6)
    x, g = (np.asarray(rng.standard_normal(shape) * s, kind) for s in (4, 1))
    check_close(*(derivatives(lib, lambda f, t: getattr(f, name)(t, dim), x, g) for lib in (minitorch, torch)), kind)


@pytest.mark.parametrize("name", SOFTMAXES)
def test_softmax_of_large_and_infinite_numbers(name: str) -> None:
    x = np.array([[1e4, 0, -1e4], [-INF, 0, 1], [INF, 0, 1], [NAN, 0, 1], [-INF, -INF, -INF]], np.float32)
    mine, theirs = (derivatives(lib, lambda f, t: getattr(f, name)(t, 1), x)[:2] for lib in (minitorch, torch))
    check_close(mine, theirs, "float32")


SOFTMAX_CASES = {
    "implicit 2-d": lambda t, f: f(two_by_three(t)).shape,
    "implicit 1-d": lambda t, f: f(two_by_three(t)[0]).shape,
    "implicit 3-d": lambda t, f: f(two_by_three(t)[None]).tolist(),
    "implicit 0-d": lambda t, f: f(t.tensor(2.0)),
    "too large a dim": lambda t, f: f(two_by_three(t), 2),
    "too small a dim": lambda t, f: f(two_by_three(t), -3),
    "0-d dim": lambda t, f: f(t.tensor(2.0), 1),
    "dtype": lambda t, f: f(two_by_three(t), 1, dtype=t.float64).dtype,
    "ints with dtype": lambda t, f: f(two_by_three(t).long(), 1, dtype=t.float32).dtype,
    "no columns": lambda t, f: f(t.zeros(2, 0), 1),
    "no rows": lambda t, f: f(t.zeros(0, 2), 1),
}


@pytest.mark.parametrize("name", SOFTMAXES)
@pytest.mark.parametrize("case", SOFTMAX_CASES)
def test_softmax_arguments(name: str, case: str) -> None:
    check_same(lambda t: SOFTMAX_CASES[case](t, getattr(t.nn.functional, name)))


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("shape", [(10, 64), (64, 10), (64, 1000)], ids=str)
def test_a_half_gradient_of_softmax_is_rounded_once(name: str, shape: Any) -> None:
    """From the output, in half, it is computed in single, as PyTorch does: the same to the bit but for its sums."""
    rng = np.random.default_rng(0)
    x, g = [rng.normal(size=shape).astype(np.float16) for _ in range(2)]
    leaf = minitorch.from_numpy(x).requires_grad_()
    y = getattr(minitorch, name)(leaf, 1)
    y.backward(minitorch.from_numpy(g))
    given = torch.from_numpy(y.detach().numpy())
    backward = {"softmax": torch._softmax_backward_data, "log_softmax": torch._log_softmax_backward_data}[name]
    theirs = backward(torch.from_numpy(g), given, 1, torch.float16).numpy()
    assert (leaf.grad.numpy() == theirs).mean() > 0.99


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_outside_of_functional(name: str) -> None:
    calls = [
        lambda t: getattr(t, name)(two_by_three(t), axis=1).dtype,
        lambda t: getattr(two_by_three(t), name)(-1).shape,
        lambda t: getattr(t, name)(input=two_by_three(t), dim=0, dtype=t.float64).dtype,
        lambda t: getattr(t, name)(two_by_three(t)),
        lambda t: getattr(t, name)(two_by_three(t), "a"),
    ]
    for call in calls:
        check_same(call, wording="type")


@pytest.mark.parametrize("name", SOFTMAXES)
def test_softmax_of_ints_is_refused(name: str) -> None:
    check_same(lambda t: getattr(t.nn.functional, name)(t.ones(2, 2, dtype=t.int64), 1), wording="type")


def two_by_three(t: Any) -> Any:
    return t.arange(6.0).reshape(2, 3)


BAD_ACTIVATIONS = {
    "hardtanh": lambda t, f: f.hardtanh(t.ones(1), 2.0, 1.0),
    "gelu": lambda t, f: f.gelu(t.ones(1), approximate="x"),
    "celu": lambda t, f: f.celu(t.ones(1), 0.0),
    "glu odd": lambda t, f: f.glu(t.ones(3)),
    "glu 0-d": lambda t, f: f.glu(t.ones(())),
    "prelu channels": lambda t, f: f.prelu(t.ones(2, 3), t.ones(2)),
    "prelu 1-d": lambda t, f: f.prelu(t.ones(3), t.ones(3)),
    "prelu 2-d weight": lambda t, f: f.prelu(t.ones(2, 3), t.ones(1, 3)),
    "prelu 0-d": lambda t, f: f.prelu(t.ones(()), t.ones(2)),
    "no tensor": lambda t, f: f.relu(3.0),
    "no tensor leaky": lambda t, f: f.leaky_relu(3.0),
    "softmax2d": lambda t, f: t.nn.Softmax2d()(t.ones(2, 2)),
    "hardtanh layer": lambda t, f: t.nn.Hardtanh(2.0, 1.0),
}


@pytest.mark.parametrize("name", BAD_ACTIVATIONS)
def test_refused_activations(name: str) -> None:
    check_same(lambda t: BAD_ACTIVATIONS[name](t, t.nn.functional))


def test_prelu_does_not_promote() -> None:
    check_same(lambda t: t.nn.functional.prelu(t.ones(3), t.ones(1, dtype=t.float64)), wording="type")


def test_negative_softshrink_is_refused() -> None:
    check_same(lambda t: t.nn.functional.softshrink(t.ones(1), -1.0), wording="type")


@pytest.mark.parametrize("name", ["gelu", "silu", "mish", "softplus", "logsigmoid", "elu"])
def test_rules_compute_halves_in_single(name: str) -> None:
    """In half, 300 * 300 is infinite, and steps near a zero crossing lose a hundredth."""
    x = np.array([255, 256, 300, 1e4, -300, 50, *np.linspace(-3, 3, 60)], np.float16)
    results = []
    for t in minitorch, torch:
        options = {"approximate": "tanh"} if name == "gelu" else {}
        leaf = t.from_numpy(x).requires_grad_()
        getattr(t.nn.functional, name)(leaf, **options).sum().backward()
        results.append(leaf.grad.numpy())
    assert (results[0] == results[1]).mean() > 0.8
    np.testing.assert_allclose(*results, rtol=2e-3, atol=1e-6)


@pytest.mark.parametrize("alpha", [1.3, 0.7, 2.0])
def test_the_gradient_of_celu_in_double(alpha: float) -> None:
    """PyTorch takes 1 / alpha to single precision there."""
    results = []
    for t in minitorch, torch:
        x = t.linspace(-3, 1, 9, dtype=t.float64).requires_grad_()
        t.nn.functional.celu(x, alpha).sum().backward()
        results.append(x.grad.numpy())
    np.testing.assert_allclose(*results, rtol=1e-14)
