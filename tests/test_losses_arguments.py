"""Losses: dtypes, the old arguments, the layers, warnings, and what is refused in which words."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from loss_helpers import (
    NAN,
    REDUCTIONS,
    classes,
    derivatives,
    probabilities,
    scores,
)
from nn_helpers import check_same, outcome

import minitorch


@pytest.fixture
def rng() -> Any:
    return np.random.default_rng(5)


# --- dtypes

PAIRS = list(itertools.product(["float32", "float64", "float16", "int64", "bool", "uint8"], repeat=2))


@pytest.mark.parametrize(
    "name",
    ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy",
     "binary_cross_entropy_with_logits", "kl_div"],
)  # fmt: skip
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_dtypes(name: str, pair: tuple[str, str]) -> None:
    def case(t: Any) -> Any:
        a, b = (t.tensor([0.5, 0.25, 1.0]).to(getattr(t, kind)) for kind in pair)
        loss = getattr(t.nn.functional, name)(a, b, reduction="sum")
        return str(loss.dtype), tuple(loss.shape), loss.item()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mine, theirs = outcome(case, minitorch), outcome(case, torch)
    assert mine[0] == theirs[0], (mine, theirs)
    if mine[0] == "value":
        assert mine[1][1:3] == theirs[1][1:3]
        np.testing.assert_allclose(mine[1][3], theirs[1][3], rtol=2e-3 if "float16" in pair else 1e-6)


@pytest.mark.parametrize("name", ["mse_loss", "binary_cross_entropy_with_logits", "l1_loss"])
def test_half_is_rounded_once(name: str, rng: Any) -> None:
    arrays = {k: probabilities(rng, "float16", 300) for k in ("input", "target")}
    mine, theirs = (derivatives(lib, name, arrays, ["input"], {})[0] for lib in (minitorch, torch))
    assert mine.dtype == theirs.dtype == np.float16
    np.testing.assert_allclose(mine, theirs, rtol=2e-3)


def test_half_class_losses_sum_in_float32(rng: Any) -> None:
    x, c = scores(rng, "float16", 3000, 4), classes(rng, 4, 3000)
    for arrays in ({"input": x, "target": c}, {"input": x, "target": c, "weight": probabilities(rng, "float16", 4)}):
        mine, theirs = (derivatives(lib, "nll_loss", arrays, ["input"], {})[0] for lib in (minitorch, torch))
        assert mine.dtype == theirs.dtype == np.float16
        np.testing.assert_allclose(mine, theirs, rtol=2e-3, atol=1e-4)


def test_short_integers_are_not_taken_for_half(rng: Any) -> None:
    def case(t: Any) -> Any:
        x = t.full((300,), 30000, dtype=t.int16)
        f = t.nn.functional
        return f.l1_loss(x, x - 1001, reduction="sum"), f.l1_loss(x, x - 1, reduction="none")

    check_same(case)


@pytest.mark.parametrize("weight_kind", ["float64", "int64"])
def test_a_weight_of_another_dtype_leaves_the_result_alone(weight_kind: str) -> None:
    def case(t: Any) -> Any:
        x, y = t.full((3,), 0.25), t.full((3,), 0.75)
        w = t.tensor([1, 2, 3], dtype=getattr(t, weight_kind))
        f = t.nn.functional
        return [
            str(f.binary_cross_entropy(x, y, w).dtype),
            str(f.binary_cross_entropy_with_logits(x, y, w).dtype),
            str(f.binary_cross_entropy_with_logits(x, y, pos_weight=w).dtype),
            str(f.mse_loss(x, y, weight=w).dtype),
        ]

    check_same(case)


# --- the old arguments, warnings and errors

OLD = [{"size_average": a, "reduce": r} for a, r in itertools.product((None, True, False), repeat=2)]


@pytest.mark.parametrize("old", OLD, ids=str)
@pytest.mark.parametrize("name", ["mse_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits", "kl_div"])
def test_old_arguments(name: str, old: Any) -> None:
    def case(t: Any) -> Any:
        x, y = t.tensor([0.25, 0.5]), t.tensor([0.5, 0.75])
        loss = getattr(t.nn.functional, name)(x, y, **old)
        return tuple(loss.shape), [round(v, 4) for v in loss.reshape(-1).tolist()]

    check_same(case)


LAYERS = {
    "MSELoss": {}, "L1Loss": {}, "BCELoss": {}, "BCEWithLogitsLoss": {}, "NLLLoss": {}, "NLLLoss2d": {},
    "CrossEntropyLoss": {}, "SmoothL1Loss": {"beta": 2.0}, "HuberLoss": {"delta": 2.0},
    "KLDivLoss": {"log_target": True},
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("old", [{}, {"size_average": False}, {"reduce": False}, {"reduction": "sum"}], ids=str)
def test_layers_keep_their_settings(name: str, old: Any) -> None:
    def case(t: Any) -> Any:
        layer = getattr(t.nn, name)(**LAYERS[name], **(old if name != "HuberLoss" else {}))
        settings = {k: v for k, v in vars(layer).items() if not k.startswith("_")}
        return settings, dict(layer._buffers), repr(layer)

    check_same(case)


LAYER_CALLS = {
    "MSELoss": lambda t, f, x, y, c, w: (t.nn.MSELoss(reduction="sum")(x, y), f.mse_loss(x, y, reduction="sum")),
    "L1Loss": lambda t, f, x, y, c, w: (t.nn.L1Loss(reduction="none")(x, y), f.l1_loss(x, y, reduction="none")),
    "SmoothL1Loss": lambda t, f, x, y, c, w: (t.nn.SmoothL1Loss(beta=0.3)(x, y), f.smooth_l1_loss(x, y, beta=0.3)),
    "HuberLoss": lambda t, f, x, y, c, w: (t.nn.HuberLoss(delta=0.3)(x, y), f.huber_loss(x, y, delta=0.3)),
    "KLDivLoss": lambda t, f, x, y, c, w: (
        t.nn.KLDivLoss(reduction="batchmean", log_target=True)(x, y),
        f.kl_div(x, y, reduction="batchmean", log_target=True),
    ),
    "BCELoss": lambda t, f, x, y, c, w: (t.nn.BCELoss(w)(x, y), f.binary_cross_entropy(x, y, w)),
    "BCEWithLogitsLoss": lambda t, f, x, y, c, w: (
        t.nn.BCEWithLogitsLoss(w, pos_weight=w * 2)(x, y),
        f.binary_cross_entropy_with_logits(x, y, w, pos_weight=w * 2),
    ),
    "NLLLoss": lambda t, f, x, y, c, w: (
        t.nn.NLLLoss(w, ignore_index=1, reduction="sum")(x, c),
        f.nll_loss(x, c, w, ignore_index=1, reduction="sum"),
    ),
    "CrossEntropyLoss": lambda t, f, x, y, c, w: (
        t.nn.CrossEntropyLoss(w, ignore_index=1, label_smoothing=0.2)(x, c),
        f.cross_entropy(x, c, w, ignore_index=1, label_smoothing=0.2),
    ),
}


@pytest.mark.parametrize("name", LAYER_CALLS)
def test_layers_pass_their_settings_on(name: str) -> None:
    for lib in (minitorch, torch):
        x = lib.tensor([[0.1, 0.7, 0.3], [0.9, 0.2, 0.6]])
        y = lib.tensor([[0.5, 0.5, 0.8], [0.1, 0.3, 0.9]])
        layer, function = LAYER_CALLS[name](
            lib, lib.nn.functional, x, y, lib.tensor([0, 1]), lib.tensor([0.5, 1.0, 2.0])
        )
        assert layer.tolist() == function.tolist()


def test_a_weight_is_part_of_the_state() -> None:
    def case(t: Any) -> Any:
        loss = t.nn.BCEWithLogitsLoss(weight=t.ones(3), pos_weight=t.ones(1))
        return loss.state_dict(), loss.double().pos_weight

    check_same(case)


def f32(t: Any, *shape: int) -> Any:
    return t.full(shape, 0.5)


def longs(t: Any, *numbers: Any) -> Any:
    return t.tensor(numbers)


def two_by_three(t: Any) -> Any:
    return t.arange(6.0).reshape(2, 3) / 10


F = "nn.functional"
BAD = {
    "bce sizes": lambda t, f: f.binary_cross_entropy(f32(t, 3), f32(t, 4)),
    "bce column": lambda t, f: f.binary_cross_entropy(f32(t, 3, 1), f32(t, 3)),
    "bce above 1": lambda t, f: f.binary_cross_entropy(t.tensor([1.5]), t.tensor([1.0])),
    "bce below 0": lambda t, f: f.binary_cross_entropy(t.tensor([-0.5]), t.tensor([1.0])),
    "bce nan": lambda t, f: f.binary_cross_entropy(t.tensor([NAN]), t.tensor([1.0])),
    "bce target above 1": lambda t, f: f.binary_cross_entropy(t.tensor([0.5]), t.tensor([2.0])),
    "bce target below 0": lambda t, f: f.binary_cross_entropy(t.tensor([0.5]), t.tensor([-1.0])),
    "bce weight too large": lambda t, f: f.binary_cross_entropy(f32(t, 3), f32(t, 3), f32(t, 2, 3)),
    "bce weight grad": lambda t, f: f.binary_cross_entropy(f32(t, 3), f32(t, 3), f32(t, 3).requires_grad_()),
    "logits sizes": lambda t, f: f.binary_cross_entropy_with_logits(f32(t, 3), f32(t, 4)),
    "logits column": lambda t, f: f.binary_cross_entropy_with_logits(f32(t, 3, 1), f32(t, 3)),
    "logits weight too large": lambda t, f: f.binary_cross_entropy_with_logits(f32(t, 3), f32(t, 3), f32(t, 2, 3)),
    "logits pos_weight too large": lambda t, f: f.binary_cross_entropy_with_logits(
        f32(t, 3), f32(t, 3), pos_weight=f32(t, 2, 3)
    ),
    "logits weight grad": lambda t, f: f.binary_cross_entropy_with_logits(
        f32(t, 3), f32(t, 3), f32(t, 3).requires_grad_()
    ),
    "logits pos_weight grad": lambda t, f: f.binary_cross_entropy_with_logits(
        f32(t, 3), f32(t, 3), pos_weight=f32(t, 3).requires_grad_()
    ),
    "mse no tensor": lambda t, f: (f.mse_loss(f32(t, 3), 3), "type"),
    "mse weight size": lambda t, f: f.mse_loss(f32(t, 2, 3), f32(t, 2, 3), weight=f32(t, 3)),
    "l1 ints": lambda t, f: f.l1_loss(longs(t, 1), longs(t, 1)),
    "beta": lambda t, f: f.smooth_l1_loss(f32(t, 3), f32(t, 3), beta=-1.0),
    "delta": lambda t, f: f.huber_loss(f32(t, 3), f32(t, 3), delta=0.0),
    "kl ints": lambda t, f: f.kl_div(f32(t, 3), longs(t, 1, 2, 3)),
    "reduction": lambda t, f: f.mse_loss(f32(t, 3), f32(t, 3), reduction="foo"),
    "kl reduction": lambda t, f: f.kl_div(f32(t, 3), f32(t, 3), reduction="foo"),
    "batchmean elsewhere": lambda t, f: f.mse_loss(f32(t, 3), f32(t, 3), reduction="batchmean"),
    "reduction None": lambda t, f: f.nll_loss(two_by_three(t), longs(t, 0, 1), reduction=None),
    "layer reduction": lambda t, f: t.nn.MSELoss(reduction="foo")(f32(t, 3), f32(t, 3)),
    "layer weight": lambda t, f: t.nn.CrossEntropyLoss(weight=[1.0, 2.0]),
}

BAD_CLASSES = {
    "0-d input": lambda t, f: f(t.tensor(1.0), t.tensor(0)),
    "1-d target too long": lambda t, f: f(f32(t, 3), longs(t, 1, 2)),
    "batch": lambda t, f: f(two_by_three(t), longs(t, 0, 2, 1)),
    "batch 0-d": lambda t, f: f(two_by_three(t), t.tensor(1)),
    "column": lambda t, f: f(two_by_three(t), t.zeros(2, 1, dtype=t.int64)),
    "3-d": lambda t, f: f(f32(t, 2, 3, 4), t.zeros(2, 5, dtype=t.int64)),
    "3-d, 1-d target": lambda t, f: f(f32(t, 2, 3, 4), t.zeros(2, dtype=t.int64)),
    "4-d, 2-d target": lambda t, f: f(f32(t, 2, 3, 4, 5), t.zeros(2, 4, dtype=t.int64)),
    "too large": lambda t, f: f(two_by_three(t), longs(t, 0, 5)),
    "just too large": lambda t, f: f(two_by_three(t), longs(t, 0, 3)),
    "negative": lambda t, f: f(two_by_three(t), longs(t, 0, -1)),
    "negative among ignored": lambda t, f: f(two_by_three(t), longs(t, -100, -1)),
    "minus 100 not ignored": lambda t, f: f(two_by_three(t), longs(t, 0, -100), ignore_index=7),
    "negative in a map": lambda t, f: f(f32(t, 2, 3, 2), longs(t, [0, 0], [0, -1])),
    "too large 1-d": lambda t, f: f(f32(t, 3), t.tensor(7)),
    "no classes": lambda t, f: f(t.zeros(2, 0), longs(t, 0, 0)),
    "int32": lambda t, f: f(two_by_three(t), longs(t, 0, 2).to(t.int32)),
    "bool": lambda t, f: f(two_by_three(t), longs(t, 0, 1).to(t.bool)),
    "float": lambda t, f: f(two_by_three(t), t.tensor([0.0, 2.0])),
    "int input": lambda t, f: f(t.ones(2, 3, dtype=t.int64), longs(t, 0, 2)),
    "weight length": lambda t, f: f(two_by_three(t), longs(t, 0, 2), weight=f32(t, 2)),
    "weight shape": lambda t, f: f(two_by_three(t), longs(t, 0, 2), weight=f32(t, 3, 1)),
    "weight dtype": lambda t, f: f(two_by_three(t), longs(t, 0, 2), weight=t.ones(3, dtype=t.float64)),
    "weight grad": lambda t, f: f(two_by_three(t), longs(t, 0, 2), weight=f32(t, 3).requires_grad_()),
    "no tensor": lambda t, f: f(two_by_three(t), 1),
    "ignore_index": lambda t, f: f(two_by_three(t), longs(t, 0, 2), ignore_index=1.5),
    "reduction": lambda t, f: f(two_by_three(t), longs(t, 0, 2), reduction="x"),
}

BAD_PROBABILITIES = {
    "ints": lambda t, f: f(two_by_three(t), t.ones(2, 3, dtype=t.int64)),
    "ignore_index": lambda t, f: f(two_by_three(t), f32(t, 2, 3), ignore_index=1),
    "weight length": lambda t, f: f(two_by_three(t), f32(t, 2, 3), weight=f32(t, 2)),
    "smoothing": lambda t, f: f(two_by_three(t), longs(t, 0, 2), label_smoothing=1.1),
    "sizes": lambda t, f: f(two_by_three(t), f32(t, 2, 4)),
}


@pytest.mark.parametrize("name", BAD)
def test_refused(name: str) -> None:
    check_same(lambda t: BAD[name](t, t.nn.functional), "type" if name == "mse no tensor" else "start")


@pytest.mark.parametrize("name", BAD_CLASSES)
@pytest.mark.parametrize("loss", ["nll_loss", "cross_entropy"])
def test_refused_class_targets(name: str, loss: str) -> None:
    # PyTorch names kernels of its own where the input has the wrong dtype.
    wording = "type" if name == "int input" else "start"
    check_same(lambda t: BAD_CLASSES[name](t, getattr(t.nn.functional, loss)), wording)


@pytest.mark.parametrize("name", BAD_PROBABILITIES)
def test_refused_probabilities(name: str) -> None:
    check_same(lambda t: BAD_PROBABILITIES[name](t, t.nn.functional.cross_entropy))


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"])
def test_broadcasting_warns(name: str) -> None:
    check_same(lambda t: tuple(getattr(t.nn.functional, name)(f32(t, 3, 1), f32(t, 3)).shape))
    check_same(lambda t: getattr(t.nn.functional, name)(f32(t, 3), f32(t, 4)), wording="type")


def test_kl_div_mean_warns() -> None:
    check_same(lambda t: tuple(t.nn.functional.kl_div(f32(t, 3), f32(t, 3)).shape))


def test_errors_tell_the_cure() -> None:
    f = minitorch.nn.functional
    x = minitorch.zeros(2, 3)
    with pytest.raises(IndexError, match=r"^Target 5 is out of bounds. Class indices must lie in \[0, 3\)"):
        f.cross_entropy(x, minitorch.tensor([0, 5]))
    with pytest.raises(RuntimeError, match=r"\.long\(\)"):
        f.cross_entropy(x, minitorch.tensor([0.0, 1.0]))
    with pytest.raises(RuntimeError, match=r"binary_cross_entropy_with_logits"):
        f.binary_cross_entropy(minitorch.tensor([1.5]), minitorch.tensor([1.0]))
    with pytest.raises(RuntimeError, match=r"\.float\(\)"):
        f.binary_cross_entropy_with_logits(x, minitorch.zeros(2, 3, dtype=minitorch.int64))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    "name",
    ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div", "binary_cross_entropy",
     "binary_cross_entropy_with_logits"],
)  # fmt: skip
def test_it_prints_the_same(name: str, reduction: str) -> None:
    """Down to the grad_fn in `tensor(0.6931, grad_fn=<...>)`."""

    def case(t: Any) -> Any:
        x, y = t.full((2,), 0.5, requires_grad=True), t.full((2,), 1.0)
        return str(getattr(t.nn.functional, name)(x, y, reduction=reduction))

    check_same(case)
    if name == "kl_div":
        check_same(
            lambda t: str(
                t.nn.functional.kl_div(t.ones(1, requires_grad=True), t.ones(1), reduction=reduction, log_target=True)
            )
        )


def test_cross_entropy_prints_the_same() -> None:
    check_same(lambda t: str(t.nn.functional.cross_entropy(t.zeros(2, 3, requires_grad=True), t.tensor([0, 2]))))


def test_one_node_each() -> None:
    """What keeps a training step cheap: the loss and its mean are one node, cross entropy two."""
    x = minitorch.zeros(2, 3, requires_grad=True)
    f = minitorch.nn.functional
    for loss in (
        f.binary_cross_entropy_with_logits(x, minitorch.zeros(2, 3)),
        f.mse_loss(x, minitorch.zeros(2, 3)),
        f.nll_loss(x, minitorch.tensor([0, 1])),
    ):
        (edge,) = loss.grad_fn.next_functions
        assert edge[0].variable is x
    ((log_softmax, _),) = f.cross_entropy(x, minitorch.tensor([0, 1])).grad_fn.next_functions
    assert log_softmax.next_functions[0][0].variable is x
