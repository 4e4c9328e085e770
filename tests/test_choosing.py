"""The quick ways to choose between values give what NumPy's own functions give, to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from minitorch.choosing import limited, positive_part, select, zero_unless

DTYPES = ("float16", "float32", "float64", "int32")
SHAPES = ((), (7,), (64, 65), (0, 5))


def values(shape: tuple[int, ...], dtype: str, seed: int) -> np.ndarray:
    """Ordinary numbers with zeros of both signs, infinities and NaN among them."""
    rng = np.random.default_rng(seed)
    x = np.asarray(rng.normal(size=shape) * 3)
    if np.dtype(dtype).kind == "f":
        x = np.asarray(np.where(rng.random(shape) < 0.3, rng.choice([0.0, -0.0, np.inf, -np.inf, np.nan], shape), x))
    return x.astype(dtype)


def same(mine: np.ndarray, theirs: np.ndarray) -> None:
    mine, theirs = np.asarray(mine), np.asarray(theirs)
    assert mine.dtype == theirs.dtype
    np.testing.assert_array_equal(mine, theirs)
    if theirs.dtype.char in "fd":  # NumPy's float16 keeps the other one of two zeros
        number = ~np.isnan(theirs)
        assert np.array_equal(np.signbit(mine) & number, np.signbit(theirs) & number)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_select(dtype: str, shape: tuple[int, ...]) -> None:
    x, y = values(shape, dtype, 0), values(shape, dtype, 1)
    mask = np.random.default_rng(2).random(shape) < 0.5
    number = np.dtype(dtype).type(2)
    same(select(mask, x, y), np.where(mask, x, y))
    same(select(mask, x, 2), np.where(mask, x, number))
    same(select(mask, 2, x), np.where(mask, number, x))
    same(select(mask, x.T.copy().T, y), np.where(mask, x, y))
    same(select(mask, number.reshape(()), x), np.where(mask, number, x))
    if x.ndim == 2 and x.size:
        same(select(mask[:1], x, y), np.where(mask[:1], x, y))
        same(select(mask, x[:1], y[:, :1]), np.where(mask, x[:1], y[:, :1]))
        same(select(mask, x[0, 0].reshape(()), y[0, 0].reshape(())), np.where(mask, x[0, 0], y[0, 0]))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_limited(dtype: str, shape: tuple[int, ...]) -> None:
    x = values(shape, dtype, 0)
    for low, high in ((-1, 2), (None, 2), (-1, None), (0, None), (None, 0), (2, -1)):
        expected = x if low is None else np.where(x < low, x.dtype.type(low), x)
        same(
            limited(x, low, high), expected if high is None else np.where(expected > high, x.dtype.type(high), expected)
        )
    same(positive_part(x), np.where(x < 0, x.dtype.type(0), x))
    same(positive_part(x.T), np.where(x.T < 0, x.dtype.type(0), x.T))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES[:3])
def test_zero_unless(dtype: str, shape: tuple[int, ...]) -> None:
    x = values(shape, dtype, 0)
    mask = np.random.default_rng(2).random(shape) < 0.5
    same(zero_unless(x, mask), np.where(mask, x, np.dtype(dtype).type(0)))
