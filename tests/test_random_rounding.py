"""Arithmetic with one rounding, against fractions."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minitorch.random import others, rounding, uniform

# --- rounding

EXPONENTS = {32: 30, 64: 200}


def floats(width):
    largest = 2.0 ** EXPONENTS[width]
    return st.floats(-largest, largest, width=width, allow_subnormal=False).filter(
        lambda x: x == 0 or abs(x) > 1 / largest
    )


def to_float32(exact):
    """The fraction rounded once to 24 bits."""
    near = np.float32(float(exact))
    around = [np.nextafter(near, np.float32(-np.inf)), near, np.nextafter(near, np.float32(np.inf))]
    return min(around, key=lambda c: (abs(Fraction(float(c)) - exact), int(c.view(np.int32)) & 1))


powers = st.builds(lambda sign, e: sign * 2.0**e, st.sampled_from([-1, 1]), st.integers(-29, 29))


@settings(max_examples=300, deadline=None)
@given(floats(32), floats(32) | powers, floats(32))
def test_fma32(x, y, c):
    exact = Fraction(x) * Fraction(y) + Fraction(c)
    assert rounding.fma32(np.array([x], np.float32), y, c)[0] == to_float32(exact)


def test_fma32_of_zeros():
    for x in (0.0, -0.0):
        for y in (0.7, -0.7, 0.0, -0.0, 2.0):
            assert rounding.fma32(np.array([x], np.float32), y, 0.0).tobytes() == bytes(4)


def test_fma32_near_ties():
    """1.5 * 2**-24 on top of 1 is a tie but for the last bit of the product, which float64 drops."""
    for sign in (-1, 1):
        y = 1 + sign * 2.0**-23
        for c in (2.0**30, 2.0**30 + 2.0**7):
            x = np.float32(2.0**6 + 2.0**-17) * np.arange(1, 50, dtype=np.float32)
            expected = [to_float32(Fraction(float(v)) * Fraction(y) + Fraction(c)) for v in x]
            assert rounding.fma32(x, y, c).tolist() == [float(v) for v in expected]


@settings(max_examples=300, deadline=None)
@given(floats(64), floats(64), floats(64))
def test_fma64(x, y, c):
    exact = Fraction(x) * Fraction(y) + Fraction(c)
    for n in (1, rounding.FEW + 1):  # a loop, or arrays
        assert (rounding.fma64(np.full(n, x), y, c) == float(exact)).all()


@pytest.mark.parametrize("n", [1, rounding.FEW + 1])
def test_fma64_at_the_ends_of_the_range(n):
    """Where the error of a product overflows or is too small for float64."""
    for y, c in ((1e308, -1e308), (3e304, 1e300), (5e-324, 1e-320), (3e-310, 7e-312), (1e-300, 1e-320), (1e308, 1e308)):
        for x in (0.3, -1 / 3, 1.1, 7.7):
            try:
                exact = float(Fraction(x) * Fraction(y) + Fraction(c))
            except OverflowError:
                exact = math.copysign(math.inf, x)
            assert rounding.fma64(np.full(n, x), y, c).tolist() == [exact] * n, (x, y, c)
    assert rounding.fma64(np.full(n, 2.0), math.inf, 1.0).tolist() == [math.inf] * n
    assert rounding.fma64(np.full(n, -2.0), 3.0, math.inf).tolist() == [math.inf] * n


@pytest.mark.parametrize("function", rounding._IN_NUMPY)
def test_the_c_library_over_arrays(function, monkeypatch):
    """Through NumPy, where that calls it, or one number after the other: the same bits."""
    _, low, high = rounding._IN_NUMPY[function]
    u = np.random.default_rng(1).integers(1, 2**53, 100_000) * 2.0**-53
    x = u + low if high - low == 1 else u * (high - low) + low
    expected = [function(v) for v in x.tolist()]
    assert rounding.libm(function, x).tolist() == expected
    monkeypatch.setattr(rounding, "_is_in_numpy", lambda function: False)
    assert rounding.libm(function, x).tolist() == expected


def test_the_logarithm_of_zero():
    """A uniform number may be 0."""
    for n in (1, 1000):
        with np.errstate(divide="ignore"):
            assert rounding.libm(rounding.log, np.zeros(n)).tolist() == [-math.inf] * n


def test_fma64_near_ties():
    """(1 + e)(1 - e) / 2**53 lies just below the middle between two numbers, by less than float64 can say."""
    x, y, c = 1 + 2.0**-52, 2.0**-53 * (1 - 2.0**-52), 1 + 2.0**-52
    assert rounding.fma64(np.array([x]), y, c).tolist() == [c]
    assert rounding.fma64(np.array([x]), -y, -c).tolist() == [-c]
    x = 1 + np.arange(1, 40) * 2.0**-52
    for y, c in ((1 + 2.0**-52, 2.0**53), (1 - 2.0**-53, 2.0**54), (2.0**-53 + 2.0**-60, 1.0), (3.0, -3.0)):
        expected = [float(Fraction(v) * Fraction(y) + Fraction(c)) for v in x.tolist()]
        assert rounding.fma64(x, y, c).tolist() == expected
    assert rounding.fma64(np.array([np.inf, 1e308]), 10.0, 1.0).tolist() == [np.inf, np.inf]


def test_uniform_near_ties():
    """3 u + 2**-60: the second term decides where 3 u is in the middle between two float32 numbers."""
    u = (np.arange(2**24 - 64, 2**24) * 2.0**-24).astype(np.float32)
    low, high = 2.0**-60, 3.0
    drawn = uniform._stretch(u, np.float32(low), np.float32(high), np.float32(high) - np.float32(low))
    assert drawn.tolist() == [float(to_float32(Fraction(float(v)) * 3 + Fraction(low))) for v in u]


def test_exponential_near_ties(monkeypatch):
    """Where the last bit of log1p decides the rounding to float32, it is the C library's."""
    middles = 1 + (2 * np.arange(5000) + 1) * 2.0**-24
    u = -np.expm1(-middles)
    u = np.concatenate([u, np.nextafter(u, 0), np.nextafter(u, 1)])
    monkeypatch.setattr(others, "unit_float64", lambda generator, n: u[:n])
    expected = -rounding.libm(math.log1p, -u)
    assert others.exponential_(np.empty(u.size, np.float32)).tolist() == expected.astype(np.float32).tolist()
