"""Layers against PyTorch: settings, repr, state, what they compute, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nn_helpers import check_same

import minitorch

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
    "LayerNorm": [(4,), ((4,), 0.1, False), ([2, 4], 1e-3, True, False), ((2, 4), 0.5, False, True)],
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
