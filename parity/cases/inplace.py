"""Writing in place: into intermediates, into views, through views into their bases. The `_` forms of the other families'
ops are made from their cases; here is what has no other form."""

from __future__ import annotations

import copy
from typing import Any

from parity.case import case, family, given, ints, mask, positive, real, whole

A, B = real(3, 4), real(4)


def view_write(x: Any, y: Any) -> Any:
    out = x * 1
    out[0].mul_(y)
    return out


def written_through(x: Any, view: Any) -> Any:
    out = x * 1
    view(out).mul_(3)
    return out * x


def chain_write(x: Any) -> Any:
    out = x * 1
    out.t()[1:].mul_(3)
    return out * x


def read_view_after_write(x: Any) -> Any:
    out = x * 1
    view = out[1:]
    out.mul_(2)
    return view * x[1:]


def write_through_two_views(x: Any, y: Any) -> Any:
    out = x * 1
    first, second = out[:2], out[1:]
    first.add_(y)
    second.mul_(2)
    return out, first, second


def split_write(t: Any, x: Any) -> Any:
    first, _ = (x * 1).split(2, 1)
    return first.mul_(2)


def no_grad_view_write(t: Any, x: Any) -> Any:
    out = x * 1
    with t.no_grad():
        view = out[0]
    return view.mul_(2)


def overwritten_before_backward(t: Any, x: Any, y: Any) -> Any:
    out = x * 1
    product = out * y
    out.add_(1)
    return t.autograd.grad(product.sum(), [x, y])


def doubled(t: Any, x: Any) -> Any:
    with t.no_grad():
        x.mul_(2)
    return x


def backward_twice(x: Any) -> None:
    total = (x * x).sum()
    total.backward()
    total.backward()


CASES = family(
    "in place",
    case("zero_", lambda t, x: (x * 1).zero_() + x, A),
    case("fill_", lambda t, x: (x * 1).fill_(2.5) * x, A),
    case("fill_ tensor", lambda t, x, y: (x * 1).fill_(y), A, real()),
    case("copy_", lambda t, x, y: (x * 1).copy_(y), A, B),
    case("copy_ of another dtype", lambda t, x, y: (x * 1).copy_(y.double()), A, B),
    case("copy_ of ints", lambda t, x, i: (x * 1).copy_(i), A, ints(0, 9, 4)),
    case("resize_", lambda t, x: x.clone().resize_(2, 3), A, order=0),
    case("resize_as_", lambda t, x, y: x.clone().resize_as_(y), A, real(3, 2), order=0),
    case("detach_", lambda t, x: (x * 2).detach_() * x, A, numeric=False),
    case("scatter_", lambda t, x, i, y: (x * 1).scatter_(1, i, y), A, given([[0, 1], [3, 1], [2, 0]]), real(3, 2)),
    case("eq_ and the like", lambda t, x, y: [
        x.clone().eq_(y), x.clone().ne_(y), x.clone().lt_(y), x.clone().le_(y), x.clone().gt_(y), x.clone().ge_(y),
    ], whole(0, 3, 3, 4), whole(0, 3, 4), order=0),
    case("eq_ of what requires grad", lambda t, x, y: x.clone().eq_(y) * x, A, B, order=1),
    case("lt_ of a number", lambda t, x: (x * 1).lt_(0.5) * x, A),
    case("copy_ into ints", lambda t, i, y: i.clone().copy_(y), ints(0, 9, 3, 4), B),
    case("x[0] = of ints", lambda t, i, y: (lambda out: [out.__setitem__(0, y), out])(i.clone()), ints(0, 9, 3, 4), B),
    case("logical_and_ of ints", lambda t, i, y: i.clone().logical_and_(y), ints(0, 9, 3, 4), B),
    case("bitwise_", lambda t, x, y: [
        x.clone().bitwise_and_(y), x.clone().bitwise_or_(y), x.clone().bitwise_xor_(y), x.clone().bitwise_not_(),
        x.clone().bitwise_left_shift_(1), x.clone().bitwise_right_shift_(1),
    ], ints(0, 9, 3, 4), ints(0, 9, 4), order=0, dtypes=()),
    case("view write", lambda t, x, y: view_write(x, y), A, B),
    case("view chain write", lambda t, x: chain_write(x), A),
    *[
        case(f"write into {name}", lambda t, x, view=view: written_through(x, view), A)
        for name, view in {
            "view": lambda x: x.view(4, 3), "reshape": lambda x: x.reshape(2, 6), "flatten": lambda x: x.flatten(), "unsqueeze": lambda x: x.unsqueeze(1),
            "squeeze": lambda x: x[:, :1].squeeze(1), "permute": lambda x: x.permute(1, 0), "transpose": lambda x: x.transpose(0, 1),
            "movedim": lambda x: x.movedim(0, 1), "diagonal": lambda x: x.diagonal(), "narrow": lambda x: x.narrow(1, 1, 2),
            "expand_as itself": lambda x: x.expand_as(x), "detach": lambda x: x.detach(), "T": lambda x: x.T, "select": lambda x: x.select(0, 1),
        }.items()
    ],
    case("base after view", lambda t, x: read_view_after_write(x), A),
    case("two views", lambda t, x, y: write_through_two_views(x, y), A, B),
    case("transpose_ then mul_", lambda t, x: (x * 1).transpose_(0, 1).mul_(2), A),
    case("unsqueeze_ squeeze_", lambda t, x: (x * 1).unsqueeze_(0).mul_(2).squeeze_(0), A),
    case("mul_ by itself", lambda t, x: (lambda out: out.mul_(out))(x * 1), A, numeric=False),
    case("chained", lambda t, x: (x * 1).add_(1).mul_(2).clamp_(max=3).exp_(), A),
    case("in place under no_grad", lambda t, x: doubled(t, x * 1), A, numeric=False),
    case("masked_fill_ then exp_", lambda t, x, m: (x * 1).masked_fill_(m, 0.5).exp_(), A, mask(3, 4)),
    case("div_ rounding_mode", lambda t, x, y: (x * 1).div_(y, rounding_mode="floor"), A, positive(4), numeric=False),
)  # fmt: skip


# What PyTorch refuses: the same type of error.
REFUSED = family(
    "refused",
    case("add_ to a leaf", lambda t, x: x.add_(1), A, order=1),
    case("x[0] = 1 on a leaf", lambda t, x: x.__setitem__(0, 1.0), A, order=1),
    case("a view of a leaf", lambda t, x: x[0].add_(1), A, order=1),
    case("write into split", lambda t, x: split_write(t, x), A, order=1),
    case("write into a view made under no_grad", lambda t, x: no_grad_view_write(t, x), A, order=1),
    case("overwritten before backward", lambda t, x, y: overwritten_before_backward(t, x, y), A, A, order=1),
    case("backward twice", lambda t, x: backward_twice(x), A, order=1),
    case("gradient of a matrix", lambda t, x: (x * 2).backward(), A, order=1),
    case("no gradient", lambda t, x: x.detach().sum().backward(), A, order=1),
    case("unused input", lambda t, x, y: t.autograd.grad(x.sum(), y), A, A, order=1),
    case("requires_grad of ints", lambda t, i: i.requires_grad_(), ints(0, 3, 4), dtypes=()),
    case("shapes that do not broadcast", lambda t, x, y: x + y, A, real(3)),
    case("mm of wrong shapes", lambda t, x, y: t.mm(x, y), A, A),
    case("matmul of wrong shapes", lambda t, x, y: x @ y, A, A),
    case("view of a transpose", lambda t, x: x.t().view(-1), A),
    case("reshape of a wrong size", lambda t, x: x.reshape(5, -1), A),
    case("index out of range", lambda t, x: x[3], A),
    case("too many indices", lambda t, x: x[0, 0, 0], A),
    case("dim out of range", lambda t, x: x.sum(2), A),
    case("cat of wrong shapes", lambda t, x, y: t.cat([x, y]), A, B),
    case("max of nothing", lambda t, x: x[:0].max(), A),
    case("float index", lambda t, x: x[x], A),
    case("item of many", lambda t, x: x.item(), A),
    case("bool of many", lambda t, x: bool(x), A),
    case("numpy of a tracked tensor", lambda t, x: x.numpy(), A, order=1),
    case("float of int in place", lambda t, i: i.add_(0.5), ints(0, 3, 4), dtypes=()),
    case("mean of ints", lambda t, i: i.mean(), ints(0, 3, 4), dtypes=()),
    case("bits of floats", lambda t, x: x & x, A),
    case("prod over two dims", lambda t, x: t.prod(x, dim=(0, 1)), A),
    case("logsumexp over no dims", lambda t, x: t.logsumexp(x, ()), A),
    case("amax of nothing, a dim twice", lambda t, x: t.amax(x[:0], (0, 0)), A),
    case("roll of a number", lambda t, x: t.roll(x, 1, 0), real()),
    case("fliplr of a vector", lambda t, x: t.fliplr(x), real(4)),
    case("repeat_interleave of a number", lambda t, x: t.repeat_interleave(x, 2, 0), real()),
    case("stack along no dim", lambda t, x, y: t.stack([x, y], 3), A, B),
    case("doubles to misshapen places", lambda t, x, y: x.clone().__setitem__(([0, 0], [0, 0, 0]), y.double()), A, B),
    case("unknown argument", lambda t, x: t.sum(x, dims=0), A),
    case("mm of text", lambda t, x: t.mm(x, "x"), A),
    case("deepcopy of a result", lambda t, x: copy.deepcopy(x * 2), A, order=1),
    case("OneCycleLR of epochs alone", lambda t: t.optim.lr_scheduler.OneCycleLR(t.optim.SGD([t.nn.Parameter(t.ones(1))]), 0.5, epochs=3), dtypes=()),
    case("len of a number", lambda t, x: len(x), real()),
    order=1,
)  # fmt: skip
