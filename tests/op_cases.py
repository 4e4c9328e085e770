"""The table of ops: every op of the library, written once and run by both libraries.

A case is a function of a library `t` (minitorch or PyTorch) and of tensors, and how to draw those tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Draw = Callable[[np.random.Generator], np.ndarray]


def real(*shape: int) -> Draw:
    """Numbers around zero, away from the kinks at integers and halves."""
    return lambda rng: rng.uniform(-2, 2, shape) + 0.013


def positive(*shape: int) -> Draw:
    return lambda rng: rng.uniform(0.3, 2.5, shape)


def unit(*shape: int) -> Draw:
    """In (-1, 1)."""
    return lambda rng: rng.uniform(-0.9, 0.9, shape)


def above_one(*shape: int) -> Draw:
    return lambda rng: rng.uniform(1.1, 3, shape)


def distinct(*shape: int) -> Draw:
    """All different, so that no order is a tie."""
    return lambda rng: rng.permutation(np.prod(shape, dtype=int)).reshape(shape) * 0.37 - 1.1


def ints(low: int, high: int, *shape: int) -> Draw:
    return lambda rng: rng.integers(low, high, shape)


def mask(*shape: int) -> Draw:
    return lambda rng: rng.integers(0, 2, shape).astype(bool)


@dataclass(frozen=True)
class Case:
    name: str
    function: Callable[..., Any]
    draws: tuple[Draw, ...]
    second: bool = True  # PyTorch has the second derivative too
    numeric: bool = True  # smooth enough for finite differences
    tolerance: float | None = None  # where PyTorch itself is less accurate

    def __str__(self) -> str:
        return self.name


def case(name: str, function: Callable[..., Any], *draws: Draw, **options: Any) -> Case:
    return Case(name, function, draws, **options)


def unary(names: str, draw: Draw, **options: Any) -> list[Case]:
    return [Case(n, lambda t, x, n=n: getattr(t, n)(x), (draw,), **options) for n in names.split()]


A, B, V = real(3, 4), real(4), real(5)
I2 = lambda t: t.tensor([[0, 2], [1, 1]])

CASES: list[Case] = [
    # arithmetic
    case("add", lambda t, x, y: x + y, A, B),
    case("add alpha", lambda t, x, y: t.add(x, y, alpha=3), A, B),
    case("sub", lambda t, x, y: x - y, A, B),
    case("sub alpha", lambda t, x, y: t.sub(x, y, alpha=-2), A, B),
    case("rsub", lambda t, x: 2 - x, A),
    case("rsub alpha", lambda t, x, y: t.rsub(x, y, alpha=2), A, B),
    case("mul", lambda t, x, y: x * y, A, B),
    case("mul itself", lambda t, x: x * x, A),
    case("mul with another dtype", lambda t, x: t.mul(x, x.double() + 1), A),
    case("mul number", lambda t, x: x * 2.5, A),
    case("div", lambda t, x, y: x / y, A, positive(4)),
    case("rdiv", lambda t, x: 3 / x, positive(3, 4)),
    case("div floor", lambda t, x, y: t.div(x, y, rounding_mode="floor"), A, positive(4), numeric=False),
    case("div trunc", lambda t, x, y: t.div(x, y, rounding_mode="trunc"), A, positive(4), numeric=False),
    case("floor_divide", lambda t, x, y: (x.detach() // y.detach()) * x, A, positive(4), numeric=False),
    case("remainder", lambda t, x, y: x % y, A, positive(4), numeric=False),
    case("fmod", lambda t, x, y: t.fmod(x, y), A, positive(4), numeric=False),
    case("pow", lambda t, x, y: x**y, positive(3, 4), B),
    case("pow 2", lambda t, x: x**2, A),
    case("pow 3", lambda t, x: x**3, A),
    case("pow 0", lambda t, x: x**0, A),
    case("pow -1.5", lambda t, x: x**-1.5, positive(3, 4)),
    case("2 pow", lambda t, x: 2**x, A),
    *unary("neg abs square", A),
    *unary("sign floor ceil trunc round frac", A),
    case("round decimals", lambda t, x: t.round(x, decimals=1) * x, A, numeric=False),
    *unary("reciprocal sqrt rsqrt log log2 log10 log1p", positive(3, 4)),
    *unary("exp exp2 expm1 sigmoid tanh sin cos atan sinh cosh asinh erf erfc", A),
    *unary("tan asin acos atanh erfinv", unit(3, 4)),
    *unary("acosh", above_one(3, 4)),
    *unary("lgamma digamma", positive(3, 4), tolerance=1e-5),  # PyTorch's trigamma is good to 5e-10
    *unary("deg2rad rad2deg sinc", A),
    case("mvlgamma", lambda t, x: t.mvlgamma(x, 2), above_one(3, 4), tolerance=1e-5),
    case("logit", lambda t, x: t.logit(x), lambda rng: rng.uniform(0.1, 0.9, (3, 4))),
    case("logit eps", lambda t, x: t.logit(x, 0.2), lambda rng: rng.uniform(0.05, 0.9, (3, 4))),
    case("atan2", lambda t, x, y: t.atan2(x, y), A, B),
    case("hypot", lambda t, x, y: t.hypot(x, y), A, B),
    case("logaddexp", lambda t, x, y: t.logaddexp(x, y), A, B),
    case("xlogy", lambda t, x, y: t.xlogy(x, y), A, positive(4)),
    case("where", lambda t, x, y: t.where(x > y, x, y), A, B),
    case("where number", lambda t, x: t.where(x > 0, x, 0.5), A),
    case("clamp", lambda t, x: x.clamp(-0.5, 0.7), A),
    case("clamp min", lambda t, x: x.clamp(min=0.1), A),
    case("clamp max", lambda t, x: x.clamp(max=0.1), A),
    case("clamp tensors", lambda t, x, lo, hi: t.clamp(x, lo, hi), A, unit(4), positive(4)),
    case("maximum", lambda t, x, y: t.maximum(x, y), A, B),
    case("minimum", lambda t, x, y: t.minimum(x, y), A, B),
    case("maximum itself", lambda t, x: t.maximum(x, x), A),
    case("lerp", lambda t, x, y: t.lerp(x, y, 0.3), A, B),
    case("lerp 0.8", lambda t, x, y: t.lerp(x, y, 0.8), A, B),
    case("lerp tensor", lambda t, x, y, w: t.lerp(x, y, w), A, B, real(3, 1)),
    case("addcmul", lambda t, x, y, z: t.addcmul(x, y, z, value=0.5), A, B, A),
    case("addcdiv", lambda t, x, y, z: t.addcdiv(x, y, z, value=0.5), A, B, positive(3, 4)),
    case("nan_to_num", lambda t, x: t.nan_to_num(x / (x - x)), A, numeric=False, second=False),
    # activations (torch.* names)
    case("relu", lambda t, x: t.relu(x), A),
    case("softmax", lambda t, x: t.softmax(x, -1), A),
    case("softmax 0", lambda t, x: x.softmax(0), A),
    case("log_softmax", lambda t, x: t.log_softmax(x, 1), A),
    *[case(n, lambda t, x, n=n: getattr(t.nn.functional, n)(x), A) for n in
      "elu gelu leaky_relu logsigmoid mish silu softplus hardshrink hardswish hardtanh softshrink".split()],
    case("hardsigmoid", lambda t, x: t.nn.functional.hardsigmoid(x), A, second=False),
    case("threshold", lambda t, x: t.nn.functional.threshold(x, 0.1, 5.0), A),
    case("prelu", lambda t, x, w: t.nn.functional.prelu(x, w), A, positive(4)),
    # losses
    *[case(n, lambda t, x, y, n=n: getattr(t.nn.functional, n)(x, y), A, real(3, 4)) for n in
      "mse_loss l1_loss smooth_l1_loss huber_loss binary_cross_entropy_with_logits".split()],
    case("binary_cross_entropy", lambda t, x, y: t.nn.functional.binary_cross_entropy(x, y),
         lambda rng: rng.uniform(0.1, 0.9, (3, 4)), lambda rng: rng.uniform(0, 1, (3, 4)), tolerance=1e-4),
    case("kl_div", lambda t, x, y: t.nn.functional.kl_div(x, y, reduction="sum"), A, positive(3, 4)),
    case("nll_loss", lambda t, x: t.nn.functional.nll_loss(x, t.tensor([1, 0, 3])), A),
    case("cross_entropy", lambda t, x: t.nn.functional.cross_entropy(x, t.tensor([1, 0, 3]), label_smoothing=0.1), A),
    # reductions
    case("sum", lambda t, x: x.sum(), A),
    case("sum dim", lambda t, x: x.sum(1), A),
    case("sum dims keepdim", lambda t, x: x.sum((0, -1), keepdim=True), real(2, 3, 4)),
    case("mean", lambda t, x: x.mean(), A),
    case("mean dim", lambda t, x: x.mean(0, keepdim=True), A),
    case("prod", lambda t, x: x.prod(), A),
    case("prod dim", lambda t, x: x.prod(1), A),
    case("prod zero", lambda t, x: (x * t.tensor([0.0, 1, 1, 1], dtype=x.dtype)).prod(1), A),
    case("max", lambda t, x: x.max(), distinct(3, 4)),
    case("max dim", lambda t, x: x.max(1).values, distinct(3, 4)),
    case("min", lambda t, x: x.min(), distinct(3, 4)),
    case("min dim", lambda t, x: x.min(0, keepdim=True)[0], distinct(3, 4)),
    case("amax", lambda t, x: x.amax((0, 1)), distinct(3, 4)),
    case("amin", lambda t, x: x.amin(1), distinct(3, 4)),
    case("aminmax", lambda t, x: t.add(*t.aminmax(x, dim=1)), distinct(3, 4)),
    case("logsumexp", lambda t, x: t.logsumexp(x, 1), A),
    case("nansum", lambda t, x: t.nansum(x, 1), A),
    case("nanmean", lambda t, x: t.nanmean(x, 1), A),
    case("std", lambda t, x: x.std(), A),
    case("var dim", lambda t, x: x.var(1, unbiased=False), A),
    case("var correction", lambda t, x: t.var(x, 0, correction=0, keepdim=True), A),
    case("std_mean", lambda t, x: t.add(*t.std_mean(x, 1)), A),
    case("norm", lambda t, x: x.norm(), A),
    case("norm 1", lambda t, x: x.norm(1, dim=1), A),
    case("norm 3", lambda t, x: x.norm(3, dim=0, keepdim=True), A),
    case("norm inf", lambda t, x: x.norm(float("inf"), dim=1), distinct(3, 4), second=False),
    case("dist", lambda t, x, y: t.dist(x, y), A, B),
    case("median", lambda t, x: x.median(), distinct(3, 5)),
    case("median dim", lambda t, x: x.median(1).values, distinct(3, 5)),
    case("mode", lambda t, x: x.mode(1).values, distinct(3, 5)),
    case("quantile", lambda t, x: t.quantile(x, 0.3, dim=1), distinct(3, 5)),
    case("cumsum", lambda t, x: x.cumsum(1), A),
    case("cumprod", lambda t, x: x.cumprod(1), A),
    case("cummax", lambda t, x: x.cummax(1).values, distinct(3, 4)),
    case("cummin", lambda t, x: x.cummin(0).values, distinct(3, 4)),
    case("logcumsumexp", lambda t, x: t.logcumsumexp(x, 1), A),
    case("sort", lambda t, x: x.sort(1, descending=True).values, distinct(3, 4)),
    case("topk", lambda t, x: x.topk(2, 1).values, distinct(3, 4)),
    case("kthvalue", lambda t, x: x.kthvalue(2, 1).values, distinct(3, 4)),
    case("msort", lambda t, x: t.msort(x), distinct(3, 4)),
    # products
    case("mm", lambda t, x, y: x @ y, A, real(4, 2)),
    case("mm itself", lambda t, x: x @ x, real(3, 3)),
    case("bmm", lambda t, x, y: t.bmm(x, y), real(2, 3, 4), real(2, 4, 5)),
    case("mv", lambda t, x, y: x @ y, A, B),
    case("vm", lambda t, x, y: x @ y, B, real(4, 3)),
    case("dot", lambda t, x, y: x @ y, B, B),
    case("outer", lambda t, x, y: t.outer(x, y), B, V),
    case("matmul 3 2", lambda t, x, y: x @ y, real(2, 3, 4), real(4, 5)),
    case("matmul 3 1", lambda t, x, y: x @ y, real(2, 3, 4), B),
    case("matmul 1 3", lambda t, x, y: x @ y, B, real(2, 4, 3)),
    case("matmul broadcast", lambda t, x, y: x @ y, real(2, 1, 3, 4), real(3, 4, 2)),
    case("addmm", lambda t, x, y, z: t.addmm(x, y, z, beta=0.5, alpha=2), B, real(3, 2), real(2, 4)),
    case("baddbmm", lambda t, x, y, z: t.baddbmm(x, y, z, beta=2), real(2, 3, 5), real(2, 3, 4), real(2, 4, 5)),
    case("linear", lambda t, x, w, b: t.nn.functional.linear(x, w, b), A, real(5, 4), V),
    case("linear 3d", lambda t, x, w: t.nn.functional.linear(x, w), real(2, 3, 4), real(5, 4)),
    case("linear 1d", lambda t, x, w, b: t.nn.functional.linear(x, w, b), B, real(5, 4), V),
    case("einsum ij,jk", lambda t, x, y: t.einsum("ij,jk->ik", x, y), A, real(4, 2)),
    case("einsum bij,bkj", lambda t, x, y: t.einsum("bij,bkj->bik", x, y), real(2, 3, 4), real(2, 5, 4)),
    case("einsum ii", lambda t, x: t.einsum("ii->i", x), real(3, 3)),
    case("einsum sum", lambda t, x, y: t.einsum("ij,kl->jl", x, y), A, real(2, 3)),
    case("einsum ...", lambda t, x, y: t.einsum("...i,i", x, y), A, B),
    case("tensordot", lambda t, x, y: t.tensordot(x, y, dims=([1], [0])), A, real(4, 2)),
    case("trace", lambda t, x: t.trace(x), A),
    case("chain_matmul", lambda t, x, y: t.linalg.multi_dot([x, y]) if hasattr(t, "linalg") else t.chain_matmul(x, y), A, real(4, 2)),
    # shape
    case("reshape", lambda t, x: x.reshape(2, -1), A),
    case("reshape copy", lambda t, x: x.t().reshape(-1), A),
    case("view", lambda t, x: x.view(4, 3), A),
    case("flatten", lambda t, x: x.flatten(1), real(2, 3, 4)),
    case("ravel", lambda t, x: x.ravel(), A),
    case("unflatten", lambda t, x: x.unflatten(1, (2, -1)), A),
    case("squeeze", lambda t, x: x.squeeze(), real(3, 1, 4, 1)),
    case("squeeze dim", lambda t, x: x.squeeze(1), real(3, 1, 4, 1)),
    case("unsqueeze", lambda t, x: x.unsqueeze(-2), A),
    case("permute", lambda t, x: x.permute(2, 0, 1), real(2, 3, 4)),
    case("transpose", lambda t, x: x.transpose(0, -1), real(2, 3, 4)),
    case("t", lambda t, x: x.t() * 2, A),
    case("T", lambda t, x: x.T, A),
    case("mT", lambda t, x: x.mT, real(2, 3, 4)),
    case("movedim", lambda t, x: x.movedim(0, -1), real(2, 3, 4)),
    case("expand", lambda t, x: x.expand(2, 3, -1), real(3, 1)),
    case("expand_as", lambda t, x, y: x.expand_as(y) + y, real(3, 1), A),
    case("repeat", lambda t, x: x.repeat(2, 1, 3), A),
    case("tile", lambda t, x: t.tile(x, (2,)), A),
    case("repeat_interleave", lambda t, x: x.repeat_interleave(2, 1), A),
    case("repeat_interleave t", lambda t, x: x.repeat_interleave(t.tensor([1, 0, 2]), 0), A),
    case("broadcast_to", lambda t, x: t.broadcast_to(x, (2, 3, 4)), A),
    case("cat", lambda t, x, y: t.cat([x, y, x], 1), A, real(3, 2)),
    case("stack", lambda t, x, y: t.stack([x, y], 1), A, A),
    case("hstack", lambda t, x, y: t.hstack([x, y]), A, A),
    case("vstack", lambda t, x, y: t.vstack([x, y]), A, B),
    case("split", lambda t, x: x.split(3, 1)[0] * 2, A),
    case("split sizes", lambda t, x: x.split([1, 3], 1)[1] * 2, A),
    case("chunk", lambda t, x: t.mul(*x.chunk(2, 1)), A),
    case("tensor_split", lambda t, x: t.tensor_split(x, 3, 1)[0], A),
    case("unbind", lambda t, x: t.mul(*x.unbind(0)[:2]), A),
    case("flip", lambda t, x: x.flip(0, 1), A),
    case("roll", lambda t, x: x.roll(2, 1), A),
    case("roll flat", lambda t, x: x.roll(5), A),
    case("rot90", lambda t, x: x.rot90(1, (0, 1)), A),
    case("rot90 -1", lambda t, x: x.rot90(-1, (0, 1)), A),
    case("meshgrid", lambda t, x, y: t.mul(*t.meshgrid(x, y, indexing="xy")), B, V),
    case("clone", lambda t, x: x.clone(), A),
    case("contiguous", lambda t, x: x.t().contiguous(), A),
    case("to double", lambda t, x: x.double() * 2, A),
    case("to half and back", lambda t, x: x.half().to(x.dtype), A, numeric=False),
    # indexing
    case("x[1]", lambda t, x: x[1], A),
    case("x[:, 1]", lambda t, x: x[:, 1], A),
    case("x[-1, ::2]", lambda t, x: x[-1, ::2], A),
    case("x[None, ..., 0]", lambda t, x: x[None, ..., 0], A),
    case("x[...]", lambda t, x: x[...], A),
    case("x[list]", lambda t, x: x[[0, 0, 2]], A),
    case("x[tensor 2d]", lambda t, x: x[I2(t)], A),
    case("x[:, tensor]", lambda t, x: x[:, I2(t)], A),
    case("x[tensor, tensor]", lambda t, x: x[t.tensor([0, 2, 2]), t.tensor([1, 3, 3])], A),
    case("x[tensor, :, tensor]", lambda t, x: x[t.tensor([0, 1]), :, t.tensor([2, 0])], real(2, 3, 4)),
    case("x[mask]", lambda t, x: x[t.tensor([[True, False, True, True]] * 3)], A),
    case("x[row mask]", lambda t, x: x[t.tensor([True, False, True])], A),
    case("x[mask, 1]", lambda t, x: x[t.tensor([True, False, True]), 1], A),
    case("select", lambda t, x: x.select(1, -1), A),
    case("narrow", lambda t, x: x.narrow(1, 1, 2), A),
    case("diagonal", lambda t, x: x.diagonal(1), A),
    case("diag", lambda t, x: t.diag(x, 1) * x[:, 0], A),
    case("diag of vector", lambda t, x: t.diag(x, -1), B),
    case("diag_embed", lambda t, x: t.diag_embed(x), A),
    case("unfold", lambda t, x: x.unfold(1, 3, 1), A),
    case("gather", lambda t, x: x.gather(1, t.tensor([[0, 0], [3, 1], [2, 2]])), A),
    case("scatter", lambda t, x, y: x.scatter(1, t.tensor([[0, 1], [3, 1], [2, 0]]), y), A, real(3, 2)),
    case("scatter number", lambda t, x: x.scatter(1, t.tensor([[0], [3], [2]]), 1.5), A),
    case("scatter_add", lambda t, x, y: x.scatter_add(1, t.tensor([[0, 0], [3, 1], [2, 2]]), y), A, real(3, 2)),
    case("take_along_dim", lambda t, x: t.take_along_dim(x, t.tensor([[0], [1], [2]]), 1), A),
    case("take", lambda t, x: t.take(x, t.tensor([0, 5, 5])), A),
    case("index_select", lambda t, x: x.index_select(1, t.tensor([0, 2, 2])), A),
    case("index_add", lambda t, x, y: x.index_add(0, t.tensor([0, 0]), y, alpha=2), A, real(2, 4)),
    case("index_copy", lambda t, x, y: x.index_copy(0, t.tensor([2, 0]), y), A, real(2, 4)),
    case("index_fill", lambda t, x: x.index_fill(1, t.tensor([2, 0]), 3.0), A),
    case("index_put", lambda t, x, y: t.index_put(x, (t.tensor([0, 2]),), y), A, real(2, 4)),
    case("index_put add", lambda t, x, y: t.index_put(x, (t.tensor([0, 0]),), y, accumulate=True), A, real(2, 4)),
    case("masked_fill", lambda t, x: x.masked_fill(x > 0.5, 2.0), A, numeric=False),
    case("masked_fill tensor", lambda t, x, v: x.masked_fill(x > 0.5, v), A, real(), numeric=False),
    case("masked_select", lambda t, x: x.masked_select(x > 0), A, numeric=False),
    case("tril", lambda t, x: x.tril(), A),
    case("triu", lambda t, x: x.triu(1), real(2, 3, 3)),
    # in place, on an intermediate
    case("add_", lambda t, x, y: (x * 1).add_(y, alpha=2), A, B),
    case("mul_", lambda t, x, y: (x * 1).mul_(y), A, B),
    case("div_", lambda t, x, y: (x * 1).div_(y), A, positive(4)),
    case("pow_", lambda t, x: (x * 1).pow_(3), A),
    case("exp_", lambda t, x: (x * 1).exp_(), A),
    case("clamp_", lambda t, x: (x * 1).clamp_(-0.5, 0.5), A),
    case("zero_", lambda t, x: (x * 1).zero_() + x, A),
    case("fill_ tensor", lambda t, x, y: (x * 1).fill_(y), A, real()),
    case("copy_", lambda t, x, y: (x * 1).copy_(y), A, B),
    case("masked_fill_", lambda t, x: (x * 1).masked_fill_(x.detach() > 0, 0.5), A, numeric=False),
    case("view write", lambda t, x, y: _view_write(x, y), A, B),
    case("view chain write", lambda t, x: _chain_write(x), A),
    case("x[1] = y", lambda t, x, y: _set(x, 1, y), A, B),
    case("x[:, 1] = y", lambda t, x, y: _set(x, (slice(None), 1), y), A, real(3)),
    case("x[list] = y", lambda t, x, y: _set(x, [0, 2], y), A, B),
    case("x[mask] = 0", lambda t, x: _set(x, x.detach() > 0, 0.0), A, numeric=False),
    case("base after view", lambda t, x: _read_view_after_write(x), A),
]  # fmt: skip


def _view_write(x: Any, y: Any) -> Any:
    out = x * 1
    out[0].mul_(y)
    return out


def _chain_write(x: Any) -> Any:
    out = x * 1
    out.t()[1:].mul_(3)
    return out * x


def _set(x: Any, index: Any, value: Any) -> Any:
    out = x * 1
    out[index] = value
    return out


def _read_view_after_write(x: Any) -> Any:
    out = x * 1
    view = out[1:]
    out.mul_(2)
    return view * x[1:]
