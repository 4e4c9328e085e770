"""The table of Tensor's methods: one line for every op that is one, and for every in-place form."""

from __future__ import annotations

from typing import Any

import numpy as np

from minitorch import random as streams
from minitorch.autograd.broadcast import convert, convert_to_integer
from minitorch.autograd.inplace import bump, check_writable, copy_, fill, inplace, will_track
from minitorch.autograd.tape import wrap
from minitorch.device import device_of, move
from minitorch.dtypes import bool as bool_
from minitorch.dtypes import float16, float32, float64, int8, int16, int32, int64, uint8
from minitorch.ops import (
    activation,
    arithmetic,
    compare,
    elementwise,
    extremes,
    index,
    join,
    linear,
    reduce,
    scan,
    shape,
    special,
    statistics,
)
from minitorch.ops import diagonal as diagonals
from minitorch.ops import scatter as scattering
from minitorch.ops import sort as sorting


def _to(kind: Any) -> Any:
    """`x.float()` and its like."""

    def method(self: Any) -> Any:
        if self._data.dtype is kind.numpy:
            return self
        return (convert if kind.is_floating_point else convert_to_integer)(self, kind.numpy)

    method.__doc__ = f"Converted to {kind.name}; itself if it is that already."
    return method


def _random(draw: Any, name: str) -> Any:
    """An in-place random method: `draw(array, *arguments, generator)` fills host memory in PyTorch's order."""

    def method(self: Any, *args: Any, generator: Any = None, **options: Any) -> Any:
        tracked = will_track((self,))
        check_writable(self, tracked, name)
        if tracked:
            raise NotImplementedError(f"{name}(): on a tensor that autograd tracks; use it under no_grad(), or on .detach()")
        array = self._data
        if isinstance(array, np.ndarray):
            draw(array, *args, generator=generator, **options)
        else:
            host = np.empty(array.shape, array.dtype)
            draw(host, *args, generator=generator, **options)
            array[...] = move(host, device_of(array))
        bump(self)
        return self

    method.__name__ = name
    method.__doc__ = f"Fill with the outcome of `{draw.__name__}`; returns the tensor itself."
    return method


class Methods:
    """The part of Tensor that is names bound to ops."""

    __slots__ = ()
    _data: Any
    dtype: Any
    device: Any

    # arithmetic
    __add__ = __radd__ = add = arithmetic.add
    __sub__ = sub = subtract = arithmetic.sub
    __rsub__ = arithmetic.rsub
    __mul__ = __rmul__ = mul = multiply = arithmetic.mul
    __truediv__ = div = divide = true_divide = arithmetic.div
    __floordiv__ = floor_divide = arithmetic.floor_divide
    __mod__ = remainder = arithmetic.remainder
    __pow__ = pow = arithmetic.pow
    __neg__ = neg = negative = arithmetic.neg
    __abs__ = abs = absolute = arithmetic.abs
    __matmul__ = matmul = linear.matmul
    fmod = arithmetic.fmod
    square = arithmetic.square
    reciprocal = arithmetic.reciprocal

    def __rtruediv__(self, other: Any) -> Any:
        return arithmetic.reciprocal(self) * other

    def __rfloordiv__(self, other: Any) -> Any:
        return arithmetic.floor_divide(other, self)

    def __rmod__(self, other: Any) -> Any:
        return arithmetic.remainder(other, self)

    def __rpow__(self, other: Any) -> Any:
        return arithmetic.pow(other, self)

    def __rmatmul__(self, other: Any) -> Any:
        return linear.matmul(other, self)

    def __pos__(self) -> Any:
        return self

    # comparison, logic, bits
    ne, lt, le, gt, ge = compare.ne, compare.lt, compare.le, compare.gt, compare.ge
    eq = compare.eq
    __lt__, __le__, __gt__, __ge__ = lt, le, gt, ge
    not_equal, less, less_equal, greater, greater_equal = ne, lt, le, gt, ge
    isnan, isinf, isfinite, isclose = compare.isnan, compare.isinf, compare.isfinite, compare.isclose
    isposinf, isneginf, signbit = compare.isposinf, compare.isneginf, compare.signbit
    allclose, equal = compare.allclose, compare.equal
    __and__ = __rand__ = bitwise_and = compare.bitwise_and
    __or__ = __ror__ = bitwise_or = compare.bitwise_or
    __xor__ = __rxor__ = bitwise_xor = compare.bitwise_xor
    __invert__ = bitwise_not = compare.bitwise_not
    __lshift__ = bitwise_left_shift = compare.bitwise_left_shift
    __rshift__ = bitwise_right_shift = compare.bitwise_right_shift
    logical_and, logical_or = compare.logical_and, compare.logical_or
    logical_xor, logical_not = compare.logical_xor, compare.logical_not

    def __eq__(self, other: Any) -> Any:
        return compare.eq(self, other) if hasattr(other, "__float__") or hasattr(other, "dtype") else NotImplemented

    def __ne__(self, other: Any) -> Any:
        return compare.ne(self, other) if hasattr(other, "__float__") or hasattr(other, "dtype") else NotImplemented

    # elementwise functions
    sqrt, rsqrt = elementwise.sqrt, elementwise.rsqrt
    exp, exp2, expm1 = elementwise.exp, elementwise.exp2, elementwise.expm1
    log, log2, log10, log1p = elementwise.log, elementwise.log2, elementwise.log10, elementwise.log1p
    logaddexp, xlogy = elementwise.logaddexp, elementwise.xlogy
    sin, cos, tan = elementwise.sin, elementwise.cos, elementwise.tan
    asin, acos, atan = elementwise.asin, elementwise.acos, elementwise.atan
    arcsin, arccos, arctan = asin, acos, atan
    atan2 = arctan2 = elementwise.atan2
    sinh, cosh, tanh = elementwise.sinh, elementwise.cosh, elementwise.tanh
    asinh, acosh, atanh = elementwise.asinh, elementwise.acosh, elementwise.atanh
    arcsinh, arccosh, arctanh = asinh, acosh, atanh
    hypot, deg2rad, rad2deg = elementwise.hypot, elementwise.deg2rad, elementwise.rad2deg
    floor, ceil, trunc, fix = elementwise.floor, elementwise.ceil, elementwise.trunc, elementwise.trunc
    round, frac = elementwise.round, elementwise.frac
    sign = sgn = arithmetic.sign
    clamp = clip = arithmetic.clamp
    clamp_min, clamp_max = arithmetic.clamp_min, arithmetic.clamp_max
    maximum, minimum = arithmetic.maximum, arithmetic.minimum
    lerp, addcmul, addcdiv = arithmetic.lerp, arithmetic.addcmul, arithmetic.addcdiv
    nan_to_num, logit = arithmetic.nan_to_num, elementwise.logit
    sigmoid = elementwise.sigmoid
    relu = activation.relu
    softmax, log_softmax = activation.softmax, activation.log_softmax
    erf, erfc, erfinv, sinc = special.erf, special.erfc, special.erfinv, special.sinc
    lgamma, digamma, mvlgamma = special.lgamma, special.digamma, special.mvlgamma

    def polygamma(self, n: Any) -> Any:
        """The n-th derivative of digamma."""
        return special.polygamma(n, self)

    def where(self, condition: Any, other: Any) -> Any:
        """This tensor where `condition` holds, else `other`."""
        return arithmetic.where(condition, self, other)

    # reductions
    sum, mean, prod, nansum, nanmean = reduce.sum, reduce.mean, reduce.prod, reduce.nansum, reduce.nanmean
    max, min, amax, amin, aminmax = extremes.max, extremes.min, extremes.amax, extremes.amin, extremes.aminmax
    argmax, argmin = extremes.argmax, extremes.argmin
    any, all, count_nonzero, logsumexp = reduce.any, reduce.all, reduce.count_nonzero, reduce.logsumexp
    std, var, norm, dist = statistics.std, statistics.var, statistics.norm, statistics.dist
    median, nanmedian, mode, quantile = statistics.median, statistics.nanmedian, statistics.mode, statistics.quantile
    cumsum, cumprod, cummax, cummin = scan.cumsum, scan.cumprod, scan.cummax, scan.cummin
    logcumsumexp = scan.logcumsumexp
    sort, argsort, topk, kthvalue, msort = sorting.sort, sorting.argsort, sorting.topk, sorting.kthvalue, sorting.msort
    unique, unique_consecutive = sorting.unique, sorting.unique_consecutive
    histc, bincount = sorting.histc, sorting.bincount

    # products
    mm, bmm, mv, dot, outer, ger = linear.mm, linear.bmm, linear.mv, linear.dot, linear.outer, linear.outer
    addmm, baddbmm, trace = linear.addmm, linear.baddbmm, linear.trace

    # shape
    reshape, view, flatten, ravel = shape.reshape, shape.view_or_cast, shape.flatten, shape.ravel
    unflatten, squeeze, unsqueeze = shape.unflatten, shape.squeeze, shape.unsqueeze
    permute, transpose, swapaxes, swapdims = shape.permute, shape.transpose, shape.transpose, shape.transpose
    movedim, moveaxis, t = shape.movedim, shape.movedim, shape.t
    T, mT = property(shape.reversed_dims), property(shape.mT)
    expand, expand_as, repeat, tile = shape.expand, shape.expand_as, shape.repeat, shape.tile
    repeat_interleave = join.repeat_interleave
    broadcast_to = shape.expand
    split, chunk, tensor_split, unbind = join.split, join.chunk, join.tensor_split, join.unbind
    flip, fliplr, flipud, roll, rot90 = join.flip, join.fliplr, join.flipud, join.roll, join.rot90
    contiguous_copy = shape.contiguous_copy

    def view_as(self, other: Any) -> Any:
        """`view` with the shape of `other`."""
        return shape.view(self, other._data.shape)

    def reshape_as(self, other: Any) -> Any:
        """`reshape` to the shape of `other`."""
        return shape.reshape(self, other._data.shape)

    # indexing
    __getitem__, __setitem__ = index.getitem, index.setitem
    select, narrow, diagonal, diag, diag_embed = index.select, index.narrow, diagonals.diagonal, diagonals.diag, diagonals.diag_embed
    unfold = diagonals.unfold
    gather, take, take_along_dim = scattering.gather, scattering.take, scattering.take_along_dim
    scatter, scatter_, scatter_add, scatter_add_ = scattering.scatter, scattering.scatter_, scattering.scatter_add, scattering.scatter_add_
    index_select, index_put, index_put_ = scattering.index_select, index.index_put, index.index_put_
    index_add, index_add_ = scattering.index_add, scattering.index_add_
    index_fill, index_fill_ = scattering.index_fill, scattering.index_fill_
    index_copy, index_copy_ = scattering.index_copy, scattering.index_copy_
    masked_fill, masked_select = scattering.masked_fill, scattering.masked_select
    nonzero, argwhere = scattering.nonzero, scattering.argwhere
    tril, triu = diagonals.tril, diagonals.triu

    # dtypes
    float, double, half = _to(float32), _to(float64), _to(float16)
    long, int, short, char, byte = _to(int64), _to(int32), _to(int16), _to(int8), _to(uint8)
    bool = _to(bool_)

    # in place
    copy_ = copy_
    fill_ = inplace(fill)

    def zero_(self) -> Any:
        """Fill with zeros; returns the tensor itself."""
        return self.fill_(0)

    __iadd__ = add_ = inplace(arithmetic.add)
    __isub__ = sub_ = subtract_ = inplace(arithmetic.sub)
    __imul__ = mul_ = multiply_ = inplace(arithmetic.mul)
    __itruediv__ = div_ = divide_ = inplace(arithmetic.div)
    __ifloordiv__ = floor_divide_ = inplace(arithmetic.floor_divide)
    __imod__ = remainder_ = inplace(arithmetic.remainder)
    __ipow__ = pow_ = inplace(arithmetic.pow)
    __iand__ = bitwise_and_ = inplace(compare.bitwise_and)
    __ior__ = bitwise_or_ = inplace(compare.bitwise_or)
    __ixor__ = bitwise_xor_ = inplace(compare.bitwise_xor)
    logical_not_ = inplace(compare.logical_not)
    neg_, abs_, sign_, square_ = (inplace(op) for op in (neg, abs, sign, square))
    sqrt_, rsqrt_, reciprocal_ = inplace(sqrt), inplace(rsqrt), inplace(reciprocal)
    exp_, expm1_, log_, log1p_ = inplace(exp), inplace(expm1), inplace(log), inplace(log1p)
    log2_, log10_ = inplace(log2), inplace(log10)
    sin_, cos_, tan_, tanh_, sigmoid_ = inplace(sin), inplace(cos), inplace(tan), inplace(tanh), inplace(sigmoid)
    relu_ = inplace(activation.relu)
    floor_, ceil_, trunc_, round_, frac_ = inplace(floor), inplace(ceil), inplace(trunc), inplace(round), inplace(frac)
    clamp_ = clip_ = inplace(clamp)
    lerp_, addcmul_, addcdiv_ = inplace(lerp), inplace(addcmul), inplace(addcdiv)
    addmm_ = inplace(addmm)
    masked_fill_ = inplace(masked_fill)
    tril_, triu_ = inplace(tril), inplace(triu)

    def clamp_min_(self, min: Any) -> Any:
        """In-place form of clamp_min."""
        return self.clamp_(min, None)

    def clamp_max_(self, max: Any) -> Any:
        """In-place form of clamp_max."""
        return self.clamp_(None, max)

    # random
    uniform_ = _random(streams.uniform_, "uniform_")
    normal_ = _random(streams.normal_, "normal_")
    random_ = _random(streams.random_, "random_")
    bernoulli_ = _random(streams.bernoulli_, "bernoulli_")
    exponential_ = _random(streams.exponential_, "exponential_")
    log_normal_ = _random(streams.log_normal_, "log_normal_")
    geometric_ = _random(streams.geometric_, "geometric_")
    cauchy_ = _random(streams.cauchy_, "cauchy_")

    def bernoulli(self, p: Any = None, *, generator: Any = None) -> Any:
        """Ones with the probabilities in this tensor (or p), else zeros."""
        out = np.empty(self._data.shape, self._data.dtype)
        streams.bernoulli_(out, self._data if p is None else p, generator)
        return wrap(out)

    def multinomial(self, num_samples: Any, replacement: Any = False, *, generator: Any = None) -> Any:
        """Indices drawn with the weights in each row, (..., num_samples) int64."""
        return wrap(streams.multinomial(self._data, num_samples, replacement, generator))

    # new tensors of the same dtype and device

    def new_tensor(self, data: Any, **options: Any) -> Any:
        """`tensor(data)` with this dtype and device."""
        from minitorch.creation import tensor

        return tensor(data, **{"dtype": self.dtype, "device": self.device, **options})

    def new_zeros(self, *size: Any, **options: Any) -> Any:
        """`zeros(size)` with this dtype and device."""
        from minitorch.creation import zeros

        return zeros(*size, **{"dtype": self.dtype, "device": self.device, **options})

    def new_ones(self, *size: Any, **options: Any) -> Any:
        """`ones(size)` with this dtype and device."""
        from minitorch.creation import ones

        return ones(*size, **{"dtype": self.dtype, "device": self.device, **options})

    def new_empty(self, *size: Any, **options: Any) -> Any:
        """`empty(size)` with this dtype and device."""
        from minitorch.creation import empty

        return empty(*size, **{"dtype": self.dtype, "device": self.device, **options})

    def new_full(self, size: Any, fill_value: Any, **options: Any) -> Any:
        """`full(size, fill_value)` with this dtype and device."""
        from minitorch.creation import full

        return full(size, fill_value, **{"dtype": self.dtype, "device": self.device, **options})

    def new(self, *args: Any) -> Any:
        """The old constructor with this dtype."""
        from minitorch.creation import empty, tensor

        if args and not isinstance(args[0], int):
            return tensor(args[0], dtype=self.dtype)
        return empty(*(args or (0,)), dtype=self.dtype)


