"""Losses against PyTorch: value, gradient and second gradient for every argument."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from loss_helpers import (
    INF,
    NAN,
    RTOL,
    check,
    classes,
    derivatives,
    distribution,
    each_kind,
    each_reduction,
    each_shape,
    probabilities,
    scores,
)

import minitorch


@pytest.fixture
def rng() -> Any:
    return np.random.default_rng(5)


# --- numbers


@each_kind
@each_reduction
@each_shape
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mse_loss", {}),
        ("l1_loss", {}),
        ("smooth_l1_loss", {}),
        ("smooth_l1_loss", {"beta": 2.5}),
        ("smooth_l1_loss", {"beta": 0.0}),
        ("huber_loss", {}),
        ("huber_loss", {"delta": 0.7}),
    ],
    ids=str,
)
def test_distances(name: str, options: Any, shape: Any, reduction: str, kind: str, rng: Any) -> None:
    arrays = {"input": scores(rng, kind, *shape), "target": scores(rng, kind, *shape)}
    check(name, arrays, ["input", "target"], {**options, "reduction": reduction}, kind)


@each_kind
@each_reduction
@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss"])
def test_weighted_distances(name: str, reduction: str, kind: str, rng: Any) -> None:
    arrays = {k: scores(rng, kind, 4, 3) for k in ("input", "target")}
    arrays["weight"] = probabilities(rng, kind, 4, 3)
    check(name, arrays, ["input", "target", "weight"], {"reduction": reduction}, kind)


@each_reduction
@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div"])
@pytest.mark.parametrize("shapes", [((3, 1), (3,)), ((3,), (2, 3)), ((2, 3), ()), ((1, 3), (4, 1))], ids=str)
def test_broadcast_distances(name: str, shapes: Any, reduction: str, rng: Any) -> None:
    arrays = {k: scores(rng, "float64", *s) for k, s in zip(("input", "target"), shapes, strict=True)}
    options: dict[str, Any] = {"reduction": reduction}
    if name == "kl_div":
        options["log_target"] = True
    check(name, arrays, ["input", "target"], options, "float64")


@pytest.mark.parametrize("name", ["smooth_l1_loss", "huber_loss", "l1_loss", "mse_loss"])
@each_kind
def test_distances_at_their_kinks(name: str, kind: str) -> None:
    d = np.array([0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, INF, -INF, NAN], kind)
    check(name, {"input": d, "target": np.zeros_like(d)}, ["input"], {"reduction": "none"}, kind)


@each_kind
@pytest.mark.parametrize("reduction", ["mean", "sum", "none", "batchmean"])
@pytest.mark.parametrize("log_target", [False, True])
@pytest.mark.parametrize("shape", [(), (4,), (4, 3)], ids=str)
def test_kl_div(log_target: bool, shape: Any, reduction: str, kind: str, rng: Any) -> None:
    p = probabilities(rng, kind, *shape)
    arrays = {"input": np.asarray(np.log(probabilities(rng, kind, *shape)))}
    arrays["target"] = np.asarray(np.log(p)) if log_target else p
    options = {"reduction": reduction, "log_target": log_target}
    check("kl_div", arrays, ["input", "target"], options, kind)


def test_kl_div_where_the_target_is_zero() -> None:
    arrays = {
        "input": np.array([-1.0, -INF, -2.0, 0.0], np.float32),
        "target": np.array([0.0, 0.5, 1.0, -1.0], np.float32),
    }
    check("kl_div", arrays, ["input", "target"], {"reduction": "none"}, "float32")


# --- binary cross entropy


@each_kind
@each_reduction
@each_shape
@pytest.mark.parametrize("weighted", [False, True])
def test_bce(weighted: bool, shape: Any, reduction: str, kind: str, rng: Any) -> None:
    arrays = {k: probabilities(rng, kind, *shape) for k in ("input", "target")}
    if weighted:
        arrays["weight"] = probabilities(rng, kind, *shape)
    # PyTorch adds 1e-12 to its denominators in the second derivative.
    second = 2e-5 if kind == "float32" else 1e-8
    check("binary_cross_entropy", arrays, ["input", "target"], {"reduction": reduction}, kind, second)


@each_kind
def test_bce_at_zero_and_one(kind: str) -> None:
    arrays = {
        "input": np.array([0, 0, 1, 1, 0.5, 1e-30, 1e-45 if kind == "float32" else 1e-320], kind),
        "target": np.array([0, 1, 0, 1, 0.5, 1, 1], kind),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mine, theirs = (
            derivatives(lib, "binary_cross_entropy", arrays, ["input"], {"reduction": "none"})[:2]
            for lib in (minitorch, torch)
        )
    assert np.isfinite(mine[0]).all()
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=RTOL[kind])


@each_kind
@each_reduction
@pytest.mark.parametrize("shape", [(), (4, 3)], ids=str)
@pytest.mark.parametrize("weight", [None, "same", "row"])
@pytest.mark.parametrize("pos_weight", [None, "same", "row"])
def test_bce_with_logits(pos_weight: Any, weight: Any, shape: Any, reduction: str, kind: str, rng: Any) -> None:
    arrays = {"input": scores(rng, kind, *shape), "target": probabilities(rng, kind, *shape)}
    for name, choice in (("weight", weight), ("pos_weight", pos_weight)):
        if choice is not None:
            size = shape if choice == "same" else shape[-1:]
            arrays[name] = np.asarray(probabilities(rng, kind, *size) * 3, kind)
    check("binary_cross_entropy_with_logits", arrays, ["input", "target"], {"reduction": reduction}, kind)


@each_kind
def test_bce_with_logits_is_stable(kind: str) -> None:
    x = np.array([0, -0.0, 20, -20, 100, -100, 1e4, -1e4, 1e30, -1e30, INF, -INF, NAN] * 2, kind)
    y = np.array([0.0] * 13 + [1.0] * 13, kind)
    arrays = {"input": x, "target": y}
    check("binary_cross_entropy_with_logits", arrays, ["input"], {"reduction": "none"}, kind)
    check("binary_cross_entropy_with_logits", {"input": x[2:8], "target": y[2:8]}, ["input"], {}, kind)
    # At 20 the loss of a positive is 2e-9, which max(x, 0) - x * y + ... would round to 0.
    arrays = {"input": np.array([20], kind), "target": np.array([1], kind)}
    values = derivatives(minitorch, "binary_cross_entropy_with_logits", arrays, ["input"], {"reduction": "none"})
    np.testing.assert_allclose(values[0], [np.log1p(np.exp(-20.0))], rtol=RTOL[kind])


# --- classes


CLASS_SHAPES = {
    "(C)": ((4,), ()),
    "(C), (1)": ((4,), (1,)),
    "(N, C)": ((5, 4), (5,)),
    "(N, C, d)": ((2, 4, 3), (2, 3)),
    "(N, C, d, e)": ((2, 4, 3, 2), (2, 3, 2)),
    "(N, C, d, e, f)": ((2, 3, 2, 2, 2), (2, 2, 2, 2)),
    "(N, 1)": ((3, 1), (3,)),
}


@each_kind
@each_reduction
@pytest.mark.parametrize("name", ["nll_loss", "cross_entropy"])
@pytest.mark.parametrize("shapes", CLASS_SHAPES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ignore_index", [-100, 1, 0])
def test_class_losses(
    ignore_index: int, weighted: bool, shapes: str, name: str, reduction: str, kind: str, rng: Any
) -> None:
    shape, target = CLASS_SHAPES[shapes]
    n = shape[0] if len(shape) == 1 else shape[1]
    arrays = {"input": scores(rng, kind, *shape), "target": np.asarray(classes(rng, n, *target))}
    if weighted:
        arrays["weight"] = probabilities(rng, kind, n)
    options = {"reduction": reduction, "ignore_index": ignore_index}
    if shapes == "(C), (1)":  # PyTorch computes this one but cannot differentiate it
        values = [
            getattr(lib.nn.functional, name)(**{k: lib.from_numpy(v) for k, v in arrays.items()}, **options)
            for lib in (minitorch, torch)
        ]
        assert values[0].shape == values[1].shape
        np.testing.assert_allclose(values[0].numpy(), values[1].numpy(), rtol=RTOL[kind])
        return
    check(name, arrays, ["input"], options, kind)


@each_kind
@each_reduction
@pytest.mark.parametrize("shapes", ["(C)", "(N, C)", "(N, C, d)"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0, -0.1])
@pytest.mark.parametrize("ignore_index", [-100, 1])
def test_label_smoothing(
    ignore_index: int, smoothing: float, weighted: bool, shapes: str, reduction: str, kind: str, rng: Any
) -> None:
    shape, target = CLASS_SHAPES[shapes]
    n = shape[0] if len(shape) == 1 else shape[1]
    arrays = {"input": scores(rng, kind, *shape), "target": np.asarray(classes(rng, n, *target))}
    if weighted:
        arrays["weight"] = probabilities(rng, kind, n)
    options = {"reduction": reduction, "ignore_index": ignore_index, "label_smoothing": smoothing}
    check("cross_entropy", arrays, ["input"], options, kind)


@each_kind
@each_reduction
@pytest.mark.parametrize("shape", [(4,), (5, 4), (2, 4, 3)], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_class_probabilities(smoothing: float, weighted: bool, shape: Any, reduction: str, kind: str, rng: Any) -> None:
    arrays = {"input": scores(rng, kind, *shape), "target": distribution(rng, kind, *shape)}
    tracked = ["input", "target"]
    if weighted:
        arrays["weight"] = probabilities(rng, kind, shape[0] if len(shape) == 1 else shape[1])
        tracked.append("weight")
    check("cross_entropy", arrays, tracked, {"reduction": reduction, "label_smoothing": smoothing}, kind)


@each_reduction
@pytest.mark.parametrize("name", ["nll_loss", "cross_entropy"])
def test_nothing_left_to_count(name: str, reduction: str) -> None:
    x = np.zeros((2, 3), np.float32)
    for arrays in (
        {"input": x, "target": np.array([-100, -100])},
        {"input": x[:0], "target": np.zeros(0, np.int64)},
        {"input": x, "target": np.array([0, 0]), "weight": np.array([0, 1, 1], np.float32)},
        {"input": np.array([[-INF, 0, 0], [0, 0, 0]], np.float32), "target": np.array([-100, 1])},
    ):
        check(name, arrays, ["input"], {"reduction": reduction}, "float32")


def test_byte_targets() -> None:
    arrays = {"input": np.ones((2, 3), np.float32), "target": np.array([0, 2], np.uint8)}
    check("cross_entropy", arrays, ["input"], {}, "float32")


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_cross_entropy_of_any_size(rows: int, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    arrays = {"input": scores(rng, "float64", rows, n), "target": rng.integers(0, n, rows)}
    check("cross_entropy", arrays, ["input"], {}, "float64")
