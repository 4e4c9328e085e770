"""The truth in float64: functions in mpmath, to 50 digits, with their gradients and second gradients by differences.

A reference is a function of `m`, this module's functions, and of arrays of mpmath numbers; it gives the value of a case.
The differences are taken over steps of 1e-16 at 60 digits: they are right to 30.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import mpmath
import numpy as np

from parity.evaluate import weights_for

STEP = mpmath.mpf("1e-16")


class Functions:
    """mpmath's functions under PyTorch's names, for arrays of numbers."""

    pi = mpmath.pi

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in NAMED and not hasattr(mpmath, name):
            raise AttributeError(name)
        function = NAMED.get(name) or getattr(mpmath, name)
        return np.frompyfunc(function, function.__code__.co_argcount if name in NAMED else 1, 1)


def _softplus(x: Any) -> Any:
    return mpmath.log1p(mpmath.exp(x))


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + mpmath.exp(-x))


def _normal(x: Any) -> Any:
    return (1 + mpmath.erf(x / mpmath.sqrt(2))) / 2


NAMED: dict[str, Callable[..., Any]] = {
    "exp2": lambda x: mpmath.mpf(2) ** x,
    "sigmoid": _sigmoid,
    "rsqrt": lambda x: 1 / mpmath.sqrt(x),
    "log2": lambda x: mpmath.log(x) / mpmath.log(2),
    "log10": lambda x: mpmath.log(x) / mpmath.log(10),
    "arctan": lambda x: mpmath.atan(x),
    "arcsin": lambda x: mpmath.asin(x),
    "arccos": lambda x: mpmath.acos(x),
    "arcsinh": lambda x: mpmath.asinh(x),
    "arccosh": lambda x: mpmath.acosh(x),
    "arctanh": lambda x: mpmath.atanh(x),
    "deg2rad": lambda x: x * mpmath.pi / 180,
    "rad2deg": lambda x: x * 180 / mpmath.pi,
    "sinc": lambda x: mpmath.sin(mpmath.pi * x) / (mpmath.pi * x),
    "lgamma": lambda x: mpmath.log(abs(mpmath.gamma(x))),
    "logit": lambda x: mpmath.log(x / (1 - x)),
    "polygamma": lambda n, x: mpmath.polygamma(n, x),
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1 / x,
    "atan2": lambda y, x: mpmath.atan2(y, x),
    "arctan2": lambda y, x: mpmath.atan2(y, x),
    "hypot": lambda x, y: mpmath.sqrt(x * x + y * y),
    "logaddexp": lambda x, y: mpmath.log(mpmath.exp(x) + mpmath.exp(y)),
    "xlogy": lambda x, y: x * mpmath.log(y),
    "pow": lambda x, y: x**y,
    # activations
    "silu": lambda x: x * _sigmoid(x),
    "mish": lambda x: x * mpmath.tanh(_softplus(x)),
    "gelu": lambda x: x * _normal(x),
    "softplus": _softplus,
    "logsigmoid": lambda x: -_softplus(-x),
    "tanhshrink": lambda x: x - mpmath.tanh(x),
    "softsign": lambda x: x / (1 + abs(x)),
}
KNOWN = set(NAMED) | set(
    "exp expm1 tanh sin cos tan atan sinh cosh asinh erf erfc sqrt log log1p asin acos atanh erfinv acosh digamma".split()
)
m = Functions()


@cache
def function_named(name: str) -> Callable[..., Any] | None:
    """The reference for `t.name(x)` or `t.name(x, y)`."""
    return (lambda m, *xs: getattr(m, name)(*xs)) if name in KNOWN else None


def truth(
    reference: Callable[..., Any], arrays: list[np.ndarray], order: int, connected: list[bool]
) -> dict[str, list[np.ndarray]]:
    """{'value': [...], 'gradient': one per input, 'second gradient': one per input}, rounded to float64 last.

    connected: which inputs have a gradient; the second gradient is that of these, weighted.
    """
    with mpmath.workdps(60):
        xs = [_numbers(a) for a in arrays]
        value = np.asarray(reference(m, *xs), object)
        outer, inner = weights_for([value.shape], [a.shape for a in arrays])
        w, vs = _numbers(outer[0]), [_numbers(v * c) for v, c in zip(inner, connected)]
        total: Callable[..., Any] = lambda xs: np.sum(np.asarray(reference(m, *xs), object) * w)
        found = {"value": [_rounded(value)]}
        if order >= 1:
            found["gradient"] = [_rounded(g) for g in _gradients(total, xs)]
        if order >= 2:  # along v, of the gradients times v
            up, down = ([x + sign * STEP * v for x, v in zip(xs, vs)] for sign in (1, -1))
            pairs = zip(_gradients(total, up), _gradients(total, down))
            found["second gradient"] = [_rounded((a - b) / (2 * STEP)) for a, b in pairs]
        return found


def _numbers(a: np.ndarray) -> np.ndarray:
    out = np.empty(a.shape, object)
    for i, x in np.ndenumerate(a):
        out[i] = mpmath.mpf(float(x))
    return out


def _rounded(a: Any) -> np.ndarray:
    a = np.asarray(a, object)
    return np.array([float(x) for x in a.ravel()]).reshape(a.shape)


def _gradients(total: Callable[..., Any], xs: list[np.ndarray]) -> list[np.ndarray]:
    """The gradient of `total` for each array, element by element, by central differences."""
    found = []
    for x in xs:
        g = np.empty(x.shape, object)
        for i in np.ndindex(x.shape):
            old = x[i]
            x[i] = old + STEP
            up = total(xs)
            x[i] = old - STEP
            g[i] = (up - total(xs)) / (2 * STEP)
            x[i] = old
        found.append(g)
    return found
