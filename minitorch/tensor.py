"""class Tensor: an array, and where its gradient comes from. Its methods are the ops, one line each."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minitorch import dtypes
from minitorch.autograd import api, inplace, tape
from minitorch.autograd.broadcast import clone, convert, convert_to_integer
from minitorch.autograd.hooks import LeafHooks, RemovableHandle, register_hook, retain_grad
from minitorch.autograd.tape import INFERENCE_CELL, Node, version_cell, wrap
from minitorch.device import Array, as_numpy, device, device_of
from minitorch.dtypes import dtype
from minitorch.methods import Methods
from minitorch.ops.dims import wrap_dim
from minitorch.ops.join import unbind
from minitorch.ops.shape import contiguous_copy, transfer
from minitorch.size import Size


class Tensor(Methods):
    """An n-dimensional array that can record how it was computed.

    Tensor(2, 3) is uninitialised, Tensor([1, 2]) holds float32 values: prefer `empty` and `tensor`.
    """

    __slots__ = ("__dict__", "__weakref__", "_cell", "_data", "_grad", "_hooks", "_node", "_requires_grad", "_view")
    __array_priority__ = 1000  # NumPy arrays leave mixed arithmetic to us
    __hash__ = object.__hash__

    _data: Array
    _node: Node | None  # what computed it; None for a leaf
    _requires_grad: bool
    _grad: Tensor | None
    _cell: list[int] | None  # the version of the memory, shared with views; see tape.version_cell
    _view: tape.View | None  # of a view: where it comes from
    _hooks: LeafHooks | None

    def __new__(cls, *args: Any, device: Any = None) -> Any:
        from minitorch.creation import FloatTensor

        t = FloatTensor(*args)
        return t if device is None else t.to(device)

    # --- what it is

    @property
    def shape(self) -> Size:
        return Size(self._data.shape)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dimension."""
        return Size(self._data.shape) if dim is None else self._data.shape[wrap_dim(dim, self._data.ndim)]

    @property
    def dtype(self) -> dtype:
        return dtypes.from_numpy(self._data.dtype)

    @property
    def device(self) -> device:
        return device_of(self._data)

    @property
    def ndim(self) -> int:
        return self._data.ndim

    def dim(self) -> int:
        """The number of dimensions."""
        return self._data.ndim

    ndimension = dim

    def numel(self) -> int:
        """The number of elements."""
        return self._data.size

    nelement = numel
    itemsize = property(lambda self: self._data.itemsize)
    nbytes = property(lambda self: self._data.nbytes)
    is_cuda = property(lambda self: not isinstance(self._data, np.ndarray))
    is_sparse = is_quantized = is_complex_ = is_nested = is_meta = False

    def element_size(self) -> int:
        """Bytes per element."""
        return self._data.itemsize

    def stride(self, dim: int | None = None) -> Any:
        """Steps in memory, in elements, from one index to the next of each dimension (or of one)."""
        strides = tuple(s // self._data.itemsize for s in self._data.strides)
        return strides if dim is None else strides[dim]

    def is_contiguous(self) -> bool:
        """True if the elements lie in memory in index order without gaps."""
        return bool(self._data.flags.c_contiguous)

    def data_ptr(self) -> int:
        """The address of the first element."""
        return self._data.ctypes.data if isinstance(self._data, np.ndarray) else self._data.data.ptr

    def get_device(self) -> int:
        """The GPU's number; -1 on the CPU."""
        return -1 if self.device.index is None else self.device.index

    def is_floating_point(self) -> bool:
        return self._data.dtype.kind == "f"

    def is_complex(self) -> bool:
        return False

    def is_signed(self) -> bool:
        return self._data.dtype.kind in "fi"

    # --- autograd

    @property
    def requires_grad(self) -> bool:
        if self._view is not None:
            inplace.will_track((self,))  # brings a view up to date with its base
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if self._node is not None:
            if not value:
                raise RuntimeError(
                    "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in "
                    "a subgraph that doesn't require differentiation use var_no_grad = var.detach()."
                )
            return
        if value and self._data.dtype.kind != "f":
            raise RuntimeError(
                f"only Tensors of floating point dtype can require gradients, not {self.dtype}: convert with .float()"
            )
        if value and self._cell is INFERENCE_CELL and not tape.inference.get():
            raise RuntimeError("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.")
        self._requires_grad = bool(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set `requires_grad`; returns the tensor."""
        self.requires_grad = requires_grad
        return self

    @property
    def grad(self) -> Tensor | None:
        if self._grad is None and self._node is not None and not self.retains_grad:
            warnings.warn(
                "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't be "
                "populated during autograd.backward(). If you indeed want the .grad field to be populated for a non-leaf "
                "Tensor, use .retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor by mistake, make sure "
                "you access the leaf Tensor instead.",
                stacklevel=2,
            )
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__}")
            if value is self:
                raise RuntimeError("can't assign Variable as its own grad")
            if value._data.shape != self._data.shape:
                raise RuntimeError(
                    f"assigned grad has data of a different size: {list(value.shape)}, not {list(self.shape)}"
                )
            if value._data.dtype is not self._data.dtype:
                raise RuntimeError(f"assigned grad has data of a different type: {value.dtype}, not {self.dtype}")
            if value.device != self.device:
                raise RuntimeError(f"assigned grad has data located on a different device: {value.device}, not {self.device}")
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @property
    def grad_fn(self) -> Node | None:
        if self._view is not None:
            inplace.will_track((self,))
        return self._node

    @property
    def is_leaf(self) -> bool:
        return self.grad_fn is None

    @property
    def retains_grad(self) -> bool:
        hooks = self._node.hooks if self._node is not None else None
        return any(getattr(hook, "retains", None) is not None for hook in hooks or ())

    def _is_view(self) -> bool:
        return self._view is not None

    @property
    def _base(self) -> Tensor | None:
        return None if self._view is None else self._view.base

    output_nr = 0

    @property
    def _version(self) -> int:
        if self._cell is INFERENCE_CELL:
            raise RuntimeError("Inference tensors do not track version counter.")
        return version_cell(self)[0]

    _bump = inplace.bump
    register_hook = register_hook
    retain_grad = retain_grad

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """`hook(tensor)` runs after a gradient was added into the `.grad` of this leaf."""
        if self._node is not None or not self._requires_grad:
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        self._hooks = self._hooks or LeafHooks()
        return RemovableHandle(self._hooks.after_accumulate, hook)

    def backward(
        self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None
    ) -> None:
        """Add the gradient of this tensor into the `.grad` of the leaves (or `inputs`) it was computed from.

        gradient: that of the tensor itself; may be left out for one element (then 1).
        retain_graph: keep the graph for another pass; default: as create_graph. create_graph: record the pass itself.
        """
        api.backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    def detach(self) -> Tensor:
        """The same memory, outside the graph; writes into it are noticed."""
        t = wrap(self._data)
        t._cell = version_cell(self)
        return t

    def detach_(self) -> Tensor:
        """Cut this tensor off its graph, in place."""
        if self._view is not None:
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self._node, self._requires_grad = None, False
        return self

    @property
    def data(self) -> Tensor:
        """The same memory, outside the graph; writes into it go unnoticed by autograd."""
        return wrap(self._data)

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
        if self._requires_grad and value._data.dtype.kind != "f":
            raise RuntimeError("data set to a tensor that requires gradients must be floating point or complex dtype")
        self._data = value._data

    def is_inference(self) -> bool:
        """True if it was made in inference mode."""
        return self._cell is INFERENCE_CELL

    # --- to Python and NumPy

    def item(self) -> Any:
        """The Python number in a tensor of one element."""
        if self._data.size != 1:
            raise RuntimeError(f"a Tensor with {self._data.size} elements cannot be converted to Scalar")
        return self._data.item()

    def tolist(self) -> Any:
        """Nested lists of Python numbers; a number for a 0-d tensor."""
        return self._data.tolist()

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """A NumPy array that shares the memory; with `force`, detached and copied to the host if need be."""
        if force:
            return as_numpy(self._data)
        if self.requires_grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        if self.is_cuda:
            raise TypeError(
                f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host "
                "memory first."
            )
        return self._data.view()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    def __array_wrap__(self, array: np.ndarray, context: Any = None, return_scalar: bool = False) -> Tensor:
        return wrap(dtypes.canonical(np.asarray(array)))

    def __dlpack__(self, **options: Any) -> Any:
        if self.requires_grad:
            raise RuntimeError("Can't export tensors that require gradient, use tensor.detach()")
        return self._data.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._data.__dlpack_device__()

    def __bool__(self) -> bool:
        if self._data.size != 1:
            what = "no values" if not self._data.size else "more than one value"
            raise RuntimeError(f"Boolean value of Tensor with {what} is ambiguous")
        return bool(self._data.item())

    def _one(self) -> Any:
        if self._data.size != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return self._data.item()

    def __float__(self) -> float:
        return float(self._one())

    def __int__(self) -> int:
        return int(self._one())

    def __complex__(self) -> complex:
        return complex(self._one())

    def __index__(self) -> int:
        if self._data.dtype.kind not in "iub" or self._data.size != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self._data.item())

    def __len__(self) -> int:
        if not self._data.ndim:
            raise TypeError("len() of a 0-d tensor")
        return self._data.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if not self._data.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return iter(unbind(self, 0))

    def __contains__(self, element: Any) -> bool:
        return bool((self == element)._data.any())

    def __repr__(self) -> str:
        from minitorch.printing import tensor_repr

        return tensor_repr(self)

    def __format__(self, spec: str) -> str:
        from minitorch.printing import format_tensor

        return format_tensor(self, spec)

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self._node is not None:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support pickling and deepcopy: use .detach()"
            )
        return _rebuild, (type(self), self._data, self._requires_grad, self.__dict__ or None)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if self._node is not None:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment.  "
                "If you were attempting to deepcopy a module, this may be because of a torch.nn.utils.weight_norm usage"
            )
        if id(self) not in memo:
            attributes = copy.deepcopy(self.__dict__, memo) if self.__dict__ else None
            t = _rebuild(type(self), self._data.copy(order="K"), self._requires_grad, attributes)
            t._grad = None if self._grad is None else self._grad.__deepcopy__(memo)
            memo[id(self)] = t
        return memo[id(self)]

    # --- dtype and device

    def to(self, *args: Any, **options: Any) -> Tensor:
        """In another dtype and/or on another device: `to(dtype)`, `to(device)`, `to(device, dtype)`, `to(other)`.

        Itself if nothing changes and not `copy`. non_blocking never changes the values seen.
        """
        where, kind, copy = _to_arguments(args, options)
        t = self
        if where is not None and (where.type, where.index or 0) != (t.device.type, t.device.index or 0):
            t = transfer(t, to=where, source=t.device)
        if kind is not None and kind.numpy is not t._data.dtype:
            t = (convert if kind.is_floating_point else convert_to_integer)(t, kind.numpy)
        return clone(t) if copy and t is self else t

    def cpu(self) -> Tensor:
        """On the CPU."""
        return self.to(device("cpu"))

    def cuda(self, device_: Any = None, non_blocking: bool = False) -> Tensor:
        """On the GPU (the current one, or the given one)."""
        return self.to(device("cuda" if device_ is None else device_))

    def type(self, dtype_: Any = None) -> Any:
        """The old type name, such as 'torch.FloatTensor'; or, given a dtype or such a name, converted to it."""
        if dtype_ is None:
            place = "cuda." if self.is_cuda else ""
            return f"torch.{place}{dtypes.SCALAR_NAMES[self.dtype]}Tensor"
        if isinstance(dtype_, str):
            names = {f"torch.{name}Tensor": kind for kind, name in dtypes.SCALAR_NAMES.items()}
            if dtype_ not in names:
                raise ValueError(f"invalid type: '{dtype_}'")
            dtype_ = names[dtype_]
        return self.to(getattr(dtype_, "kind", dtype_))

    def type_as(self, other: Tensor) -> Tensor:
        """In the dtype and on the device of `other`."""
        return self.to(other.device, other.dtype)

    def contiguous(self, memory_format: Any = None) -> Tensor:
        """Itself if contiguous, else a contiguous copy."""
        if memory_format is not None and "contiguous_format" not in str(memory_format):
            raise NotImplementedError(f"contiguous(): minitorch has no memory_format {memory_format}")
        return self if self._data.flags.c_contiguous else contiguous_copy(self)

    def clone(self, *, memory_format: Any = None) -> Tensor:
        """A copy in memory of its own; gradients pass through."""
        return contiguous_copy(self) if "contiguous_format" in str(memory_format) else clone(self)

    def pin_memory(self) -> Tensor:
        """Itself: pinned memory only speeds up copies to a GPU."""
        return self

    def is_pinned(self) -> bool:
        return False

    def share_memory_(self) -> Tensor:
        raise NotImplementedError("share_memory_(): minitorch tensors are not shared between processes, they are pickled")


def _to_arguments(args: tuple[Any, ...], options: dict[str, Any]) -> tuple[device | None, dtype | None, bool]:
    """(device, dtype, copy) of a call of `to`, in any of its forms."""
    where = options.pop("device", None)
    kind = options.pop("dtype", None)
    other = options.pop("other", None)
    copy = options.pop("copy", False)
    options.pop("non_blocking", None)
    if options.pop("memory_format", None) is not None:
        raise NotImplementedError("to(): minitorch has no memory_format argument")
    if options:
        raise TypeError(f"to() received an invalid combination of arguments: unknown {sorted(options)}")
    for x in args:
        if isinstance(x, dtype | type):
            kind = x
        elif isinstance(x, Tensor):
            other = x
        elif isinstance(x, bool) or x is None:
            continue  # non_blocking, copy: by position they follow device and dtype
        elif isinstance(x, device | str | int):
            where = x
        else:
            raise TypeError(f"to() received an invalid combination of arguments - got ({type(x).__name__})")
    flags = [x for x in args if isinstance(x, bool)]
    if len(flags) > 1:
        copy = flags[1]
    if other is not None:
        where, kind = other.device, other.dtype
    return (None if where is None else device(where)), None if kind is None else dtypes.as_dtype(kind), copy


def _rebuild(cls: type, data: Array, requires_grad: bool, attributes: dict[str, Any] | None) -> Any:
    """Unpickle a tensor."""
    t: Any = tape.new(cls)
    t._data = dtypes.canonical(data)
    t._node = t._grad = t._cell = t._view = t._hooks = None
    t._requires_grad = requires_grad
    if attributes:
        t.__dict__.update(attributes)
    return t


tape.adopt(Tensor)
