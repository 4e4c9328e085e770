"""Making tensors: from data, and filled with constants, ranges or random numbers."""

from __future__ import annotations

import builtins
import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from minitorch import dtypes
from minitorch import random as streams
from minitorch.autograd.mode import inference
from minitorch.autograd.tape import INFERENCE_CELL, wrap
from minitorch.device import CPU, Array, device, move, require_cupy
from minitorch.dtypes import dtype
from minitorch.random.fill import empty_like as empty_like_layout
from minitorch.ops.shape import size_of
from minitorch.tensor import Tensor

DeviceLike = device | str | int | None
Size = tuple[int, ...]


def _library(where: DeviceLike) -> Any:
    """NumPy or CuPy, for arrays on that device."""
    return np if where is None or device(where).type == "cpu" else require_cupy()


def _kind(given: dtype | None, otherwise: Any) -> Any:
    """NumPy's object for a `dtype` argument."""
    return otherwise if given is None else dtypes.as_dtype(given).numpy


def _finish(array: Array, requires_grad: builtins.bool, options: dict[str, Any]) -> Tensor:
    """The Tensor; `options` are PyTorch's arguments that must have their only supported value."""
    for name, value in options.items():
        if name not in ("layout", "memory_format", "pin_memory", "out", "names"):
            raise TypeError(f"got an unexpected keyword argument '{name}'")
        if value and str(value) not in ("torch.strided", "torch.preserve_format", "torch.contiguous_format"):
            raise NotImplementedError(f"minitorch does not support {name}={value!r} when creating a tensor")
    t: Tensor = wrap(array)
    if inference.get():
        t._cell = INFERENCE_CELL
    if requires_grad:
        t.requires_grad = True
    return t


# --- from data


def tensor(
    data: Any, *, dtype: dtype | None = None, device: DeviceLike = None, requires_grad: builtins.bool = False,
    pin_memory: builtins.bool = False,
) -> Tensor:  # fmt: skip
    """A copy of `data`: a number, (nested) sequences of numbers, a NumPy array or a tensor.

    Python floats become the default dtype, ints int64; arrays keep their dtype. ValueError for ragged sequences.
    pin_memory speeds up copies to a GPU and changes nothing else.
    """
    if isinstance(data, Tensor):
        warnings.warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor).",
            stacklevel=2,
        )
    array = _array_from(data, dtype)
    if array is getattr(data, "_data", data):
        array = array.copy(order="K")
    return _finish(_placed(array, device), requires_grad, {})


def _placed(array: Array, where: DeviceLike) -> Array:
    return array if where is None else move(array, device(where))


def _array_from(data: Any, given: dtype | None) -> Array:
    """`data` as an array of the dtype PyTorch would choose; shared where it is one already."""
    if isinstance(data, Tensor):
        return data._data.astype(_kind(given, data._data.dtype), copy=False)
    if isinstance(data, np.ndarray | np.generic):
        if data.dtype.kind in "US":
            raise TypeError(f"can't convert np.ndarray of type {data.dtype}. Use numbers.")
        array = dtypes.canonical(np.asarray(data))
        return array.astype(_kind(given, array.dtype), copy=False)
    if hasattr(data, "__cuda_array_interface__"):
        return require_cupy().asarray(data, dtype=_kind(given, None))
    leaf = data
    while isinstance(leaf, Sequence) and not isinstance(leaf, str) and len(leaf):
        leaf = leaf[0]
    if isinstance(leaf, str | bytes | dict | set) or leaf is None:
        raise TypeError(f"new(): invalid data type '{leaf.__class__.__name__}'")
    try:
        array = np.array(_plain(data))
    except ValueError:
        raise ValueError(_ragged(data)) from None
    except OverflowError:
        raise RuntimeError("Overflow when unpacking long") from None
    if array.dtype.kind not in "biuf":
        if array.dtype.kind == "c":
            raise NotImplementedError("tensor(): minitorch has no complex types")
        if array.dtype == object and isinstance(leaf, int):
            raise RuntimeError("Overflow when unpacking long")
        odd = next((x for x in np.array(data, dtype=object).ravel() if not isinstance(x, int | float)), data)
        raise TypeError(f"new(): invalid data type '{odd.__class__.__name__}'")
    if given is not None:
        given = dtypes.as_dtype(given)
        if array.dtype.kind in "iu" and given.numpy.kind in "iu" and array.size:
            limits = np.iinfo(given.numpy)
            if array.min() < limits.min or array.max() > limits.max:
                raise RuntimeError(f"value cannot be converted to type {given.name} without overflow")
        return array.astype(given.numpy, copy=False)
    if array.dtype == np.uint64:
        raise RuntimeError("Overflow when unpacking long")
    if not array.size:
        return array.astype(dtypes.default_numpy())
    python_float = isinstance(leaf, int | float) or (array.dtype == np.float64 and not hasattr(leaf, "dtype"))
    return array.astype(dtypes.default_numpy()) if array.dtype.kind == "f" and python_float else array


def _plain(data: Any) -> Any:
    """Tensors inside sequences become Python numbers or arrays."""
    if isinstance(data, Tensor):
        if data._data.ndim and data._data.size > 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return data._data.reshape(())[()] if isinstance(data._data, np.ndarray) else data.item()
    if isinstance(data, list | tuple) and any(isinstance(x, list | tuple | Tensor) for x in data):
        return [_plain(x) for x in data]
    return data


def _ragged(data: Any, dim: int = 0) -> str:
    """PyTorch's message for sequences of unequal length."""
    lengths = [len(x) if isinstance(x, Sequence) else None for x in data]
    wrong = next((n for n in lengths if n != lengths[0]), None)
    if wrong is not None or (lengths and lengths[0] is None):
        return f"expected sequence of length {lengths[0]} at dim {dim + 1} (got {wrong})"
    return _ragged([x for inner in data for x in inner], dim + 1)


def as_tensor(data: Any, dtype: dtype | None = None, device: DeviceLike = None) -> Tensor:
    """`data` as a tensor: itself if it is one of that dtype and device, sharing the memory of a NumPy array."""
    if isinstance(data, Tensor):
        return data.to(device=device, dtype=dtype) if device is not None or dtype is not None else data
    array = _array_from(data, dtype)
    if array is data:
        return wrap(_placed(from_numpy(array)._data, device))
    return wrap(_placed(array, device))


asarray = as_tensor


def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A tensor that shares the memory of a NumPy array: a write into either shows in both."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {ndarray.__class__.__name__})")
    ndarray = dtypes.canonical(ndarray)
    if any(s < 0 for s in ndarray.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative strides are not "
            "currently supported. (You can probably work around this by making a copy of your array with array.copy().)"
        )
    if not ndarray.flags.writeable:
        warnings.warn(
            "The given NumPy array is not writable, and PyTorch does not support non-writable tensors. This means "
            "writing to this tensor will result in undefined behavior. You may want to copy the array to protect its "
            "data or make it writable before converting it to a tensor.",
            stacklevel=2,
        )
    return wrap(ndarray.view())


def from_dlpack(ext_tensor: Any) -> Tensor:
    """A tensor sharing the memory of any object with `__dlpack__`."""
    if ext_tensor.__dlpack_device__()[0] == 1:
        return wrap(dtypes.canonical(np.from_dlpack(ext_tensor)))
    return wrap(dtypes.canonical(require_cupy().from_dlpack(ext_tensor)))


# --- constants


def _checked_size(size: tuple[Any, ...], name: str) -> Size:
    sizes = size_of(size, name)
    if any(n < 0 for n in sizes):
        raise RuntimeError(f"{name}: Dimension size must be non-negative, but got {list(sizes)}")
    return sizes


def empty(
    *size: Any, dtype: dtype | None = None, device: DeviceLike = None, requires_grad: builtins.bool = False, **options: Any
) -> Tensor:
    """A tensor whose values are whatever was in memory."""
    size = (options.pop("size"),) if "size" in options else size
    array = _library(device).empty(_checked_size(size, "empty"), _kind(dtype, dtypes.default_numpy()))
    return _finish(array, requires_grad, options)


def zeros(
    *size: Any, dtype: dtype | None = None, device: DeviceLike = None, requires_grad: builtins.bool = False, **options: Any
) -> Tensor:
    """A tensor of zeros."""
    size = (options.pop("size"),) if "size" in options else size
    array = _library(device).zeros(_checked_size(size, "zeros"), _kind(dtype, dtypes.default_numpy()))
    return _finish(array, requires_grad, options)


def ones(
    *size: Any, dtype: dtype | None = None, device: DeviceLike = None, requires_grad: builtins.bool = False, **options: Any
) -> Tensor:
    """A tensor of ones."""
    size = (options.pop("size"),) if "size" in options else size
    array = _library(device).ones(_checked_size(size, "ones"), _kind(dtype, dtypes.default_numpy()))
    return _finish(array, requires_grad, options)


def full(
    size: Any, fill_value: Any, *, dtype: dtype | None = None, device: DeviceLike = None,
    requires_grad: builtins.bool = False, **options: Any,
) -> Tensor:  # fmt: skip
    """A tensor filled with a number, whose kind gives the dtype: bool, int64 or the default one."""
    if isinstance(fill_value, Tensor):
        fill_value = fill_value.item()
    otherwise = dtypes.result_numpy(fill_value)
    size = (size,) if not isinstance(size, int) else size
    if isinstance(size, int):
        raise TypeError("full(): argument 'size' (position 1) must be tuple of ints, not int")
    array = _library(device).full(_checked_size(size, "full"), fill_value, _kind(dtype, otherwise))
    return _finish(array, requires_grad, options)


def _like(name: str) -> Any:
    def like(
        input: Tensor, *args: Any, dtype: dtype | None = None, device: DeviceLike = None,
        requires_grad: builtins.bool = False, **options: Any,
    ) -> Tensor:  # fmt: skip
        if not isinstance(input, Tensor):
            raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {input.__class__.__name__}")
        lib = _library(input.device if device is None else device)
        layout = input._data if lib is np else input._data
        if (lib is not np and isinstance(layout, np.ndarray)) or (lib is np and not isinstance(layout, np.ndarray)):
            layout = move(layout, CPU if lib is np else globals()["device"](device))
        fill = getattr(lib, name)
        return _finish(fill(layout, *args, dtype=_kind(dtype, layout.dtype)), requires_grad, options)

    like.__name__ = like.__qualname__ = name
    like.__doc__ = f"`{name.removesuffix('_like')}` in the shape, layout and (unless given) dtype and device of `input`."
    return like


empty_like, zeros_like, ones_like = _like("empty_like"), _like("zeros_like"), _like("ones_like")
_full_like = _like("full_like")


def full_like(input: Tensor, fill_value: Any, **options: Any) -> Tensor:
    """`full` in the shape, layout and (unless given) dtype and device of `input`."""
    return _full_like(input, fill_value, **options)


def eye(
    n: int, m: int | None = None, *, dtype: dtype | None = None, device: DeviceLike = None,
    requires_grad: builtins.bool = False, **options: Any,
) -> Tensor:  # fmt: skip
    """Ones on the diagonal of an (n, m) matrix of zeros."""
    if n < 0 or (m is not None and m < 0):
        raise RuntimeError(f"n must be greater or equal to 0, got {n if n < 0 else m}")
    array = _library(device).eye(n, m, dtype=_kind(dtype, dtypes.default_numpy()))
    return _finish(array, requires_grad, options)


# --- ranges


def _number(x: Any) -> Any:
    return x.item() if isinstance(x, Tensor | np.generic) else x


def arange(
    *bounds: Any, dtype: dtype | None = None, device: DeviceLike = None, requires_grad: builtins.bool = False, **options: Any
) -> Tensor:
    """start, start + step, ... below end: `arange(end)`, `arange(start, end)`, `arange(start, end, step)`."""
    named = [options.pop(name) for name in ("start", "end", "step") if name in options]
    values = [_number(x) for x in (*bounds, *named)]
    if not 1 <= len(values) <= 3:
        raise TypeError(f"arange() takes 1 to 3 bounds but {len(values)} were given")
    start, end, step = (0, values[0], 1) if len(values) == 1 else (*values, 1)[:3]
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end < start and step > 0) or (end > start and step < 0):
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    otherwise = np.dtype(np.int64) if all(isinstance(x, int) for x in values) else dtypes.default_numpy()
    kind, lib = _kind(dtype, otherwise), _library(device)
    count = math.ceil((end - start) / step)
    # start + i * step in the accumulation type, as PyTorch: no error adds up.
    wide = lib.int64 if kind.kind in "iu" and all(isinstance(x, int) for x in values) else lib.float64
    array = lib.arange(count, dtype=wide) * step + start
    return _finish(array.astype(kind), requires_grad, options)


def range(start: float = 0, end: float | None = None, step: float = 1, **options: Any) -> Tensor:
    """As arange, but including `end`, and floating. Deprecated in PyTorch."""
    start, end = (0, start) if end is None else (start, end)
    count = math.floor((end - start) / step) + 1
    t = arange(count, dtype=dtypes.float64)
    return _finish((t._data * step + start).astype(_kind(options.pop("dtype", None), dtypes.default_numpy())), False, options)


def linspace(
    start: Any, end: Any, steps: int, *, dtype: dtype | None = None, device: DeviceLike = None,
    requires_grad: builtins.bool = False, **options: Any,
) -> Tensor:  # fmt: skip
    """`steps` numbers, evenly spaced from start to end, both included."""
    start, end = _number(start), _number(end)
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    kind, lib = _kind(dtype, dtypes.default_numpy()), _library(device)
    if steps == 1:
        return _finish(lib.full((1,), start, kind), requires_grad, options)
    # From both ends towards the middle, in the dtype itself, as PyTorch.
    wide = kind.type if kind.kind == "f" else np.float64
    i = lib.arange(steps)
    step = wide((wide(end) - wide(start)) / max(steps - 1, 1))
    array = lib.where(i < steps // 2, wide(start) + step * i.astype(wide), wide(end) - step * (steps - 1 - i).astype(wide))
    return _finish(array.astype(kind), requires_grad, options)


def logspace(start: Any, end: Any, steps: int, base: float = 10.0, **options: Any) -> Tensor:
    """base ** linspace(start, end, steps)."""
    kind = options.pop("dtype", None)
    t = linspace(start, end, steps, dtype=dtypes.float64, device=options.pop("device", None))
    return _finish((base**t._data).astype(_kind(kind, dtypes.default_numpy())), options.pop("requires_grad", False), options)


# --- random


def rand(*size: Any, generator: Any = None, **options: Any) -> Tensor:
    """Uniform on [0, 1)."""
    return _random(lambda a: streams.uniform_(a, 0.0, 1.0, generator), "rand", size, options)


def randn(*size: Any, generator: Any = None, **options: Any) -> Tensor:
    """Standard normal."""
    return _random(lambda a: streams.normal_(a, 0.0, 1.0, generator), "randn", size, options)


def _random(fill: Any, name: str, size: tuple[Any, ...], options: dict[str, Any]) -> Tensor:
    """Drawn on the host, so that a seed gives the same values on every device."""
    size = (options.pop("size"),) if "size" in options else size
    kind = _kind(options.pop("dtype", None), dtypes.default_numpy())
    if kind.kind != "f":
        raise NotImplementedError(f"\"{name}\" not implemented for '{dtypes.SCALAR_NAMES[dtypes.from_numpy(kind)]}'")
    array = np.empty(_checked_size(size, name), kind)
    fill(array)
    array = _placed(array, options.pop("device", None))
    return _finish(array, options.pop("requires_grad", False), options)


def _random_like(input: Tensor, fill: Any, options: dict[str, Any]) -> Tensor:
    layout = input._data if isinstance(input._data, np.ndarray) else np.empty(input._data.shape, input._data.dtype)
    array = np.empty_like(empty_like_layout(layout), dtype=_kind(options.pop("dtype", None), layout.dtype))
    fill(array)
    array = _placed(array, options.pop("device", None) or input.device)
    return _finish(array, options.pop("requires_grad", False), options)


def rand_like(input: Tensor, *, generator: Any = None, **options: Any) -> Tensor:
    """`rand` in the shape, layout, dtype and device of `input`."""
    return _random_like(input, lambda a: streams.uniform_(a, 0.0, 1.0, generator), options)


def randn_like(input: Tensor, *, generator: Any = None, **options: Any) -> Tensor:
    """`randn` in the shape, layout, dtype and device of `input`."""
    return _random_like(input, lambda a: streams.normal_(a, 0.0, 1.0, generator), options)


def _bounds(args: tuple[Any, ...], options: dict[str, Any], name: str) -> tuple[int, int, tuple[Any, ...]]:
    """(low, high, rest) of `f(high, ...)` or `f(low, high, ...)`."""
    values = list(args)
    low = options.pop("low", None)
    high = options.pop("high", None)
    if high is None:
        ints = 2 if len(values) > 1 and isinstance(values[1], int) and low is None else 1
        if ints == 2:
            low, high = values[:2]
        elif values:
            high = values[0]
        else:
            raise TypeError(f'{name}() missing 1 required positional arguments: "high"')
        values = values[ints:]
    return int(low or 0), int(high), tuple(values)


def randint(*args: Any, generator: Any = None, **options: Any) -> Tensor:
    """Integers in [low, high): `randint(high, size)` or `randint(low, high, size)`; int64 unless dtype says otherwise."""
    low, high, size = _bounds(args, options, "randint")
    size = size or (options.pop("size"),)
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    array = np.empty(_checked_size(size, "randint"), _kind(options.pop("dtype", None), np.dtype(np.int64)))
    streams.random_(array, low, high, generator)
    array = _placed(array, options.pop("device", None))
    return _finish(array, options.pop("requires_grad", False), options)


def randint_like(input: Tensor, *args: Any, **options: Any) -> Tensor:
    """`randint` in the shape, layout, dtype and device of `input`."""
    low, high, _ = _bounds(args, options, "randint_like")
    return _random_like(input, lambda a: streams.random_(a, low, high, None), options)


def randperm(
    n: int, *, generator: Any = None, dtype: dtype | None = None, device: DeviceLike = None,
    requires_grad: builtins.bool = False, **options: Any,
) -> Tensor:  # fmt: skip
    """A random order of 0 ... n-1; int64 unless dtype says otherwise."""
    if n < 0:
        raise RuntimeError(f"n must be non-negative, got {n}")
    array = streams.randperm(n, generator, _kind(dtype, np.dtype(np.int64)))
    return _finish(_placed(array, device), requires_grad, options)


def normal(mean: Any, std: Any = 1.0, size: Any = None, *, generator: Any = None, **options: Any) -> Tensor:
    """Normal numbers; mean and std are numbers (with a size) or tensors that give the shape."""
    if not isinstance(mean, Tensor) and not isinstance(std, Tensor):
        if size is None:
            raise TypeError("normal(): with mean and std as numbers, argument 'size' is needed")
        return _random(lambda a: streams.normal_(a, float(mean), float(std), generator), "normal", (size,), options)
    shape = np.broadcast_shapes(*[x._data.shape for x in (mean, std) if isinstance(x, Tensor)])
    kind = dtypes.from_numpy(dtypes.result_numpy(*[x._data for x in (mean, std) if isinstance(x, Tensor)]))
    if isinstance(std, Tensor):
        if (std._data < 0).any():
            raise RuntimeError("normal expects all elements of std >= 0.0")
        return randn(shape, generator=generator, dtype=kind) * std.detach() + (mean.detach() if isinstance(mean, Tensor) else mean)
    array = np.empty(shape, kind.numpy)
    streams.normal_(array, 0.0, float(std), generator)
    return wrap(array) + mean.detach()


def bernoulli(input: Tensor, p: float | None = None, *, generator: Any = None) -> Tensor:
    """Ones with the probabilities in `input` (or all with probability p), else zeros, in its dtype."""
    array = np.empty(input._data.shape, input._data.dtype)
    streams.bernoulli_(array, input._data if p is None else p, generator)
    return wrap(array)


def multinomial(input: Tensor, num_samples: int, replacement: builtins.bool = False, *, generator: Any = None) -> Tensor:
    """Indices drawn with the probabilities (or weights) of each row of `input`, (..., num_samples) int64."""
    return wrap(streams.multinomial(input._data, num_samples, replacement, generator))


def poisson(input: Tensor, generator: Any = None) -> Tensor:
    """Poisson counts with the rates in `input`, in its dtype."""
    return wrap(streams.poisson(input._data, generator))


# --- the old constructors


class _OldConstructor(type):
    """`torch.FloatTensor(2, 3)`, `torch.LongTensor([1, 2])`, `isinstance(x, torch.FloatTensor)`."""

    kind: dtype

    def __call__(cls, *args: Any) -> Tensor:
        if not args:
            return empty(0, dtype=cls.kind)
        if len(args) > 1 or isinstance(args[0], int):
            return empty(*args, dtype=cls.kind)
        if isinstance(args[0], Tensor) and args[0].dtype is not cls.kind:
            raise TypeError(f"expected {cls.__name__} (got torch.{dtypes.SCALAR_NAMES[args[0].dtype]}Tensor)")
        return tensor(args[0], dtype=cls.kind) if not isinstance(args[0], Tensor) else wrap(args[0]._data)

    def __instancecheck__(cls, instance: object) -> builtins.bool:
        return isinstance(instance, Tensor) and instance.dtype is cls.kind


def _old(kind: dtype) -> Any:
    name = f"{dtypes.SCALAR_NAMES[kind]}Tensor"
    return _OldConstructor(name, (), {"kind": kind, "__doc__": f"The old constructor of {kind} tensors."})


FloatTensor, DoubleTensor, HalfTensor = _old(dtypes.float32), _old(dtypes.float64), _old(dtypes.float16)
LongTensor, IntTensor, ShortTensor = _old(dtypes.int64), _old(dtypes.int32), _old(dtypes.int16)
CharTensor, ByteTensor, BoolTensor = _old(dtypes.int8), _old(dtypes.uint8), _old(dtypes.bool)
