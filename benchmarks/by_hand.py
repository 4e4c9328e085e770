"""The lecture's training step as one would write it in NumPy by hand: the floor for any library on NumPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Arrays = list[np.ndarray]


class MLP:
    """A step of an MLP with ReLU, in its four parts. `weights` is [w1, b1, w2, b2, ...], changed in place.

    loss: "bce" (targets (n, 1)) or "cross_entropy" (class numbers). optimizer: "sgd" or "adam", lr 1e-3.
    """

    def __init__(self, weights: Arrays, x: np.ndarray, target: np.ndarray, loss: str, optimizer: str) -> None:
        self._update = {"sgd": sgd, "adam": adam}[optimizer](weights)
        self._loss = {"bce": _bce, "cross_entropy": _cross_entropy}[loss]
        self._layers = list(zip(weights[::2], weights[1::2], strict=True))
        self._x, self._target = x, target

    def forward(self) -> None:
        """The logits, and what the layers were given."""
        inputs = [self._x]
        for w, b in self._layers[:-1]:
            h = inputs[-1] @ w.T
            h += b
            np.maximum(h, 0, out=h)
            inputs.append(h)
        w, b = self._layers[-1]
        self._logits = inputs[-1] @ w.T
        self._logits += b
        self._inputs = inputs

    def loss(self) -> np.float32:
        """The mean loss; its gradient is kept."""
        value, self._slope = self._loss(self._logits, self._target)
        return value

    def backward(self) -> None:
        """The gradients of all weights."""
        g = self._slope
        self._gradients: Arrays = []
        for i in reversed(range(len(self._layers))):
            self._gradients[:0] = [g.T @ self._inputs[i], np.add.reduce(g, axis=0)]
            if i:
                g = g @ self._layers[i][0]
                g *= self._inputs[i] > 0

    def update(self) -> None:
        """The optimizer's step."""
        self._update(self._gradients)

    def step(self) -> np.float32:
        """All four; returns the loss."""
        self.forward()
        value = self.loss()
        self.backward()
        self.update()
        return value


def _bce(z: np.ndarray, target: np.ndarray) -> tuple[np.float32, np.ndarray]:
    n = z.shape[0]
    e = np.exp(-np.abs(z))
    value = (np.maximum(z, 0) - z * target + np.log1p(e)).sum() / np.float32(n)
    g = 1 / (1 + np.exp(-z))
    g -= target
    g /= n
    return value, g


def _cross_entropy(z: np.ndarray, target: np.ndarray) -> tuple[np.float32, np.ndarray]:
    n = z.shape[0]
    z -= z.max(1, keepdims=True)
    g = np.exp(z)
    total = g.sum(1, keepdims=True)
    rows = np.arange(n)
    value = (np.log(total[:, 0]) - z[rows, target]).sum() / np.float32(n)
    g /= total
    g[rows, target] -= 1
    g /= n
    return value, g


def sgd(weights: Arrays) -> Callable[[Arrays], None]:
    """Returns update(gradients), which changes the weights in place."""

    def update(gradients: Arrays) -> None:
        for w, g in zip(weights, gradients, strict=True):
            w -= 1e-3 * g

    return update


def adam(weights: Arrays) -> Callable[[Arrays], None]:
    """Returns update(gradients). All weights move into one flat array: 80 us a step became 20."""
    flat = np.concatenate([w.ravel() for w in weights])
    start = 0
    for i, w in enumerate(weights):
        weights[i] = flat[start : start + w.size].reshape(w.shape)
        start += w.size
    m, v, t = np.zeros_like(flat), np.zeros_like(flat), 0

    def update(gradients: Arrays) -> None:
        nonlocal m, v, t
        t += 1
        g = np.concatenate([g.ravel() for g in gradients])
        m += 0.1 * (g - m)
        v *= 0.999
        v += 0.001 * g * g
        denominator = np.sqrt(v)
        denominator /= (1 - 0.999**t) ** 0.5
        denominator += 1e-8
        np.subtract(flat, (1e-3 / (1 - 0.9**t)) * m / denominator, out=flat)

    return update
