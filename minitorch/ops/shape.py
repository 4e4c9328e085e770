"""Shapes: views of the same memory wherever PyTorch gives one, and joining, repeating, turning."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from minitorch.autograd import tape
from minitorch.autograd.broadcast import broadcast_to
from minitorch.autograd.mismatch import is_array
from minitorch.autograd.tape import differentiable
from minitorch.device import Array, device, move, xp
from minitorch.dtypes import dtype
from minitorch.ops.dims import wrap_dim, wrap_dims

Size = tuple[int, ...]


def size_of(args: tuple[Any, ...], name: str) -> Size:
    """The size in `f(2, 3)`, `f((2, 3))` or `f([2, 3])`; TypeError for what is not an integer."""
    if not args:
        raise TypeError(f"{name}() missing 1 required positional arguments: a size")
    if len(args) == 1 and isinstance(args[0], Sequence):
        args = tuple(args[0])
    if {n.__class__ for n in args} == {int}:
        return args
    sizes = []
    for position, n in enumerate(args):
        if isinstance(n, bool) or not hasattr(n, "__index__"):
            raise TypeError(
                f"{name}(): argument 'size' failed to unpack the object at pos {position + 1} with error "
                f'"type must be tuple of ints,but got {n.__class__.__name__}"'
            )
        sizes.append(n.__index__())
    return tuple(sizes)


def data_of(x: Any) -> Array:
    """The array of a Tensor, or the array itself: what is asked of either, such as its shape."""
    return x._data if isinstance(x, tape.Tensor) else x


# --- the same elements in another shape


@differentiable(lambda g, shape: reshape(g, shape), view=True)
def _view(input: Array, size: Size) -> Array:
    return input.reshape(size)


@differentiable(lambda g, shape: reshape(g, shape), name="UnsafeViewBackward0")
def _reshape_copy(input: Array, size: Size) -> Array:
    return input.reshape(size)


def _full_size(size: Size, numel: int) -> Size:
    """`size` with its -1 worked out; RuntimeError if it does not hold `numel` elements."""
    if any(n < -1 for n in size):
        raise RuntimeError(f"invalid shape dimension {min(size)}")
    if -1 in size:
        rest = prod(n for n in size if n != -1)
        if size.count(-1) > 1:
            raise RuntimeError("only one dimension can be inferred")
        if rest == 0 and numel == 0:
            raise RuntimeError(
                f"cannot reshape tensor of 0 elements into shape {list(size)} because the unspecified dimension "
                "size -1 can be any value and is ambiguous"
            )
        if rest and numel % rest == 0:
            at = size.index(-1)
            return (*size[:at], numel // rest, *size[at + 1 :])
    elif prod(size) == numel:
        return size
    raise RuntimeError(f"shape '{list(size)}' is invalid for input of size {numel}")


def _viewable(array: Array, size: Size) -> bool:
    """True if `array.reshape(size)` needs no copy."""
    if array.flags.c_contiguous:
        return True
    return bool(xp(array).may_share_memory(array.reshape(size), array))


def reshape(input: Any, *shape: Any) -> Any:
    """The elements of `input` in another shape, -1 standing for what is left: a view if possible, else a copy."""
    if is_array(input):  # a gradient on its way back
        return input.reshape(*shape)
    array = data_of(input)
    size = _full_size(size_of(shape, "reshape"), array.size)
    return _view(input, size=size) if _viewable(array, size) else _reshape_copy(input, size=size)


def view(input: Any, *shape: Any) -> Any:
    """As `reshape`, but RuntimeError where the memory's layout does not allow a view."""
    array = data_of(input)
    size = _full_size(size_of(shape, "view"), array.size)
    if not _viewable(array, size):
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across "
            "two contiguous subspaces). Use .reshape(...) instead."
        )
    return _view(input, size=size)


def view_or_cast(input: Any, *shape: Any) -> Any:
    """`x.view(shape)`, or `x.view(dtype)`: the same bytes read as another dtype of the same size."""
    if len(shape) == 1 and isinstance(shape[0], dtype):
        if shape[0].itemsize != input._data.itemsize or input._requires_grad:
            raise NotImplementedError(
                f"view(): minitorch reads bytes as {shape[0]} only if the size agrees, without grad"
            )
        t = input.detach()
        t._data = input._data.view(shape[0].numpy)
        return t
    return view(input, *shape)


@differentiable(lambda g: g, name="CloneBackward0")
def contiguous_copy(input: Array) -> Array:
    """A copy whose elements lie in memory in index order."""
    return input.copy(order="C")


@differentiable(lambda g, to, source: transfer(g, to=source, source=to), name="ToCopyBackward0")
def transfer(input: Array, *, to: device, source: device, non_blocking: bool = False) -> Array:
    """`input` on another device; its gradient comes back."""
    return move(input, to, non_blocking)


def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Dimensions start_dim to end_dim made one."""
    shape = data_of(input).shape
    start, end = wrap_dim(start_dim, len(shape)), wrap_dim(end_dim, len(shape))
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if not shape:
        return reshape(input, (1,))
    return input if start == end else reshape(input, (*shape[:start], prod(shape[start : end + 1]), *shape[end + 1 :]))


def ravel(input: Any) -> Any:
    """All elements in one dimension: a view if they are in order in memory."""
    array = data_of(input)
    return reshape(input if array.flags.c_contiguous else contiguous_copy(input), (array.size,))


def unflatten(input: Any, dim: int, sizes: Sequence[int]) -> Any:
    """Dimension `dim` split into `sizes`, one of which may be -1."""
    shape = data_of(input).shape
    dim = wrap_dim(dim, len(shape))
    if not shape:
        raise RuntimeError("unflatten: a tensor without dimensions has none to split")
    if not sizes:
        raise RuntimeError("unflatten: sizes must be non-empty")
    try:
        full = _full_size(tuple(sizes), shape[dim])
    except RuntimeError:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {dim} ({shape[dim]}) in the "
            "input tensor"
        ) from None
    return view(input, (*shape[:dim], *full, *shape[dim + 1 :]))


@differentiable(
    lambda g, shape: reshape(g, shape), view=True, name=lambda dim: f"SqueezeBackward{0 if dim is None else 1}"
)
def _squeeze(input: Array, dim: Any = None) -> Array:
    dims = wrap_dims(dim, input.ndim)
    return input.reshape(tuple(n for i, n in enumerate(input.shape) if n != 1 or i not in dims))


def squeeze(input: Any, dim: int | tuple[int, ...] | None = None) -> Any:
    """Without its dimensions of size 1, or without `dim` if that is of size 1."""
    return _squeeze(input, dim)


@differentiable(lambda g, shape: reshape(g, shape), view=True)
def unsqueeze(input: Array, dim: int) -> Array:
    """With a new dimension of size 1 at `dim`."""
    dim = wrap_dim(dim, input.ndim + 1)
    return input.reshape((*input.shape[:dim], 1, *input.shape[dim:]))


# --- dimensions in another order


@differentiable(lambda g, dims: permute(g, _inverse(dims)), view=True)
def _permute(input: Array, dims: Size) -> Array:
    return input.transpose(dims)


def _inverse(dims: Size) -> Size:
    return tuple(sorted(range(len(dims)), key=lambda i: dims[i]))


def permute(input: Any, *dims: Any) -> Any:
    """Dimension i of the result is dimension dims[i] of the input; a view."""
    order = size_of(dims, "permute")
    ndim = data_of(input).ndim
    if len(order) != ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {ndim} is not equal to len(dims) = {len(order)}"
        )
    order = tuple(wrap_dim(d, ndim) for d in order)
    if len(set(order)) != ndim:
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return _permute(input, order)


@differentiable(lambda g, dim0, dim1: transpose(g, dim0, dim1), view=True)
def transpose(input: Array, dim0: int, dim1: int) -> Array:
    """Two dimensions exchanged; a view."""
    a, b = wrap_dim(dim0, input.ndim), wrap_dim(dim1, input.ndim)
    return input.swapaxes(a, b) if input.ndim else input[...]


swapaxes = swapdims = transpose


@differentiable(lambda g: t(g), view=True, name="TBackward0")
def t(input: Array) -> Array:
    """The transpose of a matrix; of fewer dimensions, the same. A view."""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return input.T


def mT(input: Any) -> Any:
    """The last two dimensions exchanged."""
    if data_of(input).ndim < 2:
        raise RuntimeError(
            f"tensor.mT is only supported on matrices or batches of matrices. Got {data_of(input).ndim}-D tensor."
        )
    return transpose(input, -2, -1)


def reversed_dims(input: Any) -> Any:
    """`x.T`: all dimensions in reverse."""
    return permute(input, tuple(reversed(range(data_of(input).ndim))))


def movedim(input: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Any:
    """The dimensions `source` moved to the places `destination`; the others keep their order."""
    ndim = data_of(input).ndim
    from_, to = wrap_dims(source, ndim), wrap_dims(destination, ndim)
    if len(from_) != len(to):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({list(from_)} dims) should contain the same number "
            f"of dims as destination ({list(to)} dims)"
        )
    if not ndim:
        return permute(input, ())
    order = [d for d in range(ndim) if d not in from_]
    for place, d in sorted(zip(to, from_, strict=True)):
        order.insert(place, d)
    return permute(input, tuple(order))


moveaxis = movedim


# --- repeating


def expand(input: Any, *size: Any) -> Any:
    """`input` repeated along new and size-1 dimensions without copying; -1 keeps a size."""
    shape, wanted = data_of(input).shape, size_of(size, "expand")
    lead = len(wanted) - len(shape)
    if lead < 0:
        raise RuntimeError(
            f"expand({list(shape)}, size={list(wanted)}): the number of sizes provided ({len(wanted)}) must be greater "
            f"or equal to the number of dimensions in the tensor ({len(shape)})"
        )
    full = []
    for i, n in enumerate(wanted):
        old = shape[i - lead] if i >= lead else 1
        if n == -1 and i < lead:
            raise RuntimeError(
                f"expand({list(shape)}, size={list(wanted)}): The expanded size of the tensor (-1) isn't allowed in a "
                f"leading, non-existing dimension {i}"
            )
        if n != -1 and n != old and old != 1:
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) must match the existing size ({old}) at non-singleton dimension "
                f"{i}.  Target sizes: {list(wanted)}.  Tensor sizes: {list(shape)}"
            )
        full.append(old if n == -1 else n)
    return broadcast_to(input, tuple(full))


def expand_as(input: Any, other: Any) -> Any:
    """`input` expanded to the shape of `other`."""
    return expand(input, data_of(other).shape)


def repeat(input: Any, *repeats: Any) -> Any:
    """A copy of `input` tiled repeats[i] times along dimension i (new ones in front)."""
    times = size_of(repeats, "repeat")
    shape = data_of(input).shape
    lead = len(times) - len(shape)
    if lead < 0:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor: "
            f"{len(times)} < {len(shape)}"
        )
    if any(n < 0 for n in times):
        raise RuntimeError(f"Trying to create tensor with negative dimension: repeat() got {list(times)}")
    shape = (1,) * lead + shape
    spread = broadcast_to(reshape(input, tuple(m for n in shape for m in (1, n))), _pairs(times, shape))
    return _repeated(spread, tuple(k * n for k, n in zip(times, shape, strict=True)))


@differentiable(lambda g, shape: reshape(g, shape), name="RepeatBackward0")
def _repeated(input: Array, size: Size) -> Array:
    return input.copy(order="C").reshape(size)


def _pairs(a: Size, b: Size) -> Size:
    return tuple(n for pair in zip(a, b, strict=True) for n in pair)


def tile(input: Any, *dims: Any) -> Any:
    """As `repeat`, but missing leading repeats are 1."""
    times = size_of(dims, "tile")
    return repeat(input, (1,) * (data_of(input).ndim - len(times)) + times)


def broadcast_tensors(*tensors: Any) -> tuple[Any, ...]:
    """All of them expanded to their common shape."""
    shape = broadcast_shapes(*[x.shape for x in tensors])
    return tuple(x if x.shape == shape else broadcast_to(x, shape) for x in tensors)


def broadcast_shapes(*shapes: Any) -> Size:
    """The common shape of broadcastable shapes; RuntimeError if there is none."""
    import numpy as np

    from minitorch.autograd.mismatch import broadcast_error
    from minitorch.size import Size as TorchSize

    shapes = tuple((s,) if isinstance(s, int) else tuple(s) for s in shapes)
    try:
        return TorchSize(np.broadcast_shapes(*shapes))
    except ValueError:
        raise RuntimeError(f"broadcast_shapes(): {broadcast_error(list(shapes))}") from None
