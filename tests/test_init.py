"""Initialisation: bit for bit PyTorch's from the same seed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nn_helpers import check_same

import minitorch

FILLS = {
    "uniform_": {},
    "uniform_ a b": {"a": -0.3, "b": 0.9},
    "normal_": {},
    "normal_ mean std": {"mean": 1.5, "std": 0.3},
    "constant_": {"val": 2.5},
    "ones_": {},
    "zeros_": {},
    "xavier_uniform_": {},
    "xavier_uniform_ gain": {"gain": 5 / 3},
    "xavier_normal_": {"gain": 0.7},
    "kaiming_uniform_": {},
    "kaiming_uniform_ a": {"a": math.sqrt(5)},
    "kaiming_uniform_ out": {"mode": "fan_out", "nonlinearity": "relu"},
    "kaiming_normal_": {"mode": "FAN_IN", "nonlinearity": "tanh"},
    "trunc_normal_": {},
    "trunc_normal_ near": {"mean": 0.5, "std": 0.5, "a": 0.0, "b": 1.0},
    "trunc_normal_ uniform proposals": {"mean": 0.0, "std": 1.0, "a": 0.1, "b": 0.4},
    "trunc_normal_ tail": {"mean": 0.0, "std": 1.0, "a": 1.5, "b": 4.0},
    "trunc_normal_ narrow": {"mean": 3.0, "std": 0.3, "a": 3.5, "b": 6.0},
}
RANDOM = [name for name in FILLS if name.split()[0] not in ("constant_", "ones_", "zeros_")]


def filled(lib: Any, name: str, shape: tuple[int, ...], kind: str, seed: int, **more: Any) -> Any:
    lib.manual_seed(seed)
    x = lib.zeros(shape, dtype=getattr(lib, kind))
    result = getattr(lib.nn.init, name.split()[0])(x, **FILLS.get(name, {}), **more)
    assert result is x
    after = lib.get_rng_state().numpy().tobytes()  # the streams must be equally far along
    return x.numpy(), after


def check_bits(name: str, shape: tuple[int, ...], kind: str, seed: int) -> None:
    mine, theirs = (filled(lib, name, shape, kind, seed) for lib in (minitorch, torch))
    assert mine[0].dtype == theirs[0].dtype
    assert mine[0].tobytes() == theirs[0].tobytes()
    assert mine[1] == theirs[1]


@pytest.mark.parametrize("name", FILLS)
@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(3, 4), (20, 31), (4, 3, 2, 2)], ids=str)
def test_same_bits(name: str, kind: str, shape: tuple[int, ...]) -> None:
    check_bits(name, shape, kind, 42)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(RANDOM), st.integers(1, 40), st.integers(1, 20), st.integers(0, 2**40))
def test_same_bits_for_any_seed(name: str, rows: int, columns: int, seed: int) -> None:
    check_bits(name, (rows, columns), "float32", seed)


@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("seed", [None, 8])
def test_sparse(sparsity: float, seed: int | None) -> None:
    """The generator draws the numbers, the global one always which rows are zeroed."""
    results = []
    for lib in (minitorch, torch):
        lib.manual_seed(3)
        g = None if seed is None else lib.Generator().manual_seed(seed)
        filled = lib.nn.init.sparse_(lib.empty(70, 5), sparsity, std=0.3, generator=g).numpy().tobytes()
        results.append([filled, *[source.get_state().tolist() for source in (g, lib.default_generator) if source]])
    assert results[0] == results[1]


@pytest.mark.parametrize("name", RANDOM)
def test_memory_order(name: str) -> None:
    results = []
    for lib in (minitorch, torch):
        lib.manual_seed(3)
        x = lib.zeros(20, 31).t()
        results.append(getattr(lib.nn.init, name.split()[0])(x, **FILLS[name]).numpy().tobytes())
    assert results[0] == results[1]


@pytest.mark.parametrize("shape", [(4, 4), (6, 3), (3, 6), (4, 3, 2)], ids=str)
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_orthogonal(shape: tuple[int, ...], kind: str) -> None:
    results = []
    for lib in (minitorch, torch):
        lib.manual_seed(1)
        results.append(lib.nn.init.orthogonal_(lib.empty(shape, dtype=getattr(lib, kind)), gain=2.0).numpy())
    tolerance = 1e-5 if kind == "float32" else 1e-13
    np.testing.assert_allclose(results[0], results[1], atol=tolerance)
    flat = results[0].reshape(shape[0], -1)
    product = flat @ flat.T if flat.shape[0] <= flat.shape[1] else flat.T @ flat
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=10 * tolerance)


def test_a_generator_is_used_and_the_global_one_left_alone() -> None:
    for name in (*RANDOM, "orthogonal_"):
        results = []
        for lib in (minitorch, torch):
            lib.manual_seed(0)
            x, after = filled(lib, name, (6, 5), "float32", 0, generator=lib.Generator().manual_seed(7))
            results.append(x)
            assert after == lib.manual_seed(0).get_state().numpy().tobytes()
        if name == "orthogonal_":
            np.testing.assert_allclose(results[0], results[1], atol=1e-5)
        else:
            assert results[0].tobytes() == results[1].tobytes()


def test_gains() -> None:
    names = ["linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]
    for name in [*names, "sigmoid", "tanh", "relu", "leaky_relu", "selu"]:
        assert minitorch.nn.init.calculate_gain(name) == torch.nn.init.calculate_gain(name)
    for slope in (0, 0.2, 1, -0.3):
        mine = minitorch.nn.init.calculate_gain("leaky_relu", slope)
        assert mine == torch.nn.init.calculate_gain("leaky_relu", slope)
    for bad in (True, "a", [1]):
        check_same(lambda t, bad=bad: t.nn.init.calculate_gain("leaky_relu", bad))
    check_same(lambda t: t.nn.init.calculate_gain("gelu"))


EXACT = {
    "eye": lambda t, i: [i.eye_(t.ones(2, 3)), i.eye_(t.ones(3, 2))],
    "dirac 3": lambda t, i: i.dirac_(t.ones(2, 3, 3)),
    "dirac 4": lambda t, i: i.dirac_(t.ones(4, 2, 3, 4), 2),
    "dirac 5": lambda t, i: i.dirac_(t.ones(2, 3, 2, 2, 2)),
    "fans": lambda t, i: i._calculate_fan_in_and_fan_out(t.ones(2, 3, 4, 5)),
    "correct fan": lambda t, i: [i._calculate_correct_fan(t.ones(2, 3), m) for m in ("fan_in", "fan_out")],
    "parameter": lambda t, i: i.constant_(t.nn.Parameter(t.ones(2)), 3),
    "constant of ints": lambda t, i: i.constant_(t.ones(2, dtype=t.int64), 3),
    "empty": lambda t, i: [i.xavier_uniform_(t.ones(0, 3)), i.kaiming_uniform_(t.ones(0, 3))],
    "empty normal": lambda t, i: i.kaiming_normal_(t.ones(3, 0)),
    "empty orthogonal": lambda t, i: i.orthogonal_(t.ones(0, 3)),
    "far truncation": lambda t, i: tuple(i.trunc_normal_(t.ones(3), mean=9.0).shape),
    "empty truncation": lambda t, i: i.trunc_normal_(t.ones(0)),
    "1-d": lambda t, i: i.xavier_uniform_(t.ones(3)),
    "0-d": lambda t, i: i.kaiming_normal_(t.ones(())),
    "mode": lambda t, i: i.kaiming_uniform_(t.ones(2, 3), mode="foo"),
    "nonlinearity": lambda t, i: i.kaiming_uniform_(t.ones(2, 3), nonlinearity="foo"),
    "eye 1-d": lambda t, i: i.eye_(t.ones(2)),
    "dirac 2-d": lambda t, i: i.dirac_(t.ones(2, 2)),
    "dirac groups": lambda t, i: i.dirac_(t.ones(3, 2, 3), 2),
    "orthogonal 1-d": lambda t, i: i.orthogonal_(t.ones(2)),
    "orthogonal of halves": lambda t, i: i.orthogonal_(t.ones(2, 2, dtype=t.float16)),
    "sparse 3-d": lambda t, i: i.sparse_(t.ones(2, 3, 4), 0.1),
    "bounds": lambda t, i: i.uniform_(t.ones(3), 1.0, 0.0),
    "negative std": lambda t, i: i.normal_(t.ones(3), 0.0, -1.0),
}


@pytest.mark.parametrize("name", EXACT)
def test_exact_and_refused(name: str) -> None:
    wording = "type" if name in ("bounds", "negative std") else "start"
    check_same(lambda t: EXACT[name](t, t.nn.init), wording)


OLD_NAMES = ["uniform", "normal", "constant", "eye", "dirac", "xavier_uniform", "xavier_normal", "kaiming_uniform",
             "kaiming_normal", "orthogonal", "sparse"]  # fmt: skip


@pytest.mark.parametrize("name", OLD_NAMES)
def test_old_names_warn(name: str) -> None:
    shape = (2, 2, 3) if name == "dirac" else (4, 3)
    more = {"constant": {"val": 1.0}, "sparse": {"sparsity": 0.5}}.get(name, {})

    def case(t: Any) -> Any:
        return tuple(getattr(t.nn.init, name)(t.ones(shape), **more).shape)

    check_same(case)
    with pytest.warns(FutureWarning, match=f"nn.init.{name}_"):
        case(minitorch)


def test_nothing_is_recorded() -> None:
    p = minitorch.nn.Parameter(minitorch.empty(3, 4))
    for fill in (minitorch.nn.init.uniform_, minitorch.nn.init.eye_, minitorch.nn.init.orthogonal_):
        assert fill(p) is p
        assert p.requires_grad
        assert p.grad_fn is None


# --- layers

LAYERS = {
    "Linear": lambda t, k: t.nn.Linear(7, 5, **k),
    "Linear without bias": lambda t, k: t.nn.Linear(7, 5, bias=False, **k),
    "wide Linear": lambda t, k: t.nn.Linear(300, 20, **k),
    "Bilinear": lambda t, k: t.nn.Bilinear(3, 4, 5, **k),
    "Bilinear without bias": lambda t, k: t.nn.Bilinear(3, 4, 5, bias=False, **k),
    "Bilinear of one": lambda t, k: t.nn.Bilinear(1, 1, 1, **k),
    "PReLU": lambda t, k: t.nn.PReLU(3, 0.1, **k),
    "LayerNorm": lambda t, k: t.nn.LayerNorm((3, 4), **k),
    "Embedding": lambda t, k: t.nn.Embedding(11, 5, **k),
    "Embedding padded": lambda t, k: t.nn.Embedding(7, 3, padding_idx=-2, **k),
    "network": lambda t, k: t.nn.Sequential(
        t.nn.Linear(10, 32, **k), t.nn.ReLU(), t.nn.Linear(32, 64, **k), t.nn.ReLU(), t.nn.Linear(64, 1, **k)
    ),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize("seed", [0, 42, 2**35 + 1])
def test_layers_start_with_the_same_bits(name: str, kind: str, seed: int) -> None:
    states = []
    for lib in (minitorch, torch):
        lib.manual_seed(seed)
        layer = LAYERS[name](lib, {"dtype": getattr(lib, kind)})
        states.append({k: v.numpy() for k, v in layer.state_dict().items()})
        states[-1]["after"] = lib.rand(3).numpy()
    assert states[0].keys() == states[1].keys()
    for key in states[0]:
        assert states[0][key].tobytes() == states[1][key].tobytes(), key


def test_no_layer_with_parameters_is_left_out() -> None:
    tried = {name.split()[0] for name in LAYERS}
    for name in minitorch.nn.__all__:
        thing = getattr(minitorch.nn, name)
        if hasattr(thing, "reset_parameters"):
            assert name in tried
