"""Hooks: the handle that takes one away again, hooks on tensors, and `retain_grad`."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable
from itertools import count
from typing import Any, TypeAlias

from minitorch.autograd.tape import wrap

Table: TypeAlias = OrderedDict[int, Any]  # hooks by the id of their handle, in the order they run
_next_id = count()


class RemovableHandle:
    """What registering a hook returns: `remove()` takes the hook away; also a context manager.

    It knows its tables only weakly, so a kept handle does not keep a module or a graph alive.
    """

    def __init__(self, hooks: Table, *flags: Table) -> None:
        self.id = next(_next_id)
        self._tables = tuple(weakref.ref(table) for table in (hooks, *flags))

    def remove(self) -> None:
        """Remove the hook; removing it twice is allowed."""
        for ref in self._tables:
            table = ref()
            if table is not None:
                table.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def add_hook(table: Table, hook: Any, *, prepend: bool = False, flags: tuple[Table, ...] = ()) -> RemovableHandle:
    """Put `hook` into `table` (first, if `prepend`) and its id into each of the `flags` tables."""
    handle = RemovableHandle(table, *flags)
    table[handle.id] = hook
    if prepend:
        table.move_to_end(handle.id, last=False)
    for flag in flags:
        flag[handle.id] = True
    return handle


class LeafHooks:
    """A leaf's hooks: on each gradient that arrives, and after it was added into `.grad`."""

    __slots__ = ("after_accumulate", "on_gradient")

    def __init__(self) -> None:
        self.on_gradient: Table = OrderedDict()
        self.after_accumulate: Table = OrderedDict()


def register_hook(self: Any, hook: Callable[[Any], Any]) -> RemovableHandle:
    """`hook(grad)` runs when this tensor's gradient is complete; what it returns, if not None, replaces it."""
    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if self._node is None:
        self._hooks = self._hooks or LeafHooks()
        return add_hook(self._hooks.on_gradient, hook)
    return add_hook(hooks_of(self._node), hook)


def hooks_of(node: Any) -> Table:
    """The node's table of hooks, made when first needed."""
    if node.hooks is None:
        node.hooks = OrderedDict()
    return node.hooks


class _Retain:
    """The hook behind `retain_grad`: adds each gradient into the `.grad` of a tensor, without keeping that alive."""

    def __init__(self, t: Any) -> None:
        self.retains = weakref.ref(t)

    def __call__(self, g: Any) -> None:
        t = self.retains()
        if t is not None:
            t._grad = (g if g._requires_grad else wrap(g._data.copy())) if t._grad is None else t._grad + g


def retain_grad(self: Any) -> None:
    """Have backward() fill the `.grad` of this tensor although it is no leaf."""
    if not self.requires_grad:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if self._node is not None and not self.retains_grad:
        add_hook(hooks_of(self._node), _Retain(self))
