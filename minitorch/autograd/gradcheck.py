"""Gradients checked against finite differences, as torch.autograd.gradcheck does it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from minitorch.autograd import api, tape
from minitorch.autograd.tape import wrap
from minitorch.device import CPU, Array, move, xp

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]

Func: TypeAlias = Callable[..., Any]


class GradcheckError(RuntimeError):
    """What gradcheck and gradgradcheck raise when a derivative is wrong."""


def gradcheck(
    func: Func,
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Compare backward passes through `func(*inputs)` with central differences (f(x + eps) - f(x - eps)) / 2 eps.

    Inputs that require grad should be float64. Checked for each of them and each differentiable output: the
    Jacobian, to within atol + rtol * |difference quotient|; that a second backward gives the same, to within
    nondet_tol; that a zero gradient gives zero. GradcheckError, or False without raise_exception, if not.

    check_undefined_grad changes nothing: a row of the Jacobian leaves the gradient of the other outputs
    undefined anyway. Neither does `masked`, which is about sparse tensors.
    """
    for name, value in [("check_forward_ad", check_forward_ad), ("check_batched_grad", check_batched_grad)]:
        if value:
            raise NotImplementedError(f"gradcheck(): {name}=True is not implemented")
    if fast_mode:
        raise NotImplementedError("gradcheck(): fast_mode=True is not implemented; the full check needs no option")
    if not check_backward_ad:
        raise AssertionError("Expected at least one of check_forward_ad or check_backward_ad to be True")
    if check_batched_forward_grad:
        raise AssertionError("Setting check_batched_forward_grad=True requires check_forward_ad to be True")
    try:
        args = _tuple(inputs)
        _check_inputs(args)
        _check(func, args, eps, atol, rtol, nondet_tol, check_grad_dtypes)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Func,
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """gradcheck of the gradient of `func`, as a function of its inputs and of the outputs' gradients.

    grad_outputs: those gradients; by default random, from a generator of its own with a fixed seed.
    gen_non_contig_grad_outputs: lay the random ones out with gaps. The other arguments are those of gradcheck.
    """
    for name, value in [("check_fwd_over_rev", check_fwd_over_rev), ("check_batched_grad", check_batched_grad)]:
        if value:
            raise NotImplementedError(f"gradgradcheck(): {name}=True is not implemented")
    if fast_mode:
        raise NotImplementedError("gradgradcheck(): fast_mode=True is not implemented")
    if not check_rev_over_rev:
        raise AssertionError("Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True")
    args = _tuple(inputs)
    if grad_outputs is None:
        generator = np.random.default_rng(0)
        outputs = _differentiable(_tuple(func(*args)))
        grads = tuple(_random_like(out, generator, gen_non_contig_grad_outputs) for out in outputs)
    else:
        grads = _tuple(grad_outputs)

    def gradient(*both: Any) -> tuple[Any, ...]:
        xs, gs = both[: len(args)], both[len(args) :]
        outputs = _differentiable(_tuple(func(*xs)))
        found = api.grad(outputs, _requiring(xs), gs, create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    return gradcheck(
        gradient,
        args + grads,
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        masked=masked,
    )


# --- the checks


def _check_inputs(args: tuple[Any, ...]) -> None:
    if not _requiring(args):
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True."
        )
    for i, x in enumerate(args):
        if not isinstance(x, tape.Tensor) or not x.requires_grad:
            continue
        if x._data.dtype != np.float64:
            warnings.warn(
                f"Input #{i} requires gradient and is not a double precision floating point. This check will "
                "likely fail if all the inputs are not of double precision floating point.",
                stacklevel=3,
            )
        if any(stride == 0 and n > 1 for stride, n in zip(x._data.strides, x._data.shape, strict=True)):
            raise RuntimeError(
                f"The {i}th input has a dimension with stride 0. gradcheck only supports inputs that are "
                "non-overlapping to be able to compute the numerical gradients correctly. You should call "
                ".contiguous on the input before passing it to gradcheck."
            )


def _check(
    func: Func, args: tuple[Any, ...], eps: float, atol: float, rtol: float, nondet_tol: float, dtypes: bool
) -> None:
    outputs = _tuple(func(*args))
    for out in outputs:
        if not isinstance(out, tape.Tensor):
            kind = out.__class__.__name__
            raise TypeError(f"gradcheck: the function must return Tensors, not {kind}")
    numbers = [i for i, out in enumerate(outputs) if out.requires_grad]
    targets = [(i, x) for i, x in enumerate(args) if isinstance(x, tape.Tensor) and x.requires_grad]
    if not numbers:
        floating = [i for i, out in enumerate(outputs) if out._data.dtype.kind == "f"]
        for _, x in targets:
            if any(np.any(j != 0) for j in _numerical(func, args, x, floating, eps)):
                raise GradcheckError("Numerical gradient for function expected to be zero")
        return
    analytical = {n: _analytical(outputs[n], args, nondet_tol, dtypes) for n in numbers}
    for position, (i, x) in enumerate(targets):
        for n, numerical in zip(numbers, _numerical(func, args, x, numbers, eps), strict=True):
            exact = analytical[n][position]
            if not np.allclose(exact, numerical, rtol=rtol, atol=atol):
                raise GradcheckError(
                    f"Jacobian mismatch for output {n} with respect to input {i},\n"
                    f"numerical:{wrap(numerical)}\nanalytical:{wrap(exact)}\n"
                )
    for out in (outputs[n] for n in numbers):
        for g in _backward(out, args, xp(out._data).zeros_like(out._data)):
            if g is not None and bool((g._data != 0).any()):
                raise GradcheckError("backward not multiplied by grad_output")


def _numerical(func: Func, args: tuple[Any, ...], x: Any, numbers: list[int], eps: float) -> list[np.ndarray]:
    """Per output in `numbers`: its Jacobian with respect to `x`, [element of x, element of the output]."""
    data = x._data
    rows: list[list[np.ndarray]] = [[] for _ in numbers]
    for place in np.ndindex(data.shape):
        value = data[place].copy()
        samples = []
        for step in (eps, -eps):
            data[place] = value + step
            outputs = _tuple(func(*args))
            samples.append([_host(outputs[n]._data) for n in numbers])
            data[place] = value
        for row, plus, minus in zip(rows, *samples, strict=True):
            row.append((plus - minus) / (2 * eps))
    if not rows or not rows[0]:
        outputs = _tuple(func(*args))
        return [np.empty((data.size, outputs[n]._data.size), outputs[n]._data.dtype) for n in numbers]
    return [np.stack(row) for row in rows]


def _analytical(out: Any, args: tuple[Any, ...], nondet_tol: float, dtypes: bool) -> list[np.ndarray]:
    """Per input that requires grad: the Jacobian of `out`, [element of the input, element of the output]."""
    columns: list[list[np.ndarray]] = [[] for _ in _requiring(args)]
    for j in range(out._data.size):
        seed = xp(out._data).zeros_like(out._data)
        seed[np.unravel_index(j, seed.shape)] = 1
        found, again = _backward(out, args, seed), _backward(out, args, seed)
        for x, column, g, g2 in zip(_requiring(args), columns, found, again, strict=True):
            if (g is None) != (g2 is None) or (g is not None and not _close(g, g2, nondet_tol)):
                raise GradcheckError(
                    "Backward is not reentrant, i.e., running backward with same input and grad_output multiple "
                    f"times gives different values. The tolerance for nondeterminism was {nondet_tol}: raise "
                    "nondet_tol if this is expected."
                )
            if dtypes and g is not None and g._data.dtype != x._data.dtype:
                raise GradcheckError(f"the gradient has dtype {g.dtype}, but its input {x.dtype}")
            column.append(np.zeros(x._data.size, x._data.dtype) if g is None else _host(g._data))
    sizes = [x._data.size for x in _requiring(args)]
    return [
        np.stack(column, axis=1) if column else np.empty((size, 0)) for column, size in zip(columns, sizes, strict=True)
    ]


def _backward(out: Any, args: tuple[Any, ...], seed: Array) -> Sequence[Any]:
    return api.grad(out, _requiring(args), wrap(seed), retain_graph=True, allow_unused=True)


def _close(g: Any, other: Any, tolerance: float) -> bool:
    return bool((abs(_host(g._data) - _host(other._data)) <= tolerance).all())


# --- small things


def _host(array: Array) -> np.ndarray:
    """A flat copy in host memory."""
    return np.array(move(array, CPU)).reshape(-1)


def _tuple(x: Any) -> tuple[Any, ...]:
    return tuple(x) if isinstance(x, tuple | list) else (x,)


def _requiring(args: tuple[Any, ...]) -> list[Any]:
    return [x for x in args if isinstance(x, tape.Tensor) and x.requires_grad]


def _differentiable(outputs: tuple[Any, ...]) -> list[Any]:
    return [out for out in outputs if out.requires_grad]


def _random_like(t: Any, generator: np.random.Generator, gaps: bool) -> Any:
    shape = t._data.shape
    values = generator.standard_normal((*shape, 2) if gaps else shape)
    array = xp(t._data).asarray(np.asarray(values, t._data.dtype))
    return wrap(array[..., 0] if gaps else array).requires_grad_()
