"""Derivatives of functions: Jacobians, Hessians and their products with vectors, as in torch.autograd.functional.

Each takes `func` and its `inputs`, a Tensor or a tuple of Tensors. Unless `create_graph`, the inputs are
detached and so are the results. strict: an error, instead of zeros, where an output does not depend on an input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from minitorch.autograd import api, tape
from minitorch.autograd.mode import enable_grad
from minitorch.autograd.tape import wrap
from minitorch.device import xp

Tensors: TypeAlias = Any  # a Tensor, or a tuple of Tensors
Func: TypeAlias = Callable[..., Tensors]

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]


def vjp(
    func: Func, inputs: Tensors, v: Tensors | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[Tensors, Tensors]:
    """(func(*inputs), v^T J): the vector-Jacobian product, by one backward pass. v has the outputs' shapes."""
    with enable_grad():
        xs, single_input = _prepared(inputs, create_graph, "vjp")
        ys, single_output = _call(func, xs, strict, "vjp")
        vs = _vector(v, ys, single_output, "vjp", "the user-provided function returns")
        result = _grad(ys, xs, vs, create_graph, strict, "output")
        _check_depends(result, strict and create_graph, "jacobian")
    return _given(ys, single_output, create_graph), _given(result, single_input, create_graph)


def jvp(
    func: Func, inputs: Tensors, v: Tensors | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[Tensors, Tensors]:
    """(func(*inputs), J v): the Jacobian-vector product. v has the inputs' shapes.

    By two backward passes: u^T J is linear in u, and its derivative with respect to u, times v, is J v.
    """
    with enable_grad():
        xs, single_input = _prepared(inputs, create_graph, "jvp")
        vs = _vector(v, xs, single_input, "jvp", "the input to the user-provided function is")
        ys, single_output = _call(func, xs, strict, "jvp")
        us = [_zeros(y).requires_grad_() for y in ys]
        back = _grad(ys, xs, us, True, strict, "output")
        result = _grad(back, us, vs, create_graph)
        _check_depends(result, strict and create_graph, "jacobian")
    return _given(ys, single_output, create_graph), _given(result, single_output, create_graph)


def vhp(
    func: Func, inputs: Tensors, v: Tensors | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Tensors]:
    """(func(*inputs), v^T H), the vector-Hessian product, for a func that returns one element."""
    with enable_grad():
        xs, single = _prepared(inputs, create_graph, "vhp")
        vs = _vector(v, xs, single, "vhp", "the input to the user-provided function is")
        y, gradient = _gradient(func, xs, strict, "vhp")
        result = _grad(gradient, xs, vs, create_graph, strict, "jacobian")
        _check_depends(result, strict and create_graph, "hessian")
    return _given([y], True, create_graph), _given(result, single, create_graph)


def hvp(
    func: Func, inputs: Tensors, v: Tensors | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Tensors]:
    """(func(*inputs), H v) for a func that returns one element. `vhp` finds the same in one pass less."""
    with enable_grad():
        xs, single = _prepared(inputs, create_graph, "hvp")
        vs = _vector(v, xs, single, "hvp", "the input to the user-provided function is")
        y, gradient = _gradient(func, xs, strict, "hvp")
        us = [_zeros(x).requires_grad_() for x in xs]
        back = _grad(gradient, xs, us, True, strict, "jacobian")
        result = _grad(back, us, vs, create_graph)
        _check_depends(result, strict and create_graph, "hessian")
    return _given([y], True, create_graph), _given(result, single, create_graph)


def jacobian(
    func: Func,
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """J of shape (*output.shape, *input.shape), by a backward pass per element of the output.

    With a tuple of inputs, or of outputs, a tuple; with both, a tuple per output of a tuple per input.
    """
    _check_strategy("jacobian", "strategy", strategy, vectorize, strict)
    with enable_grad():
        xs, single_input = _prepared(inputs, create_graph, "jacobian")
        ys, single_output = _call(func, xs, strict, "jacobian")
        blocks = [_block(i, y, xs, create_graph, strict) for i, y in enumerate(ys)]
    result = tuple(_given(block, single_input, create_graph) for block in blocks)
    return result[0] if single_output else result


def hessian(
    func: Func,
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """H of shape (*input.shape, *input.shape), for a func that returns one element: the gradient's Jacobian.

    With a tuple of inputs, a tuple of tuples: H[i][j] for inputs i and j.
    """
    _check_strategy("hessian", "outer_jacobian_strategy", outer_jacobian_strategy, vectorize, strict)
    _, single = _as_tuple(inputs, "inputs", "hessian")

    def gradient(*xs: Any) -> Tensors:
        return _given(_gradient(func, list(xs), strict, "hessian")[1], single, True)

    return jacobian(gradient, inputs, create_graph, strict)


# --- what they share


def _prepared(inputs: Tensors, create_graph: bool, name: str) -> tuple[list[Any], bool]:
    """(the inputs to differentiate at, whether there was a single one and no tuple)."""
    xs, single = _as_tuple(inputs, "inputs", name)
    if create_graph:  # a view: on the caller's graph, but the caller's own tensor stays untouched
        return [x.view_as(x) if x.requires_grad else x.detach().requires_grad_() for x in xs], single
    return [x.detach().requires_grad_() for x in xs], single


def _call(func: Func, xs: list[Any], strict: bool, name: str) -> tuple[list[Any], bool]:
    ys, single = _as_tuple(func(*xs), "outputs of the user-provided function", name)
    for i, y in enumerate(ys):
        if strict and not y.requires_grad:
            raise RuntimeError(
                f"Output {i} of the user-provided function does not require gradients. The outputs must be "
                "computed in a differentiable manner from the input when running in strict mode."
            )
    return list(ys), single


def _gradient(func: Func, xs: list[Any], strict: bool, name: str) -> tuple[Any, list[Any]]:
    """(y, the recorded gradient) of a function that must return a single element."""
    ys, single = _call(func, xs, strict, name)
    if not single:
        raise RuntimeError(f"The function given to {name} should return a single Tensor")
    if ys[0].numel() != 1:
        raise RuntimeError(f"The Tensor returned by the function given to {name} should contain a single element")
    gradient = _grad(ys, xs, [None], True, strict, "output")
    for i, g in enumerate(gradient):
        if strict and not g.requires_grad:
            raise RuntimeError(_dependence("jacobian", i))
    return ys[0], gradient


def _grad(
    ys: Sequence[Any], xs: list[Any], vs: Sequence[Any], create_graph: bool, strict: bool = False, what: str = ""
) -> list[Any]:
    """v^T J per input; zeros where nothing depends on it, or an error that says `what` does not."""
    tracked = [(y, v) for y, v in zip(ys, vs, strict=True) if y.requires_grad]
    found: Sequence[Any] = [None] * len(xs)
    if tracked:
        found = api.grad(
            [y for y, _ in tracked],
            xs,
            [v for _, v in tracked],
            retain_graph=True,
            create_graph=create_graph,
            allow_unused=True,
        )
    for i, g in enumerate(found):
        if strict and g is None:
            raise RuntimeError(_dependence(what, i))
    return [_zeros(x) if g is None else g for x, g in zip(xs, found, strict=True)]


def _dependence(what: str, i: int) -> str:
    if what == "jacobian":
        return (
            "While computing the hessian, found that the jacobian of the user-provided function with respect to "
            f"input {i} is independent of the input. This is not allowed in strict mode. You should ensure that "
            "your function is twice differentiable and that the jacobian depends on the inputs (this would be "
            "violated by a linear function for example)."
        )
    place = "The output" if what == "output" else what
    return f"{place} of the user-provided function is independent of input {i}. This is not allowed in strict mode."


def _check_depends(result: list[Any], strict: bool, what: str) -> None:
    for i, g in enumerate(result):
        if strict and not g.requires_grad:
            raise RuntimeError(
                f"The {what} of the user-provided function is independent of input {i}. This is not allowed in "
                "strict mode when create_graph=True."
            )


def _block(number: int, y: Any, xs: list[Any], create_graph: bool, strict: bool) -> list[Any]:
    """The Jacobian of one output with respect to each input."""
    rows = []
    for j in range(y.numel()):
        v = _zeros(y)
        v._data.reshape(-1)[j] = 1
        rows.append(_grad([y], xs, [v], create_graph, strict, f"Output {number}"))
        _check_depends(rows[-1], strict and create_graph, "jacobian")
    block = []
    for i, x in enumerate(xs):
        shape = (*y.shape, *x.shape)
        block.append(_stacked([row[i] for row in rows]).reshape(shape) if rows else _zeros(x, shape))
    return block


def _stacked(rows: list[Any]) -> Any:
    from minitorch.ops.join import stack  # ops stand on autograd: they cannot be imported before it

    return stack(rows)


def _vector(v: Tensors | None, like: list[Any], single: bool, name: str, subject: str) -> list[Any]:
    """The vector of a product, checked: a Tensor for each of `like`, in its shape."""
    if v is None:
        if not single or like[0].numel() != 1:
            raise RuntimeError(f"The vector v can only be None if {subject} a single Tensor with a single element.")
        return [wrap(xp(like[0]._data).ones_like(like[0]._data))]
    vs, _ = _as_tuple(v, "v", name)
    if len(vs) != len(like):
        if single:
            raise RuntimeError("The given v should contain a single Tensor.")
        raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(vs)}.")
    for i, (t, other) in enumerate(zip(vs, like, strict=True)):
        if t.shape != other.shape:
            entry = "" if single else f"Entry {i} in "
            raise RuntimeError(f"{entry}v has invalid size: should be {other.shape} but got {t.shape}.")
    return list(vs)


def _as_tuple(x: Any, what: str, name: str) -> tuple[tuple[Any, ...], bool]:
    """(the Tensors in a tuple, whether `x` was a single one)."""
    if isinstance(x, tape.Tensor):
        return (x,), True
    rule = f"The {what} given to {name} must be either a Tensor or a tuple of Tensors but"
    if not isinstance(x, tuple):
        raise TypeError(f"{rule} the given {what} has type {type(x)}.")
    for i, t in enumerate(x):
        if not isinstance(t, tape.Tensor):
            raise TypeError(f"{rule} the value at index {i} has type {type(t)}.")
    return x, False


def _given(tensors: Sequence[Any], single: bool, create_graph: bool) -> Tensors:
    """Results in the form the arguments had."""
    results = tuple(t if create_graph else t.detach() for t in tensors)
    return results[0] if single else results


def _zeros(t: Any, shape: tuple[int, ...] | None = None) -> Any:
    return wrap(xp(t._data).zeros(t._data.shape if shape is None else shape, t._data.dtype))


def _check_strategy(name: str, argument: str, strategy: str, vectorize: bool, strict: bool) -> None:
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(f'Expected {argument} to be either "forward-mode" or "reverse-mode", not {strategy!r}')
    if vectorize and strict:
        raise RuntimeError(
            f"torch.autograd.functional.{name}: `strict=True` and `vectorized=True` are not supported together. "
            "Please either set `strict=False` or `vectorize=False`."
        )
    if strategy == "forward-mode":
        raise NotImplementedError(f"{name}(): {argument}='forward-mode' is not implemented; use 'reverse-mode'")
    if vectorize:
        raise NotImplementedError(f"{name}(): vectorize=True is not implemented; the result is the same without")
