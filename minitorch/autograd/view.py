"""Views: whose memory a tensor shows, how often that was written, and its node made anew after a write."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from minitorch.autograd.mode import grad_enabled
from minitorch.autograd.op import Op


def refresh(t: Any) -> None:
    """Bring a view up to date with its base, if the memory was written since."""
    if t._view is not None and t._view.version != t._cell[0]:
        t._view.refresh(t)


def version_cell(t: Any) -> list[int]:
    """The one-element list that counts the writes into the memory of `t` and its views; made when first needed."""
    if t._cell is None:
        t._cell = [0]
    return t._cell


CUSTOM_VIEW = (
    "A view that a custom Function returned was, or its base was, modified inplace. minitorch cannot derive its "
    "gradient anew: return a clone() from forward, or do not write into it."
)


_WRITTEN = "and its base or another view of its base has been modified inplace with grad mode enabled."
OLD_VIEW = {  # by `View.made`
    "no_grad": f"A view was created in no_grad mode {_WRITTEN} Given that this use case is ambiguous and error-prone, it is "
    "forbidden. Move both the view and the inplace either inside the no_grad block (if you don't want the inplace to be "
    "tracked) or outside (if you want it to be tracked).",
    "several": f"Output of a function that returns multiple views is a view {_WRITTEN} Such functions do not allow the "
    "output views to be modified inplace. Replace the inplace operation by an out-of-place one.",
}


def move_retained(old: Any, new: Any) -> None:
    """From one node to another: a retained grad is that of a tensor's newest value."""
    moved = {key: hook for key, hook in (old.hooks or {}).items() if hasattr(hook, "retains")}
    for key in moved:
        del old.hooks[key]
    if moved:
        new.hooks = OrderedDict([*(new.hooks or {}).items(), *moved.items()])


class View:
    """What a view remembers: whose memory it shows, and the calls that made it from there."""

    __slots__ = ("array", "base", "made", "steps", "version")

    def __init__(self, source: Any, op: Op, options: dict[str, Any], result: Any) -> None:
        result._cell = cell = version_cell(source)
        parent = source._view
        self.base = source if parent is None else parent.base
        self.steps = ((op, options),) if parent is None else (*parent.steps, (op, options))
        self.array = self.base._data if parent is None else parent.array  # as the base lay when the steps were taken
        self.version = cell[0]  # the version of the memory at which the view's node is right
        self.made = "" if grad_enabled.get() else "no_grad"  # or "several", "custom": why it may not be written
        if parent is not None and parent.made:
            self.made = parent.made

    def refresh(self, t: Any) -> None:
        """The memory was written since: derive the node of the view `t` anew from its base's."""
        if self.made == "custom":
            raise RuntimeError(CUSTOM_VIEW)
        self.check_layout()
        if self.made and self.base._requires_grad:
            if grad_enabled.get():
                raise RuntimeError(OLD_VIEW[self.made])
            return
        self.version = t._cell[0]
        if self.base._requires_grad:
            token = grad_enabled.set(True)
            again = self.replay(self.base)
            grad_enabled.reset(token)
            old, t._node, t._requires_grad = t._node, again._node, True
            if old is not None and old.hooks:
                move_retained(old, t._node)
        elif t._node is not None:  # the base was detached
            t._node, t._requires_grad = None, False

    def check_layout(self) -> None:
        """RuntimeError if the base has other axes now: the steps would show another part of it."""
        then, now = self.array, self.base._data
        if then is not now and (then.shape, then.strides) != (now.shape, now.strides):
            raise RuntimeError(
                "the base of this view was reshaped in place (t_, squeeze_, resize_ ...) after the view was made: make "
                "the view anew, or use the out-of-place form"
            )

    def replay(self, base: Any) -> Any:
        """The same view of another tensor, or of an array."""
        for op, options in self.steps:
            base = op.call(base, **options)
        return base
