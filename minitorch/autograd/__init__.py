"""Automatic differentiation: the functions that ask for gradients, and the tools to write and check derivatives."""

from minitorch.autograd import functional as functional
from minitorch.autograd import graph as graph
from minitorch.autograd.anomaly_mode import detect_anomaly, set_detect_anomaly
from minitorch.autograd.api import backward, grad
from minitorch.autograd.function import Function
from minitorch.autograd.gradcheck import gradcheck, gradgradcheck
from minitorch.autograd.mode import enable_grad, inference_mode, no_grad, set_grad_enabled
from minitorch.autograd.variable import Variable

__all__ = [
    "Function",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
]
