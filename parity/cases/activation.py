"""Activations as functions: torch.nn.functional, and those that torch has itself."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from parity.case import case, family, given, positive, real, unary, whole

A, CUBE = real(3, 4), real(2, 3, 4)
WIDE = lambda rng: rng.uniform(-30, 30, (3, 4))
PLAIN = "celu elu gelu hardsigmoid hardswish hardtanh hardshrink leaky_relu logsigmoid mish relu relu6 selu sigmoid silu softplus softshrink softsign tanh tanhshrink"


def softmax(m: Any, x: Any) -> Any:
    """Along the last dimension, in mpmath."""
    e = m.exp(x)
    return e / e.sum(-1, keepdims=True)


def log_softmax(m: Any, x: Any) -> Any:
    return m.log(softmax(m, x))


def layer_norm(m: Any, x: Any, weight: Any = 1, bias: Any = 0, eps: float = 1e-5) -> Any:
    off = x - x.sum(-1, keepdims=True) / x.shape[-1]
    return off / m.sqrt((off * off).sum(-1, keepdims=True) / x.shape[-1] + eps) * weight + bias


def overwritten(t: Any, x: Any) -> Any:
    """With inplace=True: the values, and whether they are the input itself."""
    found = {}
    for name in OVERWRITING:
        y = x.clone()
        out = getattr(t.nn.functional, name)(y, *((0.1, 5.0) if name == "threshold" else ()), inplace=True)
        found[name] = [y, out is y]
    return found


OVERWRITING = "relu relu6 leaky_relu rrelu elu selu celu silu mish hardtanh hardsigmoid hardswish threshold".split()


def without_dim(t: Any, x: Any) -> Any:
    """softmax and its like, of 0 to 4 dimensions, along the dimension that PyTorch chooses."""
    functions = [getattr(t.nn.functional, name) for name in ("softmax", "softmin", "log_softmax")]
    return [[f(part) for part in (x[0, 0, 0, 0], x[0, 0, 0], x[0, 0], x[0], x)] for f in functions]


def places_warned(t: Any) -> Any:
    """The line that the warning about a missing `dim` points to."""
    x, names = t.ones(2, 3), ("softmax", "softmin", "log_softmax")
    return [warned(lambda name=name: getattr(t.nn.functional, name)(x)) for name in names]  # type: ignore[misc]


def warned(call: Callable[[], Any]) -> list[Any]:
    """(kind, line) of the warnings of a call."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        call()
    return [(w.category.__name__, w.filename == __file__, w.lineno) for w in seen]


def message(call: Callable[[], Any]) -> str:
    """What the error of a call says."""
    try:
        call()
    except RuntimeError as error:
        return str(error)
    return ""


CASES = family(
    "activation",
    *unary(PLAIN, A, of="t.nn.functional"),
    *unary(PLAIN, WIDE, of="t.nn.functional", suffix=" far out", order=1),
    *unary("relu leaky_relu hardtanh relu6 elu hardshrink softshrink hardsigmoid hardswish", whole(-3, 7, 3, 4), of="t.nn.functional", suffix=" at kinks", numeric=False),
    *unary("celu elu hardsigmoid hardswish hardtanh leaky_relu mish relu relu6 selu silu", A, of="t.nn.functional", options=", inplace=True", argument="x * 1", suffix=" inplace"),
    *unary("celu_ elu_ hardtanh_ leaky_relu_ relu_ selu_", A, of="t.nn.functional", argument="x * 1"),
    case("relu of torch", lambda t, x: t.relu(x), A),
    case("overwritten", overwritten, A, order=0),
    case("threshold", lambda t, x: t.nn.functional.threshold(x, 0.1, 5.0), A),
    case("threshold just passed", lambda t, x: t.nn.functional.threshold(x, 1.0, 5.0), given([1.0, 1.0 + 2**-10, 2.0]), numeric=False),
    case("threshold_", lambda t, x: t.nn.functional.threshold_(x * 1, 0.1, 5.0), A),
    case("threshold inplace", lambda t, x: t.nn.functional.threshold(x * 1, 0.1, 5.0, inplace=True), A),
    case("prelu", lambda t, x, w: t.nn.functional.prelu(x, w), A, positive(4)),
    case("prelu one weight", lambda t, x, w: t.nn.functional.prelu(x, w), CUBE, positive(1)),
    case("prelu channels", lambda t, x, w: t.nn.functional.prelu(x, w), CUBE, positive(3)),
    case("prelu of a vector", lambda t, x, w: t.nn.functional.prelu(x, w), real(2), positive(2), numeric=False),
    case("leaky_relu 0.3", lambda t, x: t.nn.functional.leaky_relu(x, 0.3), A),
    case("elu 2", lambda t, x: t.nn.functional.elu(x, 2.0), A),
    case("celu 0.5", lambda t, x: t.nn.functional.celu(x, 0.5), A),
    case("celu 0.7", lambda t, x: t.nn.functional.celu(x, 0.7), A, reference=lambda m, x: np.where(x > 0, x, 0.7 * m.expm1(x / 0.7))),
    case("celu_ 0.5", lambda t, x: t.nn.functional.celu_(x * 1, 0.5), A),
    case("gelu tanh", lambda t, x: t.nn.functional.gelu(x, approximate="tanh"), A),
    case("glu", lambda t, x: t.nn.functional.glu(x), A),
    case("glu dim", lambda t, x: t.nn.functional.glu(x, dim=0), real(4, 3)),
    case("hardtanh limits", lambda t, x: t.nn.functional.hardtanh(x, -0.5, 0.7), A),
    case("hardshrink 1", lambda t, x: t.nn.functional.hardshrink(x, 1.0), A),
    case("softshrink 1", lambda t, x: t.nn.functional.softshrink(x, 1.0), A),
    case("softplus beta", lambda t, x: t.nn.functional.softplus(x, beta=2.0, threshold=1.5), A),
    case("softmax", lambda t, x: t.softmax(x, -1), A, reference=softmax),
    case("softmax 0", lambda t, x: t.softmax(x, 0), A),
    case("softmax 3d", lambda t, x: t.softmax(x, 1), CUBE),
    case("softmax dtype", lambda t, x: t.softmax(x, 1, dtype=t.float64), A, reference=softmax),
    case("softmax wide", lambda t, x: t.softmax(x, 1), WIDE, order=1),
    case("log_softmax", lambda t, x: t.log_softmax(x, 1), A, reference=log_softmax),
    case("log_softmax wide", lambda t, x: t.log_softmax(x, 1), WIDE, order=1),
    case("log_softmax dtype", lambda t, x: t.log_softmax(x, 1, dtype=t.float64), A, reference=log_softmax),
    case("layer_norm", lambda t, x, w, b: t.layer_norm(x, (4,), w, b), A, real(4), real(4), reference=layer_norm),
    case("F.layer_norm", lambda t, x: t.nn.functional.layer_norm(x, (4,)), CUBE, reference=layer_norm),
    case("layer_norm plane", lambda t, x, w: t.nn.functional.layer_norm(x, (3, 4), w, eps=0.1), CUBE, A),
    case("F.softmax", lambda t, x: t.nn.functional.softmax(x, dim=1, dtype=t.float64), A, reference=softmax),
    case("F.log_softmax", lambda t, x: t.nn.functional.log_softmax(x, dim=1), A),
    case("softmax of many", lambda t, x: t.softmax(x, -2), real(150, 80), order=1, numeric=False),
    case("log_softmax of many", lambda t, x: t.log_softmax(x, -2), real(2, 150, 40), order=1, numeric=False),
    case("softmax transposed", lambda t, x: t.softmax(x.permute(2, 0, 1), 1), CUBE),
    case("log_softmax transposed", lambda t, x: t.log_softmax(x.t(), -1), A),
    case("gelu transposed", lambda t, x: t.nn.functional.gelu(x.permute(2, 0, 1)), CUBE),
    case("F.softmin", lambda t, x: t.nn.functional.softmin(x, dim=1), A),
    case("F.softmax without dim", lambda t, x: t.nn.functional.softmax(x), A),
    case("without dim", without_dim, real(2, 3, 2, 4), order=0),
    case("without dim, warned", places_warned, dtypes=()),
    case("linear", lambda t, x, w, b: t.nn.functional.linear(x, w, b), A, real(5, 4), real(5)),
    case("linear 3d", lambda t, x, w: t.nn.functional.linear(x, w), CUBE, real(5, 4)),
    case("linear 3d of nothing", lambda t, x, w: [t.nn.functional.linear(x[:0], w), t.nn.functional.linear(x, w[:0])], CUBE, real(5, 4), numeric=False),
    case("linear 1d", lambda t, x, w, b: t.nn.functional.linear(x, w, b), real(4), real(5, 4), real(5)),
    case("linear batch", lambda t, x, w, b: t.nn.functional.linear(x, w, b), real(32, 10), real(32, 10), real(32)),
    case("bilinear", lambda t, x, y, w, b: t.nn.functional.bilinear(x, y, w, b), A, real(3, 2), real(5, 4, 2), real(5)),
    case("bilinear of the wrong size", lambda t: [message(lambda shape=shape: t.nn.functional.bilinear(t.ones(3, 4), t.ones(3, 2), t.ones(*shape))) for shape in ((5, 3, 2), (5, 4, 3))], dtypes=()),  # type: ignore[misc]
)  # fmt: skip
