"""minitorch: the PyTorch you can read. Same program, same seed, same numbers.

import minitorch as torch
"""

from __future__ import annotations

import math as _math
import os as _os
import warnings as _warnings
from typing import Any as _Any

import numpy as _np

_NUMBERS = (int, float)  # Python's own, before torch.int and torch.float take their names

# Overflow and log(0) give inf and nan, as in PyTorch, without NumPy's warnings from our modules.
_warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"minitorch\.")

# isort: off
# fmt: off
from minitorch.memory import keep_freed_memory as _keep_freed_memory
from minitorch import autograd
from minitorch.autograd.mode import (
    enable_grad, inference_mode, is_grad_enabled, is_inference_mode_enabled, no_grad, set_grad_enabled,
)
from minitorch.device import device
from minitorch.dtypes import (
    bool, double, dtype, finfo, float, float16, float32, float64, get_default_dtype, half, iinfo, int, int8, int16,
    int32, int64, long, promote_types, set_default_dtype, short, uint8,
)
from minitorch.size import Size
from minitorch.tensor import Tensor
from minitorch.formats import contiguous_format, layout, memory_format, preserve_format, strided
from minitorch.creation import (
    arange, empty, empty_like, eye, full, full_like, linspace, logspace, ones, ones_like, range, scalar_tensor, zeros,
    zeros_like,
)
from minitorch.from_data import as_tensor, asarray, from_dlpack, from_numpy, tensor
from minitorch.legacy import (
    BoolTensor, ByteTensor, CharTensor, DoubleTensor, FloatTensor, HalfTensor, IntTensor, LongTensor, ShortTensor,
)
from minitorch.sampling import (
    bernoulli, multinomial, normal, poisson, rand, rand_like, randint, randint_like, randn, randn_like, randperm,
)
from minitorch.autograd.broadcast import clone
from minitorch.ops.compare import (
    allclose, bitwise_and, bitwise_left_shift, bitwise_not, bitwise_or, bitwise_right_shift, bitwise_xor, eq, equal, ge,
    gt, isclose, isfinite, isinf, isnan, isneginf, isposinf, le, logical_and, logical_not, logical_or, logical_xor, lt,
    ne, signbit,
)
from minitorch.ops.arithmetic import (
    abs, add, clamp, clamp_max, clamp_min, div, floor_divide, fmod, maximum, minimum, mul, nan_to_num, neg, positive,
    pow, reciprocal, remainder, rsub, sign, square, sub, where,
)
from minitorch.ops.compound import addcdiv, addcmul, lerp
from minitorch.ops.elementwise import (
    acos, acosh, asin, asinh, atan, atan2, atanh, ceil, cos, cosh, deg2rad, exp, exp2, expm1, floor, frac, hypot, log,
    log1p, log2, log10, logaddexp, logit, rad2deg, round, rsqrt, sigmoid, sin, sinh, sqrt, tan, tanh, trunc, xlogy,
)
from minitorch.ops.special import digamma, erf, erfc, erfinv, lgamma, mvlgamma, polygamma, sinc
from minitorch.ops.activation import log_softmax, relu, softmax
from minitorch.ops.reduce import (
    all, any, count_nonzero, logsumexp, mean, nanmean, nansum, prod, sum,
)
from minitorch.ops.extremes import amax, amin, aminmax, argmax, argmin, max, min
from minitorch.ops.scan import cummax, cummin, cumprod, cumsum, logcumsumexp
from minitorch.ops.statistics import (
    dist, median, mode, nanmedian, nanquantile, norm, quantile, std, std_mean, var, var_mean,
)
from minitorch.ops.sort import (
    argsort, bincount, bucketize, histc, kthvalue, msort, searchsorted, sort, topk, unique, unique_consecutive,
)
from minitorch.ops.shape import (
    broadcast_shapes, broadcast_tensors, expand as broadcast_to, flatten, moveaxis, movedim, permute, ravel, reshape,
    squeeze, swapaxes, swapdims, t, tile, transpose, unflatten, unsqueeze,
)
from minitorch.ops.join import (
    cat, chunk, concat, concatenate, flip, fliplr, flipud, hstack, meshgrid, repeat_interleave, roll, rot90, split,
    stack, tensor_split, unbind, vstack,
)
from minitorch.ops.index import index_put, narrow, select
from minitorch.ops.scatter import (
    argwhere, gather, index_add, index_copy, index_fill, index_select, masked_fill, masked_select, nonzero, scatter,
    scatter_add, take, take_along_dim,
)
from minitorch.ops.diagonal import diag, diag_embed, diagonal, tril, triu
from minitorch.ops.linear import (
    addmm, baddbmm, bmm, chain_matmul, dot, einsum, matmul, mm, mv, outer, tensordot, trace,
)
from minitorch.ops.normalization import layer_norm
from minitorch.ops.embedding import embedding
from minitorch.noise import (
    alpha_dropout, alpha_dropout_, dropout, dropout_, feature_alpha_dropout, feature_alpha_dropout_, feature_dropout,
    feature_dropout_, rrelu, rrelu_,
)
from minitorch import cuda, nn, optim, random, utils
from minitorch.faults import AcceleratorError
from minitorch.threads import get_num_threads, set_num_threads
from minitorch.printing import set_printoptions
from minitorch.random import Generator, default_generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state
# fmt: on
# isort: on

__version__ = "0.1.0"

_keep_freed_memory()

# Other names for the same functions.
subtract, multiply, divide, true_divide = sub, mul, div, div
negative, absolute, sgn, fix, clip = neg, abs, sign, trunc, clamp
arcsin, arccos, arctan, arctan2 = asin, acos, atan, atan2
arcsinh, arccosh, arctanh = asinh, acosh, atanh
not_equal, less, less_equal, greater, greater_equal = ne, lt, le, gt, ge
ger = outer
inf, nan, pi, e = _math.inf, _math.nan, _math.pi, _math.e
newaxis = None


def is_tensor(obj: object, /) -> _Any:
    """True for tensors."""
    return isinstance(obj, Tensor)


def _tensor(x: _Any, name: str) -> Tensor:
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {x.__class__.__name__}")
    return x


def is_floating_point(input: Tensor) -> _Any:
    """True for tensors of a floating type."""
    return _tensor(input, "is_floating_point").is_floating_point()


def is_complex(input: Tensor) -> _Any:
    """False: minitorch has no complex types."""
    return _tensor(input, "is_complex").is_complex()


def is_nonzero(input: Tensor) -> _Any:
    """Whether the one element of a tensor is not 0."""
    return _tensor(input, "is_nonzero").is_nonzero()


def is_same_size(input: Tensor, other: Tensor) -> _Any:
    """True if both have the same shape."""
    return _tensor(input, "is_same_size").is_same_size(other)


def numel(input: Tensor) -> _Any:
    """The number of elements."""
    return _tensor(input, "numel").numel()


def is_storage(obj: object, /) -> _Any:
    """False: minitorch has no storage objects."""
    return False


def typename(obj: _Any, /) -> str:
    """'torch.FloatTensor' and the like; of other things, the name of their class with its module."""
    if isinstance(obj, Tensor):
        return obj.type()
    cls = obj if isinstance(obj, type) else type(obj)
    return cls.__name__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__name__}"


def result_type(tensor: _Any, other: _Any) -> dtype:  # noqa: F811  # PyTorch's name for the argument
    """The dtype of arithmetic on two tensors or numbers."""
    from minitorch import dtypes

    for x in (tensor, other):
        if not isinstance(x, (Tensor, _np.generic, *_NUMBERS)):
            raise TypeError(f"result_type() received an invalid combination of arguments - got {x.__class__.__name__}")
    return dtypes.from_numpy(dtypes.result_numpy(*[getattr(x, "_data", x) for x in (tensor, other)]))


def can_cast(from_: dtype, to: dtype) -> _Any:
    """True if arithmetic may store `from_` in `to`: the category does not sink."""
    for name, value in ("from_", from_), ("to", to):
        if not isinstance(value, dtype):
            raise TypeError(f"can_cast(): argument '{name}' must be torch.dtype, not {value.__class__.__name__}")
    from minitorch.dtypes import CATEGORY

    return CATEGORY[from_.numpy.kind] <= CATEGORY[to.numpy.kind]


def set_default_tensor_type(kind: _Any, /) -> None:
    """The old `set_default_dtype`: takes torch.DoubleTensor, or its name."""
    from minitorch.legacy import type_target

    kind, place = type_target(kind)
    if place == "cuda":
        raise NotImplementedError(
            "set_default_tensor_type(): minitorch makes tensors on the CPU unless told device='cuda'"
        )
    set_default_dtype(kind)


def __getattr__(name: str) -> _Any:
    """`save` and `load`, imported when first asked for: what reads zip files and pickles is a tenth of the import's time."""
    if name in ("load", "save"):
        from minitorch import serialization

        return getattr(serialization, name)
    raise AttributeError(f"module 'minitorch' has no attribute '{name}'")
