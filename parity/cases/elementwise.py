"""Functions of one number, and the few of two: each against mpmath in float64."""

from __future__ import annotations

from parity.case import above_one, binary, case, family, given, mask, positive, real, unary, unit, whole

A, B, P = real(3, 4), real(4), positive(3, 4)
# The corners of every function.
ODD = given([0.0, -0.0, float("inf"), -float("inf"), float("nan"), 1.0, -1.0, 1e-30, -3.5])
OTHERS = given([[0.0], [-2.0], [float("inf")], [float("nan")]])
WHOLE = whole(-3, 4, 3, 4)

SMOOTH = "exp exp2 expm1 sigmoid tanh sin cos atan sinh cosh asinh erf erfc deg2rad rad2deg sinc arctan arcsinh"
POSITIVE = "sqrt rsqrt log log2 log10 log1p"
STEPS = "floor ceil trunc fix round frac"
UNIT = "tan asin acos atanh erfinv arcsin arccos arctanh"
GAMMAS = "lgamma digamma"

CASES = family(
    "elementwise",
    *unary(SMOOTH, A),
    *unary(POSITIVE, P),
    *unary(UNIT, unit(3, 4)),
    *unary("acosh arccosh", above_one(3, 4)),
    *unary(GAMMAS, P),
    *unary("lgamma digamma", lambda rng: rng.uniform(-3.9, -3.1, (3, 4)), suffix=" below 0"),
    *unary(STEPS, A),
    *unary("sin cos tanh exp sigmoid erf", lambda rng: rng.uniform(-12, 12, (3, 4)), suffix=" far out", order=0),
    *unary("expm1 log1p sin tan tanh asinh atanh sinh erf erfinv", lambda rng: rng.uniform(-1e-3, 1e-3, (3, 4)), suffix=" near 0"),
    case("round decimals", lambda t, x: t.round(x, decimals=1) * x, A, numeric=False),
    case("round to tens", lambda t, x: t.round(x * 40, decimals=-1), A, numeric=False),
    case("round halves", lambda t, x: t.round(x), given([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]), numeric=False),
    case("mvlgamma", lambda t, x: t.mvlgamma(x, 2), above_one(3, 4), reference=lambda m, x: m.log(m.pi) / 2 + m.lgamma(x) + m.lgamma(x - 0.5)),
    case("polygamma 0", lambda t, x: t.polygamma(0, x), P, reference=lambda m, x: m.polygamma(0, x)),
    case("polygamma 1", lambda t, x: t.polygamma(1, x), P, reference=lambda m, x: m.polygamma(1, x)),
    case("polygamma 3", lambda t, x: t.polygamma(3, x), P, reference=lambda m, x: m.polygamma(3, x)),
    case("polygamma method", lambda t, x: x.polygamma(2), P, reference=lambda m, x: m.polygamma(2, x)),
    *binary("atan2 arctan2 hypot logaddexp", A, B),
    *binary("xlogy", A, positive(4)),
    case("xlogy at 0", lambda t, x, y: t.xlogy(x, y), given([0.0, 0.0, 1.0]), given([0.0, 2.0, 0.5]), order=1, numeric=False),
    case("xlogy numbers", lambda t, x: t.xlogy(2.0, x) + t.xlogy(x, 3.0), P),
)  # fmt: skip

# At 0, -0, the infinities and NaN: value and gradient.
CORNERS = family(
    "corners",
    *unary(f"{SMOOTH} {POSITIVE} {STEPS} {UNIT} acosh lgamma relu abs sign neg square reciprocal", ODD),
    *unary("digamma", ODD, known="its gradient at the poles is inf; PyTorch has large numbers and nan"),
    *binary("add sub mul div maximum minimum atan2 hypot logaddexp xlogy pow fmod remainder", ODD, OTHERS),
    case("pow 0", lambda t, x: t.pow(x, 0), ODD),
    case("atan2 of one shape", lambda t, x, y: t.atan2(x, y), A, positive(3, 4)),
    case("atan2 at the origin", lambda t, x, y: t.atan2(x, y), given([0.0, 0.0, -0.0, -0.0]), given([0.0, -0.0, 0.0, -0.0])),
    *unary("digamma", ODD, suffix=" alone", order=0),
    *binary("eq ne lt le gt ge", ODD, OTHERS, order=0),
    *[case(name, f, ODD, order=0) for name, f in {
        "isnan": lambda t, x: t.isnan(x), "isinf": lambda t, x: t.isinf(x), "isfinite": lambda t, x: t.isfinite(x),
        "isposinf": lambda t, x: t.isposinf(x), "isneginf": lambda t, x: t.isneginf(x),
        "signbit": lambda t, x: t.signbit(x), "nan_to_num": lambda t, x: t.nan_to_num(x),
        "max": lambda t, x: t.max(x), "min": lambda t, x: t.min(x), "argmax": lambda t, x: t.argmax(x),
        "argmin": lambda t, x: t.argmin(x), "sort": lambda t, x: t.sort(x), "sum": lambda t, x: t.sum(x),
        "nansum": lambda t, x: t.nansum(x), "nanmean": lambda t, x: t.nanmean(x), "amax": lambda t, x: t.amax(x),
        "median": lambda t, x: t.median(x), "nanmedian": lambda t, x: t.nanmedian(x), "any": lambda t, x: t.any(x),
        "all": lambda t, x: t.all(x), "clamp": lambda t, x: t.clamp(x, -1, 1), "cummax": lambda t, x: t.cummax(x, 0),
        "cumsum": lambda t, x: t.cumsum(x, 0), "softmax": lambda t, x: t.softmax(x, 0),
        "logsumexp": lambda t, x: t.logsumexp(x, 0), "nonzero": lambda t, x: t.nonzero(x),
    }.items()],
    case("isclose", lambda t, x, y: [t.isclose(x, y), t.isclose(x, y, equal_nan=True)], ODD, ODD, order=0),
    order=1,
)  # fmt: skip

COMPARE = family(
    "compare",
    *binary("eq ne lt le gt ge not_equal less less_equal greater greater_equal", WHOLE, whole(1, 4, 4)),
    *binary("logical_and logical_or logical_xor", WHOLE, whole(0, 2, 4)),
    *unary("logical_not isnan isinf isfinite isposinf isneginf", WHOLE),
    case("isclose", lambda t, x, y: t.isclose(x, y, rtol=0.5, atol=0.1), WHOLE, whole(1, 4, 4)),
    case("isclose by default", lambda t, x, y: t.isclose(x, y), given([1.0, 1.0, 0.0, 0.0, 3.0]), given([1.000005, 1.00005, 5e-9, 2e-8, 3.05])),
    case("allclose", lambda t, x, y: [t.allclose(x, y), t.allclose(x, y, atol=9), t.allclose(x, x)], WHOLE, WHOLE),
    case("allclose method", lambda t, x, y: [x.allclose(y), x.allclose(y, atol=9)], WHOLE, whole(1, 4, 3, 4)),
    case("equal", lambda t, x, y: [t.equal(x, x), t.equal(x, y), t.equal(x, x[0])], WHOLE, whole(1, 4, 3, 4)),
    case("equal method", lambda t, x, y: [x.equal(x), x.equal(y)], WHOLE, whole(1, 4, 3, 4)),
    case("is_nonzero", lambda t, x: [t.is_nonzero(x), t.is_nonzero(x - x), x.is_nonzero()], real(1)),
    case("logical of bools", lambda t, x, y: [t.logical_and(x, y), t.logical_or(x, y), t.logical_xor(x, y)], mask(3, 4), mask(4), dtypes=()),
    order=0,
)  # fmt: skip
