"""Layers, activations, dropout and containers against PyTorch."""

from __future__ import annotations

import copy
import itertools
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
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
    check_close(
        *(derivatives(lib, lambda f, t: getattr(f, name)(t, dim), x, g) for lib in (minitorch, torch)), kind
    )


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


# --- layers: settings, repr, state and call

LAYERS = {
    "ReLU": [(), (True,)], "LeakyReLU": [(), (0.2, True)], "Sigmoid": [()], "Tanh": [()], "GELU": [(), ("tanh",)],
    "Softmax": [(1,), ()], "LogSoftmax": [(1,)], "Softmin": [(-1,)], "SiLU": [(), (True,)], "Softplus": [(), (2, 3)],
    "ELU": [(), (2, True)], "ReLU6": [(), (True,)], "Hardtanh": [(), (-2, 2, True)], "LogSigmoid": [()],
    "Softsign": [()], "Tanhshrink": [()], "Softshrink": [(), (0.3,)], "Hardshrink": [(), (0.3,)],
    "Threshold": [(1, 2), (1, 2, True)], "SELU": [(), (True,)], "CELU": [(), (2, True)], "Mish": [(), (True,)],
    "Hardswish": [(), (True,)], "Hardsigmoid": [(), (True,)], "GLU": [(), (0,)], "PReLU": [(), (4, 0.1)],
    "Softmax2d": [()], "Identity": [(), (1, 2)], "Linear": [(4, 3), (4, 3, False)], "Bilinear": [(4, 4, 3)],
    "Flatten": [(), (0, 1)], "Unflatten": [(1, (2, 2)), (-1, [4, -1])], "Dropout": [(), (0.3, True)],
    "Dropout1d": [(), (0.3,)], "Dropout2d": [(0.3,)], "Dropout3d": [(0.3,)], "AlphaDropout": [(0.3,)],
    "FeatureAlphaDropout": [(0.3,)],
}  # fmt: skip
MADE = [(name, args) for name, choices in LAYERS.items() for args in choices]


@pytest.mark.parametrize(("name", "args"), MADE, ids=str)
def test_layer_settings(name: str, args: Any) -> None:
    def case(t: Any) -> Any:
        t.manual_seed(3)
        layer = getattr(t.nn, name)(*args)
        public = {k: v for k, v in vars(layer).items() if not k.startswith("_")}
        return repr(layer), public, layer.state_dict()

    check_same(case)


@pytest.mark.parametrize(("name", "args"), MADE, ids=str)
def test_layer_call(name: str, args: Any) -> None:
    """A layer in training mode, from the same seed, on (2, 4) or where need be (2, 4, 3, 2)."""
    shape = (2, 4, 3, 2) if name in ("Softmax2d", "Dropout2d", "Dropout3d") else (2, 4)
    x = np.linspace(-2, 2, int(np.prod(shape)), dtype=np.float32).reshape(shape)
    if name == "Softmax" and not args:
        return  # the implicit dimension warns: see test_softmax_arguments
    results = []
    for lib in (minitorch, torch):
        lib.manual_seed(11)
        layer = getattr(lib.nn, name)(*args)
        t = lib.from_numpy(x.copy()).requires_grad_()
        inputs = [t * 1, t * 1] if name == "Bilinear" else [t * 1]
        y = layer(*inputs)
        y.sum().backward()
        results.append([y.detach().numpy(), t.grad.numpy(), *(p.grad.numpy() for p in layer.parameters())])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_renamed_hardtanh_arguments_warn() -> None:
    check_same(lambda t: repr(t.nn.Hardtanh(min_value=-3.0, max_value=3.0)))


BAD_LAYERS = {
    "Linear size": lambda t: t.nn.Linear(3.0, 1),
    "Linear negative": lambda t: t.nn.Linear(-3, 1),
    "Linear of ints": lambda t: t.nn.Linear(3, 1, dtype=t.int64),
    "Linear without inputs": lambda t: t.nn.Linear(0, 3).weight.shape,
    "Linear without outputs": lambda t: t.nn.Linear(3, 0).bias.shape,
    "Linear bias None": lambda t: repr(t.nn.Linear(3, 1, bias=None)),
    "Linear shape": lambda t: t.nn.Linear(2, 3)(t.ones(2, 4)),
    "Linear no tensor": lambda t: t.nn.Linear(2, 3)(3),
    "Linear dtype": lambda t: t.nn.Linear(2, 3)(t.ones(2, 2, dtype=t.float64)),
    "Bilinear empty": lambda t: t.nn.Bilinear(0, 1, 1),
    "Bilinear sizes": lambda t: t.nn.Bilinear(2, 3, 4)(t.ones(2, 2), t.ones(2, 2)),
    "Bilinear batches": lambda t: t.nn.Bilinear(2, 3, 4)(t.ones(5, 2), t.ones(6, 3)),
    "Bilinear dims": lambda t: t.nn.Bilinear(2, 3, 4)(t.ones(5, 1, 2), t.ones(5, 3)),
    "Unflatten int": lambda t: t.nn.Unflatten(1, 3),
    "Unflatten float": lambda t: t.nn.Unflatten(1, (1.0, 2)),
    "Unflatten names": lambda t: t.nn.Unflatten(1, (("a", 2), ("b", 3))),
    "Unflatten product": lambda t: t.nn.Unflatten(1, (2, 4))(t.ones(2, 6)),
    "Flatten 1-d": lambda t: t.nn.Flatten()(t.ones(3)),
    "Sigmoid argument": lambda t: t.nn.Sigmoid(3),
    "Identity": lambda t: t.nn.Identity(3, a=4)(2),
}


@pytest.mark.parametrize("name", BAD_LAYERS)
def test_odd_layers(name: str) -> None:
    check_same(lambda t: BAD_LAYERS[name](t), wording="type")


def test_unflatten_of_names_is_not_offered() -> None:
    with pytest.raises(NotImplementedError, match="dim"):
        minitorch.nn.Unflatten("a", (1, 2))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 4), max_size=3), st.integers(1, 5), st.integers(1, 5), st.booleans(), st.integers(0, 99))
def test_linear_of_any_shape(batch: list[int], ins: int, outs: int, bias: bool, seed: int) -> None:
    x = np.random.default_rng(seed).standard_normal((*batch, ins))
    results = []
    for lib in (minitorch, torch):
        lib.manual_seed(seed)
        layer = lib.nn.Linear(ins, outs, bias=bias, dtype=lib.float64)
        t = lib.from_numpy(x).requires_grad_()
        y = layer(t)
        (y * y).sum().backward()
        results.append([r.detach().numpy() for r in (y, t.grad, *(p.grad for p in layer.parameters()))])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)


def test_linear_with_a_weight_that_is_no_parameter() -> None:
    """What weight normalisation does: the weight becomes a plain attribute, computed anew for each call."""

    def case(t: Any) -> Any:
        layer = t.nn.Linear(2, 1)
        del layer._parameters["weight"]
        layer.raw = t.nn.Parameter(t.ones(1, 2))
        layer.weight = layer.raw * 3
        with t.no_grad():
            layer.bias.fill_(1.0)
        layer(t.ones(1, 2)).sum().backward()
        return layer(t.ones(1, 2)).detach(), layer.raw.grad

    check_same(case)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batch", [(), (3,), (2, 3)], ids=str)
def test_bilinear(batch: Any, bias: bool) -> None:
    rng = np.random.default_rng(8)
    arrays = [rng.standard_normal(s) for s in ((*batch, 2), (*batch, 3), (4, 2, 3))] + [rng.standard_normal(4)] * bias
    results = []
    for lib in (minitorch, torch):
        leaves = [lib.from_numpy(a.copy()).requires_grad_() for a in arrays]
        y = lib.nn.functional.bilinear(*leaves)
        (y * y).sum().backward()
        results.append([y.detach().numpy(), *(leaf.grad.numpy() for leaf in leaves)])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11)


# --- dropout

DROPOUTS = ["dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"]
DIMENSIONS = dict(zip(DROPOUTS, (3, 3, 4, 5, 3, 3), strict=True))


@pytest.mark.parametrize("name", DROPOUTS)
@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("inplace", [False, True])
@each_kind
def test_dropout(name: str, p: float, inplace: bool, kind: str) -> None:
    shape = (2, 3, 4, 2, 2)[: DIMENSIONS[name]]
    x = np.random.default_rng(9).standard_normal(shape).astype(kind)
    results = []
    for lib in (minitorch, torch):
        lib.manual_seed(5)
        t = lib.from_numpy(x.copy()).requires_grad_()
        z = t * 1
        y = getattr(lib.nn.functional, name)(z, p, True, inplace)
        assert (y is z) == (inplace or p == 0)
        y.sum().backward()
        results.append([y.detach().numpy(), t.grad.numpy(), lib.rand(2).numpy()])
    for a, b in zip(*results, strict=True):
        assert ulps(a, b) <= (1 if "alpha" in name else 0)


@pytest.mark.parametrize("name", DROPOUTS)
def test_dropout_rests(name: str) -> None:
    """Out of training, and on nothing, it gives the input itself and draws nothing."""
    for lib in (minitorch, torch):
        lib.manual_seed(0)
        before = lib.get_rng_state().tolist()
        function = getattr(lib.nn.functional, name)
        x = lib.ones((2,) * DIMENSIONS[name])
        assert function(x, 0.5, False) is x
        empty = lib.ones((2, 0, 3, 2, 2)[: DIMENSIONS[name]])
        assert function(empty, 0.5, True) is empty
        assert lib.get_rng_state().tolist() == before


DROPOUT_CASES = {
    "negative": lambda t, f: f(t.ones(2, 2, 2), -0.1, True),
    "above one": lambda t, f: f(t.ones(2, 2, 2), 1.1, True),
    "NaN at one": lambda t, f: f(t.full((1, 1, 1, 1), NAN), 1.0, True),
    "leaf": lambda t, f: f(t.ones(2, 2, 2, 2, requires_grad=True), 0.5, True, True),
}


@pytest.mark.parametrize("name", [n for n in DROPOUTS if n != "dropout1d"])
@pytest.mark.parametrize("case", DROPOUT_CASES)
def test_dropout_arguments(name: str, case: str) -> None:
    if name == "dropout3d":
        return
    check_same(lambda t: DROPOUT_CASES[case](t, getattr(t.nn.functional, name)), "type" if case == "leaf" else "start")


@pytest.mark.parametrize("name", ["dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"])
@pytest.mark.parametrize("ndim", [0, 1, 2, 3, 4, 5])
def test_dropout_dimensions(name: str, ndim: int) -> None:
    def case(t: Any) -> Any:
        t.manual_seed(1)
        dropped = getattr(t.nn.functional, name)(t.ones((3,) * ndim), 0.5, True)
        return [round(v, 4) for v in dropped.reshape(-1).tolist()]

    check_same(case)


def test_dropout_of_ints_is_refused() -> None:
    check_same(lambda t: t.nn.functional.dropout(t.ones(5, dtype=t.int64)))


def test_dropout_of_a_transpose_draws_in_memory_order() -> None:
    def case(t: Any) -> Any:
        t.manual_seed(2)
        return t.nn.functional.dropout(t.ones(5, 7).t(), 0.5)

    check_same(case)


@pytest.mark.parametrize("p", [-0.1, 1.1, "a"])
def test_bad_probability_of_a_layer(p: Any) -> None:
    check_same(lambda t: t.nn.Dropout(p))


def test_dropout_layer_follows_the_mode() -> None:
    def case(t: Any) -> Any:
        t.manual_seed(4)
        net = t.nn.Sequential(t.nn.Dropout(0.5), t.nn.Dropout(0.2))
        x = t.ones(20)
        return net(x), net.eval()(x) is x, net.train()(x)

    check_same(case)


# --- containers


def three(t: Any) -> Any:
    return t.nn.ReLU(), t.nn.Tanh(), t.nn.ReLU()


READS = [
    "m[0]", "m[-1]", "m[5]", "m[-4]", "m[0:2]", "m[::2]", "m[1:1]", "m['a']", "m[1.5]", "m[True]", "len(m)", "list(m)",
    "m.append(S())", "m.append(3)", "m.extend([S(), R()])", "m.extend(nn.ModuleList([S()]))",
    "m.extend(nn.Sequential(S()))",
    "m.extend(3)", "m.extend([3])", "m.pop(0)", "m.pop(-1)", "m.pop(9)", "m.pop()", "m + nn.ModuleList([S()])",
    "m + nn.Sequential(S())", "m + [S()]", "m + 3", "m * 2", "2 * m", "m * 0", "m * -1", "m * 1.5", "m == m",
    "R() in m",
    "m[0] in m", "bool(m)", "m.foo", "list(reversed(m))", "m.insert(1, S())", "m.insert(0, S())", "m.clear()",
    "getattr(m, '0')", "m.state_dict()",
]  # fmt: skip
SEQUENTIAL_READS = ["m.insert(-1, S())", "m.insert(9, S())", "m.insert(-9, S())", "m.insert(0, 3)", "m(ones)"]
WRITES = [
    "m[0] = S()", "m[-1] = S()", "m[7] = S()", "m[0] = 3", "m['a'] = S()", "del m[0]", "del m[-1]", "del m[0:2]",
    "del m[9]", "del m['a']", "m += nn.ModuleList([S()])", "m += nn.Sequential(S())", "m += [S()]", "m += 3", "m *= 2",
    "m *= 0", "m *= 1.5", "m[0:1] = S()", "m.x = S()",
]  # fmt: skip


def names(t: Any) -> dict[str, Any]:
    return {"nn": t.nn, "R": t.nn.ReLU, "T": t.nn.Tanh, "S": t.nn.Sigmoid, "ones": t.ones(1), "t": t,
            "OrderedDict": OrderedDict}  # fmt: skip


def run(t: Any, module: Any, code: str) -> Any:
    """What an expression or statement about `m` gives, and what `m` has become."""
    scope = {**names(t), "m": module}
    if "=" in code.replace("==", "").split("(")[0] or code.startswith("del ") or "] = " in code:
        exec(code, scope)
        result = scope["m"] is module
    else:
        result = eval(code, scope)
    return result, repr(scope["m"]), list(scope["m"]._modules)


def wording(code: str) -> str:
    """Of `pop()` Python itself says which argument is missing, and of which class."""
    return "type" if code == "m.pop()" else "start"


@pytest.mark.parametrize("code", [*READS, *SEQUENTIAL_READS, *WRITES])
def test_sequential(code: str) -> None:
    check_same(lambda t: run(t, t.nn.Sequential(*three(t)), code), wording(code))


@pytest.mark.parametrize("code", [*READS, *WRITES])
def test_module_list(code: str) -> None:
    if code == "m.x = S()":
        return  # PyTorch then shows a module under a number that is not its name
    check_same(lambda t: run(t, t.nn.ModuleList(three(t)), code), wording(code))


SEQUENTIALS = {
    "ordered": "nn.Sequential(OrderedDict(a=R(), b=T()))",
    "ordered item": "nn.Sequential(OrderedDict(a=R(), b=T()))[1]",
    "ordered slice": "nn.Sequential(OrderedDict(a=R(), b=T()))[:1]",
    "ordered append": "nn.Sequential(OrderedDict(a=R(), b=T())).append(S())",
    "ordered sum": "nn.Sequential(OrderedDict(a=R(), b=T())) + nn.Sequential(S())",
    "ordered product": "nn.Sequential(OrderedDict(a=R(), b=T())) * 2",
    "dict": "nn.Sequential({'a': R()})",
    "list": "nn.Sequential([R(), T()])",
    "None": "nn.Sequential(None)",
    "None called": "nn.Sequential(None)(3)",
    "int": "nn.Sequential(3)",
    "empty": "nn.Sequential()(3)",
    "list of int": "nn.ModuleList(3)",
    "list of module": "nn.ModuleList(R())",
    "list of None": "nn.ModuleList([None])",
    "list of generator": "nn.ModuleList(x for x in [R()])",
    "list of dict": "nn.ModuleList({'a': R()})",
    "called list": "nn.ModuleList([R()])(1)",
    "repr of runs": "repr(nn.ModuleList([R(), R(), T(), nn.Sequential(R(), T()), nn.Sequential(R(), T())]))",
    "empty list": "repr(nn.ModuleList())",
    "nested runs": "repr(nn.Sequential(nn.ModuleList([nn.Sequential(R()) for _ in range(3)])))",
}


@pytest.mark.parametrize("name", SEQUENTIALS)
def test_making_sequences(name: str) -> None:
    check_same(lambda t: eval(SEQUENTIALS[name], names(t)))


def test_a_subclass_slices_to_itself() -> None:
    def case(t: Any) -> Any:
        class Sub(t.nn.Sequential):
            pass

        made = Sub(*three(t))
        return repr(made[:1]), repr(made + made), repr(made * 2)

    check_same(case)


def test_a_product_repeats_the_modules_themselves() -> None:
    net = minitorch.nn.Sequential(minitorch.nn.Linear(1, 1)) * 2
    assert net[0] is net[1]
    assert len(list(net.parameters())) == 2


def test_module_list_inserts_before_negative_positions_and_refuses_others() -> None:
    """PyTorch's own insert leaves a hole in the numbering here, or fails over a missing key."""
    modules = minitorch.nn.ModuleList(three(minitorch))
    modules.insert(-1, minitorch.nn.Sigmoid())
    assert [type(m).__name__ for m in modules] == ["ReLU", "Tanh", "Sigmoid", "ReLU"]
    assert list(modules._modules) == ["0", "1", "2", "3"]
    with pytest.raises(IndexError):
        modules.insert(9, minitorch.nn.Sigmoid())


DICTS = [
    "m['a']", "m['z']", "m[0]", "len(m)", "list(m)", "'a' in m", "'z' in m", "list(m.keys())", "list(m.items())",
    "list(m.values())", "m.pop('a')", "m.pop('z')", "m.pop('z', None)", "m.clear()", "m.update({'c': S()})",
    "m.update([('c', S()), ('a', S())])", "m.update([('c', S(), 1)])", "m.update([3])", "m.update([['c', S()]])",
    "m.update({'a': 3})", "m.update(3)", "m.update({3: S()})", "m.update(nn.ModuleDict({'q': S()}))",
    "m.update(OrderedDict(z=S(), b=S()))", "m.update({'z': S(), 'c': S()})", "m.get('a')", "m(1)", "m.a",
    "m.update(c=S())", "m.update('ab')", "m.state_dict()", "m['c'] = S()", "m['a'] = S()", "m['a'] = 3", "m[3] = S()",
    "m['keys'] = S()", "m['x.y'] = S()", "m[''] = S()", "del m['a']", "del m['z']", "m['a'] = None",
    "m['training'] = S()",
]  # fmt: skip


@pytest.mark.parametrize("code", DICTS)
def test_module_dict(code: str) -> None:
    check_same(lambda t: run(t, t.nn.ModuleDict({"a": t.nn.ReLU(), "b": t.nn.Tanh()}), code))


PARAMETER_LISTS = [
    "m[0]", "m[-1]", "m[2]", "m[9]", "m[-9]", "m[0:2]", "m['a']", "m['0']", "len(m)", "list(m)", "m.append(P())",
    "m.append(t.ones(1))", "m.append('x')", "m.extend([P()])", "m.extend(3)", "m.extend(P())",
    "m.extend(nn.ParameterList([P()]))", "m.extend('ab')", "m + [P()]", "m(1)", "m.insert(0, P())", "m.pop()",
    "m.state_dict()", "[n for n, _ in m.named_parameters()]", "m.keys()", "m[0] = P()", "m[0] = t.zeros(2)", "m[0] = 3",
    "m[3] = P()", "m[3] = t.ones(1)", "m[9] = P()", "m += [P()]", "m += 3", "m['a'] = P()", "m[-1] = P()", "repr(m)",
    "nn.ParameterList(3)", "nn.ParameterList(x for x in [P()])", "nn.ParameterList([None])",
    "nn.ParameterList(t.ones(2))",
    "repr(nn.ParameterList([nn.Linear(1, 1)]))", "nn.ParameterList(m)", "nn.ParameterList()",
]  # fmt: skip


def run_parameters(t: Any, module: Any, code: str) -> Any:
    scope = {**names(t), "m": module, "P": lambda: t.nn.Parameter(t.full((2,), 5.0))}
    if "] = " in code or "+= " in code or "|= " in code or code.startswith(("del ", "m.q")):
        exec(code, scope)
        result = scope["m"] is module
    else:
        result = eval(code, scope)
    return result, repr(scope["m"]), list(scope["m"]._parameters)


@pytest.mark.parametrize("code", PARAMETER_LISTS)
def test_parameter_list(code: str) -> None:
    def case(t: Any) -> Any:
        values = [t.nn.Parameter(t.ones(2)), t.nn.Parameter(t.zeros(2, 3)), t.ones(1), 7]
        return run_parameters(t, t.nn.ParameterList(values), code)

    check_same(case)


def test_parameter_list_of_ints_is_refused() -> None:
    check_same(lambda t: t.nn.ParameterList([t.ones(2, dtype=t.int64)]))


PARAMETER_DICTS = [
    "m['a']", "m['b']", "m['c']", "m['z']", "m[0]", "m.a", "len(m)", "list(m)", "'a' in m", "list(m.keys())",
    "list(m.items())", "list(m.values())", "m.pop('a')", "m.pop('c')", "m.pop('z')", "m.pop('z', 1)", "m.popitem()",
    "m.get('a')", "m.get('z')", "m.get('z', 4)", "m.setdefault('a')", "m.setdefault('z')", "m.setdefault('z', P())",
    "m.clear()", "m.copy()", "m.fromkeys(['x', 'y'])", "m.fromkeys(['x'], t.ones(1))",
    "m | nn.ParameterDict({'z': P()})",
    "m | {'z': P()}", "{'z': P()} | m", "m.update({'z': P()})", "m.update([('z', P())])", "m.update([3])",
    "m.update(3)",
    "m.update([('a',)])", "m.update(nn.ParameterDict({'a': P()}))", "list(reversed(m))", "m(1)", "m.state_dict()",
    "[n for n, _ in m.named_parameters()]", "m.update(z=P())", "m['z'] = P()", "m['a'] = t.zeros(2)", "m['a'] = 3",
    "m['keys'] = P()", "m['x.y'] = P()", "m[''] = P()", "del m['a']", "del m['c']", "del m['z']", "m['a'] = None",
    "m |= {'z': P()}", "m |= nn.ParameterDict({'z': P()})", "m.q = P()", "m.q = t.ones(1)", "nn.ParameterDict(3)",
    "nn.ParameterDict([('a', P())])", "list(nn.ParameterDict({'z': P(), 'a': P()}))",
    "list(nn.ParameterDict(OrderedDict(z=P(), a=P())))", "nn.ParameterDict({'pop': P()})", "nn.ParameterDict()",
]  # fmt: skip


@pytest.mark.parametrize("code", PARAMETER_DICTS)
def test_parameter_dict(code: str) -> None:
    def case(t: Any) -> Any:
        module = t.nn.ParameterDict({"a": t.nn.Parameter(t.ones(2)), "b": t.ones(1), "c": 7})
        return run_parameters(t, module, code)

    check_same(case, "type" if code == "m[0]" else "start")


def test_containers_copy_and_convert() -> None:
    def case(t: Any) -> Any:
        net = t.nn.Module()
        net.layers = t.nn.ModuleList([t.nn.Linear(2, 2) for _ in range(2)])
        net.heads = t.nn.ModuleDict({"x": t.nn.Linear(2, 1)})
        net.scales = t.nn.ParameterList([t.ones(2)])
        net.shifts = t.nn.ParameterDict({"y": t.ones(2)})
        twin = copy.deepcopy(net).double()
        return repr(twin), [(k, str(v.dtype), tuple(v.shape)) for k, v in twin.state_dict().items()]

    check_same(case)


# --- a network


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_a_network_computes_and_differentiates_alike(kind: str) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((32, 10)).astype(kind), rng.integers(0, 2, (32, 1)).astype(kind)
    results = []
    for lib in (minitorch, torch):
        lib.manual_seed(0)
        net = lib.nn.Sequential(
            lib.nn.Linear(10, 32), lib.nn.ReLU(), lib.nn.Linear(32, 64), lib.nn.ReLU(), lib.nn.Linear(64, 1)
        ).to(getattr(lib, kind))
        loss = lib.nn.BCEWithLogitsLoss()(net(lib.from_numpy(x)), lib.from_numpy(y))
        loss.backward()
        results.append([loss.detach().numpy(), *(p.grad.numpy() for p in net.parameters())])
    for a, b in zip(*results, strict=True):
        assert a.dtype == b.dtype == kind
        scale = np.abs(b).max()
        np.testing.assert_allclose(a, b, rtol=0, atol=scale * (3e-6 if kind == "float32" else 1e-14))


def test_public_names() -> None:
    for module, theirs in ((minitorch.nn, torch.nn), (minitorch.nn.functional, torch.nn.functional)):
        assert len(set(module.__all__)) == len(module.__all__)
        for name in module.__all__:
            assert hasattr(module, name)
            assert hasattr(theirs, name), name
    assert list(itertools.chain(minitorch.nn.__all__))
