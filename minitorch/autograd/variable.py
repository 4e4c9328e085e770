"""`Variable`, the name tensors that require grad had in PyTorch before 0.4."""

from __future__ import annotations

import warnings
from typing import Any

from minitorch.autograd import tape
from minitorch.autograd.tape import wrap
from minitorch.autograd.view import version_cell
from minitorch.device import Array


class _IsTensor(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, tape.Tensor)


class Variable(metaclass=_IsTensor):
    """`Variable(data, requires_grad=False)`: a new leaf Tensor that shares the memory of the Tensor `data`.

    Every Tensor is an instance of it. volatile: as in PyTorch, any value given warns and has no effect.
    """

    def __new__(cls, data: Any, requires_grad: bool = False, volatile: bool | None = None) -> Any:
        if not isinstance(data, tape.Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {data.__class__.__name__}")
        if volatile is not None:
            message = "volatile was removed and now has no effect. Use `with torch.no_grad():` instead."
            warnings.warn(message, stacklevel=2)
        array: Array = data._data
        if requires_grad and array.dtype.kind != "f":
            raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
        t = wrap(array)
        t._cell = version_cell(data)
        t.requires_grad = requires_grad
        return t
