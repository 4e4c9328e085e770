"""Ops that multiply by random factors: dropout in its kinds, and rrelu. Under PyTorch's names and arguments for
`torch.*`; `nn.functional` has its own, which end here.

The factors are drawn on the host, in the order of the input's memory, so that a seed drops the same elements on
every device.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minitorch import random as streams
from minitorch.autograd import tape
from minitorch.autograd.tape import wrap
from minitorch.device import Array, as_numpy, device_of, drawn, move
from minitorch.dtypes import scalar_name
from minitorch.random.fill import empty_like, not_implemented

_SELU_LIMIT = 1.7580993408473766  # minus the value that selu tends to: its scale times its alpha


def dropout(input: Any, p: float, train: bool) -> Any:
    """In training: each element 0 with probability p, else divided by 1-p. Otherwise the input itself."""
    return _dropped("dropout", input, p, train)


def dropout_(input: Any, p: float, train: bool) -> Any:
    """`dropout`, written into the input."""
    return _dropped("dropout_", input, p, train)


def feature_dropout(input: Any, p: float, train: bool) -> Any:
    """`dropout` of whole channels of (N, C, ...)."""
    return _dropped("feature_dropout", input, p, train)


def feature_dropout_(input: Any, p: float, train: bool) -> Any:
    """`feature_dropout`, written into the input."""
    return _dropped("feature_dropout_", input, p, train)


def alpha_dropout(input: Any, p: float, train: bool) -> Any:
    """Dropout that keeps mean and variance after selu: dropped elements get the value selu tends to, and all are
    scaled and shifted. Klambauer et al. 2017."""
    return _dropped("alpha_dropout", input, p, train)


def alpha_dropout_(input: Any, p: float, train: bool) -> Any:
    """`alpha_dropout`, written into the input."""
    return _dropped("alpha_dropout_", input, p, train)


def feature_alpha_dropout(input: Any, p: float, train: bool) -> Any:
    """`alpha_dropout` of whole channels of (N, C, ...)."""
    return _dropped("feature_alpha_dropout", input, p, train)


def feature_alpha_dropout_(input: Any, p: float, train: bool) -> Any:
    """`feature_alpha_dropout`, written into the input."""
    return _dropped("feature_alpha_dropout_", input, p, train)


def _dropped(name: str, input: Any, p: float, train: bool) -> Any:
    _check_tensor(name, input)
    if not isinstance(train, bool):
        raise TypeError(f"{name}(): argument 'train' (position 3) must be bool, not {train.__class__.__name__}")
    if not 0 <= p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p}")
    data = input._data
    if p == 0 or not train or data.size == 0:
        return input
    if p == 1:
        return _scaled(input, 0.0, name.endswith("_"))
    if "feature" in name and data.ndim < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    noise, *shift = [wrap(array) for array in drawn(lambda: _noise(name, data, p), device_of(data))]
    result = _scaled(input, noise, name.endswith("_"))
    if not shift:
        return result
    return result.add_(shift[0]) if name.endswith("_") else result + shift[0]


def _noise(name: str, data: Array, p: float) -> tuple[np.ndarray, ...]:
    """What an input is multiplied by, and for alpha dropout what is added then; on the host."""
    if "feature" in name:
        noise = np.empty((*data.shape[:2], *[1] * (data.ndim - 2)), data.dtype)
    else:
        noise = empty_like(data)
    streams.bernoulli_(noise, 1 - p)
    if data.dtype.kind != "f":
        raise RuntimeError(f"result type Float can't be cast to the desired output type {scalar_name(data)}")
    factor, *shift = _alpha(noise, p) if "alpha" in name else (_inverse(noise, 1 - p),)
    if factor < np.inf:
        noise *= factor
    else:  # a half near p = 1
        noise[noise > 0] = factor
    return noise, *shift


def _inverse(noise: Array, p: float) -> Any:
    """1 / p as PyTorch's kernels round it: once in float32 or float64, then to the dtype."""
    work: Any = np.float64 if noise.dtype == np.float64 else np.float32
    return noise.dtype.type(work(1) / work(p))


def _alpha(kept: Array, p: float) -> tuple[Any, Array]:
    """The factor of what is kept, and what is added to all: a different number where an element is dropped."""
    a = 1 / math.sqrt((_SELU_LIMIT * _SELU_LIMIT * p + 1) * (1 - p))
    dtype: Any = kept.dtype.type
    shift = kept - dtype(1)
    shift *= dtype(_SELU_LIMIT * a)
    shift += dtype(_SELU_LIMIT * a * p)
    return dtype(a), shift


def rrelu(input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, generator: Any = None) -> Any:
    """leaky_relu whose slope is drawn for each element, uniform in [lower, upper); their mean out of training."""
    return _rrelu("rrelu", input, lower, upper, training, generator)


def rrelu_(
    input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, generator: Any = None
) -> Any:
    """`rrelu`, written into the input."""
    return _rrelu("rrelu_", input, lower, upper, training, generator)


def _rrelu(name: str, input: Any, lower: float, upper: float, training: bool, generator: Any) -> Any:
    from minitorch.nn import functional  # late: it needs this module

    _check_tensor(name, input)
    for which, bound in (("lower", lower), ("upper", upper)):
        if not math.isfinite(bound):
            raise RuntimeError(f"rrelu: {which} bound must be finite, got {bound}")
    if lower > upper:
        raise RuntimeError(f"Lower bound should be less than or equal to the upper bound, but got {lower} > {upper}")
    inplace = name.endswith("_")
    if not training:
        result = functional.leaky_relu(input, (lower + upper) / 2, inplace)
        return result if inplace else result.contiguous()
    host = as_numpy(input._data)
    if host.dtype.kind != "f" or host.dtype == np.float16:
        not_implemented("rrelu_with_noise_out_cpu", host)
    slopes = streams.slopes(host, lower, upper, generator)
    return _scaled(input, wrap(move(slopes, device_of(input._data))), inplace)


def _check_tensor(name: str, input: Any) -> None:
    if not isinstance(input, tape.Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {input.__class__.__name__}")


def _scaled(input: Any, factor: Any, inplace: bool) -> Any:
    return input.mul_(factor) if inplace else input * factor
