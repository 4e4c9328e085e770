"""Moving a module to another dtype or device, in place: its parameters stay the same objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Self

from minitorch import dtypes
from minitorch.autograd.mode import no_grad
from minitorch.creation import empty_like
from minitorch.device import device as Device
from minitorch.nn.parameter import Parameter
from minitorch.tensor import Tensor

if TYPE_CHECKING:
    from minitorch.nn.module import Module


class ConvertMixin:
    """The half of Module that changes dtype and device."""

    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]

    def children(self) -> Iterator[Module]:  # defined by Module
        raise NotImplementedError

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Replace the data of every parameter, its gradient and every buffer by `fn` of it.

        A parameter keeps its identity, so an optimizer built before still sees it.
        """
        if recurse:
            for module in self.children():
                module._apply(fn)
        for param in self._parameters.values():
            if param is None:
                continue
            with no_grad():
                param.data = fn(param)
            if param.grad is not None:
                with no_grad():
                    grad = fn(param.grad)
                param.grad = grad.requires_grad_(param.grad.requires_grad)
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move and/or cast: `to(device)`, `to(dtype)`, `to(device, dtype)`, `to(tensor)`.

        Only floating point parameters and buffers are cast. `non_blocking` has no effect on results.
        """
        device, dtype = _parse_to(*args, **kwargs)
        if dtype is not None and not dtype.is_floating_point:
            raise TypeError(
                f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dtype}"
            )

        def convert(tensor: Tensor) -> Tensor:
            return tensor.to(device, dtype if tensor.is_floating_point() else None)

        return self._apply(convert)

    def to_empty(self, *, device: Any, recurse: bool = True) -> Self:
        """Give every parameter and buffer fresh uninitialised memory on `device`."""
        return self._apply(lambda t: empty_like(t, device=device), recurse=recurse)

    def cpu(self) -> Self:
        """Move to main memory."""
        return self._apply(lambda t: t.cpu())

    def cuda(self, device: Any = None) -> Self:
        """Move to a GPU, the current one by default."""
        return self._apply(lambda t: t.cuda(device))

    def type(self, dst_type: Any) -> Self:
        """Cast all parameters and buffers to `dst_type`, a dtype or a string such as "torch.DoubleTensor"."""
        return self._apply(lambda t: t.type(dst_type))

    def float(self) -> Self:
        """Cast floating point parameters and buffers to float32."""
        return self._apply(lambda t: t.float() if t.is_floating_point() else t)

    def double(self) -> Self:
        """Cast floating point parameters and buffers to float64."""
        return self._apply(lambda t: t.double() if t.is_floating_point() else t)

    def half(self) -> Self:
        """Cast floating point parameters and buffers to float16."""
        return self._apply(lambda t: t.half() if t.is_floating_point() else t)

    def bfloat16(self) -> Self:
        """Not offered: NumPy has no bfloat16."""
        raise NotImplementedError("Module.bfloat16: NumPy has no bfloat16; use half(), float() or double()")

    def share_memory(self) -> Self:
        """Not offered: tensors live in the memory of one process."""
        raise NotImplementedError("Module.share_memory: sharing tensors between processes is not offered")

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Not offered: there is no compiler; leave the call out, the results are the same."""
        raise NotImplementedError("Module.compile: there is no compiler; leave the call out")


def _parse_to(*args: Any, **kwargs: Any) -> tuple[Device | None, dtypes.dtype | None]:
    """The device and dtype asked for by the arguments of `Module.to`."""
    given = dict(kwargs)
    names = ["device", "dtype", "non_blocking", "copy"]
    if args:
        first = args[0]
        if isinstance(first, dtypes.dtype):
            names = ["dtype", "non_blocking", "copy"]
        elif isinstance(first, Tensor):
            names = ["tensor", "non_blocking", "copy"]
        elif first is not None and not isinstance(first, (str, int, Device)):
            raise TypeError(
                f"to() received an invalid first argument of type {type(first).__name__}: "
                "expected a device, a dtype or a tensor"
            )
    if "tensor" in given:
        names = ["tensor", *names[1:]]
    if len(args) > len(names):
        raise TypeError(f"to() takes at most {len(names)} positional arguments here, got {len(args)}")
    for name, value in zip(names, args, strict=False):
        if name in given:
            raise TypeError(f"to() got multiple values for argument '{name}'")
        given[name] = value

    unknown = set(given) - {*names, "memory_format"}
    if unknown:
        raise TypeError(f"to() received an invalid combination of arguments: unexpected {', '.join(sorted(unknown))}")
    if given.get("copy"):
        raise RuntimeError(".to() does not accept copy argument")
    if given.get("memory_format") is not None:
        raise NotImplementedError("Module.to: the argument memory_format is not offered")
    if "tensor" in given:
        return given["tensor"].device, given["tensor"].dtype
    device = given.get("device")
    dtype = given.get("dtype")
    if dtype is not None and not isinstance(dtype, dtypes.dtype):
        raise TypeError(f"to(): argument 'dtype' must be torch.dtype, not {type(dtype).__name__}")
    return (None if device is None else Device(device)), dtype
