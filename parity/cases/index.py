"""Reading and writing at indices: by integers, slices, lists, tensors and masks."""

from __future__ import annotations

from typing import Any

from parity.case import case, family, given, mask, real

A, B, ROWS, CUBE = real(3, 4), real(4), real(2, 4), real(2, 3, 4)
I2, COLUMNS = given([[0, 2], [1, 1]]), given([[0, 0], [3, 1], [2, 2]])
MASK, ROW_MASK = given([[True, False, True, True]] * 3), given([True, False, True])


def written(x: Any, index: Any, value: Any) -> Any:
    """A copy of `x` with `value` at `index`."""
    out = x.clone()
    out[index] = value
    return out


CASES = family(
    "index",
    case("x[1]", lambda t, x: x[1], A),
    case("x[:, 1]", lambda t, x: x[:, 1], A),
    case("x[-1, ::2]", lambda t, x: x[-1, ::2], A),
    case("x[None, ..., 0]", lambda t, x: x[None, ..., 0], A),
    case("x[...]", lambda t, x: x[...], A),
    case("x[1:1]", lambda t, x: x[1:1], A, numeric=False),
    case("x[list]", lambda t, x: x[[0, 0, 2]], A),
    case("x[tensor 2d]", lambda t, x, i: x[i], A, I2),
    case("x[:, tensor]", lambda t, x, i: x[:, i], A, I2),
    case("x[tensor, tensor]", lambda t, x, i, j: x[i, j], A, given([0, 2, 2]), given([1, 3, 3])),
    case("x[tensor, :, tensor]", lambda t, x, i, j: x[i, :, j], CUBE, given([0, 1]), given([2, 0])),
    case("x[-tensor]", lambda t, x, i: x[i], A, given([-1, 0, -3])),
    case("x[mask]", lambda t, x, m: x[m], A, MASK),
    case("x[row mask]", lambda t, x, m: x[m], A, ROW_MASK),
    case("x[mask, 1]", lambda t, x, m: x[m, 1], A, ROW_MASK),
    case("x[x > 0]", lambda t, x: x[x > 0], A, numeric=False),
    case("x[True]", lambda t, x: [x[True], x[False]], A, numeric=False),
    case("select", lambda t, x: t.select(x, 1, -1), A),
    case("narrow", lambda t, x: t.narrow(x, 1, 1, 2), A),
    case("gather", lambda t, x, i: t.gather(x, 1, i), A, COLUMNS),
    case("gather 0", lambda t, x, i: t.gather(x, 0, i), A, I2),
    case("scatter", lambda t, x, i, y: t.scatter(x, 1, i, y), A, given([[0, 1], [3, 1], [2, 0]]), real(3, 2)),
    case("masked_fill transposed", lambda t, x: (y := x.permute(2, 0, 1)).masked_fill(y > 0.3, 0.5), real(2, 3, 4)),
    case("index_add transposed", lambda t, x, i: t.index_add(x.t(), 0, i, x), real(3, 3), given([0, 1, 0])),
    case("scatter number transposed", lambda t, x, i: t.scatter(x.t(), 1, i, 1.5), A, given([[0], [2], [2]])),
    case("scatter number", lambda t, x, i: t.scatter(x, 1, i, 1.5), A, given([[0], [3], [2]])),
    case("scatter add", lambda t, x, i, y: t.scatter(x, 1, i, y, reduce="add"), A, COLUMNS, real(3, 2), order=0),
    case("scatter multiply", lambda t, x, i, y: t.scatter(x, 1, i, y, reduce="multiply"), A, COLUMNS, real(3, 2), order=0),
    case("scatter_add", lambda t, x, i, y: t.scatter_add(x, 1, i, y), A, COLUMNS, real(3, 2)),
    case("take_along_dim", lambda t, x, i: t.take_along_dim(x, i, 1), A, given([[0], [1], [2]])),
    case("take_along_dim flat", lambda t, x, i: t.take_along_dim(x, i), A, given([0, 11, 5])),
    case("take", lambda t, x, i: t.take(x, i), A, given([0, 5, 5])),
    case("index_select", lambda t, x, i: t.index_select(x, 1, i), A, given([0, 2, 2])),
    case("embedding", lambda t, x, i: t.embedding(x, i, 1), A, I2, numeric=False),
    case("F.embedding", lambda t, x, i: t.nn.functional.embedding(i, x), A, I2),
    case("F.embedding at a number", lambda t, x, i: t.nn.functional.embedding(i, x), A, given(2, "int32")),
    case("F.embedding padded", lambda t, x, i: t.nn.functional.embedding(i, x, padding_idx=-2), A, I2, numeric=False),
    case("F.embedding by frequency", lambda t, x, i: t.nn.functional.embedding(i, x, scale_grad_by_freq=True), A, I2, numeric=False),
    case("F.embedding of short rows", lambda t, x, i: [t.nn.functional.embedding(i, y := x.clone(), max_norm=1.5), y], A, given([0, 2, 2]), numeric=False),
    case("F.embedding of short rows, 1-norm", lambda t, x, i: [t.nn.functional.embedding(i, y := x.clone(), 0, 2.5, 1), y], A, given([[0, 1]]), numeric=False),
    case("index_add", lambda t, x, i, y: t.index_add(x, 0, i, y, alpha=2), A, given([0, 0]), ROWS),
    case("index_copy", lambda t, x, i, y: t.index_copy(x, 0, i, y), A, given([2, 0]), ROWS),
    case("index_fill", lambda t, x, i: t.index_fill(x, 1, i, 3.0), A, given([2, 0])),
    case("index_put", lambda t, x, i, y: t.index_put(x, (i,), y), A, given([0, 2]), ROWS),
    case("index_put add", lambda t, x, i, y: t.index_put(x, (i,), y, accumulate=True), A, given([0, 0]), ROWS),
    case("index_put two", lambda t, x, i, j, y: t.index_put(x, (i, j), y), A, given([0, 2]), given([1, 3]), real(2)),
    case("masked_fill", lambda t, x, m: t.masked_fill(x, m, 2.0), A, mask(3, 4)),
    case("masked_fill tensor", lambda t, x, v, m: t.masked_fill(x, m, v), A, real(), mask(4)),
    case("masked_select", lambda t, x, m: t.masked_select(x, m), A, mask(3, 4)),
    case("masked_select broadcast", lambda t, x, m: t.masked_select(x, m), A, given([True, False, True, True])),
    case("x[1] = y", lambda t, x, y: written(x, 1, y), A, B),
    case("x[:, 1] = y", lambda t, x, y: written(x, (slice(None), 1), y), A, real(3)),
    case("x[..., ::2] = y", lambda t, x, y: written(x, (..., slice(None, None, 2)), y), A, real(2)),
    case("x[list] = y", lambda t, x, y: written(x, [0, 2], y), A, B),
    case("x[tensor] = y", lambda t, x, i, y: written(x, i, y), A, given([0, 2]), B),
    case("x[tensor, tensor] = y", lambda t, x, i, j, y: written(x, (i, j), y), A, given([0, 2]), given([1, 3]), real(2)),
    case("x[mask] = 0", lambda t, x, m: written(x, m, 0.0), A, mask(3, 4)),
    case("x[mask] = y", lambda t, x, m, y: written(x, m, y), A, MASK, real(9)),
    case("x[:] = number", lambda t, x: written(x, slice(None), 2) + x, A),
)  # fmt: skip
