"""autograd.Function: every program here runs under minitorch and PyTorch and must give the same."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from autograd_helpers import leaf, outcome, same, same_error

import minitorch

LIBRARIES = [minitorch, torch]


def function(T: Any, forward: Callable[..., Any], backward: Callable[..., Any], name: str = "Foo", **more: Any) -> Any:
    """A Function with these static methods; returns its `apply`."""
    methods = {"forward": forward, "backward": backward, **more}
    return type(name, (T.autograd.Function,), {k: staticmethod(v) for k, v in methods.items()}).apply


def product(T: Any) -> Any:
    def forward(ctx: Any, x: Any, y: Any) -> Any:
        ctx.save_for_backward(x, y)
        return x * y

    def backward(ctx: Any, g: Any) -> Any:
        x, y = ctx.saved_tensors
        return g * y, g * x

    return function(T, forward, backward, "Product")


def exponential(T: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    return function(T, forward, lambda ctx, g: g * ctx.saved_tensors[0], "Exponential")


def split(T: Any, log: list[Any] | None = None, materialize: bool = True, save: bool = False) -> Any:
    """x -> (2 x, 3 x, sum of x), or exponentials of them if it saves; its backward notes in `log` what it gets."""

    def forward(ctx: Any, x: Any) -> Any:
        ctx.set_materialize_grads(materialize)
        ctx.ones = T.ones_like(x)
        outputs = x * 2, x * 3, x.sum()
        if save:
            outputs = tuple(y.exp() for y in outputs)
            ctx.save_for_backward(*outputs)
        return outputs

    def backward(ctx: Any, a: Any, b: Any, c: Any) -> Any:
        if log is not None:
            log.append([g if g is None else g.clone() for g in (a, b, c)])
        if save:
            y, z, total = ctx.saved_tensors
            return a * y * 2 + b * z * 3 + c * total
        terms = [g * k for g, k in ((a, 2), (b, 3), (c, ctx.ones)) if g is not None]
        return sum(terms[1:], terms[0])

    return function(T, forward, backward, "Split")


def twice(ctx: Any, x: Any) -> Any:
    return x * 2


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


# --- arguments returned, views, in-place changes


def test_an_argument_returned_is_a_view_of_it():
    def program(T: Any) -> Any:
        x = leaf(T, 2)
        f = function(T, lambda ctx, x: x, lambda ctx, g: g * 3)
        y = f(x)
        y.sum().backward()
        constant = T.ones(2)
        z = f(constant)
        z.add_(1)
        return y is x, y.data_ptr() == x.data_ptr(), x.grad, z is constant, constant

    same(program)


def test_an_argument_returned_twice_or_without_gradient():
    def program(T: Any) -> Any:
        x, y = leaf(T, 2), T.ones(2, dtype=T.float64)
        a, b = function(T, lambda ctx, x: (x, x), lambda ctx, g, h: g * 3 + h * 5)(x)
        (a + 2 * b).sum().backward()
        c, d, e = function(T, lambda ctx, y, x, i: (y, x * 2, i), lambda ctx, g, h, i: (g, h, None))(y, x, T.arange(2))
        return a is b, x.grad, c is y, y.requires_grad, c.requires_grad, d.requires_grad, e.requires_grad

    same(program)


def test_non_differentiable_arguments_returned():
    def program(T: Any) -> Any:
        def forward(ctx: Any, x: Any) -> Any:
            ctx.mark_non_differentiable(x)
            return x

        x = leaf(T, 2)
        y = function(T, forward, lambda ctx, g: g)(x)
        return y.requires_grad, y is x, x.requires_grad

    same(program)


VIEWS = {
    "argument": lambda ctx, x: x,
    "view of the argument": lambda ctx, x: x[:1],
    "view of an intermediate": lambda ctx, x: (x * 2)[:1],
}


@pytest.mark.parametrize("case", VIEWS)
def test_writing_into_a_view_that_a_function_made_is_an_error(case: str):
    def make(T: Any) -> Any:
        x = leaf(T, 2) * 1
        return x, function(T, VIEWS[case], lambda ctx, g: g)(x)

    same_error(lambda T: make(T)[1].add_(1), "view")
    if case != "view of an intermediate":
        same_error(lambda T: (lambda x, y: (x.add_(1), y.sum()))(*make(T)), "view")
        same_error(lambda T: (lambda x, y: (x.add_(1), y[:1].sum()))(*make(T)), "view")


def add_one(ctx: Any, x: Any) -> Any:
    x.add_(1)
    ctx.mark_dirty(x)
    return x


def test_in_place():
    def program(T: Any) -> Any:
        f = function(T, add_one, lambda ctx, g: g * 5, "AddOne")
        x = leaf(T, 2)
        y = x * 1
        z = f(y)
        (z * z).sum().backward()
        constant = T.ones(2)
        return z is y, y.grad_fn.name(), y._version, x.grad, f(constant) is constant, constant, constant._version

    same(program)


def test_in_place_on_a_constant_beside_a_tracked_argument():
    def program(T: Any) -> Any:
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            x.mul_(y)
            ctx.mark_dirty(x)
            ctx.save_for_backward(x, y)
            return x

        def backward(ctx: Any, g: Any) -> Any:
            x, y = ctx.saved_tensors
            return None, g * x / y

        x, y = T.full((2,), 3.0, dtype=T.float64), leaf(T, 2)
        z = function(T, forward, backward)(x, y)
        (g,) = T.autograd.grad((z * z).sum(), y, create_graph=True)
        return z is x, x.is_leaf, g, T.autograd.grad(g.sum(), y)

    same(program)


def test_in_place_on_a_view():
    def program(T: Any) -> Any:
        x = leaf(T, 3)
        y = x * 1
        part = y[:2]
        z = function(T, add_one, lambda ctx, g: g * 5)(part)
        (y * T.tensor([1.0, 2.0, 3.0], dtype=T.float64)).sum().backward(retain_graph=True)
        first = x.grad.clone()
        (part * part).sum().backward()
        return z is part, y.grad_fn.name().split("::")[-1], y, first, x.grad

    same(program)


def test_in_place_with_several_outputs():
    def program(T: Any) -> Any:
        def forward(ctx: Any, x: Any) -> Any:
            return add_one(ctx, x), x * 2

        x = leaf(T, 2)
        y = x * 1
        a, b = function(T, forward, lambda ctx, g, h: g * 3 + h * 5)(y)
        (a * b).sum().backward()
        return a is y, a._version, x.grad

    same(program)
    same_error(
        lambda T: function(T, lambda ctx, x: (add_one(ctx, x), x * 2), lambda ctx, g, h: g)((leaf(T, 2) * 1)[:1]),
        "cannot return more than one Tensor",
    )


def test_in_place_changes_are_noticed():
    def overwritten(T: Any, which: int) -> Any:
        x, y = leaf(T, 2) * 1, leaf(T, 2) * 1
        z = product(T)(x, y) if which < 2 else exponential(T)(x)
        (x, y, z)[which].add_(1)
        return z.sum().backward()

    for which in range(3):
        same_error(lambda T, which=which: overwritten(T, which), "has been modified by an inplace operation")
    same_error(lambda T: overwritten(T, 2), ", is at version 1; expected version 0 instead")

    def before_the_function(T: Any) -> Any:
        x = leaf(T, 2)
        y = x * 1
        z = (y * y).sum()
        function(T, add_one, lambda ctx, g: g)(y)
        return z.backward()

    same_error(before_the_function, "has been modified by an inplace operation")


def test_dirty_errors():
    def returning(T: Any, forward: Callable[..., Any], x: Any) -> Any:
        return function(T, forward, lambda ctx, g: g)(x)

    same_error(lambda T: returning(T, add_one, leaf(T, 2)), "a leaf Variable that requires grad")
    same_error(lambda T: returning(T, add_one, leaf(T, 2)[:1]), "a view of a leaf Variable that requires grad")
    same_error(
        lambda T: returning(T, lambda ctx, x: add_one(ctx, x) * 2, leaf(T, 2) * 1),
        "Some elements marked as dirty during the forward method were not returned as output.",
    )
    for T in LIBRARIES:
        with pytest.warns(UserWarning, match="received a tensor that was not an input"):
            returning(T, lambda ctx, x: add_one(ctx, x * 1), leaf(T, 2))


def test_writing_into_the_incoming_gradient_is_an_error():  # PyTorch allows it, wrong results included
    x = leaf(minitorch, 2)
    y = function(minitorch, twice, lambda ctx, g: g.mul_(2))(x)
    with pytest.raises(RuntimeError, match=r"FooBackward wrote into the gradient it was given.*clone\(\) it first"):
        y.backward(minitorch.ones(2, dtype=minitorch.float64))


def test_a_gradient_that_the_function_keeps_does_not_become_the_leafs_own():
    def program(T: Any) -> Any:
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * 2

        f = function(T, forward, lambda ctx, g: ctx.saved_tensors[0])
        x, y = leaf(T, 2), leaf(T, 2)
        f(x).sum().backward()
        x.grad.zero_()
        f(y).sum().backward(create_graph=True)
        with T.no_grad():
            y.grad.zero_()
        return x, x.grad, y

    same(program)


# --- what backward returns


RETURNS: dict[str, tuple[Callable[..., Any], str]] = {
    "too few": (lambda T, g: g, "function FooBackward returned an incorrect number of gradients (expected 2, got 1)"),
    "too many": (
        lambda T, g: (g, g, g),
        "function FooBackward returned an incorrect number of gradients (expected 2, got",
    ),
    "a number": (lambda T, g: (g, 2.0), "expected Variable or None (got float)"),
    "a list": (lambda T, g: ([g], g), "expected Variable or None (got list)"),
    "wrong shape": (
        lambda T, g: (T.ones(3), g),
        "Function FooBackward returned an invalid gradient at index 0 - got [3] but expected shape compatible with [2]",
    ),
    "smaller shape": (
        lambda T, g: (g, T.ones(())),
        "invalid gradient at index 1 - got [] but expected shape compatible",
    ),
}


@pytest.mark.parametrize("case", RETURNS)
def test_wrong_gradients(case: str):
    returned, message = RETURNS[case]

    def program(T: Any) -> Any:
        f = function(T, lambda ctx, x, y: x * y, lambda ctx, g: returned(T, g))
        f(leaf(T, 2), leaf(T, 2)).sum().backward()

    same_error(program, message)


def test_a_gradient_for_what_is_no_tensor():
    same_error(
        lambda T: function(T, lambda ctx, x, k: x * k, lambda ctx, g: (g, g))(leaf(T, 2), 2.0).sum().backward(),
        "FooBackward returned a gradient different than None at position 2, but the corresponding forward input",
    )


def test_gradients_that_are_taken_as_they_come():
    def program(T: Any) -> Any:
        x, y = leaf(T, 2), leaf(T, 2)
        f = lambda backward: function(T, lambda ctx, x, k: x * 2, backward)
        f(lambda ctx, g: (g * 3, None, None, None))(x, 1).sum().backward()  # None too many
        f(lambda ctx, g: (T.ones(3, 2), None))(x, 1).sum().backward()  # summed down to the argument's shape
        f(lambda ctx, g: (g.float(), None))(x, 1).sum().backward()  # converted to the argument's dtype
        f(lambda ctx, g: (g, g))(x, T.ones(2)).sum().backward()  # not wanted
        f(lambda ctx, g: (g, T.ones(7)))(x, T.arange(2)).sum().backward()  # not wanted, whatever it is
        f(lambda ctx, g: (None, g))(x, y).sum().backward()
        return x.grad, y.grad

    same(program)


def test_none_for_every_argument():
    def program(T: Any) -> Any:
        x = leaf(T, 2)
        y = function(T, twice, lambda ctx, g: None)(x)
        y.sum().backward()
        return x.grad, T.autograd.grad(function(T, twice, lambda ctx, g: None)(x).sum(), x, allow_unused=True)

    same(program)


# --- errors


def test_backward_twice():
    def program(T: Any, f: Any) -> Any:
        y = f(leaf(T, 2)).sum()
        y.backward()
        return y.backward()

    same_error(lambda T: program(T, exponential(T)), "Trying to backward through the graph a second time")
    same_error(lambda T: program(T, lambda x: split(T, save=True)(x)[0]), "or directly access saved tensors after they")
    same(lambda T: program(T, function(T, twice, lambda ctx, g: g * 2)))  # nothing saved, nothing freed


def test_saved_tensors_after_they_were_freed():
    def program(T: Any) -> Any:
        y = exponential(T)(leaf(T, 2))
        y.sum().backward()
        return y.grad_fn.saved_tensors

    same_error(program, "directly access saved tensors after they have already been freed")


def test_misuse():
    def backward_of(T: Any, **methods: Any) -> Any:
        f = type("F", (T.autograd.Function,), {k: staticmethod(v) for k, v in methods.items()})
        return f.apply(leaf(T, 2)).sum().backward()

    give = lambda ctx, g: g
    same_error(lambda T: backward_of(T), "You must implement the forward function for custom autograd.Function.")
    same_error(lambda T: backward_of(T, forward=twice), "You must implement either the backward or vjp method")
    same_error(
        lambda T: backward_of(T, forward=twice, backward=give, vjp=give), "Implementing both 'backward' and 'vjp'"
    )
    same_error(lambda T: T.autograd.Function.setup_context(None, (), None), "setup_context is not implemented.")
    same_error(lambda T: T.autograd.Function.jvp(None), "")
    same_error(lambda T: T.autograd.Function.vmap(None, None), "")
    same_error(
        lambda T: backward_of(T, forward=lambda ctx, x: ctx.save_for_backward(3), backward=give),
        "save_for_backward can only save variables, but argument 0 is of type int",
    )
    same_error(lambda T: backward_of(T, forward=twice, backward=lambda ctx, g: {}["key"]), "key")


@pytest.mark.parametrize("library", LIBRARIES)
def test_instances_are_no_longer_of_use(library: Any):
    with pytest.warns(DeprecationWarning, match="should not be instantiated"):
        f = library.autograd.Function()
    with pytest.raises(RuntimeError, match="Legacy autograd function"):
        f(library.ones(2))


@pytest.mark.parametrize("library", LIBRARIES)
def test_tensors_made_in_inference_mode_cannot_be_saved(library: Any):
    with library.inference_mode():
        k = library.ones(2, dtype=library.float64) * 1
        assert not exponential(library)(leaf(library, 2)).requires_grad
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        product(library)(leaf(library, 2), k)


def test_an_error_in_forward_or_backward_leaves_nothing_behind():
    def program(T: Any) -> Any:
        x = leaf(T, 2)
        errors = [outcome(T, lambda T: function(T, lambda ctx, x: 1 / 0, twice)(x))]
        errors.append(outcome(T, lambda T: function(T, twice, lambda ctx, g: 1 / 0)(x).sum().backward()))
        y = exponential(T)(x).sum()
        y.backward()
        return [type(error).__name__ for error in errors], T.is_grad_enabled(), x.grad

    same(program)


# --- once_differentiable


def once(T: Any) -> Any:
    decorate = T.autograd.function.once_differentiable
    return function(T, twice, decorate(lambda ctx, g: g * 2))


def test_once_differentiable():
    def program(T: Any) -> Any:
        x = leaf(T, 2)
        (g,) = T.autograd.grad((once(T)(x) ** 2).sum(), x, create_graph=True)
        return g, T.autograd.grad((once(T)(x) ** 2).sum(), x)

    same(program)

    def again(T: Any) -> Any:
        x = leaf(T, 2)
        (g,) = T.autograd.grad((once(T)(x) ** 2).sum(), x, create_graph=True)
        return g.sum().backward()

    same_error(again, "trying to differentiate twice a function that was marked with @once_differentiable")


def test_once_differentiable_is_never_taken_for_a_constant():  # in PyTorch it is, if the gradient is one
    x = leaf(minitorch, 2)
    (g,) = minitorch.autograd.grad(once(minitorch)(x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        minitorch.autograd.grad((g * x).sum(), x)


# --- memory, depth, threads, nesting


@pytest.mark.parametrize("make", [exponential, lambda T: lambda x: split(T, save=True)(x)[1]])
def test_dropping_the_result_frees_the_graph_at_once(make: Callable[..., Any]):
    gc.collect()
    gc.disable()
    try:
        x = leaf(minitorch, 1000)
        y = make(minitorch)(make(minitorch)(x))
        node, array = weakref.ref(y.grad_fn), weakref.ref(y._data)
        (g,) = minitorch.autograd.grad(y.sum(), x, create_graph=True)
        del y, g
        assert node() is None
        assert array() is None
    finally:
        gc.enable()


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
