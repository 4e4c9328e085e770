"""Hooks on tensors, and `retain_grad`."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from minitorch.autograd.tape import wrap


class LeafHooks:
    """A leaf's hooks: on each gradient that arrives, and after it was added into `.grad`."""

    __slots__ = ("after_accumulate", "on_gradient")

    def __init__(self) -> None:
        self.on_gradient: list[Callable[[Any], Any]] = []
        self.after_accumulate: list[Callable[[Any], Any]] = []


class RemovableHandle:
    """Takes a hook out of its list again: `handle.remove()`, or as a context manager."""

    def __init__(self, hooks: list[Any], hook: Any) -> None:
        hooks.append(hook)
        self._hooks, self._hook = hooks, hook

    def remove(self) -> None:
        hooks, self._hooks = self._hooks, []  # once: the same function may be registered again
        if self._hook in hooks:
            hooks.remove(self._hook)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def register_hook(self: Any, hook: Callable[[Any], Any]) -> RemovableHandle:
    """`hook(grad)` runs when this tensor's gradient is complete; what it returns, if not None, replaces it."""
    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if self._node is None:
        self._hooks = self._hooks or LeafHooks()
        return RemovableHandle(self._hooks.on_gradient, hook)
    if self._node.hooks is None:
        self._node.hooks = []
    return RemovableHandle(self._node.hooks, hook)


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
        if self._node.hooks is None:
            self._node.hooks = []
        self._node.hooks.append(_Retain(self))
