"""`ctx`, what `forward` of a Function leaves for its `backward`."""

from __future__ import annotations

import weakref
from typing import Any

from minitorch.autograd import tape
from minitorch.autograd.tape import BACKWARD_TWICE, INFERENCE_CELL, wrap
from minitorch.autograd.view import version_cell
from minitorch.device import Array


class FunctionCtx:
    """The notes of one call. `forward` may also store any attribute of its own: `ctx.p = p`.

    needs_input_grad: per argument of `apply`, whether it requires a gradient.
    """

    def __init__(self, needs_input_grad: tuple[bool, ...] = ()) -> None:
        self.needs_input_grad = needs_input_grad
        self.materialize_grads = True
        self.dirty_tensors: tuple[Any, ...] = ()
        self.non_differentiable: tuple[Any, ...] = ()
        self._to_save: tuple[Any, ...] = ()
        self._saved: list[_Saved | None] | None = []  # None once freed
        self._node: weakref.ref | None = None  # the FunctionNode, which holds this ctx

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep arguments, outputs or intermediate Tensors (or None) for `ctx.saved_tensors`; the last call counts."""
        for i, t in enumerate(tensors):
            if t is not None and not isinstance(t, tape.Tensor):
                kind = t.__class__.__name__
                raise TypeError(f"save_for_backward can only save variables, but argument {i} is of type {kind}")
        self._to_save = tensors

    def save_for_forward(self, *tensors: Any) -> None:
        """For `jvp`, which is never called here: keeps nothing."""

    def mark_dirty(self, *tensors: Any) -> None:
        """Say which arguments `forward` wrote into. It must return them."""
        self.dirty_tensors = tensors

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Say which outputs have no gradient. Integer and bool outputs have none anyway."""
        self.non_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """False: `backward` gets None, instead of zeros, for an output that nothing depends on."""
        self.materialize_grads = value

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What `save_for_backward` kept. RuntimeError if it was freed, or written into since."""
        if self._saved is None:
            raise RuntimeError(BACKWARD_TWICE)
        return tuple(None if saved is None else saved.tensor(self) for saved in self._saved)

    def _pack(self, results: list[Any]) -> None:
        """Turn the Tensors to save into records that hold nothing newer than the arguments. `results`: by output
        number, the outputs that get a gradient."""
        numbers = {id(t): i for i, t in enumerate(results) if t is not None}
        self._saved = [None if t is None else _Saved(t, numbers.get(id(t))) for t in self._to_save]
        self._to_save = self.dirty_tensors = self.non_differentiable = ()

    def _free(self) -> None:
        if self._saved:
            self._saved = None


class _Saved:
    """One saved Tensor: its array, the version it had, and the edge it lies on."""

    __slots__ = ("array", "cell", "edge", "output", "version")

    def __init__(self, t: Any, output: int | None) -> None:
        self.array: Array = t._data
        self.cell = version_cell(t)
        if self.cell is INFERENCE_CELL:
            raise RuntimeError(
                "Inference tensors cannot be saved for backward. To work around you can make a clone to get a normal "
                "tensor and use it in autograd."
            )
        self.version = self.cell[0]
        self.output = output  # the node of an output is found when needed: held here, it would be a cycle
        self.edge = None if output is not None or not t.requires_grad else t._node or t

    def tensor(self, ctx: FunctionCtx) -> Any:
        node = None if ctx._node is None else ctx._node()
        if self.cell[0] != self.version:
            where = "" if self.output is None or node is None else f", which is output {self.output} of {node.name()},"
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an inplace operation: "
                f"[{list(self.array.shape)}]{where} is at version {self.cell[0]}; expected version {self.version} "
                "instead. Hint: change it after backward(), or save a clone() of it."
            )
        edge = self.edge
        if isinstance(edge, tape.Tensor):
            if edge._data is self.array:
                return edge
            edge = tape.same(edge)._node  # the leaf has been given another array since
        elif self.output is not None and node is not None:
            edge = node.output_node(self.output)
        t = wrap(self.array)
        t._cell = self.cell
        t._node, t._requires_grad = edge, edge is not None
        return t
