"""Products of vectors and matrices."""

from __future__ import annotations

from parity.case import case, family, real

A, B, V = real(3, 4), real(4), real(5)

CASES = family(
    "linear",
    case("mm", lambda t, x, y: t.mm(x, y), A, real(4, 2)),
    case("mm itself", lambda t, x: t.mm(x, x), real(3, 3)),
    case("mm of transposes", lambda t, x, y: t.mm(x.t(), y.t()), A, real(2, 3)),
    case("mm 64", lambda t, x, y: t.mm(x, y), real(64, 64), real(64, 64)),
    case("bmm", lambda t, x, y: t.bmm(x, y), real(2, 3, 4), real(2, 4, 5)),
    case("mv", lambda t, x, y: t.mv(x, y), A, B),
    case("dot", lambda t, x, y: t.dot(x, y), B, B),
    case("dot 1000", lambda t, x, y: t.dot(x, y), real(1000), real(1000)),
    case("outer", lambda t, x, y: t.outer(x, y), B, V),
    case("ger", lambda t, x, y: t.ger(x, y), B, V),
    case("matmul 1 1", lambda t, x, y: t.matmul(x, y), B, B),
    case("matmul 1 2", lambda t, x, y: t.matmul(x, y), B, real(4, 3)),
    case("matmul 2 1", lambda t, x, y: t.matmul(x, y), A, B),
    case("matmul 2 2", lambda t, x, y: t.matmul(x, y), A, real(4, 2)),
    case("matmul 3 2", lambda t, x, y: t.matmul(x, y), real(2, 3, 4), real(4, 5)),
    case("matmul 3 1", lambda t, x, y: t.matmul(x, y), real(2, 3, 4), B),
    case("matmul 1 3", lambda t, x, y: t.matmul(x, y), B, real(2, 4, 3)),
    case("matmul broadcast", lambda t, x, y: t.matmul(x, y), real(2, 1, 3, 4), real(3, 4, 2)),
    case("addmm", lambda t, x, y, z: t.addmm(x, y, z, beta=0.5, alpha=2), B, real(3, 2), real(2, 4)),
    case("addmm plain", lambda t, x, y, z: t.addmm(x, y, z), A, real(3, 2), real(2, 4)),
    case("baddbmm", lambda t, x, y, z: t.baddbmm(x, y, z, beta=2), real(2, 3, 5), real(2, 3, 4), real(2, 4, 5)),
    case("einsum ij,jk", lambda t, x, y: t.einsum("ij,jk->ik", x, y), A, real(4, 2)),
    case("einsum bij,bkj", lambda t, x, y: t.einsum("bij,bkj->bik", x, y), real(2, 3, 4), real(2, 5, 4)),
    case("einsum to a number", lambda t, x, y: t.einsum("ij,jk->", x, y), A, real(4, 2)),
    case("einsum of nothing", lambda t, x, y: [t.einsum("ij,jk->", x[:0], y), t.einsum("ij,jk->ik", x[:, :0], y[:0])], A, real(4, 2), numeric=False),
    case("einsum ii", lambda t, x: t.einsum("ii->i", x), real(3, 3)),
    case("einsum sum", lambda t, x, y: t.einsum("ij,kl->jl", x, y), A, real(2, 3)),
    case("einsum ...", lambda t, x, y: t.einsum("...i,i", x, y), A, B),
    case("einsum three", lambda t, x, y, z: t.einsum("ij,jk,kl->il", x, y, z), A, real(4, 2), real(2, 3)),
    case("einsum transposes", lambda t, x: t.einsum("ijk->kji", x), real(2, 3, 4)),
    case("tensordot", lambda t, x, y: t.tensordot(x, y, dims=([1], [0])), A, real(4, 2)),
    case("tensordot 2", lambda t, x, y: t.tensordot(x, y, dims=2), real(2, 3, 4), real(3, 4, 5)),
    case("trace", lambda t, x: t.trace(x), A),
    case("chain_matmul", lambda t, x, y, z: t.chain_matmul(x, y, z), A, real(4, 2), real(2, 5)),
)  # fmt: skip
