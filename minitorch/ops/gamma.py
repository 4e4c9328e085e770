"""The logarithm of the gamma function and its derivatives for NumPy arrays. All compute in float64.

lgamma        W. J. Cody, K. E. Hillstrom, "Chebyshev approximations for the natural logarithm of the
              gamma function", Math. Comp. 21 (1967)
digamma       W. J. Cody, A. J. Strecok, H. C. Thacher, "Chebyshev approximations for the psi function",
              Math. Comp. 27 (1973)
polygamma     M. Abramowitz, I. A. Stegun, "Handbook of Mathematical Functions" (1964), 6.4.7 (reflection),
              6.4.10 and 23.1.30 (the sum over 1/(x + k)^(n + 1), its tail by Euler and Maclaurin)
"""

from __future__ import annotations

import math

import numpy as np

from minitorch.ops.rational import by_blocks, choose, constants, monic, polynomial

# --- lgamma

_ONE_TOP = constants(
    4.945235359296727046734888e0, 2.018112620856775083915565e2, 2.290838373831346393026739e3,
    1.131967205903380828685045e4, 2.855724635671635335736389e4, 3.848496228443793359990269e4,
    2.637748787624195437963534e4, 7.225813979700288197698961e3,
)  # fmt: skip
_ONE_BOTTOM = constants(
    6.748212550303777196073036e1, 1.113332393857199323513008e3, 7.738757056935398733233834e3,
    2.763987074403340708898585e4, 5.499310206226157329794414e4, 6.161122180066002127833352e4,
    3.635127591501940507276287e4, 8.785536302431013170870835e3,
)  # fmt: skip
_TWO_TOP = constants(
    4.974607845568932035012064e0, 5.424138599891070494101986e2, 1.550693864978364947665077e4,
    1.847932904445632425417223e5, 1.088204769468828767498470e6, 3.338152967987029735917223e6,
    5.106661678927352456275255e6, 3.074109054850539556250927e6,
)  # fmt: skip
_TWO_BOTTOM = constants(
    1.830328399370592604055942e2, 7.765049321445005871323047e3, 1.331903827966074194402448e5,
    1.136705821321969608938755e6, 5.267964117437946917577538e6, 1.346701454311101692290052e7,
    1.782736530353274213975932e7, 9.533095591844353613395747e6,
)  # fmt: skip
_FOUR_TOP = constants(
    1.474502166059939948905062e4, 2.426813369486704502836312e6, 1.214755574045093227939592e8,
    2.663432449630976949898078e9, 2.940378956634553899906876e10, 1.702665737765398868392998e11,
    4.926125793377430887588120e11, 5.606251856223951465078242e11,
)  # fmt: skip
_FOUR_BOTTOM = constants(
    -1.0, 2.690530175870899333379843e3, 6.393885654300092398984238e5, 4.135599930241388052042842e7,
    1.120872109616147941376570e9, 1.488613728678813811542398e10, 1.016803586272438228077304e11,
    3.417476345507377132798597e11, 4.463158187419713286462081e11,
)  # fmt: skip
_LARGE = constants(
    5.7083835261e-3, -1.910444077728e-3, 8.4171387781295e-4, -5.952379913043012e-4, 7.93650793500350248e-4,
    -2.777777777777681622553e-3, 8.333333333333333331554247e-2,
)  # fmt: skip


def _lgamma_positive(y: np.ndarray) -> np.ndarray:
    def small(y: np.ndarray) -> np.ndarray:
        below = y < 0.6796875  # there, gamma(y) = gamma(1 + y) / y
        t = np.where(below, y, y - 1)
        value = choose(
            t <= 0.5,
            t,
            lambda t: t * (-0.5772156649015328605195174 + t * (polynomial(t, _ONE_TOP) / monic(t, _ONE_BOTTOM))),
            lambda t: _around_two(t - 1),
        )
        return np.where(below, -np.log(y), 0.0) + value

    def medium(y: np.ndarray) -> np.ndarray:
        t = y - 4
        return 1.791759469228055000094023 + t * (polynomial(t, _FOUR_TOP) / polynomial(t, _FOUR_BOTTOM))

    def large(y: np.ndarray) -> np.ndarray:
        stirling = (y - 0.5) * (np.log(y) - 1) + (0.5 * math.log(2 * math.pi) - 0.5)
        return stirling + polynomial(1 / (y * y), _LARGE) / y

    return choose(y <= 4, y, small, lambda y: choose(y <= 12, y, medium, large))


def _around_two(t: np.ndarray) -> np.ndarray:
    """lgamma(2 + t) for t from -0.5 to 2."""
    return t * (0.4227843350984671393993777 + t * (polynomial(t, _TWO_TOP) / monic(t, _TWO_BOTTOM)))


def _lgamma(x: np.ndarray) -> np.ndarray:
    def reflected(x: np.ndarray) -> np.ndarray:
        from_pole = x - np.rint(x)
        value = -np.log(np.abs(from_pole) * np.sinc(from_pole)) - _lgamma_positive(1 - x)
        return np.where(x == np.rint(x), np.inf, value)

    return choose(x < 0, x, reflected, _lgamma_positive)


def lgamma(x: np.ndarray) -> np.ndarray:
    return by_blocks(_lgamma, x)


# --- digamma

_PSI_TOP = constants(
    4.5104681245762934160e-3, 5.4932855833000385356e0, 3.7646693175929276856e2, 7.9525490849151998065e3,
    7.1451595818951933210e4, 3.0655976301987365674e5, 6.3606997788964458797e5, 5.8041312783537569993e5,
    1.6585695029761022321e5,
)  # fmt: skip
_PSI_BOTTOM = constants(
    9.6141654774222358525e1, 2.6287715790581193330e3, 2.9862497022250277920e4, 1.6206566091533671639e5,
    4.3487880712768329037e5, 5.4256384537269993733e5, 2.4242185002017985252e5, 6.4155223783576225996e-8,
)  # fmt: skip
_PSI_LARGE_TOP = constants(
    -2.7103228277757834192e0, -1.5166271776896121383e1, -1.9784554148719218667e1, -8.8100958828312219821e0,
    -1.4479614616899842986e0, -7.3689600332394549911e-2, -6.5135387732718171306e-21,
)  # fmt: skip
_PSI_LARGE_BOTTOM = constants(
    4.4992760373789365846e1, 2.0240955312679931159e2, 2.4736979003315290057e2, 1.0742543875702278326e2,
    1.7463965060678569906e1, 8.8427520398873480342e-1,
)  # fmt: skip


def _digamma_positive(y: np.ndarray) -> np.ndarray:
    """For y >= 0.5."""

    def small(y: np.ndarray) -> np.ndarray:
        from_zero = (y - 187 / 128) - 6.9464496836234126266e-4  # the zero of digamma, in two parts
        return from_zero * (polynomial(y, _PSI_TOP) / monic(y, _PSI_BOTTOM))

    def large(y: np.ndarray) -> np.ndarray:
        w = 1 / (y * y)
        return polynomial(w, _PSI_LARGE_TOP) / monic(w, _PSI_LARGE_BOTTOM) - 0.5 / y + np.log(y)

    return choose(y <= 3, y, small, large)


def _cotangent(x: np.ndarray) -> np.ndarray:
    """cot(pi * x)."""
    return 1 / np.tan(np.pi * (x - np.rint(x)))


def _digamma(x: np.ndarray) -> np.ndarray:
    def reflected(x: np.ndarray) -> np.ndarray:
        value = _digamma_positive(1 - x) - np.pi * _cotangent(x)
        pole = np.where(x == 0, np.copysign(np.inf, -x), np.nan)  # the sides of a pole disagree
        return np.where(x == np.rint(x), pole, value)

    return choose(x < 0.5, x, reflected, _digamma_positive)


def digamma(x: np.ndarray) -> np.ndarray:
    return by_blocks(_digamma, x)


# --- polygamma

# B(2j) / (2j)! for j = 1, 2, ..., of the Euler-Maclaurin formula.
_BERNOULLI = [
    1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000, 1 / 74724249600,
    -3617 / 10670622842880000,
]  # fmt: skip


def _zeta(s: int, x: np.ndarray) -> np.ndarray:
    """The sum of 1/(x + k)**s over k = 0, 1, 2, ..., for s > 1 and x >= 0."""
    steps = 10 + s // 2
    out = sum((x + k) ** -float(s) for k in range(steps))
    a = x + steps
    power = a ** -float(s)
    out = out + a ** (1.0 - s) / (s - 1) + power / 2
    rising = float(s)
    for j, b in enumerate(_BERNOULLI):
        power = power / a if j == 0 else power / (a * a)
        out = out + b * rising * power
        rising *= (s + 2 * j + 1) * (s + 2 * j + 2)
    return out


def _polygamma(n: int, x: np.ndarray) -> np.ndarray:
    sign = 1 if n % 2 else -1
    scale = sign * (float(math.factorial(n)) if n <= 170 else math.inf)

    def reflected(x: np.ndarray) -> np.ndarray:
        # The n-th derivative of cot(pi x) is a polynomial in cot(pi x), since cot' = -pi (1 + cot^2).
        derivative = np.polynomial.Polynomial([0.0, 1.0])
        for _ in range(n):
            derivative = -np.pi * derivative.deriv() * np.polynomial.Polynomial([1.0, 0.0, 1.0])
        value = -sign * scale * _zeta(n + 1, 1 - x) - np.pi * derivative(_cotangent(x))
        return np.where(x == np.rint(x), np.where(np.isinf(x), np.nan, sign * np.inf), value)

    return choose(x < 0, x, reflected, lambda x: scale * _zeta(n + 1, x))


def polygamma(n: int, x: np.ndarray) -> np.ndarray:
    return digamma(x) if n == 0 else by_blocks(lambda x: _polygamma(n, x), x)
