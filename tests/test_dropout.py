"""Dropout against PyTorch: the same elements dropped from the same seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from nn_helpers import check_same, ulps

import minitorch

INF, NAN = float("inf"), float("nan")
each_kind = pytest.mark.parametrize("kind", ["float32", "float64"])


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
