"""The lecture's training step as one would write it in NumPy by hand: the floor for any library on NumPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Arrays = list[np.ndarray]


def mlp_step(weights: Arrays, x: np.ndarray, target: np.ndarray, loss: str, optimizer: str) -> Callable[[], float]:
    """A step of an MLP with ReLU: `weights` is [w1, b1, w2, b2, ...], changed in place; returns the loss.

    loss: "bce" (targets (n, 1)) or "cross_entropy" (class numbers). optimizer: "sgd" or "adam", lr 1e-3.
    """
    update = {"sgd": _sgd, "adam": _adam}[optimizer](weights)
    layers = list(zip(weights[::2], weights[1::2], strict=True))
    n = x.shape[0]

    def step() -> float:
        inputs = [x]
        for w, b in layers[:-1]:
            h = inputs[-1] @ w.T
            h += b
            np.maximum(h, 0, out=h)
            inputs.append(h)
        w, b = layers[-1]
        z = inputs[-1] @ w.T
        z += b
        value, g = (_bce if loss == "bce" else _cross_entropy)(z, target, n)
        gradients: Arrays = []
        for i in reversed(range(len(layers))):
            gradients[:0] = [g.T @ inputs[i], np.add.reduce(g, axis=0)]
            if i:
                g = g @ layers[i][0]
                g *= inputs[i] > 0
        update(gradients)
        return value

    return step


def _bce(z: np.ndarray, target: np.ndarray, n: int) -> tuple[float, np.ndarray]:
    e = np.exp(-np.abs(z))
    value = float((np.maximum(z, 0) - z * target + np.log1p(e)).sum() / n)
    g = 1 / (1 + np.exp(-z))
    g -= target
    g /= n
    return value, g


def _cross_entropy(z: np.ndarray, target: np.ndarray, n: int) -> tuple[float, np.ndarray]:
    z -= z.max(1, keepdims=True)
    g = np.exp(z)
    total = g.sum(1, keepdims=True)
    rows = np.arange(n)
    value = float((np.log(total[:, 0]) - z[rows, target]).sum() / n)
    g /= total
    g[rows, target] -= 1
    g /= n
    return value, g


def _sgd(weights: Arrays) -> Callable[[Arrays], None]:
    def update(gradients: Arrays) -> None:
        for w, g in zip(weights, gradients, strict=True):
            w -= 1e-3 * g

    return update


def _adam(weights: Arrays) -> Callable[[Arrays], None]:
    """All parameters in one flat array: 80 us a step became 20."""
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
