"""Functions and modules whose forward and backward passes are CUDA graphs, inside a program that is none."""

from __future__ import annotations

from typing import Any

from minitorch.autograd.api import grad
from minitorch.autograd.function import Function, once_differentiable
from minitorch.creation import empty_like
from minitorch.cuda.graphs import CUDAGraph, graph, graph_pool_handle
from minitorch.cuda.streams import Stream, synchronize
from minitorch.cuda.streams import stream as on_stream
from minitorch.nn.module import Module
from minitorch.tensor import Tensor


def make_graphed_callables(
    callables: Any, sample_args: Any, num_warmup_iters: int = 3, allow_unused_input: bool = False, pool: Any = None
) -> Any:
    """Versions of functions or modules that replay a graph forward, and another one in the backward pass.

    callables: one, or a tuple in the order in which they will be called. sample_args: a tuple of tensors (or of nested
    tuples, lists and dicts of them), for several callables a tuple of such tuples; what is passed later must have their
    shapes, dtypes and requires_grad. num_warmup_iters: how often each is run before. allow_unused_input: whether inputs
    without a gradient are fine. pool: see `CUDAGraph.capture_begin`.

    A module is changed itself: in the mode (train or eval) that it is in now it replays, in the other it runs as before.
    The results have no second derivatives.
    """
    several = isinstance(callables, tuple)
    functions = callables if several else (callables,)
    parts = [_Graphed(function, args) for function, args in zip(functions, sample_args if several else (sample_args,))]
    pool = graph_pool_handle() if pool is None else pool
    synchronize()
    with on_stream(Stream()):
        for part in parts:
            for _ in range(num_warmup_iters):
                part.run(allow_unused_input)
    synchronize()
    for part in parts:  # in the order of their replays, which share memory
        part.capture_forward(pool)
    for part in reversed(parts):
        part.capture_backward(pool, allow_unused_input)
    made = tuple(part.replacement() for part in parts)
    return made if several else made[0]


class _Graphed:
    """A function, the tensors that its graphs read and write, and the graphs."""

    def __init__(self, function: Any, args: Any) -> None:
        self.function, self.args = function, args
        self.given = _leaves(args)
        if isinstance(function, Module):
            _check_module(function)
        if not all(isinstance(arg, Tensor) for arg in self.given):
            raise AssertionError(
                "In the beta API, sample_args for each callable must contain only Tensors. Other types are not allowed."
            )
        self.inputs = [*self.given, *(function.parameters() if isinstance(function, Module) else ())]
        self.wanted = [x for x in self.inputs if x.requires_grad]
        self.forward_graph, self.backward_graph = CUDAGraph(), CUDAGraph()

    def run(self, allow_unused: bool) -> None:
        """Forward and backward, without a graph."""
        outputs = [x for x in _leaves(self.function(*self.args)) if x.requires_grad]
        if outputs:
            grad(outputs, self.wanted, [empty_like(x) for x in outputs], allow_unused=allow_unused)

    def capture_forward(self, pool: Any) -> None:
        with graph(self.forward_graph, pool=pool):
            self.result = self.function(*self.args)
        self.outputs = _leaves(self.result)

    def capture_backward(self, pool: Any, allow_unused: bool) -> None:
        self.grad_outputs = [empty_like(x) if x.requires_grad else None for x in self.outputs]
        outputs = [x for x in self.outputs if x.requires_grad]
        found: Any = [None] * len(self.wanted)
        if outputs:
            given = [g for g in self.grad_outputs if g is not None]
            with graph(self.backward_graph, pool=pool):
                found = grad(outputs, self.wanted, given, allow_unused=allow_unused)
        gradients = iter(found)
        self.grad_inputs = [next(gradients) if x.requires_grad else None for x in self.inputs]

    def checked(self, given: list[Any]) -> list[Any]:
        """The arguments of a call, if they fit the samples."""
        found, wanted = [getattr(x, "shape", None) for x in given], [x.shape for x in self.given]
        if found != wanted:
            raise RuntimeError(
                f"a graphed callable takes tensors of the shapes it was captured with, {[list(s) for s in wanted]}, not "
                f"{[None if s is None else list(s) for s in found]}"
            )
        return given

    def replacement(self) -> Any:
        """The function that replays; of a module, the module with another `forward`."""
        node = _function(self)
        parameters = self.inputs[len(self.given) :]

        def graphed(*args: Any) -> Any:
            outputs = node.apply(*self.checked(_leaves(args)), *parameters)
            return _rebuilt(self.result, iter(outputs))

        if not isinstance(self.function, Module):
            return graphed
        module, training, original = self.function, self.function.training, self.function.forward

        def forward(*args: Any, **kwargs: Any) -> Any:
            return graphed(*args, **kwargs) if module.training == training else original(*args, **kwargs)

        module.forward = forward  # type: ignore[method-assign]
        return module


def _function(part: _Graphed) -> type[Function]:
    class Graphed(Function):
        @staticmethod
        def forward(ctx: Any, *inputs: Any) -> Any:
            for own, given in zip(part.given, inputs):  # the parameters are where they were
                _put(own, given)
            part.forward_graph.replay()
            return tuple([x.detach() for x in part.outputs])

        @staticmethod
        @once_differentiable
        def backward(ctx: Any, *grads: Any) -> Any:
            for own, given in zip(part.grad_outputs, grads):
                if own is not None:
                    _put(own, given)
            part.backward_graph.replay()
            return tuple([None if g is None else g.detach() for g in part.grad_inputs])

    return Graphed


def _put(own: Tensor, given: Tensor) -> None:
    """Copy to where the graph reads, unless it lies there."""
    if own.data_ptr() != given.data_ptr() or own.stride() != given.stride():
        own.detach().copy_(given.detach())


def _check_module(module: Module) -> None:
    if module._backward_hooks or module._forward_hooks or module._forward_pre_hooks:
        raise AssertionError(
            "Modules must not have hooks registered at the time they are passed. However, registering hooks on modules "
            "after passing them through make_graphed_callables is allowed."
        )
    if any(buffer.requires_grad for buffer in module.buffers()):
        raise AssertionError(
            "In any :class:`~torch.nn.Module` passed to :func:`~make_graphed_callables`, only parameters may be "
            "trainable. All buffers must have ``requires_grad=False``."
        )


# --- nested tuples, lists and dicts


def _leaves(x: Any) -> list[Any]:
    if isinstance(x, dict):
        return [leaf for value in x.values() for leaf in _leaves(value)]
    if isinstance(x, tuple | list):
        return [leaf for value in x for leaf in _leaves(value)]
    return [x]


def _rebuilt(like: Any, leaves: Any) -> Any:
    """`like` with other leaves."""
    if isinstance(like, dict):
        return {key: _rebuilt(value, leaves) for key, value in like.items()}
    if isinstance(like, tuple | list):
        values = [_rebuilt(value, leaves) for value in like]
        return type(like)(*values) if hasattr(like, "_fields") else type(like)(values)
    return next(leaves)
