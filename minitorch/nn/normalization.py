"""Layers that normalize."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from minitorch.creation import empty
from minitorch.nn import functional as F
from minitorch.nn import init
from minitorch.nn.module import Module
from minitorch.nn.parameter import Parameter
from minitorch.tensor import Tensor


class LayerNorm(Module):
    """y = (x - mean) / sqrt(variance + eps) * weight + bias: (*, *normalized_shape) -> the same.

    Mean and variance (divided by n) are those over the last dimensions, of sizes `normalized_shape` (an int: one). weight
    starts at 1 and bias at 0, both of shape normalized_shape; neither is there without `elementwise_affine`, and no bias
    with bias=False. J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer Normalization" (2016).
    """

    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        one = isinstance(normalized_shape, Integral)
        self.normalized_shape = (normalized_shape,) if one else tuple(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        place = {"device": device, "dtype": dtype}
        for name, wanted in ("weight", elementwise_affine), ("bias", elementwise_affine and bias):
            self.register_parameter(name, Parameter(empty(self.normalized_shape, **place)) if wanted else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """weight 1, bias 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )
