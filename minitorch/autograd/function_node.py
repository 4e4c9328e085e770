"""The nodes that calls of a Function leave on the tape.

One FunctionNode per call. If several of its outputs have gradients, each gets an OutputNode, and their gradients
travel on to the FunctionNode together, as one Parts: so `backward` is called once, with all of them.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from minitorch.autograd import tape
from minitorch.autograd.broadcast import clone
from minitorch.autograd.context import FunctionCtx
from minitorch.autograd.tape import Node, on_arrays, wrap
from minitorch.autograd.view import version_cell
from minitorch.device import device_of, xp


class Parts:
    """The gradients of several outputs on their way to the one node that made them.

    To the engine it is a gradient like others: something that can be added up and handed on.
    """

    __slots__ = ("by_output",)
    shape = dtype = base = _view = None

    def __init__(self, by_output: dict[int, Any]) -> None:
        self.by_output = by_output

    @property
    def _data(self) -> Parts:
        return self

    def __add__(self, other: Parts) -> Parts:
        return Parts(self.by_output | other.by_output)  # an OutputNode is visited once: no number occurs twice


class BareNode(Node):
    """A node that no op made: it has edges, a number, and the shape and dtype of the gradient it takes."""

    __slots__ = ()

    def __init__(self, edges: list[Any], shape: Any, dtype: Any) -> None:
        self.edges, self.shape, self.dtype = tuple(edges), shape, dtype
        self.number, self.hooks = tape.next_number(), None

    def release(self) -> None:
        """It kept nothing."""


class OutputNode(BareNode):
    """One of several outputs of a Function."""

    __slots__ = ("index",)

    def __init__(self, hub: FunctionNode, index: int, shape: tuple[int, ...], dtype: Any) -> None:
        super().__init__([hub], shape, dtype)
        self.index = index

    def gradients(self, g: Any, wanted: list[bool] | None, create_graph: bool) -> list[Any]:
        return [Parts({self.index: g})]

    def name(self) -> str:
        return self.edges[0].name()

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        return self.edges[0].next_functions

    def __getattr__(self, name: str) -> Any:
        return getattr(self.edges[0], name)


class FunctionNode(BareNode):
    """One call of a Function. What its ctx holds can be read here too, as in PyTorch: `y.grad_fn.saved_tensors`."""

    __slots__ = ("alive", "backward", "ctx", "inputs", "label", "made", "only", "tensors")

    label: str
    backward: Callable[..., Any]
    ctx: FunctionCtx
    inputs: list[Any]  # per argument: its edge, or None if it requires no gradient
    tensors: list[bool]  # per argument: whether it was a Tensor
    made: list[Any]  # per output: (array module, shape, dtype); None for what is not a Tensor
    only: int | None  # the number of the output that has a gradient, if it is a single one
    alive: dict[int, weakref.ref[OutputNode]]  # by number, if they are several

    def __init__(
        self, label: str, backward: Callable[..., Any], ctx: FunctionCtx, inputs: list[Any], tensors: list[bool]
    ) -> None:
        super().__init__([edge for edge in inputs if edge is not None], None, None)
        self.label, self.backward, self.ctx, self.inputs, self.tensors = label, backward, ctx, inputs, tensors
        self.made, self.only, self.alive = [], None, {}
        ctx._node = weakref.ref(self)

    def take_outputs(self, outputs: list[Any], with_grad: list[int]) -> None:
        """Learn what the call made, and which of it, by number, has a gradient."""
        for out in outputs:
            tensor = isinstance(out, tape.Tensor)
            self.made.append((xp(out._data), out._data.shape, out._data.dtype) if tensor else None)
        if len(with_grad) == 1:
            self.only = with_grad[0]
            _, self.shape, self.dtype = self.made[self.only]

    def output_node(self, number: int) -> Node:
        """The node of an output: this one, if it is the only one with a gradient."""
        if number == self.only:
            return self
        found = self.alive.get(number)
        node = None if found is None else found()
        if node is None:
            _, shape, dtype = self.made[number]
            node = OutputNode(self, number, shape, dtype)
            self.alive[number] = weakref.ref(node)
        return node

    def name(self) -> str:
        return self.label

    def release(self) -> None:
        self.ctx._free()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.ctx, name)

    def gradients(self, g: Any, wanted: list[bool] | None, create_graph: bool) -> list[Any]:
        grads = self._as_arguments(g if self.only is None else Parts({self.only: g}), create_graph)
        cells = [version_cell(t) for t in grads if t is not None]
        versions = [cell[0] for cell in cells]
        allowed = on_arrays.set(False)  # here the user's code runs, not rules
        try:
            found = self.backward(self.ctx, *grads)
        finally:
            on_arrays.reset(allowed)
        if versions != [cell[0] for cell in cells]:
            raise RuntimeError(
                f"{self.label} wrote into the gradient it was given, which other nodes may share: clone() it first"
            )
        result = self._checked(found if isinstance(found, tuple) else (found,), create_graph)
        return result if wanted is None else [gi if want else None for gi, want in zip(result, wanted, strict=True)]

    def _as_arguments(self, parts: Parts, create_graph: bool) -> list[Any]:
        """The gradient of every output as a Tensor; zeros, or None, for those that got none."""
        grads: list[Any] = []
        for i, made in enumerate(self.made):
            g = parts.by_output.get(i)
            if g is not None:
                grads.append(g if create_graph else wrap(np.asarray(g) if isinstance(g, np.generic) else g))
            elif made is None or not self.ctx.materialize_grads:
                grads.append(None)
            else:
                module, shape, dtype = made
                grads.append(wrap(module.zeros(shape, dtype)))
        return grads

    def _checked(self, found: tuple[Any, ...], create_graph: bool) -> list[Any]:
        """What `backward` returned, as the engine wants it: a gradient, or None, per edge."""
        expected = len(self.inputs)
        if len(found) > expected and all(g is None for g in found[expected:]):
            found = found[:expected]
        if len(found) != expected:
            raise RuntimeError(
                f"function {self.label} returned an incorrect number of gradients (expected {expected}, got "
                f"{len(found)})"
            )
        result = []
        for i, (g, edge) in enumerate(zip(found, self.inputs, strict=True)):
            if g is not None and not isinstance(g, tape.Tensor):
                raise RuntimeError(f"{self.label}: expected Variable or None (got {g.__class__.__name__})")
            if g is not None and not self.tensors[i]:
                raise RuntimeError(
                    f"function {self.label} returned a gradient different than None at position {i + 1}, but the "
                    "corresponding forward input was not a Variable"
                )
            if edge is not None:
                result.append(None if g is None else self._as_gradient(g, edge, i, create_graph))
        return result

    def _as_gradient(self, g: Any, edge: Any, position: int, create_graph: bool) -> Any:
        leaf = not isinstance(edge, Node)
        shape, got = edge._data.shape if leaf else edge.shape, g._data.shape
        lead = len(got) - len(shape)
        if lead < 0 or any(n not in (1, m) for n, m in zip(shape, got[lead:], strict=True)):
            raise RuntimeError(
                f"Function {self.label} returned an invalid gradient at index {position} - got {list(got)} but "
                f"expected shape compatible with {list(shape)}"
            )
        if leaf and device_of(g._data) != device_of(edge._data):
            raise RuntimeError(
                f"Function {self.label} returned an invalid gradient at index {position} - expected device "
                f"{device_of(edge._data)} but got {device_of(g._data)}"
            )
        g = g if create_graph else g._data
        return clone(g) if leaf else g  # it may become the leaf's grad, and the Function may hold this array too
