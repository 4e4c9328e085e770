"""Optimizers and schedulers of their learning rates, as `torch.optim`."""

from importlib import import_module
from typing import Any

from minitorch.optim.adadelta import Adadelta
from minitorch.optim.adagrad import Adagrad
from minitorch.optim.adam import Adam
from minitorch.optim.adamax import Adamax
from minitorch.optim.adamw import AdamW
from minitorch.optim.asgd import ASGD
from minitorch.optim.nadam import NAdam
from minitorch.optim.optimizer import Optimizer
from minitorch.optim.radam import RAdam
from minitorch.optim.rmsprop import RMSprop
from minitorch.optim.sgd import SGD

__all__ = [
    "ASGD",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
]


def __getattr__(name: str) -> Any:
    """`lr_scheduler`, imported when first asked for: few scripts need it."""
    if name == "lr_scheduler":
        return import_module("minitorch.optim.lr_scheduler")
    raise AttributeError(f"module 'minitorch.optim' has no attribute '{name}'")
