"""Layer normalization against PyTorch: values, three derivatives, shapes, dtypes, refusals; on a GPU and in blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nn_helpers import check_same

import minitorch
from minitorch import blocks
from minitorch.autograd import gradcheck, gradgradcheck


def derivatives(t: Any, arrays: list[np.ndarray | None], shape: Any, eps: float, place: str = "cpu") -> list[Any]:
    """The value, the gradients, and the gradients of these."""
    leaves = [a if a is None else t.from_numpy(a.copy()).to(place).requires_grad_() for a in arrays]
    y = t.nn.functional.layer_norm(leaves[0], shape, *leaves[1:], eps=eps)
    wanted = [leaf for leaf in leaves if leaf is not None]
    seed = t.arange(float(y.numel()), dtype=y.dtype, device=place).reshape(y.shape).cos()
    grads = t.autograd.grad(y, wanted, seed, create_graph=True)
    lopsided = leaves[1] is None and leaves[2] is not None  # a bias without a weight: PyTorch has no second derivative
    second = () if lopsided else t.autograd.grad(sum([(g * g).sum() for g in grads]), wanted, allow_unused=True)
    results = [y, *grads, *[g for g in second if g is not None]]
    assert y.grad_fn.name() == "NativeLayerNormBackward0"
    return [(r.dtype, r.stride(), r.detach().cpu().numpy()) for r in results]


def same(mine: list[Any], theirs: list[Any], tolerance: float) -> None:
    assert len(mine) == len(theirs)
    for (dtype, stride, a), (kind, steps, b) in zip(mine, theirs, strict=True):
        assert str(dtype).split(".")[-1] == str(kind).split(".")[-1]
        assert stride == steps
        scale = max(1.0, float(np.abs(np.where(np.isfinite(b), b, 0)).max(initial=0)))
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * scale)


CASES = {
    "row": ((4,), (4,)), "rows": ((3, 4), (4,)), "all": ((3, 4), (3, 4)), "cube": ((2, 3, 4), (4,)),
    "plane": ((2, 3, 4), (3, 4)), "one": ((3, 1), (1,)), "ones": ((3, 2, 1, 1), (1, 1)), "none": ((0, 4), (4,)),
    "nothing": ((3, 0), (0,)), "long": ((2, 5000), (5000,)), "many": ((300, 7), (7,)),
}  # fmt: skip


def drawn(shape: Any, normalized: Any, dtype: Any, weight: bool, bias: bool) -> list[np.ndarray | None]:
    rng = np.random.default_rng(0)
    affine = [rng.normal(size=normalized).astype(dtype) if wanted else None for wanted in (weight, bias)]
    return [(rng.normal(size=shape) * 2 + 3).astype(dtype), *affine]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("weight", "bias"), [(True, True), (True, False), (False, True), (False, False)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layer_norm(name: str, weight: bool, bias: bool, dtype: Any) -> None:
    shape, normalized = CASES[name]
    arrays = drawn(shape, normalized, dtype, weight, bias)
    eps = 0.1 if 1 in shape else 1e-5
    same(*[derivatives(t, arrays, normalized, eps) for t in (minitorch, torch)], 3e-5 if dtype is np.float32 else 1e-11)


@pytest.mark.parametrize("affine", [np.float16, np.float32, None])
def test_half_is_computed_in_single(affine: Any) -> None:
    arrays = drawn((5, 16), (16,), np.float16, affine is not None, affine is not None)
    arrays[1:] = [a if a is None else a.astype(affine) for a in arrays[1:]]
    results = []
    for t in minitorch, torch:
        leaves = [a if a is None else t.from_numpy(a.copy()).requires_grad_() for a in arrays]
        y = t.nn.functional.layer_norm(leaves[0], (16,), *leaves[1:])
        y.sum().backward()
        results.append(
            [(r.dtype, r.stride(), r.detach().numpy()) for r in [y, *[x.grad for x in leaves if x is not None]]]
        )
    same(results[0], results[1], 2e-3)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=4), st.data())
def test_drawn(shape: list[int], data: st.DataObject) -> None:
    normalized = tuple(shape[data.draw(st.integers(0, len(shape) - 1)) :])
    arrays = drawn(tuple(shape), normalized, np.float64, data.draw(st.booleans()), data.draw(st.booleans()))
    same(*[derivatives(t, arrays, normalized, 0.3) for t in (minitorch, torch)], 1e-10)


def test_numerically() -> None:
    """PyTorch is not the only judge."""
    rng = np.random.default_rng(0)
    x, weight, bias = [minitorch.tensor(rng.normal(size=s), requires_grad=True) for s in ((2, 3, 4), (3, 4), (3, 4))]
    function = lambda x, weight, bias: minitorch.layer_norm(x, (3, 4), weight, bias, 0.1)
    assert gradcheck(function, (x, weight, bias)) and gradgradcheck(function, (x, weight, bias))


def test_a_third_derivative() -> None:
    """By differences: PyTorch takes the mean and the scale for constants there, and is wrong."""

    def gradient(x: Any) -> Any:
        return minitorch.autograd.grad((minitorch.layer_norm(x, (4,), eps=0.1) ** 3).sum(), x, create_graph=True)[0]

    x = minitorch.tensor(np.random.default_rng(0).normal(size=(2, 4)), requires_grad=True)
    assert gradcheck(gradient, (x,)) and gradgradcheck(gradient, (x,))


def test_numbers_far_from_zero_and_lines_of_one_value() -> None:
    """The variance from the differences, not from the squares; the eps where there is none."""
    x = np.array([[1e4, 1e4 + 1, 1e4 + 2], [7, 7, 7], [0, 0, 0], [-1e20, 0, 1e20]], np.float64)
    same(*[derivatives(t, [x, None, None], (3,), 1e-5) for t in (minitorch, torch)], 1e-9)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_only_its_own_line_is_spoilt(value: float) -> None:
    x = np.arange(12.0).reshape(3, 4)
    x[1, 2] = value
    found = [t.layer_norm(t.from_numpy(x), (4,)).numpy() for t in (minitorch, torch)]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)


@pytest.mark.parametrize("width", [5, 300])
def test_in_blocks(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = drawn((40, width), (width,), np.float64, True, True)
    whole = derivatives(minitorch, arrays, (width,), 1e-5)
    monkeypatch.setattr(blocks, "BLOCK", 256)
    same(derivatives(minitorch, arrays, (width,), 1e-5), whole, 1e-11)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_on_a_gpu(name: str, dtype: Any, cuda: str) -> None:
    shape, normalized = CASES[name]
    for weight, bias in (True, True), (True, False), (False, True), (False, False):
        arrays = drawn(shape, normalized, dtype, weight, bias)
        mine, theirs = [derivatives(t, arrays, normalized, 0.1, p) for t, p in ((minitorch, "cuda"), (torch, "cpu"))]
        same(mine, theirs, 3e-5 if dtype is np.float32 else 1e-11)


BAD: dict[str, Any] = {
    "other size": lambda t, x: t.layer_norm(x, (3,)), "too many": lambda t, x: t.layer_norm(x, (2, 3, 4, 5)),
    "no sizes": lambda t, x: t.layer_norm(x, ()), "int": lambda t, x: t.nn.functional.layer_norm(x, 4),
    "none": lambda t, x: t.nn.functional.layer_norm(x, None), "float": lambda t, x: t.nn.functional.layer_norm(x, (4.0,)),
    "bool": lambda t, x: t.nn.functional.layer_norm(x, (True,)), "negative": lambda t, x: t.layer_norm(x, (-1,)),
    "weight": lambda t, x: t.layer_norm(x, (4,), t.ones(3)), "bias": lambda t, x: t.layer_norm(x, (4,), None, t.ones(1)),
    "long": lambda t, x: t.layer_norm(x.long(), (4,)), "bool input": lambda t, x: t.layer_norm(x.bool(), (4,)),
    "double weight": lambda t, x: t.layer_norm(x, (4,), t.ones(4).double()),
    "double input": lambda t, x: t.layer_norm(x.double(), (4,), t.ones(4)),
    "double bias": lambda t, x: t.layer_norm(x, (4,), t.ones(4), t.ones(4).double()),
    "double bias alone": lambda t, x: t.layer_norm(x, (4,), None, t.ones(4).double()),
    "half weight": lambda t, x: t.layer_norm(x.half(), (4,), t.ones(4).half(), t.ones(4)),
    "long weight": lambda t, x: t.layer_norm(x, (4,), t.ones(4).long()),
    "array": lambda t, x: t.layer_norm(np.ones(4), (4,)), "cudnn": lambda t, x: t.layer_norm(x, (4,), None, None, 1.0, "x"),
    "list": lambda t, x: t.nn.functional.layer_norm([1.0], (1,)),
    "list weight": lambda t, x: t.nn.functional.layer_norm(x, (4,), [1.0] * 4),
    "eps": lambda t, x: t.nn.functional.layer_norm(x, (4,), eps="a"),
    "0-d": lambda t, x: t.layer_norm(t.tensor(3.0), ()), "layer of float": lambda t, x: t.nn.LayerNorm(2.5),
    "layer of none": lambda t, x: t.nn.LayerNorm(None), "layer of -1": lambda t, x: t.nn.LayerNorm(-1),
    "layer of a list": lambda t, x: t.nn.LayerNorm((2.5,)), "layer, double": lambda t, x: t.nn.LayerNorm(4)(x.double()),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused(name: str) -> None:
    check_same(lambda t: BAD[name](t, t.ones(2, 3, 4)), wording="type")


def test_what_else_it_takes() -> None:
    def case(t: Any) -> Any:
        x = t.arange(24.0).reshape(2, 3, 4)
        f = t.nn.functional.layer_norm
        return [
            f(x, [4]), f(x, t.Size([3, 4])), f(x, (4,), eps=1), f(x, (4,), eps=t.tensor(1.0)), f(x, (4,), eps=True), f(x, (4,), eps=-1e9),
            t.layer_norm(x, (4,), None, None, 1e-5, False), t.layer_norm(x, normalized_shape=(4,), cudnn_enable=True),
            f(x.transpose(0, 2), (2,)), t.nn.LayerNorm(t.Size([3, 4])).normalized_shape, t.nn.LayerNorm(0).weight.shape,
        ]  # fmt: skip

    mine, theirs = case(minitorch), case(torch)
    for a, b in zip(mine, theirs, strict=True):
        if isinstance(b, torch.Tensor):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=2e-6, atol=1e-6)
            assert a.stride() == b.stride()
        else:
            assert tuple(a) == tuple(b)


def test_where_the_squares_overflow() -> None:
    """NaN. PyTorch has that or a scale of 0, by the path it takes; 0 would give numbers that look right."""
    x = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32) * np.array([[1e20], [1], [1e25]], np.float32)
    mine, theirs = [t.layer_norm(t.from_numpy(x), (8,), t.ones(8), -t.ones(8)).numpy() for t in (minitorch, torch)]
    np.testing.assert_allclose(mine[1], theirs[1], rtol=1e-5, atol=1e-6)
    assert np.isnan(mine[[0, 2]]).all()
