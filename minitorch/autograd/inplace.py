"""Writing into a tensor's memory so that autograd stays right, or refuses.

An in-place method is its op, computed, written into the tensor's memory and recorded there: the tensor adopts the
new node. Written through a view, the base adopts one `write` node instead, and the view derives its own from it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minitorch import dtypes
from minitorch.autograd import tape
from minitorch.autograd.mismatch import check_integer, explain, settled
from minitorch.autograd.mode import grad_enabled, inference
from minitorch.autograd.op import Op
from minitorch.autograd.tape import INFERENCE_CELL, Call, constant, differentiable, record, wrap
from minitorch.autograd.view import CUSTOM_VIEW, move_retained, refresh, version_cell
from minitorch.device import Array, extent, signed, xp


def inplace(
    op_call: Call[...], name: str | None = None, *, recorded: bool = True, overlap: str = "whole"
) -> Callable[..., Any]:
    """The in-place method of an op: `add_ = inplace(add)`.

    recorded: False for what PyTorch writes behind autograd's back, leaving the gradient of the old value: on a tensor
    that requires grad it is refused. overlap: what memory an argument may share with the tensor: "whole" (all of it, in
    the same order), "nothing", "anything", or "broadcast": as "whole", once it has the tensor's shape.
    """
    op = op_call.op
    name = name or f"{op.name}_"
    comparison = not any(op.rules)
    if comparison:  # what it writes is constant
        node = f"{op.name.title()}Backward1"
        op = Op(op.function, (lambda g: zeros_like(g),) * len(op.rules), op.promote, False, node)
        op.name = name
    # What the node needs of the old value, the write would destroy: then the op is given a copy of it.
    keeps_old = any(op.arguments[0] in names for names in op.named)

    def method(self: Any, *args: Any, **options: Any) -> Any:
        args = (self, *args)
        if len(args) != op.fixed or not options.keys() <= op.defaults.keys():
            args, options = op.bind(args, options)  # type: ignore[assignment]
        tracked = will_track(args)
        if tracked and not recorded:
            if self._requires_grad:
                raise NotImplementedError(f"{method.__name__}(): its tensor must not require grad; detach() it first")
            tracked = False
        check_writable(self, tracked, method.__name__)
        arrays = [x._data if isinstance(x, tape.Tensor) else x for x in args]
        try:
            if op.promote:
                arrays = op.promote(arrays)
            out = op.function(*arrays, **options)
        except (AttributeError, TypeError, ValueError) as error:
            moved = tape.host_scalars_moved(op, args)
            if moved is None or moved[0] is not self:
                raise explain(method.__name__, op.arguments, arrays, error) from None
            return method(*moved, **options)
        if out.__class__ is not np.ndarray:
            out = settled(op, arrays, out)
        check_fits(self, out)
        for x in args[1:]:
            if isinstance(x, tape.Tensor) and _owner(x._data) is _owner(self._data):
                out = _apart(self._data, x._data, out, overlap)
        if tracked and comparison and self._data.dtype.kind != "f":  # PyTorch's backward pass fails
            raise NotImplementedError(f"{method.__name__}(): 'other' requires grad, integers cannot; detach() it first")
        if tracked:
            if keeps_old:
                arrays[0] = arrays[0].copy()
                args = (_before(self, arrays[0]), *args[1:])
            outcome = wrap(out if self._view is not None else self._data)
            outcome._cell = None if self._view is not None else version_cell(self)
            record(op, args, arrays, _mask(args), options, outcome)
        self._data[...] = out
        bump(self)
        if tracked and self._view is not None:
            write_through(self, outcome)
        elif tracked:
            plan, checks = outcome._node.plan, outcome._node.checks
            if plan.arity in plan.watched:  # the output, as it is after this write
                checks[plan.watched.index(plan.arity)] = (self._cell, self._cell[0])
            take_node(self, outcome)
        return self

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"In-place form of `{op_call.op.name}`; returns the tensor itself."
    return method


def _apart(target: Array, x: Array, out: Array, overlap: str) -> Array:
    """`out`, not to be read from what is written to. RuntimeError, as in PyTorch, if `x`, an argument with memory of the
    same owner, shares more of it than it may; where that is hard to tell (gaps, repeats) PyTorch does not ask, and here
    it is fine."""
    if overlap == "broadcast":
        x = out
    if not x.size or not target.size or (x.size == 1 and overlap == "nothing"):  # one element is read before the write
        return out
    (begin, end), (start, stop) = extent(target), extent(x)
    if start >= end or begin >= stop:
        return out
    whole = (begin, end, target.strides) == (start, stop, x.strides) and overlap != "nothing"
    if _dense(x) and _dense(target) and not whole and overlap != "anything":
        raise RuntimeError(
            "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory "
            "location. Please clone() the tensor before performing the operation."
        )
    # NumPy sees what overlaps, CuPy may not.
    return out if isinstance(out, np.ndarray) or _owner(out) is not _owner(target) else out.copy()


def _owner(x: Array) -> Any:
    return x if x.base is None else x.base


def _dense(x: Array) -> bool:
    """Whether its elements fill a stretch of memory, each place once, in whatever order of the dimensions."""
    size = x.itemsize
    for stride, n in sorted((stride, n) for stride, n in zip(x.strides, x.shape, strict=True) if n != 1):
        if stride != size:
            return False
        size *= n
    return True


def _before(t: Any, old: Array) -> Any:
    """Tensor `t` as it was, with its old value in a copy that the write does not reach."""
    before = wrap(old)
    before._node, before._requires_grad = t._node, t._requires_grad
    return before


@constant()
def zeros_like(input: Array) -> Array:
    """Zeros in the shape, dtype and layout of `input`."""
    return xp(input).zeros_like(input)


@differentiable(lambda g: zeros_like(g), lambda g: g, name="CopyBackwards")
def overwrite(input: Array, src: Array) -> Array:
    """`src`, broadcast and converted to fit into `input`: what `x.copy_(src)` and `x[i] = src` write."""
    if not hasattr(src, "dtype"):
        value = as_element(src, input.dtype)
        return signed(xp(input).full_like(input, value), value)
    try:
        return xp(src).broadcast_to(src.astype(input.dtype, copy=False), input.shape)
    except ValueError:
        raise RuntimeError(
            f"{list(src.shape)} does not broadcast to {list(input.shape)}, the shape written to"
        ) from None


_INTEGERS = {kind: np.iinfo(kind) for kind in map(np.dtype, ("uint8", "int8", "int16", "int32", "int64"))}
_LARGEST = {kind: float(np.finfo(kind).max) for kind in map(np.dtype, ("float16", "float32", "float64"))}


def as_element(value: Any, kind: Any) -> Any:
    """A Python number as an element of an array of dtype `kind`; RuntimeError if it does not fit."""
    check_integer(value)
    if kind.kind == "b":
        return bool(value)
    if isinstance(value, complex):
        fits = False
    elif kind.kind == "f":
        fits = abs(value) <= _LARGEST[kind] or value != value or abs(value) == np.inf
    else:
        limits = _INTEGERS[kind]
        low = -limits.max if limits.min == 0 and isinstance(value, int) else limits.min  # PyTorch lets -1 wrap around
        fits = low <= value <= limits.max
    if not fits:
        raise RuntimeError(f"value cannot be converted to type {kind.name} without overflow: {value}")
    return value if kind.kind == "f" else int(value) if value >= 0 or limits.min else int(value) % (limits.max + 1)


_copy_ = inplace(overwrite, "copy_")


def copy_(self: Any, src: Any, non_blocking: bool = False) -> Any:
    """Write `src`, broadcast and converted, into this tensor's memory; returns the tensor.

    non_blocking: from pinned memory to a GPU, go on while it copies: do not write there before.
    """
    if not isinstance(src, tape.Tensor):
        raise TypeError(f"copy_(): argument 'src' (position 1) must be Tensor, not {src.__class__.__name__}")
    if non_blocking:
        src = src.to(self.device, non_blocking=True)
    return _copy_(self, carried(src, self))


def carried(src: Any, target: Any) -> Any:
    """`src` on the device of `target`; without its gradient, if that has integer elements."""
    return tape.beside(src if target._data.dtype.kind == "f" else src.detach(), target)


@differentiable(lambda g: zeros_like(g), lambda g: g)
def fill(input: Array, value: Array) -> Array:
    """`value`, a number or 0-d tensor, in every place of `input`."""
    if getattr(value, "ndim", 0):
        raise RuntimeError(f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions.")
    if hasattr(value, "dtype") and xp(value) is not xp(input):
        raise TypeError("a value on another device")  # which is moved then
    if hasattr(value, "dtype"):
        return xp(input).full_like(input, value)
    value = as_element(value, input.dtype)
    return signed(xp(input).full_like(input, value), value)


def bump(t: Any) -> None:
    """Count a write into the memory of `t`."""
    cell = t._cell
    if cell is None:
        t._cell = [1]
    elif cell is not INFERENCE_CELL:
        cell[0] += 1


def check_fits(target: Any, out: Array) -> None:
    """RuntimeError if an op's result cannot be written into `target`'s memory: its shape and dtype stay."""
    data = target._data
    if out.shape != data.shape:
        raise RuntimeError(f"output with shape {list(data.shape)} doesn't match the broadcast shape {list(out.shape)}")
    found, wanted = out.dtype, data.dtype
    if found is not wanted and dtypes.CATEGORY[found.kind] > dtypes.CATEGORY[wanted.kind]:
        names = [dtypes.SCALAR_NAMES[dtypes.from_numpy(kind)] for kind in (found, wanted)]
        raise RuntimeError(f"result type {names[0]} can't be cast to the desired output type {names[1]}")


def will_track(args: Any) -> bool:
    """True if an op on these arguments is recorded. Brings views among them up to date, all of them."""
    if not grad_enabled.get():
        return False
    tracked = False
    for x in args:
        if isinstance(x, tape.Tensor):
            refresh(x)
            tracked = tracked or x._requires_grad
    return tracked


def check_writable(t: Any, tracked: bool, name: str) -> None:
    """RuntimeError, in PyTorch's words, where an in-place write would make a gradient wrong."""
    view = t._view
    if tracked or (view is not None and view.made and view.base._requires_grad and grad_enabled.get()):
        if t._requires_grad and t._node is None:
            raise RuntimeError(
                f"a leaf Variable that requires grad is being used in an in-place operation: {name}. "
                "Use it under torch.no_grad(), or write into a clone()."
            )
        if view is not None:
            if view.base._requires_grad and view.base._node is None:
                raise RuntimeError(
                    f"a view of a leaf Variable that requires grad is being used in an in-place operation: {name}. "
                    "Use it under torch.no_grad(), or write into a clone()."
                )
            if view.made == "no_grad":
                raise RuntimeError(
                    "A view was created in no_grad mode and is being modified inplace with grad mode enabled. Given "
                    "that this use case is ambiguous and error-prone, it is forbidden. You can clarify your code by "
                    "moving both the view and the inplace either both inside the no_grad block (if you don't want "
                    "the inplace to be tracked) or both outside (if you want the inplace to be tracked)."
                )
            if view.made == "several":
                raise RuntimeError(
                    f"Output of {name} is a view and is being modified inplace. This view is the output of a function "
                    "that returns multiple views. Such functions do not allow the output views to be modified "
                    "inplace. You should replace the inplace operation by an out-of-place one."
                )
    if t._cell is INFERENCE_CELL and not inference.get():
        raise RuntimeError(
            "Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone to get a "
            "normal tensor before doing inplace update."
        )
    if view is not None and view.made == "custom":
        raise RuntimeError(CUSTOM_VIEW)
    if view is not None and tracked:
        view.check_layout()
    data = t._data
    if (
        0 in data.strides
        and data.size
        and any(stride == 0 and n > 1 for stride, n in zip(data.strides, data.shape, strict=True))
    ):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory "
            "location. Please clone() the tensor before performing the operation."
        )
    if view is not None and any(op.name == "unfold" and o["step"] < o["size"] for op, o in view.steps):
        raise NotImplementedError(f"{name}: writing into the overlapping windows of unfold(); clone() them first")


# --- writing through a view


def _zeroed(g: Any, steps: Any) -> Any:
    return write(g, 0.0, steps=steps)


def _region(g: Any, steps: Any) -> Any:
    for op, options in steps:
        g = op.call(g, **options)
    return g


@differentiable(lambda g, steps: _zeroed(g, steps), lambda g, steps: _region(g, steps), name="CopySlices")
def write(base: Array, value: Array, *, steps: Any) -> Array:
    """A copy of `base` in which the part that the view `steps` shows is `value`."""
    out = xp(base).array(base)  # a gradient may be a NumPy scalar, whose copy cannot be written
    _region_of(out, steps)[...] = value
    return out


def _region_of(array: Array, steps: Any) -> Array:
    for op, options in steps:
        array = op.function(array, **options)
    return array


def write_through(t: Any, value: Any) -> None:
    """`value` was written into the view `t`: the base adopts the node of `write`, and `t` follows it."""
    view = t._view
    args = [view.base, value]
    outcome = wrap(view.base._data)
    record(write.op, args, [x._data for x in args], _mask(args), {"steps": view.steps}, outcome)
    take_node(view.base, outcome)
    view.refresh(t)


def _mask(args: Any) -> int:
    return sum(1 << i for i, x in enumerate(args) if isinstance(x, tape.Tensor) and x._requires_grad)


def take_node(t: Any, outcome: Any) -> None:
    """`t` is now what `outcome`, of the same memory, records."""
    old = t._node
    t._node, t._requires_grad = outcome._node, outcome._requires_grad
    if t._node is not None and old is not None and old.hooks:
        move_retained(old, t._node)
