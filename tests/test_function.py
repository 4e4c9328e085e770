"""autograd.Function: every program here runs under minitorch and PyTorch and must give the same."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from autograd_helpers import LIBRARIES, exponential, function, leaf, product, same, same_error, split, twice

import minitorch

# --- the ordinary


def test_product_to_third_order():
    def program(T: Any) -> Any:
        x, y = leaf(T, 3), leaf(T, 3, start=2.0)
        f, g = product(T), exponential(T)
        z = (f(f(x, y), g(x)) * y).sum()
        derivatives = []
        for _ in range(3):
            found = T.autograd.grad(z, [x, y], create_graph=True)
            derivatives.append(found)
            z = (found[0] * found[1]).sum()
        return derivatives

    same(program, rtol=1e-10)


def test_gradcheck_and_gradgradcheck():
    x, y = leaf(minitorch, 2), leaf(minitorch, 2, start=-1.0)
    assert minitorch.autograd.gradcheck(product(minitorch), (x, y))
    assert minitorch.autograd.gradgradcheck(product(minitorch), (x, y))
    assert minitorch.autograd.gradgradcheck(exponential(minitorch), x)
    assert minitorch.autograd.gradcheck(split(minitorch), x)
    assert minitorch.autograd.gradgradcheck(split(minitorch, save=True), x)


def test_the_same_tensor_twice():
    def program(T: Any) -> Any:
        x = leaf(T, 3)
        product(T)(x, x).sum().backward()
        return x.grad

    same(program)


def test_chains_accumulate_and_repeat():
    def program(T: Any) -> Any:
        x, f = leaf(T, 3), exponential(T)
        y = f(f(x) * 0.1)
        loss = (y * y + f(y)).sum()
        loss.backward(retain_graph=True)
        loss.backward()
        return x.grad

    same(program)


def test_names_and_what_grad_fn_shows():
    def program(T: Any) -> Any:
        def forward(ctx: Any, x: Any, y: Any, k: int) -> Any:
            ctx.k = k
            ctx.save_for_backward(x, None)
            return x * y * k

        x = leaf(T, 2)
        node = function(T, forward, lambda ctx, g: (g, g, None), "Foo")(x, T.ones(2), 3).grad_fn
        saved, nothing = node.saved_tensors
        return node.name(), node.k, node.needs_input_grad, saved is x, nothing, node.next_functions[0][0].variable is x

    same(program)


@pytest.mark.parametrize("library", LIBRARIES)
def test_repr(library: Any):
    y = exponential(library)(leaf(library, 2, dtype="float32"))
    assert "grad_fn=<ExponentialBackward>" in repr(y)
    assert not hasattr(y.grad_fn, "no_such_thing")


def test_forward_is_not_recorded_and_sees_its_arguments_as_they_are():
    def program(T: Any) -> Any:
        seen = []

        def forward(ctx: Any, x: Any, y: Any, k: Any) -> Any:
            seen.append((ctx.needs_input_grad, T.is_grad_enabled(), x.requires_grad, (x * 2).requires_grad, k))
            return x * 2

        f = function(T, forward, lambda ctx, g: (g * 2, None, None))
        f(leaf(T, 2), T.ones(2), "k")
        f(leaf(T, 2) * 1, leaf(T, 2), None)
        f(T.ones(2), T.ones(2), [leaf(T, 2)])
        with T.no_grad():
            seen.append(f(leaf(T, 2), T.ones(2), 1).requires_grad)
        return seen

    same(program)


def test_backward_runs_under_no_grad_unless_create_graph():
    def program(T: Any) -> Any:
        seen = []

        def backward(ctx: Any, g: Any) -> Any:
            seen.append((T.is_grad_enabled(), g.requires_grad, type(g) is T.Tensor, ctx.needs_input_grad))
            return g * 2

        x, v = leaf(T, 2), leaf(T, 2)
        y = function(T, twice, backward)(x)
        T.autograd.grad(y, x, v.detach(), retain_graph=True)
        T.autograd.grad(y, x, v, create_graph=True)
        return seen

    same(program)


def test_double_backward_reaches_saved_inputs_on_their_edge():
    def program(T: Any) -> Any:
        x = leaf(T, 3)
        y = x * x  # what is saved is no leaf
        (g,) = T.autograd.grad(product(T)(y, y).sum(), y, create_graph=True)
        return g, T.autograd.grad(g.sum(), [y, x])

    same(program)


def test_only_what_is_asked_for_is_needed():
    def program(T: Any) -> Any:
        x, y = leaf(T, 3), leaf(T, 3)
        return T.autograd.grad(product(T)(x, y).sum(), y), x.grad

    same(program)


def test_setup_context():
    def program(T: Any) -> Any:
        seen = []

        def setup(ctx: Any, inputs: Any, output: Any) -> None:
            seen.append((inputs[1:], T.is_grad_enabled(), output[1], ctx.needs_input_grad))
            ctx.save_for_backward(inputs[0], output[0])
            ctx.k = inputs[1]

        def backward(ctx: Any, g: Any, _: Any) -> Any:
            x, y = ctx.saved_tensors
            return g * (ctx.k * x + y), None

        f = function(T, lambda x, k=2.0: (x * k, "text"), backward, setup_context=setup)
        x = leaf(T, 3)
        f(x)[0].sum().backward()
        f(x, k=3.0)[0].sum().backward()
        return seen, x.grad

    same(program)


def test_arguments_by_keyword():
    def program(T: Any) -> Any:
        seen = []

        def forward(ctx: Any, x: Any, y: Any = 2.0, z: Any = 3.0) -> Any:
            seen.append(ctx.needs_input_grad)
            return x * y * z

        f = function(T, forward, lambda ctx, g: (g * 1, g * 2, g * 3)[: len(ctx.needs_input_grad)])
        x, y = leaf(T, 2), leaf(T, 2)
        (f(x, y=y) + f(x=y, y=x, z=x)).sum().backward()
        return seen, x.grad, y.grad

    same(program)
    for wrong in ({"w": 1}, {"x": 1, "y": 2}):
        same_error(lambda T, wrong=wrong: function(T, twice, lambda ctx, g: g)(**wrong))


def test_vjp_is_backward():
    def program(T: Any) -> Any:
        x = leaf(T, 2)
        f = type(
            "F", (T.autograd.Function,), {"forward": staticmethod(twice), "vjp": staticmethod(lambda ctx, g: g * 7)}
        )
        f.apply(x).sum().backward()
        return x.grad

    same(program)


# --- several outputs


@pytest.mark.parametrize("materialize", [True, False])
@pytest.mark.parametrize("save", [True, False])
def test_several_outputs(materialize: bool, save: bool):
    def program(T: Any) -> Any:
        log: list[Any] = []
        x = leaf(T, 3)
        a, b, c = split(T, log, materialize or save, save)(x)
        (a * b).sum().backward(retain_graph=True)
        c.backward(retain_graph=True)
        b.sum().backward(retain_graph=True)
        (a.sum() + a.sum() + c * 2).backward()
        return log, x.grad

    same(program)


def test_backward_runs_once_for_all_outputs_and_after_all_their_uses():
    def program(T: Any) -> Any:
        log: list[Any] = []
        x = leaf(T, 2)
        f = split(T, log)
        a, b, c = f(x)
        d, e, _ = f(a * c)
        (d * b + e.exp() * a).sum().backward()
        return log, x.grad

    same(program, rtol=1e-10)


def test_second_order_with_several_outputs():
    def program(T: Any) -> Any:
        x = leaf(T, 3)
        a, b, c = split(T, save=True)(x)
        (g,) = T.autograd.grad((a * b).sum() * c, x, create_graph=True)
        h = T.autograd.grad((g * g).sum(), [x, b])
        return g, h

    same(program, rtol=1e-10)


def test_second_order_when_the_other_outputs_are_gone():
    def program(T: Any) -> Any:
        x = leaf(T, 3)
        b = split(T, save=True)(x)[1]
        (g,) = T.autograd.grad((b * b).sum(), x, create_graph=True)
        return g, T.autograd.grad(g.sum(), x)

    same(program)


def test_gradients_with_respect_to_outputs_and_hooks_on_them():
    def program(T: Any) -> Any:
        log: list[Any] = []
        x = leaf(T, 3)
        a, b, c = split(T, log)(x)
        a.register_hook(lambda g: g * 10)
        b.retain_grad()
        loss = (a * b).sum() * c
        found = T.autograd.grad(loss, [b, c], retain_graph=True)
        loss.backward()
        return found, b.grad, x.grad, log

    same(program)


def test_outputs_that_are_not_tensors_or_not_differentiable():
    def program(T: Any) -> Any:
        log = []

        def forward(ctx: Any, x: Any) -> Any:
            sign, index = x + 1, x > 1
            ctx.mark_non_differentiable(sign)
            return sign, x * 2, index, None, "text", (x,)

        def backward(ctx: Any, *grads: Any) -> Any:
            log.append(grads)
            return grads[1] * 5

        x = leaf(T, 3)
        outputs = function(T, forward, backward)(x)
        outputs[1].sum().backward()
        return [t.requires_grad for t in outputs[:3]], outputs[3:5], log, x.grad

    same(program)


@pytest.mark.parametrize("result", [2, None, [1, 2], ()])
def test_an_output_without_tensors(result: Any):
    same(lambda T: function(T, lambda ctx, x: result, lambda ctx, g: g)(leaf(T, 2)))


def test_a_tuple_of_one_stays_a_tuple():
    same(lambda T: isinstance(function(T, lambda ctx, x: (x * 2,), lambda ctx, g: g)(leaf(T, 2)), tuple))


def test_one_tensor_returned_twice():
    def program(T: Any) -> Any:
        def forward(ctx: Any, x: Any) -> Any:
            y = x * 2
            return y, y

        x = leaf(T, 2)
        a, b = function(T, forward, lambda ctx, g, h: g * 3 + h * 5)(x)
        (a + 2 * b).sum().backward()
        return a is b, x.grad

    same(program)


# --- memory, depth, threads, nesting


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("make", [exponential, lambda T: lambda x: split(T, save=True)(x)[1]])
def test_dropping_the_result_frees_the_graph_at_once(make: Callable[..., Any]):
    x = leaf(minitorch, 1000)
    y = make(minitorch)(make(minitorch)(x))
    node, array = weakref.ref(y.grad_fn), weakref.ref(y._data)
    (g,) = minitorch.autograd.grad(y.sum(), x, create_graph=True)
    del y, g
    assert node() is None
    assert array() is None


def test_backward_frees_what_was_saved():
    y = exponential(minitorch)(leaf(minitorch, 10))
    kept = weakref.ref(product(minitorch)(y, y * 2).grad_fn)
    assert kept() is None
    factor = y * 2
    z = product(minitorch)(y, factor)
    array = weakref.ref(factor._data)
    del factor
    assert array() is not None
    z.sum().backward()
    assert array() is None


def test_deep_chains():
    f = function(minitorch, twice, lambda ctx, g: g)
    g = function(minitorch, lambda ctx, x: (x, x * 2), lambda ctx, a, b: a)
    x = leaf(minitorch, 1)
    y = x
    for _ in range(5_000):
        y = g(f(y) * 0.5)[0] + 0.0
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [0.5**5000])
    del y


def test_backward_that_calls_autograd_again():
    """Activation checkpointing: the forward is run again, with a graph, inside backward."""

    def program(T: Any) -> Any:
        def inner(x: Any) -> Any:
            return (x.sin() * x).exp()

        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return inner(x)

        def backward(ctx: Any, g: Any) -> Any:
            x = ctx.saved_tensors[0].detach().requires_grad_()
            with T.enable_grad():
                y = inner(x)
            y.backward(g)
            return x.grad

        x = leaf(T, 3)
        (function(T, forward, backward)(x * 2) * x).sum().backward()
        return x.grad

    same(program)


def test_a_function_inside_a_function():
    def program(T: Any) -> Any:
        f = exponential(T)

        def forward(ctx: Any, x: Any) -> Any:
            with T.enable_grad():
                ctx.x = x.detach().requires_grad_()
                ctx.y = f(ctx.x) * 2
            return ctx.y.detach()

        x = leaf(T, 3)
        y = function(T, forward, lambda ctx, g: T.autograd.grad(ctx.y, ctx.x, g)[0])(x)
        y.sum().backward()
        return x.grad

    same(program)


def test_threads():
    f, found = product(minitorch), {}

    def work(n: int) -> None:
        x = leaf(minitorch, 4, start=float(n))
        for _ in range(20):
            x.grad = None
            f(f(x, x), x).sum().backward()
        found[n] = (x.grad.numpy(), 3 * x.detach().numpy() ** 2)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for got, expected in found.values():
        np.testing.assert_allclose(got, expected, rtol=1e-12)
