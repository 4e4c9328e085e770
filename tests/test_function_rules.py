"""What a Function may do with its arguments and must return, and the errors if it does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from autograd_helpers import LIBRARIES, exponential, function, leaf, outcome, product, same, same_error, split, twice

import minitorch

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

    def backward(ctx: Any, g: Any) -> Any:
        assert not T.is_grad_enabled()
        return g * 2

    return function(T, twice, decorate(backward))


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
