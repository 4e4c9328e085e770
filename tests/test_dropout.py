"""Dropout against PyTorch: the same elements dropped from the same seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from nn_helpers import check_same

import minitorch

NAN = float("nan")
KINDS = ["float16", "float32", "float64"]
each_kind = pytest.mark.parametrize("kind", KINDS)


DROPOUTS = ["dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"]
DIMENSIONS = dict(zip(DROPOUTS, (3, 3, 4, 5, 3, 3), strict=True))


def check_bits(f: Any, x: np.ndarray, arrange: Any = lambda t: t) -> None:
    """f(library, x) has equal bytes and strides, its gradient too, and the generator is left in an equal state."""
    results = []
    for lib in (minitorch, torch):
        lib.manual_seed(5)
        leaf = lib.from_numpy(x.copy()).requires_grad_()
        y = f(lib, arrange(leaf * 1))
        y.backward(lib.ones_like(y))
        state = lib.get_rng_state().numpy().tobytes()
        results.append((y.detach().numpy().tobytes(), y.stride(), leaf.grad.numpy().tobytes(), state))
    assert results[0] == results[1]


def normals(shape: tuple[int, ...], kind: str) -> np.ndarray:
    return np.random.default_rng(9).standard_normal(shape).astype(kind)


@pytest.mark.parametrize("name", DROPOUTS)
@pytest.mark.parametrize("p", [0.0, 0.1, 1 / 3, 0.5, 0.9, 0.987, 0.999999, 1.0])
@pytest.mark.parametrize("inplace", [False, True])
@each_kind
def test_dropout(name: str, p: float, inplace: bool, kind: str) -> None:
    def case(lib: Any, z: Any) -> Any:
        y = getattr(lib.nn.functional, name)(z, p, True, inplace)
        assert (y is z) == (inplace or p == 0)
        return y

    check_bits(case, normals((2, 3, 4, 2, 2)[: DIMENSIONS[name]], kind))


TORCH_NAMES = ["dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"]


@pytest.mark.parametrize("name", [*TORCH_NAMES, *[name + "_" for name in TORCH_NAMES]])
@each_kind
def test_functions_of_torch(name: str, kind: str) -> None:
    for p in (0.0, 0.3, 1.0):
        for train in (True, False):
            check_bits(lambda lib, z, p=p, train=train: getattr(lib, name)(z, p, train), normals((7, 5, 3), kind))
    check_same(lambda t: getattr(t, name)(t.ones(3, 3), 1.5, True))
    check_same(lambda t: getattr(t, name)(t.ones(3, 3), NAN, True))
    check_same(lambda t: getattr(t, name)(t.ones(3, 3), 0.5, 1))
    check_same(lambda t: getattr(t, name)([1.0], 0.5, True))
    check_same(lambda t: getattr(t, name)(t.ones(3, 3)), "type")
    check_same(lambda t: getattr(t, name)(t.ones(3, 3, dtype=t.int64), 0.5, True), "type")


LAYOUTS = {
    "transposed": lambda t: t.transpose(0, 1),
    "permuted": lambda t: t.permute(2, 0, 1),
    "every other": lambda t: t[:, ::2],
    "every other, permuted": lambda t: t[1:].permute(2, 1, 0)[:, :, ::2],
    "expanded": lambda t: t[:, :1].expand(4, 7, 5),
    "expanded, permuted": lambda t: t[:, :1].expand(4, 7, 5).permute(1, 2, 0),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["dropout", "alpha_dropout"])
def test_elements_are_dropped_in_the_order_of_memory(name: str, layout: str) -> None:
    check_bits(
        lambda lib, z: getattr(lib.nn.functional, name)(z, 0.4, True), normals((4, 4, 5), "float32"), LAYOUTS[layout]
    )


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize("bounds", [(), (0.1, 0.4), (-0.3, 0.7), (0.2, 0.2), (1.5, 7)])
def test_rrelu(bounds: tuple[float, ...], kind: str, inplace: bool) -> None:
    x = normals((30, 7), kind)
    x[0, :3] = 0, -0.0, np.inf
    for training in (True, False):
        check_bits(lambda lib, z, on=training: lib.nn.functional.rrelu(z, *bounds, training=on, inplace=inplace), x)
        check_bits(lambda lib, z, on=training: lib.nn.RReLU(*bounds, inplace=inplace).train(on)(z), x)
        name = "rrelu_" if inplace else "rrelu"
        check_bits(lambda lib, z, on=training, name=name: getattr(lib, name)(z, *bounds, training=on), x)
        if not inplace:
            check_bits(lambda lib, z, on=training: lib.nn.functional.rrelu(z.T, *bounds, training=on), x)


def test_rrelu_draws_from_a_generator() -> None:
    def case(t: Any) -> Any:
        g = t.Generator().manual_seed(8)
        return t.rrelu(-t.ones(5), 0.1, 0.9, True, generator=g).tolist(), t.rand(1, generator=g), t.nn.RReLU(0.1, 0.2)

    check_same(case)


RRELU_CASES = {
    "order": lambda t, on: t.nn.functional.rrelu(t.ones(2), 0.5, 0.1, on),
    "infinite": lambda t, on: t.nn.functional.rrelu(t.ones(2), 0.5, float("inf"), on),
    "NaN": lambda t, on: t.nn.functional.rrelu(t.ones(2), NAN, 1, on),
    "no floats": lambda t, on: t.nn.functional.rrelu(t.ones(2, dtype=t.int64), training=on),
    "leaf": lambda t, on: t.nn.functional.rrelu(-t.ones(2, requires_grad=True), training=on, inplace=True),
    "nothing": lambda t, on: t.nn.functional.rrelu(t.ones(0), training=on),
    "repr": lambda t, on: (t.nn.RReLU(), t.nn.RReLU(0.1, 0.3, True)),
}


@pytest.mark.parametrize("case", RRELU_CASES)
@pytest.mark.parametrize("training", [False, True])
def test_rrelu_arguments(case: str, training: bool) -> None:
    check_same(lambda t: RRELU_CASES[case](t, training), "type")


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
    for lib in (minitorch, torch):
        lib.manual_seed(2)
        with pytest.raises(RuntimeError, match="can't be cast"):
            lib.nn.functional.dropout(lib.ones(5, dtype=lib.bool), 0.3)
    assert minitorch.get_rng_state().tolist() == torch.get_rng_state().tolist()


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
