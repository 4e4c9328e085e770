"""In-place methods that change a tensor's shape, not its elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from minitorch.autograd import tape
from minitorch.autograd.inplace import bump, check_writable, take_node, will_track
from minitorch.formats import wants_contiguous
from minitorch.ops import shape
from minitorch.ops.shape import size_of


def _reshaping(op: Any, name: str) -> Any:
    """The in-place form of an op that gives a view: the tensor becomes that view of itself."""

    def method(self: Any, *args: Any, **options: Any) -> Any:
        check_writable(self, will_track((self,)), name)
        seen = op(self, *args, **options)
        if seen is not self:
            self._data = seen._data
            take_node(self, seen)
            if self._view is not None:
                self._view = seen._view
            bump(self)
            if self._view is not None:
                self._view.version = self._cell[0]
        return self

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"In-place form of `{name[:-1]}`; returns the tensor itself."
    return method


squeeze_, unsqueeze_ = _reshaping(shape.squeeze, "squeeze_"), _reshaping(shape.unsqueeze, "unsqueeze_")
transpose_, t_ = _reshaping(shape.transpose, "transpose_"), _reshaping(shape.t, "t_")


def resize_(self: Any, *size: Any, memory_format: Any = None) -> Any:
    """Give the tensor another size; the first elements stay, further ones are uninitialised. Returns the tensor.

    RuntimeError if it requires grad; NotImplementedError if it is not contiguous, or to grow memory that is shared.
    """
    wants_contiguous("resize_", memory_format)
    if not size:
        raise TypeError('resize_() missing 1 required positional arguments: "size"')
    if self.requires_grad:
        raise RuntimeError("cannot resize variables that require grad: use .detach() or reshape()")
    sizes = size_of(size, "resize_")
    if any(n < 0 for n in sizes):
        raise RuntimeError(f"resize_(): Dimension size must be non-negative, but got {list(sizes)}")
    data, count = self._data, int(np.prod(sizes, dtype=np.int64))
    if not data.flags.c_contiguous:
        raise NotImplementedError("resize_(): minitorch resizes contiguous tensors only; call .contiguous() first")
    if count <= data.size:
        self._data = data.reshape(-1)[:count].reshape(sizes)
    else:
        if self._view is not None or data.base is not None:
            raise NotImplementedError(
                "resize_(): minitorch cannot grow memory that is shared; clone() the tensor first"
            )
        grown = np.empty(count, data.dtype) if isinstance(data, np.ndarray) else data.__class__(count, data.dtype)
        grown[: data.size] = data.reshape(-1)
        self._data = grown.reshape(sizes)
    bump(self)
    return self


def resize_as_(self: Any, the_template: Any, memory_format: Any = None) -> Any:
    """`resize_` to the size of another tensor."""
    if not isinstance(the_template, tape.Tensor):
        kind = the_template.__class__.__name__
        raise TypeError(f"resize_as_(): argument 'the_template' (position 1) must be Tensor, not {kind}")
    return resize_(self, the_template._data.shape, memory_format=memory_format)
