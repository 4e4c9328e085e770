"""When the arguments of an op are not alike: PyTorch's common dtype, and PyTorch's errors."""

from __future__ import annotations

from typing import Any

import numpy as np

from minitorch import dtypes
from minitorch.device import HOST, device_of, gpu_of, is_on_gpu


def is_array(x: Any) -> bool:
    """True for NumPy and CuPy arrays (and NumPy scalars), not for Tensors or Python numbers."""
    return isinstance(x, HOST) or is_on_gpu(x)


_NO_DTYPE = np.dtype(bool)  # of what is no array
_LOWEST, _HIGHEST = -(2**63), 2**64 - 1  # the integers that PyTorch takes as numbers


def promoted(arrays: list[Any]) -> list[Any]:
    """The arguments of an arithmetic op in PyTorch's common type. Python numbers stay bare: NumPy takes them as weak."""
    if len(arrays) == 2:  # nearly always: a floating tensor with a number
        first, second = arrays
        if first.__class__ is float or first.__class__ is int:
            first, second = second, first
        if _is_bare(second) and getattr(first, "dtype", _NO_DTYPE).kind == "f":
            return arrays
    elif getattr(arrays[0], "dtype", _NO_DTYPE).kind == "f" and all(x is None or _is_bare(x) for x in arrays[1:]):
        return arrays
    if not all(x is None or is_array(x) or isinstance(x, int | float) for x in arrays):
        raise TypeError  # `explain` names the culprit
    common = dtypes.result_numpy(*[x for x in arrays if x is not None])
    given, arrays = arrays, [x if x is None else _converted(x, common) for x in arrays]
    if any(isinstance(x, int) and x > _HIGHEST // 2 for x in given) and not any(
        is_array(x) and x.dtype.kind != "b" for x in given
    ):
        raise RuntimeError(
            "bool tensors take numbers up to 2**63 - 1: minitorch and PyTorch have no uint64 to promote to"
        )
    return arrays


def _is_bare(x: Any) -> bool:
    """Whether it is a number that a floating tensor takes as it is."""
    return x.__class__ is float or (x.__class__ is int and _LOWEST <= x <= _HIGHEST)


def promoted_to_floats(arrays: list[Any]) -> list[Any]:
    """As `promoted`, but integer arrays go to the default dtype at once: beside a 0-d int64, uint8 holds not its value."""
    if len([x for x in arrays if is_array(x) and x.dtype.kind != "f"]) < 2:
        return promoted(arrays)
    return [x.astype(dtypes.default_numpy()) if is_array(x) else x for x in arrays]


def _converted(x: Any, common: Any) -> Any:
    if is_array(x):
        return x if x.dtype is common else x.astype(common)
    check_integer(x)
    if common.kind not in "iu":
        return x
    bits = common.itemsize * 8  # an integer type wraps a number that is too large for it
    value = int(x) & ((1 << bits) - 1)
    return value - (1 << bits) if common.kind == "i" and value >> (bits - 1) else value


def check_integer(x: Any) -> None:
    """OverflowError for an int beyond 64 bits."""
    if isinstance(x, int) and not _LOWEST <= x <= _HIGHEST:
        raise OverflowError(f"int too big to convert: {x} does not fit 64 bits; use a float")


def explain(name: str, arguments: list[str], arrays: list[Any], error: Exception) -> Exception:
    """PyTorch's error for what NumPy or CuPy refused; `error` itself where that is clear enough."""
    if len(arguments) < len(arrays):
        arguments = arguments + [f"tensors[{i}]" for i in range(len(arrays) - len(arguments))]
    found = [(argument, x) for argument, x in zip(arguments, arrays, strict=False) if is_array(x)]
    places: dict[Any, str] = {}
    for argument, x in found:
        places.setdefault(device_of(x), argument)
    if len(places) > 1:
        (place, first), (other, second) = list(places.items())[:2]
        return RuntimeError(
            f"Expected all tensors to be on the same device, but found at least two devices, {place} and {other}! {name} "
            f"got '{first}' on {place} and '{second}' on {other}. Move one of them: .to('{place}') or .to('{other}')."
        )
    if isinstance(error, TypeError | AttributeError):
        numbers_allowed = isinstance(error, TypeError) and bool(found)
        for position, (argument, x) in enumerate(zip(arguments, arrays, strict=False), 1):
            if not (is_array(x) or x is None or (numbers_allowed and isinstance(x, int | float))):
                kind = x.__class__.__name__
                return TypeError(f"{name}(): argument '{argument}' (position {position}) must be Tensor, not {kind}")
        if any(word in str(error) for word in ("ufunc", "numpy", "cupy")):
            kinds = ", ".join(dtypes.scalar_name(x) for _, x in found)
            return RuntimeError(f"\"{name}\" not implemented for '{kinds}': {error}")
    if isinstance(error, ValueError) and "broadcast" in str(error):
        return RuntimeError(f"{name}(): {broadcast_error([x.shape for _, x in found])}")
    return error


# Beside those that promote, the ops whose arguments broadcast: a 0-d CPU tensor joins CUDA tensors as a number would.
_ELEMENTWISE = frozenset(
    "sub rsub lerp where isclose logical_and logical_or logical_xor masked_fill fill prelu l1_loss huber_loss kl_div".split()
)
_ACROSS = frozenset(("transfer", "read", "put", "add_at", "overwrite"))  # ops that take tensors of several devices


def takes_host_scalars(op: Any) -> bool:
    """Whether a 0-d CPU tensor may stand beside CUDA tensors in a call of this op."""
    return bool(op.promote) or op.name in _ELEMENTWISE


def settled(op: Any, arrays: Any, out: Any) -> Any:
    """What is not a NumPy array as a Tensor holds it: a NumPy scalar as a 0-d array, CuPy's with NumPy's own dtype.

    RuntimeError for arguments on several devices, in case CuPy was content with them.
    """
    if isinstance(out, HOST):
        return np.asarray(out)
    if len(arrays) > 1 and op.name not in _ACROSS:
        gpu = gpu_of(out)
        for x in arrays:
            if isinstance(x, np.ndarray):
                apart = x.ndim or not takes_host_scalars(op)  # CuPy compares with one number
            else:
                apart = is_on_gpu(x) and gpu_of(x) != gpu
            if apart:
                raise explain(op.name, op.arguments or [op.rest], arrays, RuntimeError())
    return dtypes.canonical(out)


def refuse_bool(name: str, *operands: Any) -> None:
    """NotImplementedError, as PyTorch's, where an op has no meaning for bool tensors."""
    if all(x.dtype.kind == "b" if is_array(x) else isinstance(x, bool) for x in operands):
        raise NotImplementedError(f"\"{name}\" not implemented for 'Bool': convert with .int() or .float()")


def broadcast_error(shapes: list[tuple[int, ...]]) -> str:
    """Where the shapes first disagree, in PyTorch's words."""
    for k, a in enumerate(shapes):
        for b in shapes[k + 1 :]:
            ndim = max(len(a), len(b))
            wide_a, wide_b = (1,) * (ndim - len(a)) + a, (1,) * (ndim - len(b)) + b
            for dim in reversed(range(ndim)):
                if wide_a[dim] != wide_b[dim] and 1 not in (wide_a[dim], wide_b[dim]):
                    return (
                        f"The size of tensor a ({wide_a[dim]}) must match the size of tensor b ({wide_b[dim]}) at "
                        f"non-singleton dimension {dim}. The shapes are {list(a)} and {list(b)}."
                    )
    return f"The shapes {[list(s) for s in shapes]} cannot be broadcast to one shape."
