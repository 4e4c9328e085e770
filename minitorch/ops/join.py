"""Joining tensors, splitting them, turning and shifting them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from minitorch import recording
from minitorch.autograd import tape
from minitorch.autograd.broadcast import clone, unexpanded
from minitorch.autograd.mismatch import is_array
from minitorch.autograd.tape import differentiable
from minitorch.device import Array, xp
from minitorch.dtypes import promote_numpy, scalar_name
from minitorch.ops.dims import numpy_names, wrap_dim, wrap_dims
from minitorch.ops.index import select, slice_dim
from minitorch.ops.scatter import index_add
from minitorch.ops.shape import Size, contiguous_copy, data_of, expand, ravel, reshape, size_of, transpose

# --- joining and splitting


def _part(g: Any, i: int, dim: int, cuts: list[int], shape: Size) -> Any:
    part = slice_dim(g, dim, cuts[i], cuts[i + 1])
    return part if part.ndim == len(shape) else reshape(part, shape)


@differentiable(_part, name="CatBackward0")
def _cat(*tensors: Array, dim: int, cuts: list[int]) -> Array:
    """`cuts`: where in the result each of them begins, and the end; so that their gradients need not keep them."""
    arrays = _common(tensors)
    # PyTorch lets empty 1-d tensors join anything.
    return _joined(xp(tensors[0]).concatenate, [x for x in arrays if x.shape != (0,)] or arrays, dim)


_TOGETHER = 8  # of more arrays than this CuPy copies the addresses to the GPU, which cannot be part of a graph


def _joined(join: Any, arrays: Sequence[Array], dim: int) -> Array:
    """join(arrays, dim), `join` being NumPy's or CuPy's concatenate or stack."""
    if recording.here.recording is None or len(arrays) <= _TOGETHER:
        return _in_order(join(arrays, dim))
    parts = [join(arrays[i : i + _TOGETHER], dim) for i in range(0, len(arrays), _TOGETHER)]
    return _joined(xp(arrays[0]).concatenate, parts, dim)


def _common(arrays: Sequence[Array]) -> Sequence[Array]:
    """The arrays in PyTorch's common dtype."""
    kind = arrays[0].dtype
    if all(x.dtype is kind for x in arrays):
        return arrays
    for x in arrays[1:]:
        kind = promote_numpy(kind, x.dtype)
    return [x.astype(kind, copy=False) for x in arrays]


def _in_order(array: Array) -> Array:
    """In index order in memory, also if NumPy followed the order of what it joined."""
    return array if array.flags.c_contiguous else array.copy(order="C")


def _checked_list(tensors: Any, name: str) -> list[Any]:
    if isinstance(tensors, tape.Tensor) or not isinstance(tensors, Sequence):
        kind = tensors.__class__.__name__
        raise TypeError(f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not {kind}")
    for i, x in enumerate(tensors):
        if not isinstance(x, tape.Tensor) and not is_array(x):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {x.__class__.__name__}")
    return list(tensors)


@numpy_names
def cat(tensors: Sequence[Any], dim: int = 0) -> Any:
    """The tensors joined along `dim`; all other sizes must agree."""
    items = _checked_list(tensors, "cat")
    if not items:
        raise ValueError("cat(): expected a non-empty list of Tensors")
    shapes = [data_of(x).shape for x in items]
    first = shapes[0]
    if (0,) in shapes:
        first = next((shape for shape in shapes if shape != (0,)), (0,))
        dim = dim if first != (0,) else 0  # PyTorch takes any then
    ndim = len(first)
    if () in shapes:
        raise RuntimeError(f"zero-dimensional tensor (at position {shapes.index(())}) cannot be concatenated")
    dim = wrap_dim(dim, ndim)
    for i, shape in enumerate(shapes) if shapes.count(first) != len(shapes) else ():
        if shape == (0,):
            continue
        if len(shape) != ndim:
            raise RuntimeError(f"Tensors must have same number of dimensions: got {ndim} and {len(shape)}")
        wrong = next((d for d in range(ndim) if d != dim and shape[d] != first[d]), None)
        if wrong is not None:
            raise RuntimeError(
                f"Sizes of tensors must match except in dimension {dim}. Expected size {first[wrong]} but got size "
                f"{shape[wrong]} for tensor number {i} in the list."
            )
    return _cat(*items, dim=dim, cuts=[0, *accumulate([shape[dim] if shape != (0,) else 0 for shape in shapes])])


concat = concatenate = cat


@differentiable(lambda g, i, dim: select(g, dim, i), name="StackBackward0")
def _stack(*tensors: Array, dim: int) -> Array:
    lib, arrays = xp(tensors[0]), _common(tensors)
    if dim or lib is not np:
        return _joined(lib.stack, arrays, dim)
    return np.array(arrays)  # several times as fast for many small ones


@numpy_names
def stack(tensors: Sequence[Any], dim: int = 0) -> Any:
    """Tensors of one shape joined along a new dimension."""
    items = _checked_list(tensors, "stack")
    if not items:
        raise RuntimeError("stack expects a non-empty TensorList")
    shapes = [x.shape for x in items] if is_array(items[0]) else [x._data.shape for x in items]
    first = shapes[0]
    dim = wrap_dim(dim, len(first) + 1)
    if shapes.count(first) != len(shapes):
        i = next(i for i, shape in enumerate(shapes) if shape != first)
        raise RuntimeError(
            f"stack expects each tensor to be equal size, but got {list(first)} at entry 0 and {list(shapes[i])} at entry {i}"
        )
    return _stack(*items, dim=dim)


def hstack(tensors: Sequence[Any]) -> Any:
    """Joined along the second dimension (of 1-d tensors, the first)."""
    items = [reshape(x, (1,)) if not data_of(x).ndim else x for x in _checked_list(tensors, "hstack")]
    if not items:
        raise RuntimeError("hstack expects a non-empty TensorList")
    return cat(items, 0 if data_of(items[0]).ndim == 1 else 1)


def vstack(tensors: Sequence[Any]) -> Any:
    """Joined along the first dimension, after 1-d tensors have become rows."""
    items = [reshape(x, (1, -1)) if data_of(x).ndim < 2 else x for x in _checked_list(tensors, "vstack")]
    if not items:
        raise RuntimeError("vstack expects a non-empty TensorList")
    return cat(items, 0)


def _several(views: list[Any]) -> tuple[Any, ...]:
    """Views that came from one call may not be written in place while they are tracked."""
    for v in views:
        v._view.made = v._view.made or "several"
    return tuple(views)


def split(tensor: Any, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Any, ...]:
    """Views of consecutive parts along `dim`: of a given size (the last may be smaller), or of the given sizes."""
    shape = data_of(tensor).shape
    if not shape:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    one = hasattr(split_size_or_sections, "__index__") and not getattr(split_size_or_sections, "ndim", False)
    if not one and (
        isinstance(split_size_or_sections, tape.Tensor) or not isinstance(split_size_or_sections, Sequence)
    ):
        kind = split_size_or_sections.__class__.__name__
        raise TypeError(f"split_with_sizes(): argument 'split_sizes' (position 2) must be tuple of ints, not {kind}")
    dim = wrap_dim(dim, len(shape))
    n = shape[dim]
    if one:
        step = split_size_or_sections.__index__()  # type: ignore[union-attr]
        if step < 0:
            raise RuntimeError(f"split expects split_size be non-negative, but got split_size={step}")
        if step == 0 and n:
            raise RuntimeError(f"split_size can only be 0 if dimension size is 0, but got dimension size of {n}")
        sizes = [min(step, n - start) for start in range(0, n, step)] if n else [0]
    else:
        sizes = [s.__index__() for s in split_size_or_sections]  # type: ignore[union-attr]
        if sum(sizes) != n or any(s < 0 for s in sizes):
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at dimension {dim}), "
                f"but got split_sizes={sizes}"
            )
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    return _several([slice_dim(tensor, dim, a, a + s) for a, s in zip(starts, sizes, strict=True)])


def chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Any, ...]:
    """At most `chunks` views of equal size along `dim`; the last may be smaller."""
    if not hasattr(chunks, "__index__") or getattr(chunks, "ndim", False):
        raise TypeError(f"chunk(): argument 'chunks' (position 1) must be int, not {chunks.__class__.__name__}")
    shape, chunks = data_of(input).shape, chunks.__index__()
    if not shape:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    n = shape[wrap_dim(dim, len(shape))]
    return split(input, -(-n // chunks), dim) if n else split(input, [0] * chunks, dim)


def tensor_split(input: Any, indices_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Any, ...]:
    """Views along `dim`: that many of nearly equal size, or cut at the given indices."""
    if not isinstance(indices_or_sections, int | tape.Tensor | Sequence):
        kind = indices_or_sections.__class__.__name__
        raise TypeError(
            f"tensor_split(): argument 'indices_or_sections' must be int, tuple of ints or Tensor, not {kind}"
        )
    shape = data_of(input).shape
    if not shape:
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    dim = wrap_dim(dim, len(shape))
    n = shape[dim]
    if isinstance(indices_or_sections, tape.Tensor):
        indices_or_sections = indices_or_sections.tolist()
    if isinstance(indices_or_sections, int):
        k = indices_or_sections
        if k <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {k}")
        cuts = [i * (n // k) + min(i, n % k) for i in range(k + 1)]
    else:
        cuts = [0, *[min(max(i + n if i < 0 else i, 0), n) for i in indices_or_sections], n]
    return tuple(slice_dim(input, dim, a, max(a, b)) for a, b in zip(cuts, cuts[1:], strict=False))


def unbind(input: Any, dim: int = 0) -> tuple[Any, ...]:
    """Views of the slices along `dim`, without it."""
    shape = data_of(input).shape
    if not shape:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    dim = wrap_dim(dim, len(shape))
    return _several([select(input, dim, i) for i in range(shape[dim])])


# --- turning and shifting


@differentiable(lambda g, dims: flip(g, dims), name="FlipBackward0")
def _flip(input: Array, dims: Size) -> Array:
    return xp(input).flip(unexpanded(input), dims).copy(order="K") if input.ndim else input.copy()


def flip(input: Any, *dims: Any) -> Any:
    """A copy with the order along `dims` reversed."""
    return _flip(input, wrap_dims(size_of(dims, "flip"), data_of(input).ndim))


def fliplr(input: Any) -> Any:
    """A copy with columns in reverse."""
    if data_of(input).ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, 1)


def flipud(input: Any) -> Any:
    """A copy with rows in reverse."""
    if not data_of(input).ndim:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, 0)


@differentiable(lambda g, shifts, dims: roll(g, tuple(-s for s in shifts), dims), name="RollBackward0")
def _roll(input: Array, shifts: Size, dims: Size) -> Array:
    return xp(input).roll(_in_order(input), shifts if dims else shifts[0], dims or None)


def roll(input: Any, shifts: int | Size, dims: int | Size | None = None) -> Any:
    """A copy shifted along `dims` (or flattened), what falls out coming back at the other end."""
    by = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    along = () if dims is None else (dims,) if isinstance(dims, int) else tuple(dims)
    if not by:
        raise RuntimeError("`shifts` required")
    if len(by) != len(along) and not (len(by) == 1 and not along):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(by)}, dims:{len(along)}")
    ndim = data_of(input).ndim
    if not data_of(input).size:
        return clone(input)
    if along and not ndim:
        raise IndexError(f"Dimension specified as {along[0]} but tensor has no dimensions")
    return _roll(input, by, tuple(wrap_dim(d, ndim) for d in along))


def rot90(input: Any, k: int = 1, dims: Sequence[int] = (0, 1)) -> Any:
    """Turned by k quarter turns in the plane of two dimensions, from the first towards the second."""
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if data_of(input).ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {data_of(input).ndim}")
    a, b = wrap_dims(tuple(dims), data_of(input).ndim)
    turns = k % 4
    if turns == 2:
        return flip(input, a, b)
    if turns == 1:
        return transpose(flip(input, b), a, b)
    return transpose(flip(input, a), a, b) if turns == 3 else contiguous_copy(input)


@differentiable(lambda g, repeats, dim, shape: _gather_repeats(g, repeats, dim, shape), None)
def _repeat_interleave(input: Array, repeats: Array, dim: int) -> Array:
    return xp(input).repeat(input, repeats if isinstance(repeats, int) else repeats.tolist(), dim)


def _gather_repeats(g: Any, repeats: Any, dim: int, shape: Size) -> Any:
    n = shape[dim]
    lib = xp(data_of(g))
    where = lib.repeat(lib.arange(n), repeats if isinstance(repeats, int) else data_of(repeats).tolist())
    zeros = lib.zeros(shape, data_of(g).dtype)
    if is_array(g):
        return index_add(zeros, dim, where, g)
    return index_add(tape.wrap(zeros), dim, tape.wrap(where), g)


def repeat_interleave(
    input: Any, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Any:
    """Each element (or slice along `dim`) repeated `repeats` times in place. output_size: how many that makes, if known.

    Of counts alone: the number i as often as the i-th count says.
    """
    if repeats is None:
        return _numbers_repeated(input, output_size)
    return repeat_each(input, repeats, dim, output_size=output_size)


def repeat_each(input: Any, repeats: Any, dim: int | None = None, *, output_size: int | None = None) -> Any:
    """`repeat_interleave` as a method of tensors: with the repeats."""
    if isinstance(repeats, tape.Tensor):
        counts = repeats._data
        if counts.dtype.kind not in "iu" or counts.dtype.itemsize < 4:
            raise RuntimeError(f"repeats has to be Long or Int tensor, not {repeats.dtype}")
        negative, total = bool((counts < 0).any()), int(counts.sum())
    elif isinstance(repeats, int):
        negative, total = repeats < 0, repeats
    else:
        raise TypeError(
            f"repeat_interleave(): argument 'repeats' must be int or Tensor, not {repeats.__class__.__name__}"
        )
    if negative:
        raise RuntimeError("repeats can not be negative")
    if dim is None:
        input, dim = ravel(input), 0
    elif not data_of(input).ndim:
        raise IndexError(f"Dimension out of range: a number has no dimension {dim}; leave out 'dim'")
    dim = wrap_dim(dim, data_of(input).ndim)
    n = data_of(input).shape[dim]
    if isinstance(repeats, int) or repeats._data.size == 1:
        total *= n
    elif repeats._data.shape != (n,):
        raise RuntimeError(
            f"repeats must have the same size as input along dim, but got repeats.size(0) = {repeats._data.size} and "
            f"input.size({dim}) = {n}"
        )
    if output_size is not None and output_size != total:
        raise RuntimeError(f"repeat_interleave: Invalid output_size, expected {total} but got {output_size}")
    return _repeat_interleave(input, repeats, dim)


def _numbers_repeated(counts: Any, output_size: int | None) -> Any:
    array = counts._data
    if array.dtype.kind not in "iu" or array.dtype.itemsize < 4:
        raise NotImplementedError(
            f"\"repeat_interleave_cpu\" not implemented for '{scalar_name(array)}': counts are int32 or int64"
        )
    if array.ndim != 1:
        raise RuntimeError("repeat_interleave only accept 1D vector as repeat")
    numbers = tape.wrap(xp(array).arange(array.size, dtype=array.dtype))
    return repeat_each(numbers, counts, 0, output_size=output_size)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Any, ...]:
    """Coordinate grids of 1-d tensors: the i-th varies along dimension i ("ij"), or the first two are exchanged ("xy")."""
    items = list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], Sequence) else list(tensors)
    if not items:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    if any(data_of(x).ndim > 1 for x in items):
        raise RuntimeError("torch.meshgrid: Expected 0D or 1D tensor in the tensor list")
    if len({data_of(x).dtype for x in items}) > 1:
        raise RuntimeError("meshgrid expects all tensors to have the same dtype")
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    if indexing == "xy" and len(items) > 1:
        second, first, *rest = meshgrid(items[1], items[0], *items[2:])
        return (first, second, *rest)
    shape = tuple(data_of(x).size for x in items)
    return tuple(
        expand(reshape(x, tuple(-1 if i == d else 1 for i in range(len(items)))), shape) for d, x in enumerate(items)
    )
