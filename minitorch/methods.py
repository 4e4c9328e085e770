"""The table of Tensor's methods: one line for every op that is one, and for every in-place form."""

from __future__ import annotations

from typing import Any

import numpy as np

from minitorch import creation, from_data, legacy, resizing, sampling
from minitorch.autograd.inplace import copy_, fill, inplace
from minitorch.ops import (
    activation,
    arithmetic,
    compare,
    compound,
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


def _operator(op: Any) -> Any:
    """What `x + y` calls: as Python asks, it answers NotImplemented to what it does not know, so that `y` may try."""

    def method(self: Any, other: Any) -> Any:
        return op(self, other) if isinstance(other, _OPERANDS) else NotImplemented

    method.__name__ = method.__qualname__ = f"operator_{op.__name__}"
    method.__doc__ = op.__doc__
    return method


def _reflected(op: Any) -> Any:
    """What `2 - x` calls."""

    def method(self: Any, other: Any) -> Any:
        return op(other, self) if isinstance(other, _OPERANDS) else NotImplemented

    method.__doc__ = op.__doc__
    return method


class Methods:
    """The part of Tensor that is names bound to ops."""

    __slots__ = ()
    _data: Any
    dtype: Any
    device: Any

    # arithmetic
    add, sub, rsub, mul, div = arithmetic.add, arithmetic.sub, arithmetic.rsub, arithmetic.mul, arithmetic.div
    subtract, multiply, divide, true_divide = sub, mul, div, div
    floor_divide, remainder, fmod = arithmetic.floor_divide, arithmetic.remainder, arithmetic.fmod
    pow, square, reciprocal = arithmetic.pow, arithmetic.square, arithmetic.reciprocal
    __neg__ = neg = negative = arithmetic.neg
    __abs__ = abs = absolute = arithmetic.abs
    __pos__ = positive = arithmetic.positive
    matmul = linear.matmul
    __add__, __sub__, __mul__ = _operator(add), _operator(sub), _operator(mul)
    __radd__, __rsub__, __rmul__ = __add__, _operator(rsub), __mul__
    __truediv__, __floordiv__, __mod__ = _operator(div), _operator(floor_divide), _operator(remainder)
    __rfloordiv__, __rmod__ = _reflected(floor_divide), _reflected(remainder)
    __pow__, __rpow__ = _operator(pow), _reflected(pow)
    __matmul__, __rmatmul__ = _operator(matmul), _reflected(matmul)

    def __rtruediv__(self, other: Any) -> Any:
        return arithmetic.reciprocal(self) * other

    # comparison, logic, bits
    ne, lt, le, gt, ge = compare.ne, compare.lt, compare.le, compare.gt, compare.ge
    eq = compare.eq
    __lt__, __le__, __gt__, __ge__ = _operator(lt), _operator(le), _operator(gt), _operator(ge)
    not_equal, less, less_equal, greater, greater_equal = ne, lt, le, gt, ge
    isnan, isinf, isfinite, isclose = compare.isnan, compare.isinf, compare.isfinite, compare.isclose
    isposinf, isneginf, signbit = compare.isposinf, compare.isneginf, compare.signbit
    allclose, equal = compare.allclose, compare.equal
    bitwise_and, bitwise_or, bitwise_xor = compare.bitwise_and, compare.bitwise_or, compare.bitwise_xor
    bitwise_left_shift, bitwise_right_shift = compare.bitwise_left_shift, compare.bitwise_right_shift
    __and__ = __rand__ = _operator(bitwise_and)
    __or__ = __ror__ = _operator(bitwise_or)
    __xor__ = __rxor__ = _operator(bitwise_xor)
    __invert__, bitwise_not = compare.invert, compare.bitwise_not
    __lshift__, __rlshift__ = _operator(bitwise_left_shift), _reflected(bitwise_left_shift)
    __rshift__, __rrshift__ = _operator(bitwise_right_shift), _reflected(bitwise_right_shift)
    logical_and, logical_or = compare.logical_and, compare.logical_or
    logical_xor, logical_not = compare.logical_xor, compare.logical_not

    def __eq__(self, other: Any) -> Any:
        known = isinstance(other, (np.ndarray, *_OPERANDS))  # PyTorch's only operator that takes arrays
        return compare.eq(self, other) if known else NotImplemented

    def __ne__(self, other: Any) -> Any:
        return compare.ne(self, other) if isinstance(other, _OPERANDS) else NotImplemented

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
    lerp, addcmul, addcdiv = compound.lerp, compound.addcmul, compound.addcdiv
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
    median, nanmedian, mode = statistics.median, statistics.nanmedian, statistics.mode
    quantile, nanquantile = statistics.quantile, statistics.nanquantile
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
    repeat_interleave = join.repeat_each
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
    select, narrow, diagonal, diag, diag_embed = (
        index.select,
        index.narrow,
        diagonals.diagonal,
        diagonals.diag,
        diagonals.diag_embed,
    )
    unfold = diagonals.unfold
    gather, take, take_along_dim = scattering.gather, scattering.take, scattering.take_along_dim
    scatter, scatter_, scatter_add, scatter_add_ = (
        scattering.scatter,
        scattering.scatter_,
        scattering.scatter_add,
        scattering.scatter_add_,
    )
    index_select, index_put, index_put_ = scattering.index_select, index.index_put, index.index_put_
    index_add, index_add_ = scattering.index_add, scattering.index_add_
    index_fill, index_fill_ = scattering.index_fill, scattering.index_fill_
    index_copy, index_copy_ = scattering.index_copy, scattering.index_copy_
    masked_fill, masked_select = scattering.masked_fill, scattering.masked_select
    nonzero, argwhere = scattering.nonzero, scattering.argwhere
    tril, triu = diagonals.tril, diagonals.triu

    # in place
    copy_ = copy_
    fill_ = inplace(fill, overlap="anything")

    def zero_(self) -> Any:
        """Fill with zeros; returns the tensor itself."""
        return self.fill_(0)

    def pow_(self, exponent: Any) -> Any:
        """In-place form of `pow`; returns the tensor itself."""
        arithmetic.check_exponent(self, exponent)
        return _pow_(self, exponent)

    def clamp_(self, min: Any = None, max: Any = None) -> Any:
        """In-place form of `clamp`; returns the tensor itself."""
        arithmetic.check_limits(self, min, max)
        return _clamp_(self, min, max)

    clip_ = clamp_
    add_, sub_, mul_ = inplace(add), inplace(sub), inplace(mul)

    def div_(self, other: Any, *, rounding_mode: str | None = None) -> Any:
        """In-place form of `div`; returns the tensor itself."""
        return _div_(self, other) if rounding_mode is None else _rounded_div_(self, other, rounding_mode=rounding_mode)

    subtract_, multiply_, divide_, true_divide_ = sub_, mul_, div_, div_
    floor_divide_, remainder_, fmod_ = inplace(floor_divide), inplace(remainder), inplace(fmod)
    bitwise_and_, bitwise_or_, bitwise_xor_ = inplace(bitwise_and), inplace(bitwise_or), inplace(bitwise_xor)
    bitwise_not_, bitwise_left_shift_ = inplace(bitwise_not), inplace(bitwise_left_shift)
    bitwise_right_shift_ = inplace(bitwise_right_shift)
    __iadd__, __isub__, __imul__, __itruediv__ = _operator(add_), _operator(sub_), _operator(mul_), _operator(div_)
    __ifloordiv__, __imod__, __ipow__ = _operator(floor_divide_), _operator(remainder_), _operator(pow_)
    __iand__, __ior__, __ixor__ = _operator(bitwise_and_), _operator(bitwise_or_), _operator(bitwise_xor_)
    __ilshift__, __irshift__ = _operator(bitwise_left_shift_), _operator(bitwise_right_shift_)
    logical_and_, logical_or_ = inplace(logical_and, recorded=False), inplace(logical_or, recorded=False)
    logical_xor_, logical_not_ = inplace(logical_xor, recorded=False), inplace(logical_not, recorded=False)
    eq_, ne_, lt_, le_, gt_, ge_ = (inplace(op) for op in (eq, ne, lt, le, gt, ge))
    neg_, abs_, sign_, square_ = (inplace(op) for op in (neg, abs, sign, square))
    negative_, absolute_, sgn_ = neg_, abs_, sign_
    sqrt_, rsqrt_, reciprocal_ = inplace(sqrt), inplace(rsqrt), inplace(reciprocal)
    exp_, exp2_, expm1_ = inplace(exp), inplace(exp2), inplace(expm1)
    log_, log1p_, log2_, log10_ = inplace(log), inplace(log1p), inplace(log2), inplace(log10)
    sin_, cos_, tan_, asin_, acos_, atan_ = (inplace(op) for op in (sin, cos, tan, asin, acos, atan))
    sinh_, cosh_, tanh_, asinh_, acosh_, atanh_ = (inplace(op) for op in (sinh, cosh, tanh, asinh, acosh, atanh))
    arcsin_, arccos_, arctan_, arcsinh_, arccosh_, arctanh_ = asin_, acos_, atan_, asinh_, acosh_, atanh_
    atan2_, hypot_, xlogy_, deg2rad_, rad2deg_ = (
        inplace(op) for op in (atan2, hypot, elementwise._xlogy, deg2rad, rad2deg)
    )
    arctan2_ = atan2_
    sigmoid_, relu_ = inplace(sigmoid), inplace(activation.relu)
    floor_, ceil_, trunc_, round_, frac_ = inplace(floor), inplace(ceil), inplace(trunc), inplace(round), inplace(frac)
    fix_ = trunc_
    nan_to_num_ = inplace(nan_to_num)
    erf_, erfc_, erfinv_, lgamma_, digamma_ = (inplace(op) for op in (erf, erfc, erfinv, lgamma, digamma))
    squeeze_, unsqueeze_, resize_, resize_as_ = (
        resizing.squeeze_,
        resizing.unsqueeze_,
        resizing.resize_,
        resizing.resize_as_,
    )
    transpose_, t_, swapaxes_, swapdims_ = resizing.transpose_, resizing.t_, resizing.transpose_, resizing.transpose_
    lerp_, addcmul_, addcdiv_ = inplace(lerp), inplace(addcmul), inplace(addcdiv)
    addmm_ = inplace(addmm)
    masked_fill_ = inplace(masked_fill, overlap="anything")
    tril_, triu_ = inplace(tril), inplace(triu)

    def cumsum_(self, dim: int, *, dtype: Any = None) -> Any:
        """In-place form of `cumsum`; returns the tensor itself."""
        scan.check_in_place("cumsum", self, dtype)
        return _cumsum_(self, dim)

    def cumprod_(self, dim: int, *, dtype: Any = None) -> Any:
        """In-place form of `cumprod`; returns the tensor itself."""
        scan.check_in_place("cumprod", self, dtype)
        return _cumprod_(self, dim)

    def clamp_min_(self, min: Any) -> Any:
        """In-place form of clamp_min."""
        return self.clamp_(min, None)

    def clamp_max_(self, max: Any) -> Any:
        """In-place form of clamp_max."""
        return self.clamp_(None, max)

    # random
    uniform_, normal_, random_, bernoulli_ = sampling.uniform_, sampling.normal_, sampling.random_, sampling.bernoulli_
    exponential_, log_normal_ = sampling.exponential_, sampling.log_normal_
    geometric_, cauchy_ = sampling.geometric_, sampling.cauchy_
    bernoulli, multinomial = sampling.bernoulli, sampling.multinomial

    # new tensors of the same dtype and device

    def _own(self, options: dict[str, Any]) -> dict[str, Any]:
        """`options` with this tensor's dtype and device where they give none."""
        own = {"dtype": self.dtype, "device": self.device}
        return options | {name: value for name, value in own.items() if options.get(name) is None}

    def new_tensor(self, data: Any, **options: Any) -> Any:
        """`tensor(data)` with this dtype and device."""
        return from_data.tensor(data, **self._own(options))

    def new_zeros(self, *size: Any, **options: Any) -> Any:
        """`zeros(size)` with this dtype and device."""
        return creation.zeros(*size, **self._own(options))

    def new_ones(self, *size: Any, **options: Any) -> Any:
        """`ones(size)` with this dtype and device."""
        return creation.ones(*size, **self._own(options))

    def new_empty(self, *size: Any, **options: Any) -> Any:
        """`empty(size)` with this dtype and device."""
        return creation.empty(*size, **self._own(options))

    def new_full(self, size: Any, fill_value: Any, **options: Any) -> Any:
        """`full(size, fill_value)` with this dtype and device."""
        return creation.full(size, fill_value, **self._own(options))

    def new(self, *args: Any, **options: Any) -> Any:
        """The old constructor with this dtype and device."""
        return legacy.construct("new", self.dtype, self.device.type, args, options)


_OPERANDS = (Methods, float, int, np.generic)
_pow_, _clamp_ = inplace(arithmetic._pow), inplace(arithmetic._clamp)
_div_, _rounded_div_ = inplace(arithmetic._div, "div_"), inplace(arithmetic._rounded_div, "div_")
_cumsum_, _cumprod_ = inplace(scan.cumsum), inplace(scan.cumprod)
