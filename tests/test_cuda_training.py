"""Training on "cuda": the host never waits for the GPU, float32 stays float32, and the numbers are the CPU's."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import pytest
from cuda_helpers import unwaited

import minitorch as torch
from minitorch import nn
from minitorch.nn import functional as F


class Classifier(nn.Module):
    """The lecture's network."""

    def __init__(self, outputs: int = 1) -> None:
        super().__init__()
        self.layer1, self.layer2, self.layer3 = nn.Linear(10, 32), nn.Linear(32, 64), nn.Linear(64, outputs)
        self.relu = nn.ReLU()

    def forward(self, x: Any) -> Any:
        return self.layer3(self.relu(self.layer2(self.relu(self.layer1(x)))))


X = torch.tensor(np.random.default_rng(0).normal(size=(32, 10)).astype(np.float32))
LABELS = torch.tensor(np.random.default_rng(1).integers(0, 3, 32))
YES = (X.sum(1, keepdim=True) > 0).float()
WEIGHTS = torch.tensor([0.5, 2.0, 1.0])

# name: (outputs, target, criterion)
LOSSES: dict[str, tuple[int, Any, Callable[[], Any]]] = {
    "bce with logits": (1, YES, lambda: nn.BCEWithLogitsLoss()),
    "bce": (1, YES, lambda: Probabilities()),
    "cross entropy": (3, LABELS, lambda: nn.CrossEntropyLoss()),
    "cross entropy, options": (3, LABELS, lambda: nn.CrossEntropyLoss(WEIGHTS, ignore_index=1, label_smoothing=0.1)),
    "nll": (3, LABELS, lambda: LogProbabilities()),
    "mse": (1, YES, lambda: nn.MSELoss()),
    "l1": (1, YES, lambda: nn.L1Loss()),
    "huber": (1, YES, lambda: nn.HuberLoss()),
    "smooth l1": (1, YES, lambda: nn.SmoothL1Loss()),
}
OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1),
    "SGD momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "Adam amsgrad": lambda p: torch.optim.Adam(p, lr=0.01, amsgrad=True, weight_decay=1e-3),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.01),
    "Adamax": lambda p: torch.optim.Adamax(p, lr=0.01),
    "NAdam": lambda p: torch.optim.NAdam(p, lr=0.01),
    "RAdam": lambda p: torch.optim.RAdam(p, lr=0.01),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.9, centered=True),
    "Adagrad": lambda p: torch.optim.Adagrad(p, lr=0.01),
    "Adadelta": lambda p: torch.optim.Adadelta(p),
    "ASGD": lambda p: torch.optim.ASGD(p, lr=0.01),
}


class Probabilities(nn.Module):
    def forward(self, x: Any, y: Any) -> Any:
        return F.binary_cross_entropy(x.sigmoid(), y)


class LogProbabilities(nn.Module):
    def forward(self, x: Any, y: Any) -> Any:
        return F.nll_loss(F.log_softmax(x, 1), y)


def trained(
    place: str, loss: str, optimizer: str, steps: int, waiting: AbstractContextManager[None]
) -> tuple[Any, Any]:
    """(model, losses) after some steps."""
    outputs, target, make = LOSSES[loss]
    torch.manual_seed(0)
    model = Classifier(outputs).to(place)
    criterion = make().to(place)
    x, y = X.to(place), target.to(place)
    stepper = OPTIMIZERS[optimizer](model.parameters())
    losses = []
    with waiting:
        for _ in range(steps):
            value = criterion(model(x), y)
            stepper.zero_grad()
            value.backward()
            stepper.step()
            losses.append(value.detach())
    return model, torch.stack(losses)


@pytest.mark.parametrize(
    ("loss", "optimizer"), [(name, "SGD") for name in LOSSES] + [("cross entropy", o) for o in OPTIMIZERS]
)
def test_training_step(loss: str, optimizer: str, cuda: str) -> None:
    model, losses = trained("cuda", loss, optimizer, 5, unwaited(cuda))
    wanted_model, wanted = trained("cpu", loss, optimizer, 5, nullcontext())
    assert losses.is_cuda and losses.dtype is torch.float32
    np.testing.assert_allclose(losses.cpu().numpy(), wanted.numpy(), rtol=1e-4)
    for (name, p), q in zip(model.named_parameters(), wanted_model.parameters(), strict=True):
        assert p.is_cuda and p.grad.is_cuda and p.dtype is p.grad.dtype is torch.float32, name
        np.testing.assert_allclose(p.detach().cpu().numpy(), q.detach().numpy(), rtol=1e-3, atol=1e-5, err_msg=name)


def test_dropout_and_random_numbers_do_not_wait(cuda: str) -> None:
    x = torch.ones(20, 30, device="cuda", requires_grad=True)
    with unwaited(cuda):
        torch.manual_seed(3)
        out = F.dropout(x, 0.4) + torch.randn(20, 30, device="cuda") + torch.rand_like(x)
        out.sum().backward()
    torch.manual_seed(3)
    y = torch.ones(20, 30)
    wanted = F.dropout(y, 0.4) + torch.randn(20, 30) + torch.rand_like(y)
    np.testing.assert_allclose(out.detach().cpu().numpy(), wanted.numpy(), rtol=1e-6)
