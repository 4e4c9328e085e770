"""The error and gamma functions: against exact values, against PyTorch, and at the edges."""

from __future__ import annotations

import math
import warnings
from typing import Any

import mpmath  # comes with PyTorch
import numpy as np
import pytest
import torch

import minitorch
from minitorch.ops import special

NAMES = ["erf", "erfc", "erfinv", "lgamma", "digamma", "sinc"]
EDGES = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, -2.5, 0.5, 4.0, 12.0, 171.0, 1e-20, -1e-20, 1e-310]
EDGES += [math.inf, -math.inf, math.nan]


def mine(name: str) -> Any:
    return getattr(special, name)


def call(name: str, array: np.ndarray) -> np.ndarray:
    return mine(name)(minitorch.from_numpy(array)).numpy()


def spread(low: float, high: float, n: int = 300) -> np.ndarray:
    return np.random.default_rng(0).uniform(low, high, n)


def powers(low: float, high: float, n: int = 100) -> np.ndarray:
    return 10.0 ** spread(low, high, n)


# --- accuracy

EXACT = {
    "erf": mpmath.erf,
    "erfc": mpmath.erfc,
    "erfinv": mpmath.erfinv,
    "lgamma": lambda x: mpmath.loggamma(x).real,
    "digamma": mpmath.digamma,
}


@pytest.mark.parametrize(
    ("name", "x"),
    [
        ("erf", np.concatenate([spread(-0.5, 0.5), spread(0.4, 4.1), spread(-7, -3.9), powers(-300, 0)])),
        ("erfc", np.concatenate([spread(-7, 0.5), spread(0.4, 4.1), spread(3.9, 26)])),
        ("erfinv", np.concatenate([spread(-0.99, 0.99), powers(-300, -1, 40), 1 - powers(-15, -1, 60)])),
        ("lgamma", np.concatenate([spread(0, 0.7), spread(0.65, 4.1), spread(3.9, 13)])),
        ("lgamma", np.concatenate([powers(1, 300), powers(-300, 0)])),
        ("lgamma", np.concatenate([1 + spread(-1e-6, 1e-6, 50), 2 + spread(-1e-6, 1e-6, 50)])),
        ("digamma", np.concatenate([spread(0.01, 0.6), spread(0.5, 3.1), spread(2.9, 20), powers(1, 300)])),
    ],
)
def test_float64_is_right_to_the_last_bits(name: str, x: np.ndarray) -> None:
    with mpmath.workdps(30):
        exact = np.array([float(EXACT[name](mpmath.mpf(v))) for v in x.tolist()])
    np.testing.assert_allclose(call(name, x), exact, rtol=1e-15, atol=0)


@pytest.mark.parametrize("name", ["lgamma", "digamma"])
def test_reflected(name: str) -> None:
    """Left of 0 the functions have zeros and poles: an error of a few bits of the largest term."""
    x = spread(-20, 0)
    with mpmath.workdps(30):
        exact = np.array([float(EXACT[name](mpmath.mpf(v))) for v in x.tolist()])
    np.testing.assert_allclose(call(name, x), exact, rtol=3e-15, atol=2e-14)


def test_single_erf_to_three_units_in_the_last_place() -> None:
    """Every 1,999th float32 from 1e-30 to 12, both signs: GELU computes with this one."""
    bits = np.arange(*np.array([1e-30, 12], np.float32).view(np.int32).tolist(), 1999, dtype=np.int32)
    x = bits.view(np.float32)
    exact = np.array([math.erf(v) for v in x.tolist()])
    error = np.abs(call("erf", x) - exact) / np.spacing(exact.astype(np.float32))
    assert error.max() < 3
    np.testing.assert_array_equal(call("erf", -x), -call("erf", x))


@pytest.mark.parametrize("name", ["erfc", "erfinv", "lgamma", "digamma"])
def test_single_is_double_rounded(name: str) -> None:
    x = spread(0.01, 0.99, 3000).astype(np.float32)
    np.testing.assert_array_equal(call(name, x), call(name, x.astype(np.float64)).astype(np.float32))


@pytest.mark.parametrize("n", [1, 2, 3, 6, 20])
def test_polygamma(n: int) -> None:
    x = np.concatenate([spread(0.01, 1, 40), spread(1, 30, 40), powers(1, 5, 20), spread(-15, 0, 60)])
    with mpmath.workdps(30):
        exact = np.array([float(mpmath.polygamma(n, mpmath.mpf(v))) for v in x.tolist()])
    ours = special.polygamma(n, minitorch.from_numpy(x)).numpy()
    scale = np.array([float(abs(v)) for v in exact])
    assert np.max(np.abs(ours - exact) / scale) < 2e-13  # near a zero at x < 0, the terms cancel
    assert np.max((np.abs(ours - exact) / scale)[x > 0]) < 2e-15


# --- against PyTorch


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
def test_as_pytorch(name: str, dtype: Any) -> None:
    x = np.concatenate([spread(-0.99, 0.99), spread(0.01, 3)]).astype(dtype)
    ours, theirs = call(name, x), getattr(torch, name)(torch.from_numpy(x)).numpy()
    assert ours.dtype == theirs.dtype
    tolerance = {2: 2e-3, 4: 3e-6, 8: 1e-13}[x.itemsize]
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
def test_edges(name: str, dtype: Any) -> None:
    with np.errstate(under="ignore"):
        x = np.array(EDGES).astype(dtype)
    ours, theirs = call(name, x), getattr(torch, name)(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)
    zero = theirs == 0
    np.testing.assert_array_equal(np.signbit(ours[zero]), np.signbit(theirs[zero]))


@pytest.mark.parametrize("name", NAMES)
def test_subnormals(name: str) -> None:
    x = np.array([5e-324, -5e-324, 1e-310, -1e-310, 2e-308])
    theirs = getattr(torch, name)(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(call(name, x), theirs, rtol=1e-14, atol=5e-324)


@pytest.mark.parametrize("name", NAMES)
def test_shapes_layouts_and_integers(name: str) -> None:
    a = spread(0.1, 0.9, 24).astype(np.float32).reshape(2, 3, 4)
    inputs = [a, a[:, ::2, 1], a.transpose(2, 0, 1), np.array(0.5, np.float32), a[:0], a[:, :0],
              np.array([0, 1, 1]), np.array([True, False]), np.array([0, 1], np.uint8)]  # fmt: skip
    for x in inputs:
        ours = mine(name)(minitorch.from_numpy(x.copy() if not x.size else x))
        theirs = getattr(torch, name)(torch.from_numpy(x))
        assert str(ours.dtype) == str(theirs.dtype)
        assert ours.shape == tuple(theirs.shape)
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=3e-6, atol=3e-7)


@pytest.mark.parametrize("name", NAMES)
def test_input_is_left_alone_and_long_ones_have_no_seams(name: str) -> None:
    x = spread(0.01, 0.99, 50_000)
    kept = x.copy()
    whole = call(name, x)
    np.testing.assert_array_equal(x, kept)
    np.testing.assert_array_equal(whole[12_345:12_400], call(name, x[12_345:12_400]))
    np.testing.assert_array_equal(whole[-7:], call(name, x[-7:]))


def test_nothing_warns() -> None:
    x = minitorch.tensor([*EDGES, 1e30, -1e30])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in NAMES:
            mine(name)(x)
        for n in range(4):
            special.polygamma(n, x)


# --- derivatives

FUNCTIONS: dict[str, Any] = {
    "erf": lambda m, f, x: f.erf(x),
    "erfc": lambda m, f, x: f.erfc(x),
    "erfinv": lambda m, f, x: f.erfinv(x),
    "lgamma": lambda m, f, x: f.lgamma(x),
    "digamma": lambda m, f, x: f.digamma(x),
    "sinc": lambda m, f, x: f.sinc(x),
    "polygamma0": lambda m, f, x: f.polygamma(0, x),
    "polygamma2": lambda m, f, x: f.polygamma(2, x),
    "mvlgamma1": lambda m, f, x: f.mvlgamma(x, 1),
    "mvlgamma3": lambda m, f, x: f.mvlgamma(x + 1, p=3),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_three_derivatives(name: str) -> None:
    x = np.concatenate([spread(0.05, 0.95, 20), spread(-0.95, -0.55, 20) if "mv" not in name else spread(0.1, 1, 4)])
    results = []
    for library, functions in ((minitorch, special), (torch, torch)):
        t = library.from_numpy(x.copy()).requires_grad_()
        out, values = FUNCTIONS[name](library, functions, t), []
        for _ in range(3):
            values.append(out.detach().numpy())
            (out,) = library.autograd.grad(out.sum(), t, create_graph=True)
        results.append([*values, out.detach().numpy()])
    for order, (a, b) in enumerate(zip(*results, strict=True)):
        # PyTorch's polygamma(1, x) is good to 5e-10; its derivatives and ours are better.
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10, err_msg=f"derivative {order}")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_node_names(name: str) -> None:
    x = [library.tensor([0.5], requires_grad=True) for library in (minitorch, torch)]
    ours, theirs = FUNCTIONS[name](minitorch, special, x[0]), FUNCTIONS[name](torch, torch, x[1])
    assert ours.grad_fn.name() == theirs.grad_fn.name()


def test_sinc_has_slope_zero_at_zero() -> None:
    x = minitorch.tensor([0.0, 1.0], requires_grad=True)
    special.sinc(x).sum().backward()
    assert x.grad.tolist() == pytest.approx([0.0, -1.0])


# --- arguments


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (lambda m, f: f.polygamma(-1, m.ones(1)), RuntimeError),
        (lambda m, f: f.polygamma(1.5, m.ones(1)), TypeError),
        (lambda m, f: f.mvlgamma(m.ones(1), 0), RuntimeError),
        (lambda m, f: f.mvlgamma(m.ones(1), 2.0), TypeError),
        (lambda m, f: f.mvlgamma(m.ones(1) > 0, 1), RuntimeError),
        (lambda m, f: f.erf(1.0), TypeError),
        (lambda m, f: f.erf(), TypeError),
    ],
)
def test_refused(function: Any, error: type[Exception]) -> None:
    for library, functions in ((minitorch, special), (torch, torch)):
        with pytest.raises(error):
            function(library, functions)


def test_poles_of_polygamma() -> None:
    x = minitorch.tensor([0.0, -1.0, -2.0], dtype=minitorch.float64)
    assert special.polygamma(1, x).tolist() == [math.inf] * 3
    assert special.polygamma(2, x).tolist() == [-math.inf] * 3
    assert special.polygamma(1, minitorch.tensor([math.inf])).tolist() == [0.0]
