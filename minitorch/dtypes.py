"""Number types and PyTorch's promotion rules, on top of NumPy's dtype objects."""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from typing import Any

import numpy as np

from minitorch.device import Array


class dtype:
    """A number type; `.numpy` is NumPy's object for it. There is one object per type: compare with `is` or `==`."""

    __slots__ = ("is_floating_point", "itemsize", "name", "numpy")
    is_complex = False

    def __init__(self, name: str, numpy: Any) -> None:
        self.name = name
        self.numpy = np.dtype(numpy)
        self.itemsize = self.numpy.itemsize
        self.is_floating_point = self.numpy.kind == "f"

    @property
    def is_signed(self) -> builtins.bool:
        return self.numpy.kind in "fi"

    def __repr__(self) -> str:
        return f"torch.{self.name}"  # as PyTorch prints it, so that the same program prints the same lines

    def __reduce__(self) -> str:
        return self.name  # pickled by reference to this module's global

    def to_real(self) -> dtype:
        """Itself: there are no complex types."""
        return self

    def to_complex(self) -> dtype:
        raise NotImplementedError("dtype.to_complex(): minitorch has no complex types")


float16 = half = dtype("float16", np.float16)
float32 = float = dtype("float32", np.float32)
float64 = double = dtype("float64", np.float64)
uint8 = dtype("uint8", np.uint8)
int8 = dtype("int8", np.int8)
int16 = short = dtype("int16", np.int16)
int32 = int = dtype("int32", np.int32)
int64 = long = dtype("int64", np.int64)
bool = dtype("bool", np.bool_)

ALL = (float16, float32, float64, uint8, int8, int16, int32, int64, bool)
_BY_NUMPY = {t.numpy: t for t in ALL}
# What PyTorch calls each type in its messages and in the old constructors (torch.FloatTensor).
SCALAR_NAMES = {
    float16: "Half", float32: "Float", float64: "Double", uint8: "Byte", int8: "Char",
    int16: "Short", int32: "Int", int64: "Long", bool: "Bool",
}  # fmt: skip

_BOOL, _INT64, _FLOAT32 = bool.numpy, int64.numpy, float32.numpy


def from_numpy(np_dtype: Any) -> dtype:
    """The dtype of a NumPy array; TypeError for what PyTorch has no type for, NotImplementedError where minitorch has none."""
    try:
        return _BY_NUMPY[np_dtype]
    except KeyError:
        kind = np.dtype(np_dtype)
        if not kind.isnative:
            raise ValueError(
                f"given numpy array has byte order different from the native byte order ({kind}). Conversion between "
                "byte orders is currently not supported: use array.astype(array.dtype.newbyteorder('='))."
            ) from None
        if kind.kind == "c" or kind.name in ("uint16", "uint32", "uint64"):
            raise NotImplementedError(
                f"minitorch has no {kind} tensors: convert the array first, with array.astype()"
            ) from None
        names = ", ".join(t.name for t in ALL)
        raise TypeError(
            f"can't convert np.ndarray of type {np.dtype(np_dtype)}. The only supported types are: {names}."
        ) from None


def as_dtype(x: Any) -> dtype:
    """A `dtype` argument: a dtype, or Python's float, int or bool for float64, int64 and bool."""
    if isinstance(x, dtype):
        return x
    if isinstance(x, type) and x in (builtins.float, builtins.int, builtins.bool):
        return {builtins.float: float64, builtins.int: int64, builtins.bool: bool}[x]
    raise TypeError(f"argument 'dtype' must be torch.dtype, not {x.__class__.__name__}")


def canonical(array: Array) -> Array:
    """`array` with NumPy's own object for its dtype: an unpickled array has an equal copy of it, and we compare with `is`.

    TypeError for what is no dtype here, and for the other byte order.
    """
    kind = from_numpy(array.dtype).numpy
    return array if array.dtype is kind else array.view(kind)


def scalar_name(array: Array) -> str:
    """'Float' for a float32 array: the name PyTorch uses in messages."""
    return SCALAR_NAMES[_BY_NUMPY[array.dtype]]


class _Default:
    numpy = _FLOAT32


def get_default_dtype() -> dtype:
    """The type of `tensor(1.0)` and `zeros(2)`: float32 unless `set_default_dtype` changed it."""
    return _BY_NUMPY[_Default.numpy]


def set_default_dtype(d: dtype) -> None:
    """Set the type of new floating-point tensors; TypeError unless it is one itself."""
    if not isinstance(d, dtype):
        raise TypeError(f"invalid dtype object: set_default_dtype() got {d!r}, use one such as torch.float64")
    if not d.is_floating_point:
        raise TypeError(f"only floating-point types are supported as the default type, got {d}")
    _Default.numpy = d.numpy


def default_numpy() -> Any:
    """NumPy's object for the default dtype."""
    return _Default.numpy


# --- promotion: bool < integers < floats; a higher category decides, never the integer's width

_promoted: dict[tuple[Any, Any], Any] = {}


def promote_numpy(a: Any, b: Any) -> Any:
    """The common type of two NumPy dtypes: as NumPy's, but an integer never widens a float."""
    if a is b:
        return a
    key = (a, b)
    if key not in _promoted:
        if (a.kind == "f") != (b.kind == "f"):
            _promoted[key] = a if a.kind == "f" else b
        else:
            _promoted[key] = np.promote_types(a, b)
    return _promoted[key]


def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest type that both can be converted to: `promote_types(int64, float32)` is float32."""
    for position, value in (1, type1), (2, type2):
        if not isinstance(value, dtype):
            raise TypeError(
                f"promote_types(): argument 'type{position}' (position {position}) must be torch.dtype, "
                f"not {value.__class__.__name__}"
            )
    return _BY_NUMPY[promote_numpy(type1.numpy, type2.numpy)]


CATEGORY = {"b": 0, "i": 1, "u": 1, "f": 2}  # by NumPy's `kind`: bool < integers < floats


def result_numpy(*operands: Array) -> Any:
    """The type an operation on arrays and Python numbers computes in.

    Arrays with dimensions count most, 0-d arrays next, Python numbers least: a lower class has a say
    only if it is of a higher category (bool < integer < float) than all above it.
    """
    result: Any = None
    for level in 0, 1, 2:
        candidate: Any = None
        for x in operands:
            if isinstance(x, builtins.bool):
                mine, kind = 2, _BOOL
            elif isinstance(x, builtins.int | np.integer):
                mine, kind = 2, _INT64
            elif isinstance(
                x, builtins.float | np.generic
            ):  # PyTorch takes NumPy's numbers for Python's, its bool for a float
                mine, kind = 2, _Default.numpy
            else:
                mine, kind = (0 if x.ndim else 1), x.dtype
            if mine == level:
                candidate = kind if candidate is None else promote_numpy(candidate, kind)
        if candidate is not None and (result is None or CATEGORY[candidate.kind] > CATEGORY[result.kind]):
            result = candidate
    return result


def to_floating(x: Array) -> Array:
    """`x` itself if it is of a floating type, else converted to the default one: for exp, sqrt, mean ..."""
    return x if x.dtype.kind == "f" else x.astype(_Default.numpy)


def halves_in_single(values: Iterable[Any]) -> list[Any]:
    """The float16 arrays among them as float32: PyTorch computes most formulas so, and rounds once."""
    return [x.astype(np.float32) if getattr(x, "dtype", None) == np.float16 else x for x in values]


# --- limits


class _Limits:
    """Two are equal if they are those of the same type."""

    dtype: str

    def __eq__(self, other: object) -> builtins.bool:
        return other.__class__ is self.__class__ and other.dtype == self.dtype

    def __hash__(self) -> builtins.int:
        return hash((self.__class__, self.dtype))


class finfo(_Limits):
    """Limits of a floating type (the default one if none is given): bits, eps, max, min, tiny, resolution."""

    def __init__(self, type: dtype | None = None) -> None:
        type = get_default_dtype() if type is None else float64 if type is builtins.float else type
        if not isinstance(type, dtype) or not type.is_floating_point:
            raise TypeError(f"torch.finfo() requires a floating point input type. Use torch.iinfo to handle '{type}'")
        info = np.finfo(type.numpy)
        self.bits, self.dtype = info.bits, type.name
        self.eps, self.max, self.min = builtins.float(info.eps), builtins.float(info.max), builtins.float(info.min)
        self.tiny = self.smallest_normal = builtins.float(info.tiny)
        self.resolution = 10.0**-info.precision

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
            f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})"
        )


class iinfo(_Limits):
    """Limits of an integer type: bits, max, min."""

    def __init__(self, type: dtype) -> None:
        type = int64 if type is builtins.int else type
        if not isinstance(type, dtype) or type.is_floating_point or type is bool:
            raise TypeError(f"torch.iinfo() requires an integer input type. Use torch.finfo to handle '{type}'")
        info = np.iinfo(type.numpy)
        self.bits, self.max, self.min, self.dtype = info.bits, info.max, info.min, type.name

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"
