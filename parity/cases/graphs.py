"""What is easy to get wrong in an engine: gradients of gradients, memory that must not be shared, hooks in order, writes
that must be noticed."""

from __future__ import annotations

from typing import Any

from parity.case import case, family, given, real

A, B, CUBE = real(3, 4), real(4), real(2, 3, 4)
COLUMNS = given([[0, 0], [3, 1], [2, 2]])


def leaf_of(x: Any) -> Any:
    return x.detach().clone().requires_grad_()


def accumulated(t: Any, x: Any) -> Any:
    """Two recorded passes and a plain one into one `.grad`; its own gradient after the second."""
    x = leaf_of(x)
    (x**3).sum().backward(create_graph=True)
    (x**2).sum().backward(create_graph=True)
    second = t.autograd.grad(x.grad.sum(), x, retain_graph=True)
    (2 * x).sum().backward()
    found = x.grad.detach().clone()
    x.grad = None
    return second, found


def own_grads(t: Any, x: Any, create_graph: bool) -> Any:
    """A leaf's `.grad` shares no memory: not with another's, not with the gradient given."""
    a, b, g = leaf_of(x), leaf_of(x), x.detach() * 2
    (a + b).backward(g, create_graph=create_graph)
    with t.no_grad():
        a.grad.zero_()
    return b.grad.detach(), g


def switched_off(t: Any, x: Any) -> Any:
    x = leaf_of(x)
    total = (x * 2).sum()
    x.requires_grad_(False)
    total.backward()
    return x.grad


def of_intermediates(t: Any, x: Any) -> Any:
    """`backward(inputs=...)` adds into what is no leaf, and leaves the rest alone."""
    x = leaf_of(x)
    middle = x * 3
    total = middle.exp().sum()
    total.backward(inputs=[middle], retain_graph=True)
    total.backward(inputs=[middle, x])
    return middle.grad, x.grad


def recorded_twice(t: Any, x: Any) -> Any:
    """`create_graph` keeps the graph."""
    x = leaf_of(x)
    total = (x * x).sum()
    total.backward(create_graph=True)
    total.backward()
    found = x.grad.detach()
    x.grad = None
    return found


def hooks_in_order(t: Any, x: Any) -> Any:
    """Each sees what the one before it made; retain_grad, wherever it was asked for, what the last made."""
    x = leaf_of(x)
    middle, seen = x * 3, []

    def first(g: Any) -> Any:
        seen.append((g, t.is_grad_enabled(), (g * x).requires_grad))
        return g * 2

    middle.register_hook(first)
    middle.retain_grad()
    middle.register_hook(lambda g: g + 1)
    middle.sum().backward()
    return x.grad, middle.grad, seen


def module_hooks_in_order(t: Any, x: Any) -> Any:
    module, seen = t.nn.Identity(), []
    module.register_forward_hook(lambda *_: seen.append("second"))
    module.register_forward_hook(lambda *_: seen.append("first"), prepend=True)
    module.register_forward_pre_hook(lambda *_: seen.append("before"))
    module.register_forward_pre_hook(lambda *_: seen.append("before all"), prepend=True)
    return module(x), seen


def two_outputs(t: Any, x: Any) -> Any:
    """A Function of two outputs: used both, or one."""

    class Both(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2, x * 3

        @staticmethod
        def backward(ctx: Any, g: Any, h: Any) -> Any:
            return g * 2 + h * 3

    x = leaf_of(x)
    a, b = Both.apply(x)
    c, _ = Both.apply(x)
    return t.autograd.grad((a * b).sum() + (b * x).sum(), x), t.autograd.grad((c * c).sum(), x)


def constant_gradient(t: Any, x: Any) -> Any:
    """A Function may hand out a gradient that it keeps."""
    kept = x.detach() * 2

    class Constant(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x.sum()

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return kept

    x = leaf_of(x)
    Constant.apply(x).backward()
    x.grad.zero_()
    return kept


CASES = family(
    "graph",
    case("accumulated", accumulated, A),
    case("own .grad", lambda t, x: own_grads(t, x, False), A),
    case("own .grad, recorded", lambda t, x: own_grads(t, x, True), A),
    case("requires_grad switched off", switched_off, A),
    case("gradients of intermediates", of_intermediates, A),
    case("recorded twice", recorded_twice, A),
    case("hooks in order", hooks_in_order, A),
    case("module hooks in order", module_hooks_in_order, A),
    case("Function of two outputs", two_outputs, A),
    case("Function with a constant gradient", constant_gradient, A),
    order=0,
)  # fmt: skip


def third_gradient(t: Any, x: Any, i: Any) -> Any:
    """Of what reads some elements twice."""
    x = leaf_of(x)
    y = (t.gather(x, 1, i) ** 4).sum()
    for _ in range(3):
        (g,) = t.autograd.grad(y, x, create_graph=True)
        y = (g**2).sum()
    return g


# The gradient that arrives depends on the input: only then does a rule's own gradient for `g` count.
SECOND = family(
    "second order",
    case("softmax squared", lambda t, x: t.softmax(x, 1) ** 2, A),
    case("log_softmax squared", lambda t, x: t.log_softmax(x, 1) ** 2, A),
    case("gather squared", lambda t, x, i: t.gather(x, 1, i) ** 2, A, COLUMNS),
    case("third gradient of gather", third_gradient, A, COLUMNS, order=0),
    case("sort squared", lambda t, x: t.sort(x, 0).values ** 2, A),
    case("x[tensor] squared", lambda t, x, i: x[:, i] ** 2, A, given([0, 2, 2])),
    case("x[mask] squared", lambda t, x, m: x[m] ** 2, A, given([True, False, True])),
    case("embedding squared", lambda t, x, i: t.embedding(x, i) ** 2, A, given([[0, 2], [2, 1]])),
    case("embedding padded squared", lambda t, x, i: t.embedding(x, i, 1) ** 2, A, given([[0, 2], [2, 1]]), numeric=False),
    case("embedding by frequency, each once, squared", lambda t, x, i: t.embedding(x, i, -1, True) ** 2, A, given([2, 0])),
    case("embedding by frequency squared", lambda t, x, i: t.embedding(x, i, 1, True) ** 2, A, given([0, 2, 2, 1, 1]), numeric=False, known="PyTorch's gradient of the gradient leaves the division out"),
    case("unfold squared", lambda t, x: x.unfold(1, 3, 2) ** 2, CUBE),
    case("unfold in steps squared", lambda t, x: x.unfold(2, 2, 1) ** 2, CUBE),
    case("cumprod squared", lambda t, x: t.cumprod(x, 1) ** 2, A),
    case("logcumsumexp squared", lambda t, x: t.logcumsumexp(x, 1) ** 2, A),
    case("nll_loss squared", lambda t, x, i, w: t.nn.functional.nll_loss(x, i, w.detach(), ignore_index=2) ** 2, A, given([1, 2, 3]), given([1.0, 2.0, 0.5, 0.25])),
    case("nll_loss sum squared", lambda t, x, i: t.nn.functional.nll_loss(x, i, reduction="sum") ** 2, A, given([1, 2, 3])),
    case("nll_loss none squared", lambda t, x, i: t.nn.functional.nll_loss(x, i, reduction="none") ** 2, A, given([1, 2, 3])),
)  # fmt: skip


def saved_then_written(t: Any, x: Any) -> Any:
    """What a Function saved was written to before its backward."""

    class Square(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return 2 * g * x

    y = x * 1
    out = Square.apply(y)
    y.add_(1)
    return t.autograd.grad(out.sum(), x)


def grad_then_added_to(t: Any, x: Any, y: Any) -> Any:
    """`.grad` is saved by an op, then a second pass adds into it."""
    x = leaf_of(x)
    x.sum().backward()
    product = x.grad * y
    x.sum().backward()
    return t.autograd.grad(product.sum(), y)


def read_part_after_write(x: Any) -> Any:
    out = x * 1
    first, _ = out.split(2, 1)
    out.mul_(2)
    return first.sum()


REFUSED = family(
    "refused",
    case("saved by a Function, then written", saved_then_written, A),
    case(".grad saved, then added to", grad_then_added_to, A, A),
    case("a part of split read after a write", lambda t, x: read_part_after_write(x), A),
    *[
        case(f"a limit beyond the dtype, {n}", f, A, dtypes=("float16", "float32"))
        for n, f in {
            "clamp": lambda t, x: t.clamp(x, max=1e39),
            "clamp_": lambda t, x: (x * 1).clamp_(min=-1e39),
            "hardtanh": lambda t, x: t.nn.functional.hardtanh(x, -1.0, 1e39),
        }.items()
    ],
    case("gradient of floor_divide", lambda t, x: t.autograd.grad((x // 2).sum(), x), A),
    order=1,
)
