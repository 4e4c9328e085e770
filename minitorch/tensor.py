"""class Tensor: an array, and where its gradient comes from. Its methods are the ops, one line each."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minitorch import dtypes, legacy
from minitorch.autograd import api, inplace, tape
from minitorch.autograd.hooks import LeafHooks, RemovableHandle, add_hook, register_hook, retain_grad
from minitorch.autograd.tape import INFERENCE_CELL, Node, wrap
from minitorch.autograd.view import View, refresh, version_cell
from minitorch.conversion import Conversions
from minitorch.device import Array, as_numpy, current_gpu, device, device_of, is_pinned, keep_for, move, pinned
from minitorch.dtypes import dtype
from minitorch.formats import layout, strided, wants_contiguous
from minitorch.methods import Methods
from minitorch.ops.dims import wrap_dim
from minitorch.ops.join import unbind
from minitorch.size import Size


class Tensor(Methods, Conversions):
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
    _cell: list[int] | None  # the version of the memory, shared with views; see version_cell
    _view: View | None  # of a view: where it comes from
    _hooks: LeafHooks | None

    def __new__(cls, *args: Any, **options: Any) -> Any:
        return legacy.construct("Tensor", dtypes.get_default_dtype(), "cpu", args, options)

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
    is_cpu = property(lambda self: isinstance(self._data, np.ndarray))
    is_sparse = is_quantized = is_nested = is_meta = False

    def element_size(self) -> int:
        """Bytes per element."""
        return self._data.itemsize

    def stride(self, dim: int | None = None) -> Any:
        """Steps in memory, in elements, from one index to the next of each dimension (or of one)."""
        shape = self._data.shape
        if self._data.size:
            strides = tuple(s // self._data.itemsize for s in self._data.strides)
        else:  # NumPy's are 0 here
            strides = tuple(math.prod(max(n, 1) for n in shape[i + 1 :]) for i in range(len(shape)))
        return strides if dim is None else strides[dim]

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """True if the elements lie in memory in index order without gaps."""
        wants_contiguous("is_contiguous", memory_format)
        return bool(self._data.flags.c_contiguous)

    def data_ptr(self) -> int:
        """The address of the first element."""
        return self._data.ctypes.data if isinstance(self._data, np.ndarray) else self._data.data.ptr

    def get_device(self) -> int:
        """The GPU's number; -1 on the CPU."""
        return -1 if self.device.index is None else self.device.index

    @property
    def layout(self) -> layout:
        return strided

    def is_same_size(self, other: Tensor) -> bool:
        """True if both have the same shape."""
        return self._data.shape == other._data.shape

    def is_nonzero(self) -> bool:
        """bool(tensor): of one element, whether it is not 0."""
        return bool(self)

    def is_floating_point(self) -> bool:
        return self._data.dtype.kind == "f"

    def is_complex(self) -> bool:
        return False

    def is_signed(self) -> bool:
        return self._data.dtype.kind in "fi"

    # --- autograd

    @property
    def requires_grad(self) -> bool:
        refresh(self)
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
        if not isinstance(requires_grad, bool):
            kind = requires_grad.__class__.__name__
            raise TypeError(f"requires_grad_(): argument 'requires_grad' (position 1) must be bool, not {kind}")
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
                raise TypeError(
                    f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__}"
                )
            if value is self:
                raise RuntimeError("can't assign Variable as its own grad")
            if value._data.shape != self._data.shape:
                raise RuntimeError(
                    f"assigned grad has data of a different size: {list(value.shape)}, not {list(self.shape)}"
                )
            if value._data.dtype is not self._data.dtype:
                raise RuntimeError(f"assigned grad has data of a different type: {value.dtype}, not {self.dtype}")
            if value.device != self.device:
                raise RuntimeError(
                    f"assigned grad has data located on a different device: {value.device}, not {self.device}"
                )
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @property
    def grad_fn(self) -> Node | None:
        refresh(self)
        return self._node

    @property
    def is_leaf(self) -> bool:
        return self.grad_fn is None

    @property
    def retains_grad(self) -> bool:
        hooks = self._node.hooks if self._node is not None else None
        return any(hasattr(hook, "retains") for hook in (hooks or {}).values())

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
        return add_hook(self._hooks.after_accumulate, hook)

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

    # --- as a container
    def __len__(self) -> int:
        if not self._data.ndim:
            raise TypeError("len() of a 0-d tensor")
        return self._data.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if not self._data.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return iter(unbind(self, 0))

    def __contains__(self, element: Any) -> bool:
        if not isinstance(element, Tensor | int | float | np.generic):
            raise RuntimeError(
                f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}."
            )
        return bool((self == element).any())

    def __repr__(self) -> str:
        from minitorch.printing import tensor_repr

        return tensor_repr(self)

    def __format__(self, spec: str) -> str:
        from minitorch.printing import format_tensor

        return format_tensor(self, spec)

    def __reduce_ex__(self, protocol: Any) -> Any:
        place = str(self.device) if self.is_cuda else None
        return _rebuild, (type(self), as_numpy(self._data), self._requires_grad, self.__dict__ or None, place)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if self._node is not None:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment.  "
                "If you were attempting to deepcopy a module, this may be because of a torch.nn.utils.weight_norm usage"
            )
        if id(self) not in memo:
            attributes = copy.deepcopy(self.__dict__, memo) if self.__dict__ else None
            t = _rebuild(type(self), _copied(self._data, memo), self._requires_grad, attributes)
            t._grad = None if self._grad is None else self._grad.__deepcopy__(memo)
            memo[id(self)] = t
        return memo[id(self)]

    def pin_memory(self, device: Any = None) -> Tensor:
        """A copy in pinned memory, which a GPU reads while the host goes on; itself if it is one, or without a GPU."""
        if self.is_cuda:
            raise RuntimeError(f"cannot pin '{self.type()}' only dense CPU tensors can be pinned")
        data = pinned(self._data)
        if data is self._data:
            return self
        if not self.requires_grad:
            return wrap(data)
        t = self.clone()
        t._data = data
        return t

    def is_pinned(self, device: Any = None) -> bool:
        """True if it lies in pinned memory."""
        return is_pinned(self._data)

    def record_stream(self, stream: Any) -> None:
        """Say that a stream other than the one it was made in uses this tensor: its memory then lives long enough."""
        if not self.is_cuda:
            raise NotImplementedError("record_stream(): the tensor is on the CPU, where there are no streams")
        if stream.device_index != current_gpu():
            raise NotImplementedError(f"record_stream(): {stream!r} is on another GPU than the current one")
        keep_for(self._data, stream._stream)

    def share_memory_(self) -> Tensor:
        raise NotImplementedError(
            "share_memory_(): minitorch tensors are not shared between processes, they are pickled"
        )


def _copied(data: Array, memo: dict[int, Any]) -> Array:
    """A copy of `data` by the rules of deepcopy: what shares memory here shares the copy's memory there."""
    if not isinstance(data, np.ndarray):
        root = data if data.base is None else data.base
        if id(root) not in memo:
            memo[id(root)] = root.copy(order="K")
        memory = memo[id(root)].data + (data.data.ptr - root.data.ptr)
        return type(data)(data.shape, data.dtype, memory, data.strides)
    root = data
    while isinstance(getattr(root, "base", None), np.ndarray):
        root = root.base
    flat = root.reshape(-1, order="A")
    if not np.shares_memory(flat, root):
        return data.copy(order="K")
    if id(root) not in memo:
        memo[id(root)] = flat.copy()
    offset = data.__array_interface__["data"][0] - root.__array_interface__["data"][0]
    return np.ndarray(data.shape, data.dtype, memo[id(root)], offset, data.strides)


def _rebuild(
    cls: type, data: Array, requires_grad: bool, attributes: dict[str, Any] | None, place: str | None = None
) -> Any:
    """Unpickle a tensor."""
    t: Any = tape.new(cls)
    t._data = dtypes.canonical(data if place is None else move(data, device(place)))
    t._node = t._grad = t._cell = t._view = t._hooks = None
    t._requires_grad = requires_grad
    if attributes:
        t.__dict__.update(attributes)
    return t


tape.adopt(Tensor)
