"""Making tensors filled with constants or ranges. From data: from_data.py; with random numbers: sampling.py."""

from __future__ import annotations

import builtins
import math
import warnings
from typing import Any

import numpy as np

from minitorch import dtypes
from minitorch.autograd import tape
from minitorch.autograd.inplace import as_element
from minitorch.autograd.mode import inference
from minitorch.autograd.tape import INFERENCE_CELL, wrap
from minitorch.device import CPU, Array, device, move, signed
from minitorch.device import library as library_on
from minitorch.dtypes import dtype
from minitorch.formats import wants_contiguous
from minitorch.ops.shape import size_of
from minitorch.random.fill import empty_like as empty_in_layout

DeviceLike = device | str | int | None


# --- arguments that all of them take


def library(where: DeviceLike) -> Any:
    """NumPy or CuPy, for arrays on that device."""
    return np if where is None else library_on(device(where))


def placed(array: Array, where: DeviceLike) -> Array:
    """The array on that device."""
    return array if where is None else move(array, device(where))


def kind_of(given: dtype | None, otherwise: Any) -> Any:
    """NumPy's object for a `dtype` argument."""
    return otherwise if given is None else dtypes.as_dtype(given).numpy


def finish(name: str, array: Array, requires_grad: builtins.bool, options: dict[str, Any]) -> Any:
    """The Tensor; `options` are PyTorch's arguments that must have their only supported value."""
    for option, value in options.items():
        if option not in ("layout", "memory_format", "pin_memory", "out", "names"):
            raise TypeError(f"{name}() got an unexpected keyword argument '{option}'")
        if value is None or value is False or (option == "pin_memory" and value is True and array.size == 0):
            continue
        if isinstance(value, str) or str(value) not in (
            "torch.strided",
            "torch.preserve_format",
            "torch.contiguous_format",
        ):
            kind = value if isinstance(value, str | builtins.bool) else value.__class__.__name__
            raise NotImplementedError(f"{name}(): minitorch has no {option}={kind}; leave it out")
    if requires_grad.__class__ is not builtins.bool and requires_grad is not None:
        raise TypeError(f"{name}(): argument 'requires_grad' must be bool, not {requires_grad.__class__.__name__}")
    t = wrap(array)
    if inference.get():
        t._cell = INFERENCE_CELL
    if requires_grad:
        t.requires_grad = True
    return t


def checked_size(name: str, size: tuple[Any, ...], options: dict[str, Any]) -> tuple[int, ...]:
    """The size of `f(2, 3)`, `f((2, 3))` or `f(size=(2, 3))`; takes `size` out of `options`."""
    if "size" in options:
        if size:
            raise TypeError(f"{name}() got multiple values for argument 'size'")
        size = (options.pop("size"),)
        if not isinstance(size[0], list | tuple):
            raise TypeError(f"{name}(): argument 'size' must be tuple of ints, not {size[0].__class__.__name__}")
    if not size:
        raise TypeError(f'{name}() missing 1 required positional arguments: "size"')
    if len(size) == 1 and isinstance(size[0], range_ | str):
        raise TypeError(
            f"{name}(): argument 'size' (position 1) must be tuple of ints, not {size[0].__class__.__name__}"
        )
    sizes = size_of(size, name)
    if any(n < 0 for n in sizes):
        raise RuntimeError(f"{name}: Dimension size must be non-negative, but got {list(sizes)}")
    return sizes


range_ = builtins.range


def integer(x: Any, name: str, argument: str, position: int) -> int:
    """An int argument, which NumPy integers and 0-d integer tensors may stand for."""
    if isinstance(x, builtins.bool | np.bool_) or not hasattr(x, "__index__"):
        raise TypeError(
            f"{name}(): argument '{argument}' (position {position}) must be int, not {x.__class__.__name__}"
        )
    return x.__index__()


def number(x: Any, name: str, argument: str, position: int) -> Any:
    """A Number argument, which NumPy numbers and 0-d tensors may stand for, as a Python number."""
    if isinstance(x, tape.Tensor) and not x._data.ndim:
        x = x.item()
    elif isinstance(x, np.bool_):
        x = float(x)  # as PyTorch reads it
    elif isinstance(x, np.generic):
        x = x.item()
    if isinstance(x, complex):
        raise NotImplementedError(f"{name}(): minitorch has no complex types, got {argument}={x}")
    if not isinstance(x, int | float):
        raise TypeError(
            f"{name}(): argument '{argument}' (position {position}) must be Number, not {x.__class__.__name__}"
        )
    if isinstance(x, int) and not -(2**63) <= x < 2**64:
        raise OverflowError(f"int too big to convert: {name}() got {argument}={x}")
    return x


def _element(value: Any, kind: Any) -> Any:
    """A Python number as an element of dtype `kind`; RuntimeError if it does not fit."""
    if kind.kind == "f" and kind.itemsize == 2:
        return value  # too large a half is inf
    if kind.kind == "u" and isinstance(value, float) and value < 0:
        raise RuntimeError(f"value cannot be converted to type {kind.name} without overflow: {value}")
    return as_element(value, kind)


# --- constants


def _allocated(name: str, sizes: tuple[int, ...], kind: Any, where: DeviceLike, *value: Any) -> Array:
    try:
        return getattr(library(where), name)(sizes, *value, kind)
    except (MemoryError, ValueError):
        raise RuntimeError(
            f"{name}(): can't allocate memory: you tried to allocate {math.prod(sizes) * kind.itemsize} bytes for "
            f"size {list(sizes)}"
        ) from None


def empty(
    *size: Any,
    dtype: dtype | None = None,
    device: DeviceLike = None,
    requires_grad: builtins.bool = False,
    **options: Any,
) -> Any:
    """A tensor whose values are whatever was in memory."""
    sizes = checked_size("empty", size, options)
    array = _allocated("empty", sizes, kind_of(dtype, dtypes.default_numpy()), device)
    return finish("empty", array, requires_grad, options)


def zeros(
    *size: Any,
    dtype: dtype | None = None,
    device: DeviceLike = None,
    requires_grad: builtins.bool = False,
    **options: Any,
) -> Any:
    """A tensor of zeros."""
    sizes = checked_size("zeros", size, options)
    array = _allocated("zeros", sizes, kind_of(dtype, dtypes.default_numpy()), device)
    return finish("zeros", array, requires_grad, options)


def ones(
    *size: Any,
    dtype: dtype | None = None,
    device: DeviceLike = None,
    requires_grad: builtins.bool = False,
    **options: Any,
) -> Any:
    """A tensor of ones."""
    sizes = checked_size("ones", size, options)
    array = _allocated("ones", sizes, kind_of(dtype, dtypes.default_numpy()), device)
    return finish("ones", array, requires_grad, options)


def full(
    size: Any, fill_value: Any, *, dtype: dtype | None = None, device: DeviceLike = None,
    requires_grad: builtins.bool = False, **options: Any,
) -> Any:  # fmt: skip
    """A tensor filled with a number, whose kind gives the dtype: bool, int64 or the default one."""
    if not isinstance(size, list | tuple):
        raise TypeError(f"full(): argument 'size' (position 1) must be tuple of ints, not {size.__class__.__name__}")
    value = number(fill_value, "full", "fill_value", 2)
    kind = kind_of(dtype, dtypes.result_numpy(value))
    value = _element(value, kind)
    array = signed(_allocated("full", checked_size("full", (size,), {}), kind, device, value), value)
    return finish("full", array, requires_grad, options)


def scalar_tensor(s: Any, *, dtype: dtype | None = None, device: DeviceLike = None, requires_grad: bool = False) -> Any:
    """The number in a 0-d tensor of the default dtype, or the given one."""
    return full((), s, dtype=dtype or dtypes.get_default_dtype(), device=device, requires_grad=requires_grad)


def _layout_of(name: str, input: Any, where: DeviceLike, memory_format: Any, kind: Any) -> Array:
    """An uninitialised array like `input`'s, there where the new tensor shall be."""
    if not isinstance(input, tape.Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {input.__class__.__name__}")
    source, kind = input._data, kind_of(kind, input._data.dtype)
    lib = library(input.device if where is None else where)
    if wants_contiguous(name, memory_format):
        return lib.empty(source.shape, kind)
    if lib is not np or not isinstance(source, np.ndarray):
        return lib.empty_like(
            move(source, CPU if lib is np else device(input.device if where is None else where)), dtype=kind
        )
    return np.empty_like(empty_in_layout(source) if 0 in source.strides else source, dtype=kind, subok=False)


def empty_like(
    input: Any, *, dtype: dtype | None = None, device: DeviceLike = None, requires_grad: builtins.bool = False,
    memory_format: Any = None, **options: Any,
) -> Any:  # fmt: skip
    """`empty` in the shape, layout and (unless given) dtype and device of `input`."""
    return finish("empty_like", _layout_of("empty_like", input, device, memory_format, dtype), requires_grad, options)


def zeros_like(
    input: Any, *, dtype: dtype | None = None, device: DeviceLike = None, requires_grad: builtins.bool = False,
    memory_format: Any = None, **options: Any,
) -> Any:  # fmt: skip
    """`zeros` in the shape, layout and (unless given) dtype and device of `input`."""
    array = _layout_of("zeros_like", input, device, memory_format, dtype)
    array.fill(0)
    return finish("zeros_like", array, requires_grad, options)


def ones_like(
    input: Any, *, dtype: dtype | None = None, device: DeviceLike = None, requires_grad: builtins.bool = False,
    memory_format: Any = None, **options: Any,
) -> Any:  # fmt: skip
    """`ones` in the shape, layout and (unless given) dtype and device of `input`."""
    array = _layout_of("ones_like", input, device, memory_format, dtype)
    array.fill(1)
    return finish("ones_like", array, requires_grad, options)


def full_like(
    input: Any, fill_value: Any, *, dtype: dtype | None = None, device: DeviceLike = None,
    requires_grad: builtins.bool = False, memory_format: Any = None, **options: Any,
) -> Any:  # fmt: skip
    """`full` in the shape, layout and (unless given) dtype and device of `input`."""
    array = _layout_of("full_like", input, device, memory_format, dtype)
    value = _element(number(fill_value, "full_like", "fill_value", 2), array.dtype)
    array.fill(value)
    return finish("full_like", signed(array, value), requires_grad, options)


def eye(
    n: int, m: int | None = None, *, dtype: dtype | None = None, device: DeviceLike = None,
    requires_grad: builtins.bool = False, **options: Any,
) -> Any:  # fmt: skip
    """Ones on the diagonal of an (n, m) matrix of zeros."""
    rows = integer(n, "eye", "n", 1)
    columns = rows if m is None else integer(m, "eye", "m", 2)
    for argument, value in ("n", rows), ("m", columns):
        if value < 0:
            raise RuntimeError(f"{argument} must be greater or equal to 0, got {value}")
    array = library(device).eye(rows, columns, dtype=kind_of(dtype, dtypes.default_numpy()))
    return finish("eye", array, requires_grad, options)


# --- ranges


def arange(
    *bounds: Any,
    dtype: dtype | None = None,
    device: DeviceLike = None,
    requires_grad: builtins.bool = False,
    **options: Any,
) -> Any:
    """start, start + step, ... below end: `arange(end)`, `arange(start, end)`, `arange(start, end, step)`."""
    if len(bounds) > 3 or (bounds and len(bounds) != 2 and "start" in options):
        raise TypeError(f"arange() takes 1 to 3 bounds but {len(bounds)} were given")
    first = ("end",) if len(bounds) == 1 and "end" not in options else ("start", "end", "step")
    given = dict(zip(first, bounds))
    for name in "start", "end", "step":
        if name in options:
            if name in given:
                raise TypeError(f"arange() got multiple values for argument '{name}'")
            given[name] = options.pop(name)
    if "end" not in given or ("step" in given and "start" not in given):
        raise TypeError(
            f"arange() received an invalid combination of arguments - got {sorted(given)}: name start and end too"
        )
    values = [
        number(given.get(k, d), "arange", k, i + 1) for i, (k, d) in enumerate((("start", 0), ("end", 0), ("step", 1)))
    ]
    otherwise = dtypes.int64.numpy if all(isinstance(x, int) for x in values) else dtypes.default_numpy()
    array = _progression("arange", values, kind_of(dtype, otherwise), library(device), inclusive=False)
    return finish("arange", array, requires_grad, options)


def range(start: Any, end: Any, step: Any = 1, **options: Any) -> Any:
    """As arange, but including `end`, and floating. Deprecated in PyTorch."""
    warnings.warn(
        "torch.range is deprecated and will be removed in a future release because its behavior is inconsistent with "
        "Python's range builtin. Instead, use torch.arange, which produces values in [start, end).",
        stacklevel=2,
    )
    values = [number(x, "range", k, i + 1) for i, (k, x) in enumerate((("start", start), ("end", end), ("step", step)))]
    kind = kind_of(options.pop("dtype", None), dtypes.default_numpy())
    array = _progression("range", values, kind, library(options.pop("device", None)), inclusive=True)
    return finish("range", array, options.pop("requires_grad", False), options)


def _progression(name: str, values: list[Any], kind: Any, lib: Any, inclusive: builtins.bool) -> Array:
    """start + i * step in the accumulation type, as PyTorch: no error adds up."""
    start, end, step = values
    if kind.kind == "b":
        raise NotImplementedError(f"\"{name}_cpu\" not implemented for 'Bool'")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if step == 0 or math.isnan(step):
        raise RuntimeError("step must be nonzero")
    if (end < start and step > 0) or (end > start and step < 0):
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    if kind.kind in "iu":  # then PyTorch adds up integers; what is not int64, it counts as given
        start, whole_end, step = (int(as_element(x, dtypes.int64.numpy)) for x in values)
        if kind.itemsize == 8:
            values = [start, whole_end, step]
            if step == 0:
                raise ValueError("step must be nonzero, and in int64 it is 0")
    first, end, by = values
    count = math.floor((end - first) / by) + 1 if inclusive else math.ceil((end - first) / by)
    try:
        steps = lib.arange(count, dtype=lib.int64 if kind.kind in "iu" else lib.float64)
        return (steps * step + start).astype(kind)
    except (MemoryError, ValueError):
        raise RuntimeError(f"{name}(): can't allocate memory: {count} elements of {kind.name}") from None


def _ends(name: str, start: Any, end: Any, steps: Any) -> tuple[Any, Any, int]:
    for argument, x in ("start", start), ("end", end):
        if isinstance(x, tape.Tensor) and x._data.ndim:
            raise RuntimeError(
                f"{name} only supports 0-dimensional start and end tensors, but got {argument} with {x._data.ndim} dimension(s)."
            )
    count = integer(steps, name, "steps", 3)
    if count < 0:
        raise RuntimeError(f"number of steps must be non-negative, but got steps={count}")
    return number(start, name, "start", 1), number(end, name, "end", 2), count


def linspace(
    start: Any, end: Any, steps: int, *, dtype: dtype | None = None, device: DeviceLike = None,
    requires_grad: builtins.bool = False, **options: Any,
) -> Any:  # fmt: skip
    """`steps` numbers, evenly spaced from start to end, both included."""
    start, end, steps = _ends("linspace", start, end, steps)
    kind, lib = kind_of(dtype, dtypes.default_numpy()), library(device)
    if kind.kind == "b":
        raise NotImplementedError("\"linspace_cpu\" not implemented for 'Bool'")
    if steps == 1:
        return finish("linspace", lib.full((1,), start, kind), requires_grad, options)
    # From both ends towards the middle, as PyTorch: the step in the dtype itself, product and sum rounded once (fused).
    own = kind.type if kind.kind == "f" else np.float64
    step, first, last = np.float64(own((own(end) - own(start)) / max(steps - 1, 1))), float(own(start)), float(own(end))
    i = lib.arange(steps)
    array = lib.where(i < steps // 2, first + step * i, last - step * (steps - 1 - i))
    return finish("linspace", array.astype(kind), requires_grad, options)


def logspace(start: Any, end: Any, steps: int, base: float = 10.0, **options: Any) -> Any:
    """base ** linspace(start, end, steps)."""
    kind = kind_of(options.pop("dtype", None), dtypes.default_numpy())
    t = linspace(start, end, steps, dtype=dtypes.float64, device=options.pop("device", None))
    return finish("logspace", (base**t._data).astype(kind), options.pop("requires_grad", False), options)
