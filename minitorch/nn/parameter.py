"""Parameter and Buffer: tensors that a Module registers when they are assigned to it."""

from __future__ import annotations

from typing import Any

from minitorch.autograd.tape import new
from minitorch.autograd.view import version_cell
from minitorch.creation import empty
from minitorch.tensor import Tensor


class Parameter(Tensor):
    """A tensor to be learned: assigned to a Module it becomes one of its parameters.

    It shares memory with `data` and is a leaf of its own. Like PyTorch's it is made outside the graph.
    """

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        if data is None:
            data = empty(0)
        if not isinstance(data, Tensor):
            # PyTorch trips over the missing method; the type of the error is kept.
            raise AttributeError(
                f"Parameter(): argument 'data' must be Tensor, not {type(data).__name__}; "
                "make one with torch.tensor(data)"
            )
        if not isinstance(requires_grad, bool):
            raise TypeError(f"Parameter(): argument 'requires_grad' must be bool, not {type(requires_grad).__name__}")
        if requires_grad and not data.is_floating_point():
            raise RuntimeError(
                "Only Tensors of floating point and complex dtype can require gradients, "
                f"not {data.dtype}: pass requires_grad=False or convert with .float()"
            )
        p: Parameter = new(cls)
        p._data = data._data
        p._cell = version_cell(data)
        p._node = p._grad = p._view = p._hooks = None
        p._requires_grad = requires_grad
        return p

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        """A copy of the values; the gradient is left behind, as in PyTorch."""
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.detach().clone(), self.requires_grad)
        return memo[id(self)]


class _IsBuffer(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and "_is_buffer" in instance.__dict__


class Buffer(Tensor, metaclass=_IsBuffer):
    """`Buffer(data)` is a plain tensor sharing memory with `data`, marked for Module to register as a buffer.

    persistent: whether it becomes part of the module's state dict.
    """

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Any:
        t = (empty(0) if data is None else data).detach()
        t.requires_grad_(data is not None and data.requires_grad)
        t.__dict__.update(persistent=persistent, _is_buffer=True)
        return t
