"""The tape: what one call of an op leaves behind, so that the engine can walk it back.

`@differentiable(rule, ...)` makes an op of a function on arrays. Arrays in, array out; a Tensor in, a Tensor out,
and if that must be tracked, one Node is recorded. A rule turns the gradient `g` of the output into the gradient
of one argument; what a rule names is what the node keeps.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from itertools import count
from typing import Any

import numpy as np

from minitorch.autograd.mismatch import explain, is_array, settled, takes_host_scalars
from minitorch.autograd.mode import grad_enabled, inference
from minitorch.autograd.op import OPS, Call, Op, P, Plan, Rule
from minitorch.autograd.view import View
from minitorch.device import Array, device_of

# The one circle of the library: the tape makes Tensors, and Tensor's methods are ops. tensor.py closes it, by
# calling `adopt` when its class is complete; nothing here runs before that.
Tensor: Any = None


def adopt(tensor_class: type) -> None:
    """Called once by tensor.py: the class that results are made of."""
    global Tensor
    Tensor = tensor_class


new = object.__new__
ndarray = np.ndarray
next_number = count().__next__
INFERENCE_CELL = [0]  # the version cell of all tensors made in inference mode: they may never be saved
_NUMBER_CELL = [0]  # stands for the version of a Python number, which nobody can write into

# True while the engine runs rules on arrays: then ops are just their functions. Users' arrays are an error, as in PyTorch.
on_arrays: ContextVar[bool] = ContextVar("on_arrays", default=False)


def wrap(array: Array) -> Any:
    """A Tensor around `array` (memory shared), not tracked."""
    t = new(Tensor)
    t._data = array
    t._node = t._grad = t._cell = t._view = t._hooks = None
    t._requires_grad = False
    return t


# --- the record of one call


class Node:
    """One recorded call. Its edges lead to what made its tracked arguments: older nodes, or leaf tensors."""

    __slots__ = ("__weakref__", "checks", "dtype", "edges", "hooks", "number", "options", "plan", "saved", "shape")

    plan: Plan
    options: dict[str, Any]
    edges: tuple[Any, ...]  # per tracked argument: a Node, or the leaf Tensor itself
    saved: Any  # one tuple of what the rules name, cut by plan.spans; None once freed
    checks: list[tuple[list[int], int]]  # (version cell, version when saved), in the order of plan.watched
    shape: tuple[int, ...]  # of the output, hence of its gradient
    dtype: Any
    number: int  # creation order is a topological order: inputs are born before outputs
    hooks: Any  # by id, or None: called on the gradient of the output, as a Tensor

    def gradients(self, g: Any, wanted: list[bool] | None, create_graph: bool) -> list[Any]:
        """From `g`, the gradient of each tracked argument (None where not wanted): arrays, or recorded Tensors."""
        saved = self.saved
        if saved is None:
            raise RuntimeError(BACKWARD_TWICE)
        for cell, version in self.checks:
            if cell[0] != version:
                raise RuntimeError(self._modified(cell[0], version))
        plan = self.plan
        if create_graph:
            saved = [self._restored(source, value) for source, value in zip(plan.sources, saved)]
        if wanted is None:
            return plan.run(g, saved)
        rules: Any = zip(plan.rules, plan.spans, wanted)
        return [rule(g, *saved[start:end]) if want else None for rule, (start, end), want in rules]

    def release(self) -> None:
        """Free what was saved. A node that kept nothing can be walked again, as in PyTorch."""
        if self.checks:
            self.saved, self.checks = None, []

    def _restored(self, source: int, value: Any) -> Any:
        """A saved array back as a Tensor: on the edge it came from, or this node's own output."""
        if source == self.plan.rest:
            return tuple(self._as_tensor(self.plan.op.fixed + i, v) for i, v in enumerate(value))
        return self._as_tensor(source, value) if source <= self.plan.arity else value

    def _as_tensor(self, source: int, value: Any) -> Any:
        if not is_array(value):
            return value
        t = wrap(value)
        t._cell = self.checks[self.plan.watched.index(source)][0]
        if source == self.plan.arity:
            t._node = self
        elif source in self.plan.tracked:
            edge = self.edges[self.plan.tracked.index(source)]
            if isinstance(edge, Node):
                t._node = edge
            elif edge._data is value:
                return edge
            else:  # the leaf was converted or copied on the way in
                t._node = same(edge)._node
        t._requires_grad = t._node is not None
        return t

    def _modified(self, version: int, expected: int) -> str:
        return (
            "one of the variables needed for gradient computation has been modified by an inplace operation: "
            f"[{list(self.shape)}], a tensor that {self.name()} needs, is at version {version}; expected version "
            f"{expected} instead. Hint: change it after backward(), use the out-of-place form of the operation, or "
            "clone() the tensor first."
        )

    def name(self) -> str:
        """PyTorch's name for this kind of node, such as 'MulBackward0'."""
        return self.plan.op.node_name(self.options)

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """((node, 0), ...) for the tracked arguments; a leaf shows as an AccumulateGrad."""
        return tuple((edge if isinstance(edge, Node) else AccumulateGrad(edge), 0) for edge in self.edges)

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"


class AccumulateGrad:
    """How a leaf shows in `next_functions`."""

    def __init__(self, variable: Any) -> None:
        self.variable = variable
        self.next_functions: tuple[Any, ...] = ()

    def name(self) -> str:
        return "torch::autograd::AccumulateGrad"


BACKWARD_TWICE = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have "
    "already been freed). Saved intermediate values of the graph are freed when you call .backward() or "
    "autograd.grad(). Specify retain_graph=True if you need to backward through the graph a second time or if "
    "you need to access saved tensors after calling backward."
)


# --- ops


def differentiable(
    *rules: Rule | None,
    promote: Any = False,
    view: bool = False,
    name: Any = None,
    elementwise: bool = False,
    in_single: bool = False,
    one_step: bool = False,
) -> Callable[[Callable[P, Any]], Call[P]]:
    """Make an op of an array function: one rule per array argument, None where there is no gradient.

    Array arguments come first; all that follows them in the signature are options. The rule of a `*tensors`
    parameter serves each of them and may name `i`, its number.

    promote: convert the arrays to PyTorch's common dtype first, as arithmetic does; or the function that converts them.
    view: the result shares the memory of the first argument, so writes into it go through.
    name: the node's name in PyTorch, where it does not follow from the function's; or a function of the options.
    elementwise: the rules have several steps, element by element: what fusion.elementwise makes faster.
    in_single: and they compute float16 in float32, as PyTorch's of activations do.
    one_step: the function is a single step, element by element: on a GPU a kernel of fusion.py's, where that is better.
    """

    def decorate(function: Callable[P, Any]) -> Call[P]:
        op = Op(function, rules, promote, view, name, elementwise, in_single, one_step)
        OPS[op.name] = op
        op.call = functools.wraps(function)(_caller(op))
        op.call.op, op.call.array = op, function
        return op.call

    return decorate


def constant(arity: int = 1, *, promote: bool = False) -> Callable[[Callable[P, Any]], Call[P]]:
    """An op on `arity` arrays that has no gradient: comparisons, argmax, ..."""
    return differentiable(*[None] * arity, promote=promote)


def _caller(op: Op) -> Any:
    """The function that users and rules call: the hot path of the forward pass."""
    function, arity, variadic, promote, known = op.function, op.fixed, op.variadic, op.promote, op.defaults.keys()
    on_gpu = op.on_gpu

    def call(*args: Any, **options: Any) -> Any:
        if on_arrays.get():  # a rule, in an ordinary backward pass
            return function(*args, **options)
        if (len(args) != arity and not variadic) or (options and not options.keys() <= known):
            args, options = op.bind(args, options)  # type: ignore[assignment]
        arrays = []
        mask, bit, tensors = 0, 1, 0
        for x in args:
            if isinstance(x, Tensor):
                view = x._view
                if view is not None and view.version != x._cell[0]:
                    view.refresh(x)
                if x._requires_grad:
                    mask |= bit
                tensors += 1
                arrays.append(x._data)
            else:
                arrays.append(x)
            bit += bit
        try:
            if promote and (tensors != 2 or len(arrays) != 2 or arrays[0].dtype is not arrays[1].dtype):
                arrays = promote(arrays)
            if not tensors:
                raise TypeError
            out = (function if arrays[0].__class__ is ndarray else on_gpu)(*arrays, **options)
        except (AttributeError, TypeError, ValueError) as error:
            return _joined(op, args, options, arrays, error)
        return outcome(op, args, arrays, out, mask, options)

    return call if variadic else {1: _unary, 2: _binary}.get(arity, lambda _, call: call)(op, call)


def _unary(op: Op, general: Any) -> Any:
    """`call` for ops on one array, written out: it takes two thirds of the time."""
    function, on_gpu = op.function, op.on_gpu

    def call(*args: Any, **options: Any) -> Any:
        if on_arrays.get():
            return function(*args, **options)
        if len(args) != 1 or options or not isinstance(x := args[0], Tensor) or op.promote:
            return general(*args, **options)
        view = x._view
        if view is not None and view.version != x._cell[0]:
            view.refresh(x)
        array = x._data
        try:
            out = function(array) if array.__class__ is ndarray else on_gpu(array)
        except (AttributeError, TypeError, ValueError) as error:
            raise explain(op.name, op.arguments, [array], error) from None
        return outcome(op, args, (array,), out, 1 if x._requires_grad else 0, options)

    return call


def _binary(op: Op, general: Any) -> Any:
    """`call` for ops on two arrays, written out."""
    function, on_gpu, promote = op.function, op.on_gpu, op.promote

    def call(*args: Any, **options: Any) -> Any:
        if on_arrays.get():
            return function(*args, **options)
        if len(args) != 2 or options or not (isinstance(x := args[0], Tensor) and isinstance(y := args[1], Tensor)):
            return general(*args, **options)
        view = x._view
        if view is not None and view.version != x._cell[0]:
            view.refresh(x)
        view = y._view
        if view is not None and view.version != y._cell[0]:
            view.refresh(y)
        arrays: Any = (x._data, y._data)
        a, b = arrays
        try:
            if promote and a.dtype is not b.dtype:
                arrays = promote([a, b])
                a, b = arrays
            out = function(a, b) if a.__class__ is ndarray else on_gpu(a, b)
        except (AttributeError, TypeError, ValueError) as error:
            return _joined(op, args, options, [a, b], error)
        mask = 1 if x._requires_grad else 0
        return outcome(op, args, arrays, out, mask + 2 if y._requires_grad else mask, options)

    return call


def _joined(op: Op, args: Any, options: dict[str, Any], arrays: list[Any], error: Exception) -> Any:
    """The call again, if it failed because 0-d CPU tensors stand beside CUDA tensors: with these moved. Else the error."""
    moved = host_scalars_moved(op, args)
    if moved is None:
        raise explain(op.name, op.arguments or [op.rest], arrays, error) from None
    return op.call(*moved, **options)


def host_scalars_moved(op: Op, args: Any) -> list[Any] | None:
    """The arguments with 0-d CPU tensors where the CUDA tensors are; None where there is nothing to move."""
    if not takes_host_scalars(op):
        return None
    tensors = [x for x in args if isinstance(x, Tensor)]
    home = args[0] if op.name == "fill" else next((x for x in tensors if not isinstance(x._data, ndarray)), None)
    if home is None:
        return None
    moved = [x if not isinstance(x, Tensor) or x._data.ndim else beside(x, home) for x in args]
    return moved if any(a is not b for a, b in zip(args, moved)) else None


def beside(x: Any, home: Any) -> Any:
    """Tensor `x` on the device of Tensor `home`: itself, or moved by an op, so that its gradient comes back."""
    if type(x._data) is type(home._data):
        return x
    return OPS["transfer"].call(x, to=device_of(home._data), source=device_of(x._data))


def outcome(op: Op, args: Any, arrays: Any, out: Array, mask: int, options: dict[str, Any]) -> Any:
    """The Tensor that `op` gives for `args`; bit i of `mask` says whether argument i is tracked."""
    if out.__class__ is not ndarray:  # NumPy turns 0-d results into scalars; and CuPy's arrays
        out = settled(op, arrays, out)
    result = new(Tensor)
    result._data = out
    result._node = result._grad = result._cell = result._view = result._hooks = None
    result._requires_grad = False
    if mask and grad_enabled.get():
        record(op, args, arrays, mask, options, result)
    elif inference.get():
        result._cell = INFERENCE_CELL
    if op.view:
        result._view = View(args[0], op, options, result)
    return result


def record(op: Op, args: Any, arrays: list[Any], mask: int, options: dict[str, Any], result: Any) -> None:
    """Hang a Node on `result`, the outcome of `op` on `args`."""
    plan = op.plans.get((len(arrays), mask) if op.variadic else mask) or op.plan(len(arrays), mask)
    out = result._data
    edges, saved = plan.keep(args, arrays, out, options)
    if not edges:
        return
    node = new(Node)
    node.plan, node.options, node.hooks, node.number = plan, options, None, next_number()
    node.edges, node.saved, node.shape, node.dtype = edges, saved, out.shape, out.dtype
    node.checks = checks = []
    for i in plan.watched:
        x = result if i == plan.arity else args[i]
        if isinstance(x, Tensor):
            cell = x._cell
            if cell is None:
                cell = x._cell = [0]
            elif cell is INFERENCE_CELL:
                raise RuntimeError(
                    "Inference tensors cannot be saved for backward. To work around you can make a clone to get a "
                    f"normal tensor and use it in autograd: {op.name} keeps one for its gradient."
                )
            checks.append((cell, cell[0]))
        else:
            checks.append((_NUMBER_CELL, 0))
    result._node, result._requires_grad = node, True


@differentiable(lambda g: g)
def same(input: Array) -> Array:
    """Its argument, as the outcome of an op."""
    return input
