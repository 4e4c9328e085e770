"""gradcheck, gradgradcheck, and the Jacobians and Hessians of torch.autograd.functional."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from autograd_helpers import leaf, same, same_error
from hypothesis import given, settings
from hypothesis import strategies as st

import minitorch
from minitorch.autograd.gradcheck import GradcheckError


def doubled(T: Any, factor: float = 2.0, noise: float = 0.0) -> Callable[..., Any]:
    """x * 2 with a derivative of `factor`, which grows by `noise` at every call."""
    calls = [0]

    class Doubled(T.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            calls[0] += 1
            return g * (factor + noise * calls[0])

    return Doubled.apply


def detached_square(T: Any) -> Callable[..., Any]:
    """x * x whose backward is right, but not differentiable."""

    class Square(T.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2 * ctx.saved_tensors[0].detach()

    return Square.apply


RIGHT = {
    "sin": lambda T: ((lambda x: x.sin()), leaf(T, 3)),
    "two in, two out": lambda T: ((lambda x, y: (x * y, x + y)), (leaf(T, 3), leaf(T, 3, start=-1.0))),
    "lists": lambda T: ((lambda x, y: [x * y, x.exp()]), [leaf(T, 2), leaf(T, 2)]),
    "broadcast": lambda T: ((lambda x, y: x / y), (leaf(T, 2, 1), leaf(T, 3, start=1.0))),
    "0-d": lambda T: ((lambda x: x * x), leaf(T)),
    "empty": lambda T: ((lambda x: x * x), leaf(T, 0)),
    "not contiguous": lambda T: ((lambda x: x.t() * 3), leaf(T, 3, 2).t().detach().requires_grad_()),
    "no leaf": lambda T: ((lambda x: x * x), leaf(T, 3) * 2),
    "a number too": lambda T: ((lambda x, k: x * k), (leaf(T, 3), 2.5)),
    "a constant too": lambda T: ((lambda x, k: x * k), (leaf(T, 3), leaf(T, 3).detach())),
    "a float32 constant": lambda T: ((lambda x, k: x * k), (leaf(T, 3), T.ones(3))),
    "an input that plays no part": lambda T: ((lambda x, y: x * 2), (leaf(T, 3), leaf(T, 3))),
    "constant output": lambda T: ((lambda x: T.ones(3)), leaf(T, 3)),
    "the input itself": lambda T: ((lambda x: x), leaf(T, 2)),
    "a Function": lambda T: (doubled(T), leaf(T, 2, 2)),
}


@pytest.mark.parametrize("case", RIGHT)
def test_right_gradients_pass(case: str):
    def program(T: Any) -> Any:
        func, inputs = RIGHT[case](T)
        return T.autograd.gradcheck(func, inputs)

    same(program)


@pytest.mark.parametrize("case", [name for name in RIGHT if name != "constant output"])
def test_right_second_derivatives_pass(case: str):
    def program(T: Any) -> Any:
        func, inputs = RIGHT[case](T)
        return T.autograd.gradgradcheck(func, inputs)

    same(program)


def test_a_wrong_gradient_shows_both_jacobians():
    def program(T: Any) -> Any:
        return T.autograd.gradcheck(doubled(T, factor=3.0), leaf(T, 2))

    same_error(program, "Jacobian mismatch for output 0 with respect to input 0,\nnumerical:tensor([[2.0000, 0.0000]")
    same_error(program, "analytical:tensor([[3., 0.],\n        [0., 3.]], dtype=torch.float64)")
    same(lambda T: T.autograd.gradcheck(doubled(T, factor=3.0), leaf(T, 2), raise_exception=False))


def test_the_message_names_the_wrong_output_and_input():
    def program(T: Any) -> Any:
        bad = doubled(T, factor=3.0)
        return T.autograd.gradcheck(lambda x, y: (x * y, x * bad(y)), (leaf(T, 2), leaf(T, 2)))

    same_error(program, "Jacobian mismatch for output 1 with respect to input 1")


def test_tolerances():
    def program(T: Any, **options: Any) -> Any:
        return T.autograd.gradcheck(doubled(T, factor=2.001), leaf(T, 2), raise_exception=False, **options)

    for options in ({}, {"rtol": 1e-4}, {"rtol": 1e-4, "atol": 1e-2}, {"atol": 0.0, "rtol": 1e-3}):
        same(lambda T, options=options: program(T, **options))


def test_step():
    def program(T: Any, eps: float) -> Any:  # a third derivative makes central differences wrong by eps ** 2
        return T.autograd.gradcheck(lambda x: x**3, leaf(T, 2), eps=eps, raise_exception=False)

    assert minitorch.autograd.gradcheck(lambda x: x**3, leaf(minitorch, 2), eps=1e-4)
    same(lambda T: program(T, 0.5))


def test_outputs_without_a_gradient_must_be_constant():
    same_error(lambda T: T.autograd.gradcheck(lambda x: x.detach() * 2, leaf(T, 2)), "function expected to be zero")
    same(lambda T: T.autograd.gradcheck(lambda x: x.detach() * 0, leaf(T, 2)))
    same(lambda T: T.autograd.gradcheck(lambda x: (x > 1).long(), leaf(T, 2)))


def test_a_backward_that_changes():
    def program(T: Any, tolerance: float) -> Any:
        return T.autograd.gradcheck(doubled(T, noise=1e-7), leaf(T, 2), nondet_tol=tolerance)

    same_error(lambda T: program(T, 0.0), "Backward is not reentrant")
    same(lambda T: program(T, 1e-3))


def test_a_backward_that_does_not_multiply_by_the_gradient():
    def program(T: Any) -> Any:
        class Constant(T.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                return x * 2

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                return T.full_like(g, 2.0)

        return T.autograd.gradcheck(Constant.apply, leaf(T, 1))

    same_error(program, "backward not multiplied by grad_output")


def test_what_cannot_be_checked():
    same_error(lambda T: T.autograd.gradcheck(lambda x: x, T.ones(2)), "at least one input tensor to require gradient")
    same_error(
        lambda T: T.autograd.gradcheck(lambda x: x, T.ones(2), raise_exception=False), "at least one input tensor"
    )
    same_error(lambda T: T.autograd.gradcheck(lambda x: x, leaf(T, 1).expand(3)), "has a dimension with stride 0")
    same_error(lambda T: T.autograd.gradcheck(lambda x: x.mul_(2), leaf(T, 2)), "a leaf Variable that requires grad")
    same_error(
        lambda T: T.autograd.gradcheck(lambda x: x, leaf(T, 2), check_backward_ad=False), "Expected at least one"
    )
    same_error(
        lambda T: T.autograd.gradcheck(lambda x: x, leaf(T, 2), check_batched_forward_grad=True), "Setting check_"
    )
    with pytest.raises(TypeError, match="must return Tensors, not float"):
        minitorch.autograd.gradcheck(lambda x: (x, 2.0), leaf(minitorch, 2))


@pytest.mark.parametrize("library", [minitorch, torch])
def test_single_precision_inputs_warn(library: Any):
    x = leaf(library, 3, dtype="float32")
    with pytest.warns(UserWarning, match="Input #0 requires gradient and is not a double precision"):
        assert not library.autograd.gradcheck(lambda x: x.sin(), x, raise_exception=False)


@pytest.mark.parametrize("name", ["check_forward_ad", "check_batched_grad", "fast_mode"])
def test_what_gradcheck_does_not_do(name: str):
    with pytest.raises(NotImplementedError, match=name):
        minitorch.autograd.gradcheck(lambda x: x * 2, leaf(minitorch, 2), **{name: True})


@pytest.mark.parametrize("name", ["check_fwd_over_rev", "check_batched_grad", "fast_mode"])
def test_what_gradgradcheck_does_not_do(name: str):
    with pytest.raises(NotImplementedError, match=name):
        minitorch.autograd.gradgradcheck(lambda x: x * 2, leaf(minitorch, 2), **{name: True})


def test_the_inputs_come_back_unchanged():
    x = leaf(minitorch, 3)
    before, version = x.detach().numpy().copy(), x._version
    minitorch.autograd.gradcheck(lambda x: x.sin(), x)
    np.testing.assert_array_equal(x.detach().numpy(), before)
    assert x._version == version
    assert x.grad is None


def test_a_wrong_second_derivative():
    same_error(lambda T: T.autograd.gradgradcheck(detached_square(T), leaf(T, 2)), "Jacobian mismatch for output 0")
    same(lambda T: T.autograd.gradgradcheck(detached_square(T), leaf(T, 2), raise_exception=False))
    same(lambda T: T.autograd.gradcheck(detached_square(T), leaf(T, 2)))


def test_given_output_gradients():
    same(lambda T: T.autograd.gradgradcheck(lambda x: x.sin() * x, leaf(T, 3), leaf(T, 3)))
    same(lambda T: T.autograd.gradgradcheck(lambda x: (x * x, x > 1), leaf(T, 3), gen_non_contig_grad_outputs=True))
    same_error(lambda T: T.autograd.gradgradcheck(lambda x: x * x, leaf(T, 3), leaf(T, 2)), "Mismatch in shape")


# --- functional


def curved(x: Any) -> Any:
    return (x[:, None] * x.sin()).exp()


def two_curved(x: Any, y: Any) -> Any:
    return x.sin() * y, (y * y).sum()


def energy(x: Any, y: Any) -> Any:
    return (x**3 * y).sum() + (y * y).sum()


def vector(T: Any, n: int, start: float = -1.0) -> Any:
    return leaf(T, n, start=start).detach()


def test_jacobian():
    same(lambda T: T.autograd.functional.jacobian(curved, vector(T, 3)))
    same(lambda T: T.autograd.functional.jacobian(two_curved, (vector(T, 3), vector(T, 3, 0.2))))
    same(lambda T: T.autograd.functional.jacobian(lambda x: x.sin(), (vector(T, 3),)))
    same(lambda T: T.autograd.functional.jacobian(lambda x: (x.sin(),), vector(T, 3)))
    same(lambda T: T.autograd.functional.jacobian(lambda x: x.sum(), leaf(T, 2, 2)))
    assert minitorch.autograd.functional.jacobian(lambda x: x * 2, leaf(minitorch, 0)).shape == (
        0,
        0,
    )  # an error in PyTorch


def test_jacobian_of_what_does_not_depend():
    same(lambda T: T.autograd.functional.jacobian(lambda x: T.ones(2, dtype=T.float64), vector(T, 3)))
    same(lambda T: T.autograd.functional.jacobian(lambda x, y: x * 2, (vector(T, 3), vector(T, 2))))


def test_hessian():
    same(lambda T: T.autograd.functional.hessian(lambda x: (x**4).sum(), vector(T, 3)))
    same(lambda T: T.autograd.functional.hessian(energy, (vector(T, 3), vector(T, 3, 0.2))))
    same(lambda T: T.autograd.functional.hessian(lambda x: x**3, vector(T, 1)))
    same(lambda T: T.autograd.functional.hessian(lambda x: x.sum(), vector(T, 2)))
    same(lambda T: T.autograd.functional.hessian(lambda x: T.ones(()), vector(T, 2)))


def test_products():
    def program(T: Any) -> Any:
        f, x, y, v = T.autograd.functional, vector(T, 3), vector(T, 3, 0.2), vector(T, 3, 0.9)
        return (
            f.vjp(two_curved, (x, y), (v, T.ones((), dtype=T.float64))),
            f.vjp(lambda x: x.sin().sum(), x),
            f.jvp(two_curved, (x, y), (v, x)),
            f.jvp(lambda x: T.ones(2), x, v),
            f.vhp(energy, (x, y), (v, x)),
            f.hvp(energy, (x, y), (v, x)),
            f.hvp(energy, (x, y), (v, x)),
            f.vhp(lambda x: x.sum(), x, v),
            f.hvp(lambda x: x.sum(), x, v),
            f.hvp(lambda x: (x**3).sum(), (x,), v),
        )

    same(program)


def test_create_graph_keeps_the_inputs_graph():
    def program(T: Any) -> Any:
        f, x, v = T.autograd.functional, leaf(T, 3), leaf(T, 3, start=-0.4)
        results = [
            f.jacobian(curved, x, create_graph=True),
            f.hessian(lambda x: (x**4).sum(), x, create_graph=True),
            *f.vjp(lambda x: x.sin(), x, v, create_graph=True),
            *f.jvp(lambda x: x.sin(), x, v, create_graph=True),
            *f.vhp(lambda x: (x**3).sum(), x, v, create_graph=True),
            *f.hvp(lambda x: (x**3).sum(), x, v, create_graph=True),
        ]
        return results, [T.autograd.grad(r.sum(), [x, v], allow_unused=True) for r in results]

    same(program, rtol=1e-10)


def test_results_are_detached_also_under_no_grad():
    def program(T: Any) -> Any:
        f, x = T.autograd.functional, leaf(T, 2)
        with T.no_grad():
            j = f.jacobian(lambda x: x.sin(), x)
        y, product = f.vjp(lambda x: x.sin(), x, x)
        return j, j.requires_grad, y.requires_grad, product.requires_grad, x.grad

    same(program)


FUNCTIONAL_ERRORS = {
    "list of inputs": (lambda f, T: f.jacobian(two_curved, [vector(T, 2)] * 2), "has type <class 'list'>"),
    "number as input": (
        lambda f, T: f.hvp(curved, (vector(T, 2), 3.0)),
        "the value at index 1 has type <class 'float'>",
    ),
    "number as output": (lambda f, T: f.jacobian(lambda x: 3, vector(T, 2)), "outputs of the user-provided function"),
    "integer input": (lambda f, T: f.jacobian(lambda x: x, T.arange(2)), "only Tensors of floating point dtype can"),
    "in place": (lambda f, T: f.jacobian(lambda x: x.mul_(2), vector(T, 2)), "a leaf Variable that requires grad"),
    "v of another size": (lambda f, T: f.vjp(curved, vector(T, 2), vector(T, 2)), "v has invalid size: should be"),
    "two v": (lambda f, T: f.jvp(curved, vector(T, 2), (vector(T, 2), vector(T, 2))), "should contain a single Tensor"),
    "number as v": (lambda f, T: f.vjp(curved, vector(T, 2), 2.0), "The v given to vjp must be"),
    "no v": (
        lambda f, T: f.jvp(curved, vector(T, 2)),
        "can only be None if the input to the user-provided function is a",
    ),
    "no v for vjp": (
        lambda f, T: f.vjp(curved, vector(T, 2)),
        "can only be None if the user-provided function returns a",
    ),
    "Hessian of a vector": (lambda f, T: f.hessian(curved, vector(T, 2)), "given to hessian should contain a single"),
    "Hessian of a tuple": (
        lambda f, T: f.vhp(lambda x: (x.sum(),), vector(T, 2), vector(T, 2)),
        "return a single Tensor",
    ),
    "strict, constant": (
        lambda f, T: f.jacobian(lambda x: T.ones(2), vector(T, 2), strict=True),
        "Output 0 of the user-provided function does not require gradients.",
    ),
    "strict, unused input": (
        lambda f, T: f.jacobian(lambda x, y: x * 2, (vector(T, 2), vector(T, 2)), strict=True),
        "Output 0 of the user-provided function is independent of input 1. This is not allowed in strict mode.",
    ),
    "strict vjp": (
        lambda f, T: f.vjp(lambda x, y: x * 2, (vector(T, 2), vector(T, 2)), vector(T, 2), strict=True),
        "The output of the user-provided function is independent of input 1.",
    ),
    "strict jvp": (
        lambda f, T: f.jvp(lambda x, y: x * 2, (vector(T, 2),) * 2, (vector(T, 2),) * 2, strict=True),
        "The output of the user-provided function is independent of input 1.",
    ),
    "strict Hessian of a linear function": (
        lambda f, T: f.hessian(lambda x: x.sum(), vector(T, 2), strict=True),
        "found that the jacobian of the user-provided function with respect to input 0 is independent of the input.",
    ),
    "strict hvp of a linear function": (
        lambda f, T: f.hvp(lambda x: x.sum(), vector(T, 2), vector(T, 2), strict=True),
        "found that the jacobian of the user-provided function with respect to input 0 is independent of the input.",
    ),
    "strict with create_graph": (
        lambda f, T: f.jacobian(lambda x: x * 2, leaf(T, 2), create_graph=True, strict=True),
        "The jacobian of the user-provided function is independent of input 0. This is not allowed in strict mode when",
    ),
    "strict and vectorize": (
        lambda f, T: f.jacobian(curved, vector(T, 2), vectorize=True, strict=True),
        "`strict=True` and `vectorized=True` are not supported together.",
    ),
    "strategy": (lambda f, T: f.jacobian(curved, vector(T, 2), strategy="x"), '"forward-mode" or "reverse-mode"'),
    "forward-mode": (lambda f, T: f.hessian(curved, vector(T, 2), outer_jacobian_strategy="forward-mode"), ""),
}


@pytest.mark.parametrize("case", FUNCTIONAL_ERRORS)
def test_functional_errors(case: str):
    program, message = FUNCTIONAL_ERRORS[case]
    same_error(lambda T: program(T.autograd.functional, T), message)


def test_vectorize_is_not_done():
    with pytest.raises(NotImplementedError, match="vectorize"):
        minitorch.autograd.functional.jacobian(curved, vector(minitorch, 2), vectorize=True)
    with pytest.raises(NotImplementedError, match="vectorize"):
        minitorch.autograd.functional.hessian(curved, vector(minitorch, 2), vectorize=True)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.floats(-1.5, 1.5), st.floats(-1.5, 1.5))
def test_the_products_agree_with_the_matrices(n: int, a: float, b: float):
    f = minitorch.autograd.functional

    def func(x: Any) -> Any:
        return ((x * a).sin() * x.cumsum(0)).exp().sum() + (x[0] * x).sum() * b

    x, v = vector(minitorch, n, a), vector(minitorch, n, b)
    h = f.hessian(func, x).numpy()
    near = 1e-9 * np.abs(h).max() + 1e-300  # subnormal numbers have few digits
    np.testing.assert_allclose(h, h.T, rtol=1e-9, atol=near)
    for product in (f.hvp, f.vhp):
        np.testing.assert_allclose(product(func, x, v)[1].numpy(), h @ v.numpy(), rtol=1e-8, atol=near)
    j = f.jacobian(lambda x: x.sin() * x[0], x).numpy()
    np.testing.assert_allclose(f.jvp(lambda x: x.sin() * x[0], x, v)[1].numpy(), j @ v.numpy(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(f.vjp(lambda x: x.sin() * x[0], x, v)[1].numpy(), v.numpy() @ j, rtol=1e-9, atol=1e-12)


def test_gradcheck_error_is_a_runtime_error():
    assert issubclass(GradcheckError, RuntimeError)
