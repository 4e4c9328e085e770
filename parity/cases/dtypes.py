"""Ops on every dtype from bool to float64: the values, the dtype of the result, or the same error."""

from __future__ import annotations

from parity.case import NUMBERS, binary, case, family, given, unary, whole
from parity.cases.creation import printed

X, Y = whole(0, 4, 3, 4), whole(1, 4, 3, 4)
SIGNED = whole(-3, 4, 3, 4)
THRESHOLDS = given([0, 1, 2])

CASES = family(
    "dtypes",
    *binary("eq ne lt le gt ge logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor", X, Y),
    *binary("bitwise_left_shift bitwise_right_shift floor_divide remainder fmod pow add sub mul div maximum minimum", X, Y),
    *unary("logical_not bitwise_not isnan isinf isfinite isposinf isneginf signbit argmax argmin count_nonzero nonzero argwhere", X),
    *unary("neg abs sign square exp log sqrt sin tanh sigmoid floor ceil trunc round reciprocal relu rsqrt erf log1p frac positive", Y),
    *unary("sum prod max min any all amax amin mean median sort unique msort", X),
    *unary("neg abs sign square relu round sum prod max min argmax", SIGNED, suffix=" below 0"),
    case("isclose", lambda t, x, y: t.isclose(x, y), X, Y),
    case("add number", lambda t, x: t.add(x, 1), X),
    case("add float", lambda t, x: t.add(x, 1.5), X),
    case("add true", lambda t, x: t.add(x, True), X),
    case("mul large", lambda t, x: t.mul(x, 1000), X),
    case("add 300", lambda t, x: t.add(x, 300), X),
    *[case(f"{op} of nothing by 0", lambda t, x, op=op: [getattr(t, op)(x[:0], 0), getattr(t, op)(x[:0], x[0] * 0)], X)
      for op in ("fmod", "remainder", "floor_divide")],
    *[case(f"{op} beside a wider number", lambda t, x, op=op: [getattr(t, op)(x, t.tensor(1000)), getattr(t, op)(t.tensor(-3), x)], Y)
      for op in ("div", "atan2", "xlogy", "mul", "remainder")],
    case("div number", lambda t, x: t.div(x, 2), X),
    case("div floor", lambda t, x, y: t.div(x, y, rounding_mode="floor"), X, Y),
    case("3 / x", lambda t, x: 3 / x, Y),
    case("2 - x", lambda t, x: 2 - x, Y),
    case("pow 2", lambda t, x: t.pow(x, 2), X),
    case("pow 0.5", lambda t, x: t.pow(x, 0.5), Y),
    case("2 pow", lambda t, x: 2**x, Y),
    case("2.5 pow", lambda t, x: 2.5**x, Y),
    case("cumsum", lambda t, x: t.cumsum(x, 0), X),
    case("cumsum_ dtype", lambda t, x: x.cumsum_(0, dtype=t.float32), X),
    case("cumprod", lambda t, x: t.cumprod(x, 0), X),
    case("cummax", lambda t, x: t.cummax(x, 0).values, X),
    case("sum dim", lambda t, x: t.sum(x, 1), X),
    case("mean dtype", lambda t, x: t.mean(x, dtype=t.float64), X),
    case("clamp", lambda t, x: t.clamp(x, 0, 2), X),
    case("clamp float", lambda t, x: t.clamp(x, 0.5), X),
    case("where", lambda t, x, y: t.where(x > y, x, y), X, Y),
    case("where number", lambda t, x: t.where(x > 0, x, 0.5), X),
    case("matmul", lambda t, x, y: x @ y.t(), X, Y),
    case("masked_fill", lambda t, x: t.masked_fill(x, x > 0, 1), X),
    case("cat", lambda t, x, y: t.cat([x, y]), X, Y),
    case("sort stable", lambda t, x: t.sort(x, stable=True), X),
    case("argsort", lambda t, x: t.argsort(x, stable=True), X),
    case("topk", lambda t, x: t.topk(x, 2).values, X),
    case("searchsorted", lambda t, x, s: t.searchsorted(s, x), X, THRESHOLDS),
    case("bincount", lambda t, x: t.bincount(x.reshape(-1)), Y),
    case("histc", lambda t, x: t.histc(x.float(), 4), X),
    case("conversions", lambda t, x: [x.int(), x.bool(), x.half(), x.double(), x.byte()], X),
    case("scatter_add", lambda t, x, y: t.scatter_add(x, 1, x.long() * 0, y), X, Y),
    case("index_add", lambda t, x, y, i: t.index_add(x, 0, i, y), X, Y, given([0, 0, 1])),
    case("gather", lambda t, x, i: t.gather(x, 1, i), X, given([[0], [3], [1]])),
    case("repr", lambda t, x: printed(x), X),
    case("*_like", lambda t, x: [t.zeros_like(x), t.ones_like(x), t.full_like(x, 1)], X),
    case("norm", lambda t, x: t.norm(x), X),
    case("std", lambda t, x: t.std(x), X),
    case("softmax", lambda t, x: t.softmax(x, 1), X),
    case("mse_loss", lambda t, x, y: t.nn.functional.mse_loss(x, y), X, Y),
    case("equal", lambda t, x, y: [t.equal(x, x), t.equal(x, y), t.allclose(x, x)], X, Y),
    case("copy_", lambda t, x, y: t.zeros_like(x).copy_(y * 1.5), X, Y),
    case("requires_grad_", lambda t, x: x.requires_grad_().requires_grad, X),
    order=0, dtypes=NUMBERS, numeric=False,
)  # fmt: skip
