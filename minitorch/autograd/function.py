"""`Function`: an operation whose derivative its author writes, in PyTorch's form."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from minitorch.autograd import inplace, tape
from minitorch.autograd.context import FunctionCtx
from minitorch.autograd.engine import edge_of
from minitorch.autograd.function_node import BareNode, FunctionNode
from minitorch.autograd.inplace import bump, check_writable
from minitorch.autograd.mode import grad_enabled, no_grad
from minitorch.autograd.tape import wrap
from minitorch.autograd.view import View, version_cell

__all__ = ["Function", "FunctionCtx", "once_differentiable"]


class Function:
    """Subclass it with static methods `forward` and `backward`; call it as `Foo.apply(*args)`, never as `Foo()`.

    Either `forward(ctx, *args)`, or `forward(*args)` and `setup_context(ctx, inputs, output)`. Arguments may be
    anything; Tensors among them (not inside lists) can get gradients. The output is a Tensor, or a tuple that
    may hold other things too. `backward(ctx, *grads)` takes a gradient per output and returns one per argument,
    None where there is none.
    """

    def __init__(self) -> None:
        warnings.warn(
            f"{self.__class__} should not be instantiated. Methods on autograd functions are all static, so you "
            "should invoke them on the class itself.",
            DeprecationWarning,
            stacklevel=2,
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        name = self.__class__.__name__
        raise RuntimeError(f"Legacy autograd function: make the methods of {name} static and call {name}.apply(...)")

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the output: `forward(ctx, *args)`, or `forward(*args)` beside a `setup_context`."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Called after `forward(*args)`: save what `backward` will need."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """From the gradient of each output, the gradient of each argument of `forward`."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with "
            "backward mode AD."
        )

    vjp = backward  # another name for it: a Function defines one of the two

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """Forward-mode differentiation: minitorch never calls it."""
        raise NotImplementedError("Function.jvp: minitorch has no forward-mode differentiation")

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        """A rule for vmap: minitorch never calls it."""
        raise NotImplementedError("Function.vmap: minitorch has no vmap")

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run the function on `args`; recorded as one node if any of them requires grad."""
        with_setup = cls.setup_context is not Function.setup_context
        if kwargs or with_setup:
            args = _positional(cls.forward, args, kwargs, with_setup)
        # The edges as they are before `forward`, which may write into its arguments. This also refreshes views.
        edges = [edge_of(x) if isinstance(x, tape.Tensor) else None for x in args]
        needs = tuple(isinstance(x, tape.Tensor) and x.requires_grad for x in args)
        ctx = FunctionCtx(needs)
        with no_grad():
            output = cls.forward(*args) if with_setup else cls.forward(ctx, *args)
            if with_setup:
                cls.setup_context(ctx, args, output)
        outputs = list(output) if isinstance(output, tuple) else [output]
        outputs = _after_writing(ctx, args, outputs)
        if grad_enabled.get() and any(needs):
            inputs = [edge if need else None for edge, need in zip(edges, needs, strict=True)]
            tensors = [edge is not None for edge in edges]
            _record(FunctionNode(f"{cls.__name__}Backward", cls._rule(), ctx, inputs, tensors), outputs)
        return tuple(outputs) if isinstance(output, tuple) else outputs[0]

    @classmethod
    def _rule(cls) -> Callable[..., Any]:
        """`backward`, or `vjp` if that is what the author wrote."""
        if cls.vjp is Function.vjp:
            return cls.backward
        return cls.vjp if cls.backward is Function.backward else _both


def _both(ctx: Any, *grad_outputs: Any) -> Any:
    raise RuntimeError(
        "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should only implement one "
        "of them."
    )


def _positional(
    forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], with_setup: bool
) -> tuple[Any, ...]:
    """Arguments given by keyword put in their place. With a setup_context, all that have a default are filled in."""
    parameters = list(inspect.signature(forward).parameters.values())[0 if with_setup else 1 :]
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    bound = list(args)
    for p in places[len(args) :]:
        if p.name in kwargs:
            bound.append(kwargs.pop(p.name))
        elif p.default is not p.empty and (kwargs or with_setup):
            bound.append(p.default)
        else:
            break  # a missing argument: `forward` itself will complain
    for name in kwargs:
        raise TypeError(f"forward() got an unexpected keyword argument '{name}'")
    return tuple(bound)


def _after_writing(ctx: FunctionCtx, args: tuple[Any, ...], outputs: list[Any]) -> list[Any]:
    """Count the writes into what is marked dirty; an argument returned untouched becomes a view of itself."""
    dirty = {id(t) for t in ctx.dirty_tensors}
    if not dirty <= {id(out) for out in outputs}:
        raise RuntimeError(
            "Some elements marked as dirty during the forward method were not returned as output. The inputs that are "
            "modified inplace must all be outputs of the Function."
        )
    given = {id(x) for x in args if isinstance(x, tape.Tensor)}
    if not dirty <= given:
        warnings.warn(
            "ctx.mark_dirty() received a tensor that was not an input. Only input Tensors that have been mutated "
            "should be passed to ctx.mark_dirty().",
            stacklevel=3,
        )
    for t in ctx.dirty_tensors:
        bump(t)
    results = []
    for out in outputs:
        if id(out) in given - dirty:
            same = wrap(out._data)
            same._view = View(out, tape.same.op, {}, same)
            if any(out is t for t in ctx.non_differentiable):
                ctx.non_differentiable += (same,)
            out = same
        results.append(out)
    return results


def _record(node: FunctionNode, outputs: list[Any]) -> None:
    """Hang `node` on the outputs, and let its ctx turn what it saves into records."""
    ctx = node.ctx
    without = {id(t) for t in ctx.non_differentiable}
    numbers = [
        i
        for i, out in enumerate(outputs)
        if isinstance(out, tape.Tensor) and out._data.dtype.kind == "f" and id(out) not in without
    ]
    node.take_outputs(outputs, numbers)
    dirty = {id(t) for t in ctx.dirty_tensors}
    for i in numbers:
        out = outputs[i]
        if id(out) in dirty:
            _adopt_written(node, i, out, len([o for o in outputs if isinstance(o, tape.Tensor)]))
        else:
            out._node, out._requires_grad = node.output_node(i), True
            if out._view is not None:
                out._view.made, out._view.steps = "custom", (_REFUSED,)
                out._view.version = out._cell[0]
    ctx._pack([out if i in numbers else None for i, out in enumerate(outputs)])


def _adopt_written(node: FunctionNode, number: int, out: Any, count: int) -> None:
    """`forward` wrote into its argument `out`: that is now this output."""
    check_writable(out, True, node.label)
    value = wrap(out._data)
    value._node, value._requires_grad = node.output_node(number), True
    if out._view is None:
        inplace.take_node(out, value)
    elif count == 1:
        inplace.write_through(out, value)
    else:
        raise RuntimeError(
            "If your Function modifies inplace an input that is a view of another Tensor, your Function cannot return "
            "more than one Tensor. Clone the input first, or split the Function in two."
        )


def _refuse(*args: Any, **options: Any) -> Any:
    raise RuntimeError(
        "A view made by a custom Function (or an argument that it returned as it was) is being modified inplace, or "
        "its base has been. This is forbidden: the gradient would not pass through the Function's backward. Clone the "
        "output of the Function first."
    )


_REFUSED: tuple[Any, dict[str, Any]] = (SimpleNamespace(call=_refuse, function=_refuse, name="custom"), {})


# --- backward functions that cannot be differentiated


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """For a `backward` that computes with unrecorded arrays: differentiating its result again is an error.

    An error also where PyTorch silently takes the result for a constant: when the incoming gradient is one.
    """

    @functools.wraps(backward)
    def once(ctx: Any, *grads: Any) -> Any:
        with no_grad():
            found = backward(ctx, *grads)
        if not grad_enabled.get():
            return found
        edges = [*ctx._node().edges, *(edge_of(g) for g in grads if g is not None and g.requires_grad)]
        results = [_refusing(g, edges) for g in (found if isinstance(found, tuple) else (found,))]
        return tuple(results) if isinstance(found, tuple) else results[0]

    return once


class OnceNode(BareNode):
    """What a once-differentiable backward hangs on its results."""

    __slots__ = ()

    def gradients(self, g: Any, wanted: list[bool] | None, create_graph: bool) -> list[Any]:
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")

    def name(self) -> str:
        return "Error"


def _refusing(g: Any, edges: list[Any]) -> Any:
    if not isinstance(g, tape.Tensor):
        return g
    t = wrap(g._data)
    t._cell = version_cell(g)
    t._node, t._requires_grad = OnceNode(edges, g._data.shape, g._data.dtype), True
    return t
