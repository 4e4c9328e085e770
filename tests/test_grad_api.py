"""torch.autograd.backward and grad, hooks in a backward pass, Variable, and the graph as data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from autograd_helpers import leaf, same, same_error
from hypothesis import given, settings
from hypothesis import strategies as st

import minitorch


def scalar_of(T: Any) -> tuple[Any, Any]:
    x = leaf(T, 2, 3)
    return x, (x * x).sum()


# --- grad


def test_grad_of_a_scalar_and_of_several_outputs():
    def program(T: Any) -> Any:
        x, y = leaf(T, 3), leaf(T, 3, start=2.0)
        z = x * y
        one = T.autograd.grad(z.sum(), x, retain_graph=True)
        two = T.autograd.grad([z.sum(), (x * 3).sum()], [x, y])
        return one, two, x.grad is None

    same(program)


def test_grad_of_a_product_with_given_output_gradients():
    def program(T: Any) -> Any:
        x = leaf(T, 3)
        v = T.tensor([1.0, -2.0, 0.5], dtype=T.float64)
        a = T.autograd.grad(x * x, x, v)
        b = T.autograd.grad(x * x, [x], grad_outputs=[v])
        c = T.autograd.grad([x * x, (x * 2).sum()], x, [v, None])
        return a, b, c

    same(program)


@pytest.mark.parametrize("kind", ["int64", "bool", "float32", "float64"])
def test_output_gradients_are_converted_to_the_outputs_dtype(kind: str):
    def program(T: Any) -> Any:
        x = leaf(T, 3, dtype="float32")
        return T.autograd.grad(x * 2, x, T.tensor([1, 0, 1]).to(getattr(T, kind)))

    same(program)


def test_a_dict_of_inputs_gives_a_dict():
    same(lambda T: (lambda x, y: T.autograd.grad((x * y).sum(), {"x": x, "y": y}))(leaf(T, 2), leaf(T, 2)))


def test_an_input_named_twice():
    same(lambda T: (lambda x: T.autograd.grad((x * x).sum(), (x, x)))(leaf(T, 2)))


def test_grad_of_a_leaf_with_respect_to_itself():
    same(lambda T: (lambda x: T.autograd.grad(x, x))(leaf(T)))
    same(lambda T: (lambda x: T.autograd.grad(x, x, T.ones(2, dtype=T.float64), create_graph=True))(leaf(T, 2)))


def test_grad_with_respect_to_what_is_not_a_leaf():
    def program(T: Any) -> Any:
        x = leaf(T, 3)
        y = x * x
        z = (y * y).sum()
        return T.autograd.grad(z, [y, x])

    same(program)


def test_unused_inputs():
    def unused(T: Any, **options: Any) -> Any:
        x, y = leaf(T, 2), leaf(T, 3)
        return T.autograd.grad((x * 2).sum(), [x, y], **options)

    same(lambda T: unused(T, allow_unused=True))
    same(lambda T: unused(T, materialize_grads=True))
    same(lambda T: unused(T, materialize_grads=True, allow_unused=True))
    same_error(unused, "The differentiated Tensor at index 1 appears to not have been used in the graph")
    same_error(lambda T: unused(T, allow_unused=False), "Set allow_unused=True if this is the desired behavior")
    same_error(lambda T: unused(T, materialize_grads=True, allow_unused=False), "but got: allow_unused=False")


def test_retain_graph_defaults_to_create_graph():
    def twice(T: Any, **options: Any) -> Any:
        x, y = scalar_of(T)
        T.autograd.grad(y, x, **options)
        return T.autograd.grad(y, x)

    same(lambda T: twice(T, create_graph=True))
    same(lambda T: twice(T, retain_graph=True))
    same_error(twice, "Trying to backward through the graph a second time")
    same_error(lambda T: twice(T, create_graph=True, retain_graph=False), "a second time")


def test_create_graph_gives_higher_derivatives():
    def program(T: Any) -> Any:
        x = leaf(T, 3)
        y = (x**4).sum()
        derivatives = []
        for _ in range(4):
            (g,) = T.autograd.grad(y, x, create_graph=True)
            derivatives.append(g)
            y = g.sum()
        return derivatives

    same(program)


def test_without_create_graph_the_gradient_is_not_tracked():
    def program(T: Any) -> Any:
        x, y = scalar_of(T)
        v = T.ones((), dtype=T.float64, requires_grad=True)
        g = T.autograd.grad(y, x, v, retain_graph=True)[0]
        h = T.autograd.grad(y, x, v, create_graph=True)[0]
        return g.requires_grad, g.grad_fn is None, h.requires_grad, T.autograd.grad(h.sum(), v)

    same(program)


def test_grad_under_no_grad():
    def program(T: Any) -> Any:
        x, y = scalar_of(T)
        with T.no_grad():
            (g,) = T.autograd.grad(y, x, create_graph=True)
            return g, g.requires_grad, T.is_grad_enabled()

    same(program)


@pytest.mark.parametrize("library", [minitorch, torch])
def test_only_inputs_is_deprecated(library: Any):
    x, y = scalar_of(library)
    with pytest.warns(FutureWarning, match="only_inputs argument is deprecated"):
        library.autograd.grad(y, x, only_inputs=False)


def test_batched_gradients_are_not_done():
    x = leaf(minitorch, 2)
    with pytest.raises(NotImplementedError, match="is_grads_batched"):
        minitorch.autograd.grad(x * 2, x, minitorch.ones(2, 2), is_grads_batched=True)


# --- errors


def times_two(T: Any, *shape: int) -> Any:
    return leaf(T, *shape) * 2


ERRORS = {
    "not a scalar": (lambda T: T.autograd.backward(times_two(T, 2)), "grad can be implicitly created only for scalar"),
    "not a scalar, None given": (lambda T: T.autograd.backward([times_two(T, 2)], [None]), "only for scalar outputs"),
    "not tracked": (
        lambda T: T.autograd.backward(T.ones(())),
        "element 0 of tensors does not require grad and does not have a grad_fn",
    ),
    "not tracked, not scalar": (lambda T: T.autograd.backward(T.ones(2)), "element 0 of tensors does not require grad"),
    "second not tracked": (
        lambda T: T.autograd.backward([times_two(T), T.ones(())]),
        "element 1 of tensors does not require grad and does not have a grad_fn",
    ),
    "not tracked in grad": (lambda T: T.autograd.grad(T.ones(()), leaf(T, 2)), "element 0 of tensors"),
    "shape of a gradient": (
        lambda T: times_two(T, 2).backward(T.ones(3)),
        "Mismatch in shape: grad_output[0] has a shape of torch.Size([3]) and output[0] has a shape of torch.Size([2])",
    ),
    "a gradient that would broadcast": (lambda T: times_two(T, 2).backward(T.ones(())), "shape of torch.Size([])"),
    "shape of a leaf's gradient": (lambda T: leaf(T, 2).backward(T.ones(2, 1)), "Mismatch in shape: grad_output[0]"),
    "too few gradients": (
        lambda T: T.autograd.backward([times_two(T, 2), times_two(T, 2)], [T.ones(2)]),
        "got 2 tensors and 1 gradients",
    ),
    "a number as gradient": (lambda T: times_two(T, 2).backward(2.0), ""),
    "numbers as gradients": (lambda T: T.autograd.grad([times_two(T, 2)], leaf(T, 2), [2.0]), "either Tensors or None"),
    "both names": (
        lambda T: T.autograd.backward(times_two(T, 2), [T.ones(2)], grad_variables=[T.ones(2)]),
        "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to `backward()`.",
    ),
    "no inputs": (lambda T: T.autograd.backward(times_two(T), inputs=[]), "`inputs` argument to `backward()` cannot"),
    "no inputs in grad": (lambda T: T.autograd.grad(times_two(T), []), "`inputs` argument to `grad()` cannot be empty"),
    "no outputs": (lambda T: T.autograd.grad([], [leaf(T, 2)]), "appears to not have been used in the graph"),
    "input not tracked": (
        lambda T: T.autograd.grad(times_two(T), [leaf(T, 2), T.ones(2)]),
        "One of the differentiated Tensors does not require grad",
    ),
    "backward input not tracked": (
        lambda T: T.autograd.backward(times_two(T), inputs=T.ones(2)),
        "can't retain_grad on Tensor that has requires_grad=False",
    ),
    "a number as input": (
        lambda T: T.autograd.grad(times_two(T), [1.0]),
        "have to be Tensors or GradientEdges, but got",
    ),
    "bare number as input": (lambda T: T.autograd.grad(times_two(T), 1.0), "'float' object is not iterable"),
    "a string as output": (lambda T: T.autograd.grad("y", leaf(T, 2)), "Expected output to be a torch.Tensor"),
    "None as output": (lambda T: T.autograd.grad(None, leaf(T, 2)), "'NoneType' object is not iterable"),
    "under no_grad": (lambda T: under_no_grad(T).backward(), "element 0 of tensors does not require grad"),
}


def under_no_grad(T: Any) -> Any:
    with T.no_grad():
        return times_two(T)


@pytest.mark.parametrize("case", ERRORS)
def test_errors(case: str):
    program, message = ERRORS[case]
    same_error(program, message)


def test_more_gradients_than_outputs_is_an_error():  # PyTorch drops the rest without a word
    x = leaf(minitorch, 2)
    with pytest.raises(RuntimeError, match="got 1 tensors and 2 gradients"):
        minitorch.autograd.grad(x * 2, x, (minitorch.ones(2), minitorch.ones(2)))


# --- backward


def test_backward_of_several_tensors():
    def program(T: Any) -> Any:
        x, y = leaf(T, 3), leaf(T, 3, start=2.0)
        T.autograd.backward([x * y, (x * x).sum()], [T.tensor([1.0, 2.0, 3.0], dtype=T.float64), None])
        return x.grad, y.grad

    same(program)


def test_backward_accumulates_into_inputs_alone():
    def program(T: Any) -> Any:
        x, y = leaf(T, 3), leaf(T, 3, start=2.0)
        x.grad = T.ones(3, dtype=T.float64)
        T.autograd.backward((x * y).sum(), inputs=[x])
        return x.grad, y.grad

    same(program)


def test_backward_with_an_input_named_twice_adds_once():
    def program(T: Any) -> Any:
        x = leaf(T, 3)
        (x * x).sum().backward(inputs=(x, x))
        return x.grad

    same(program)


def test_backward_into_inputs_that_are_no_leaves():
    def program(T: Any) -> Any:
        x = leaf(T, 3)
        y = x * x
        z = y * y
        T.autograd.backward(z.sum(), inputs=[y], retain_graph=True)
        first = y.grad.clone()
        z.sum().backward()  # y has become a tensor that retains its gradient
        return first, y.grad, y.retains_grad, x.grad

    same(program)


def test_backward_into_an_input_that_is_not_reached():
    def program(T: Any) -> Any:
        x, y = leaf(T, 3), leaf(T, 3)
        (x * 2).sum().backward(inputs=[x, y])
        return x.grad, y.grad

    same(program)


def test_backward_of_nothing():
    same(lambda T: T.autograd.backward([]))


@pytest.mark.parametrize("library", [minitorch, torch])
def test_grad_variables_is_deprecated(library: Any):
    x = leaf(library, 2)
    with pytest.warns(FutureWarning, match="`grad_variables` is deprecated"):
        library.autograd.backward(x * 2, grad_variables=library.ones(2, dtype=library.float64))
    np.testing.assert_array_equal(x.grad.numpy(), [2.0, 2.0])


def test_backward_with_create_graph():
    def program(T: Any) -> Any:
        x = leaf(T, 3)
        (x**3).sum().backward(create_graph=True)
        first = x.grad
        x.grad = None
        first.sum().backward()
        return first, x.grad

    same(program)


def test_the_gradient_given_for_a_leaf_is_not_its_grad():
    def program(T: Any) -> Any:
        x, v = leaf(T, 2), T.ones(2, dtype=T.float64)
        x.backward(v)
        x.grad.zero_()
        return x.grad, v

    same(program)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_random_graphs(data: st.DataObject):
    """Sums and products of earlier values, chosen at random; then gradients of a few with respect to a few."""
    steps = data.draw(
        st.lists(st.tuples(st.booleans(), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=12)
    )
    outputs = data.draw(st.lists(st.integers(0, 99), min_size=1, max_size=3))
    inputs = data.draw(st.lists(st.integers(0, 99), min_size=1, max_size=3))

    def program(T: Any) -> Any:
        values = [leaf(T, 2, start=0.3), leaf(T, 2, start=-0.6)]
        for product, i, j in steps:
            a, b = values[i % len(values)], values[j % len(values)]
            values.append(a * b * 0.5 if product else a + b)
        ys, xs = [values[i % len(values)].sum() for i in outputs], [values[i % len(values)] for i in inputs]
        found = T.autograd.grad(ys, xs, retain_graph=True, allow_unused=True)
        T.autograd.backward(ys)
        return found, values[0].grad, values[1].grad

    same(program, rtol=1e-9)


# --- what hooks and views may not do to gradients


def test_a_gradient_that_a_hook_saw_is_not_written_to_later() -> None:
    for t in (minitorch, torch):
        w, seen = t.ones(2, requires_grad=True), []
        w.register_hook(seen.append)
        for _ in range(2):
            (3 * w).sum().backward()
        assert seen[0].tolist() == [3.0, 3.0]
        assert w.grad.tolist() == [6.0, 6.0]


def test_a_handle_removes_its_hook_after_retain_grad() -> None:
    for t in (minitorch, torch):
        w, calls = t.ones(2, requires_grad=True), []
        y = w * 2
        handle = y.register_hook(calls.append)
        y.retain_grad()
        handle.remove()
        y.sum().backward()
        assert calls == []
        assert y.grad.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("reshape", [lambda b: b.t_(), lambda b: b.unsqueeze_(0), lambda b: b[:1].squeeze_(0)])
def test_a_view_of_a_base_reshaped_in_place_is_right_or_an_error(reshape: Any) -> None:
    w = minitorch.tensor(1.0, requires_grad=True)
    b = minitorch.zeros(2, 2)
    v = b[0]
    reshape(b)
    b.add_(w * minitorch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    try:
        v.sum().backward()
    except RuntimeError as error:
        assert "reshaped in place" in str(error)
    else:
        assert w.grad.item() == 3.0


@pytest.mark.parametrize(
    "call",
    [
        lambda t: t.ones(2, 3).sum(dim=0, axis=1),
        lambda t: t.cat([t.ones(2, 2)] * 2, dim=0, axis=1),
        lambda t: t.ones(2, 3).max(0, other=t.ones(2, 3)),
        lambda t: t.zeros(2, 2).scatter(0, t.tensor([[0, 1]]), t.ones(1, 2), value=5.0),
        lambda t: t.nn.functional.linear(t.ones(1, 2), t.ones(3, 2), t.ones(3).double()),
        lambda t: t.addmm(t.ones(5, 2, 4), t.ones(2, 3), t.ones(3, 4)),
        lambda t: t.tensordot(t.ones(2, 3), t.ones(3, 2), dims=([1], [7])),
    ],
)
def test_nothing_is_silently_ignored(call: Any) -> None:
    with pytest.raises(Exception) as theirs:  # noqa: PT011
        call(torch)
    with pytest.raises(theirs.type):
        call(minitorch)


def test_new_tensors_keep_dtype_where_none_is_given() -> None:
    for t in (minitorch, torch):
        x = t.ones(2, dtype=t.float64)
        assert [str(y.dtype) for y in (x.new_zeros(2, dtype=None), x.new_full((2,), 1, dtype=None))] == [
            "torch.float64"
        ] * 2
