"""Layers, activations and losses as plain functions: `import minitorch.nn.functional as F`.

With `inplace=True` the result is written into the input, which is returned.
"""

from __future__ import annotations

import warnings
from typing import Any

from minitorch import noise as _noise
from minitorch.autograd.inplace import inplace as _inplace
from minitorch.nn.functional_dropout import (
    alpha_dropout,
    dropout,
    dropout1d,
    dropout2d,
    dropout3d,
    feature_alpha_dropout,
)
from minitorch.nn.functional_loss import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)
from minitorch.noise import rrelu_
from minitorch.ops import activation as _ops
from minitorch.ops import embedding as _tables
from minitorch.ops.activation import gelu, glu, hardshrink, logsigmoid, softplus, softshrink
from minitorch.ops.elementwise import sigmoid, tanh
from minitorch.ops.linear import linear
from minitorch.ops.normalization import layer_norm as _layer_norm
from minitorch.tensor import Tensor

relu_ = _inplace(_ops.relu)
leaky_relu_ = _inplace(_ops.leaky_relu)
elu_ = _inplace(_ops.elu)
hardtanh_ = _inplace(_ops.hardtanh)
threshold_ = _inplace(_ops.threshold)
_silu_ = _inplace(_ops.silu)
_mish_ = _inplace(_ops.mish)
_hardswish_ = _inplace(_ops.hardswish)
_hardsigmoid_ = _inplace(_ops.hardsigmoid)


def layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """(input - mean) / sqrt(variance + eps) * weight + bias over the last dimensions, of sizes `normalized_shape`."""
    return _layer_norm(input, normalized_shape, weight, bias, eps)


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """weight[input]: of the table `weight` (rows, width) the rows with the numbers `input` (*): (*, width).

    Row padding_idx (-1: the last) has no gradient. max_norm: rows named whose norm_type-norm exceeds it are first scaled
    down to it, in place and unrecorded. scale_grad_by_freq: the gradient of a row is divided by how often it is named.
    """
    padding_idx = -1 if padding_idx is None else _tables.padding_row(padding_idx, weight.size(0))
    if max_norm is not None:
        _tables.embedding_renorm_(weight, input, max_norm, norm_type)
    return _tables.embedding(weight, input, padding_idx, scale_grad_by_freq, sparse)


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """y_k = x1 @ weight[k] @ x2 + bias_k: (*, in1), (*, in2), (out, in1, in2), (out) -> (*, out)."""
    if input1.dim() != input2.dim():
        raise RuntimeError(f"bilinear(): input dimensions do not match: got {input1.dim()} and {input2.dim()}")
    for dim, (n1, n2) in enumerate(zip(input1.shape[:-1], input2.shape[:-1], strict=True)):
        if n1 != n2:
            raise RuntimeError(f"bilinear(): input batch dimensions do not match at dim {dim}: got {n1} and {n2}")
    for number, x, size in (1, input1, weight.shape[1]), (2, input2, weight.shape[2]):
        if x.shape[-1] != size:
            raise RuntimeError(
                f"bilinear(): input{number} size does not match weight size: got {x.shape[-1]} but expected {size}"
            )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise RuntimeError(
            f"bilinear(): bias size does not match weight size: got {bias.shape[0]} but expected {weight.shape[0]}"
        )
    # (*, 1, 1, in1) @ (out, in1, in2) -> (*, out, 1, in2)
    product = input1.unsqueeze(-2).unsqueeze(-2).matmul(weight).squeeze(-2)
    result = (product * input2.unsqueeze(-2)).sum(-1)
    return result if bias is None else result + bias


# --- activations


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(input, 0)."""
    return relu_(input) if inplace else _ops.relu(input)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(input, 0), 6)."""
    return hardtanh(input, 0.0, 6.0, inplace)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """input where positive, else negative_slope * input."""
    return (leaky_relu_ if inplace else _ops.leaky_relu)(input, negative_slope=negative_slope)


def rrelu(
    input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False
) -> Tensor:
    """leaky_relu with a slope drawn for each element from [lower, upper); their mean out of training."""
    return (rrelu_ if inplace else _noise.rrelu)(input, lower, upper, training)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """leaky_relu with the slope `weight`: of one element, or of one for each channel (dimension 1)."""
    if weight.dim() > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.dim()}")
    if input.dtype != weight.dtype:
        raise RuntimeError(f"prelu: Type promoting not supported. Got {input.dtype} and {weight.dtype}")
    if weight.numel() == 1:
        return _ops.prelu(input, weight.reshape(()))
    if input.dim() == 0:
        raise RuntimeError("Not allow zero-dim input tensor.")
    channels = input.shape[1] if input.dim() > 1 else 1
    if weight.numel() != channels:
        raise RuntimeError(
            "Mismatch of parameter numbers and input channel size. Found parameter numbers = "
            f"{weight.numel()} "
            f"and channel size = {channels}."
        )
    return _ops.prelu(input, weight.reshape((-1,) + (1,) * (input.dim() - 2)))


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """input where positive, else alpha * (exp(input) - 1)."""
    return (elu_ if inplace else _ops.elu)(input, alpha=alpha)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """The self-normalising elu."""
    return selu_(input) if inplace else _ops.selu(input)


def selu_(input: Tensor) -> Tensor:
    """In-place form of `selu`."""
    return elu_(input, alpha=_ops.SELU_ALPHA, scale=_ops.SELU_SCALE)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """input where positive, else alpha * (exp(input / alpha) - 1)."""
    return celu_(input, alpha) if inplace else _ops.celu(input, alpha)


def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """In-place form of `celu`."""
    return elu_(input, alpha=alpha, input_scale=_ops.celu_scale(alpha))


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """input * sigmoid(input)."""
    return (_silu_ if inplace else _ops.silu)(input)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """input * tanh(softplus(input))."""
    return (_mish_ if inplace else _ops.mish)(input)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """input limited to [min_val, max_val]."""
    return (hardtanh_ if inplace else _ops.hardtanh)(input, min_val=min_val, max_val=max_val)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """relu6(input + 3) / 6."""
    return (_hardsigmoid_ if inplace else _ops.hardsigmoid)(input)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """input * relu6(input + 3) / 6."""
    return (_hardswish_ if inplace else _ops.hardswish)(input)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """input where it exceeds `threshold`, else `value`."""
    return (threshold_ if inplace else _ops.threshold)(input, threshold=threshold, value=value)


def softsign(input: Tensor) -> Tensor:
    """input / (1 + |input|)."""
    return input / (input.abs() + 1)


def tanhshrink(input: Tensor) -> Tensor:
    """input - tanh(input)."""
    return input - input.tanh()


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """exp(input) / sum(exp(input)) along dim; `dtype`: convert the input to it first."""
    if dim is None:
        dim = _implicit_dim("softmax", input.dim(), _stacklevel)
    return _ops.softmax(input, dim, dtype)


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """softmax(-input)."""
    if dim is None:
        dim = _implicit_dim("softmin", input.dim(), _stacklevel)
    return _ops.softmax(-input, dim, dtype)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """log(softmax(input)) along dim; `dtype`: convert the input to it first."""
    if dim is None:
        dim = _implicit_dim("log_softmax", input.dim(), _stacklevel)
    return _ops.log_softmax(input, dim, dtype)


def _implicit_dim(name: str, ndim: int, stacklevel: int) -> int:
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.",
        stacklevel=stacklevel,
    )
    return 0 if ndim in (0, 1, 3) else 1


__all__ = [
    "alpha_dropout",
    "bilinear",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "celu",
    "celu_",
    "cross_entropy",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "elu",
    "elu_",
    "embedding",
    "feature_alpha_dropout",
    "gelu",
    "glu",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hardtanh_",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "leaky_relu_",
    "linear",
    "log_softmax",
    "logsigmoid",
    "mish",
    "mse_loss",
    "nll_loss",
    "prelu",
    "relu",
    "relu6",
    "relu_",
    "rrelu",
    "rrelu_",
    "selu",
    "selu_",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
    "threshold_",
]
