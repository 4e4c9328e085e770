"""The functions that ask for gradients: torch.autograd, hooks, modes, custom Functions."""

from __future__ import annotations

from typing import Any

from parity.case import case, family, real, unit

A, B, V = real(3, 4), real(4), real(4)


def cubes(x: Any) -> Any:
    return (x**3).sum(-1)


def total(x: Any) -> Any:
    return (x**3).sum() + x.prod()


def square_function(t: Any) -> Any:
    """A custom Function with two tensors, an option, saved tensors, and a gradient that is not needed."""

    class Weighted(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any, power: int) -> Any:
            ctx.save_for_backward(x, y)
            ctx.power = power
            return x**power * y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, y = ctx.saved_tensors
            first = g * ctx.power * x ** (ctx.power - 1) * y if ctx.needs_input_grad[0] else None
            return first, (g * x**ctx.power).sum(0), None

    return Weighted


def with_hooks(t: Any, x: Any) -> Any:
    seen = []
    leaf = x.detach().clone().requires_grad_()
    leaf.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.clone()))
    first = leaf.register_hook(lambda g: g * 2)
    middle = leaf * 3
    middle.retain_grad()
    middle.register_hook(lambda g: seen.append(g))
    out = middle.exp().sum()
    out.backward(retain_graph=True)
    first.remove()
    out.backward()
    return leaf.grad, middle.grad, seen, middle.retains_grad


def with_modes(t: Any, x: Any) -> Any:
    flags = [t.is_grad_enabled(), t.is_inference_mode_enabled()]
    with t.no_grad():
        first = x * 2
        flags += [t.is_grad_enabled(), first.requires_grad]
        with t.enable_grad():
            flags += [t.is_grad_enabled(), (x * 2).requires_grad]
    with t.set_grad_enabled(False):
        flags.append((x * 2).requires_grad)
    with t.inference_mode():
        inside = x * 2
        flags += [t.is_inference_mode_enabled(), inside.is_inference(), inside.requires_grad]

    @t.no_grad()
    def decorated(y: Any) -> Any:
        return y * 2

    with t.autograd.no_grad():
        flags.append(t.is_grad_enabled())
    with t.autograd.enable_grad(), t.autograd.set_grad_enabled(True), t.autograd.inference_mode(False):
        flags.append(t.is_grad_enabled())
    return flags, decorated(x), first, inside


def with_backward(t: Any, x: Any, y: Any) -> Any:
    """`.grad` accumulates; `inputs`, `retain_graph`, `gradient`; a leaf owns its `.grad`."""
    x, y = x.detach().clone().requires_grad_(), y.detach().clone().requires_grad_()
    out = x * y + x
    out.backward(t.ones_like(out), retain_graph=True)
    first = x.grad.clone()
    out.backward(gradient=out.detach(), inputs=[x])
    t.autograd.backward([(x * y).sum(), y.sum()], [None, None])
    kept = x.grad
    x.grad = None
    return first, kept, y.grad, x.grad


def checked(t: Any, x: Any) -> Any:
    x = x.double().detach().requires_grad_()
    weighted, y = square_function(t), x.detach()[0].clone()
    return [
        t.autograd.gradcheck(lambda x: (x**3).sin(), (x,)),
        t.autograd.gradgradcheck(lambda x: (x**3).sin(), (x,)),
        t.autograd.gradcheck(lambda x: x.detach() * x, (x,), raise_exception=False),
        t.autograd.gradcheck(lambda x: weighted.apply(x, y, 2), (x,)),
    ]


def with_anomaly(t: Any, x: Any) -> Any:
    with t.autograd.detect_anomaly():
        try:
            t.autograd.grad((x * 0).sqrt().sum(), x)
            return "no error"
        except RuntimeError as error:
            name = type(error).__name__
    return name


CASES = family(
    "autograd",
    case("grad", lambda t, x, y: t.autograd.grad((x * y).sum(), [x, y]), A, B),
    case("grad weights", lambda t, x: t.autograd.grad([x * 2, x.exp()], x, [x.detach(), t.ones_like(x)]), A),
    case("grad materialized", lambda t, x, y: t.autograd.grad(x.sum(), [x, y], materialize_grads=True), A, B),
    case("grad allow_unused", lambda t, x, y: t.autograd.grad(x.sum(), [x, y], allow_unused=True), A, B),
    case("third derivative", lambda t, x: third(t, x), A),
    case("backward", with_backward, A, B),
    case("Tensor.backward create_graph", lambda t, x: through_backward(t, x), A),
    case("diamonds", lambda t, x: diamonds(x), A, dtypes=("float32", "float64")),
    case("hooks", with_hooks, A),
    case("modes", with_modes, A),
    case("Function", lambda t, x, y: square_function(t).apply(x, y, 3), A, B, order=2),
    case("gradcheck", checked, A, dtypes=("float64",)),
    case("detect_anomaly", with_anomaly, A),
    case("set_detect_anomaly", lambda t: [t.autograd.set_detect_anomaly(True), t.autograd.set_detect_anomaly(False)], dtypes=()),
    case("graph.Node", lambda t, x: [isinstance((x * 2).grad_fn, t.autograd.graph.Node), isinstance(x, t.autograd.graph.Node)], A),
    case("Variable", lambda t, x: [t.autograd.Variable(x.detach(), requires_grad=True).requires_grad, t.autograd.Variable(x.detach())], A),
    case("jacobian", lambda t, x: t.autograd.functional.jacobian(cubes, x.detach()), A),
    case("jacobian of two", lambda t, x, y: t.autograd.functional.jacobian(lambda a, b: a * b, (x.detach(), y.detach())), B, V),
    case("jacobian create_graph", lambda t, x: t.autograd.functional.jacobian(cubes, x, create_graph=True), A, order=1),
    case("hessian", lambda t, x: t.autograd.functional.hessian(total, x.detach()), unit(2, 3)),
    case("vjp", lambda t, x, v: t.autograd.functional.vjp(cubes, x.detach(), v.detach()), A, real(3)),
    case("jvp", lambda t, x, v: t.autograd.functional.jvp(cubes, x.detach(), v.detach()), A, A),
    case("vhp", lambda t, x, v: t.autograd.functional.vhp(total, x.detach(), v.detach()), unit(2, 3), real(2, 3)),
    case("hvp", lambda t, x, v: t.autograd.functional.hvp(total, x.detach(), v.detach()), unit(2, 3), real(2, 3)),
)  # fmt: skip


def third(t: Any, x: Any) -> Any:
    g = x.sin() * x
    for _ in range(3):
        (g,) = t.autograd.grad(g.sum(), x, create_graph=True)
    return g.detach()


def through_backward(t: Any, x: Any) -> Any:
    """The gradient of a gradient's norm, by `backward(create_graph=True)`."""
    leaf = x.detach().clone().requires_grad_()
    (leaf**3).sum().backward(create_graph=True)
    penalty = leaf.grad
    leaf.grad = None
    (penalty * penalty).sum().backward()
    return leaf.grad.detach()


def diamonds(x: Any) -> Any:
    for _ in range(30):
        x = (x * 0.6 + x.tanh() * 0.4) * 0.99
    return x
