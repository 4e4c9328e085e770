"""Drawing indices with given probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from minitorch.device import Array
from minitorch.dtypes import scalar_name
from minitorch.random.fill import empty_like
from minitorch.random.generator import Generator, resolve
from minitorch.random.others import exponential_
from minitorch.random.selection import largest
from minitorch.random.uniform import unit_float64

_MOST_CATEGORIES = 2**24


def multinomial(p: Array, num_samples: int, replacement: bool = False, generator: Generator | None = None) -> Array:
    """Indices (num_samples,) drawn with the probabilities or weights p (n,); (m, num_samples) for p (m, n).

    Without replacement an index of weight 0 is drawn only when no other is left.
    """
    generator = resolve(generator, "multinomial")
    _check(p, num_samples, replacement)
    rows = p[np.newaxis] if p.ndim == 1 else p
    if rows.shape[0] == 0:
        return np.empty((*p.shape[:-1], num_samples), np.int64)
    if replacement and num_samples > 1:
        _check_weights_with_replacement(rows)
        drawn = np.stack([_from_row(row, num_samples, generator) for row in rows])
    else:
        drawn = _race(rows, num_samples, generator)
    return drawn.reshape(*p.shape[:-1], num_samples)


def _from_row(p: Array, num_samples: int, generator: Generator) -> Array:
    """Invert the cumulative distribution."""
    with np.errstate(all="ignore"):
        cumulative: Array = np.cumsum(p, dtype=np.float64 if p.dtype == np.float64 else np.float32)
        cumulative /= cumulative[-1]
    cumulative[-1] = 1
    return np.searchsorted(cumulative.astype(np.float64), unit_float64(generator, num_samples))


def _race(p: Array, num_samples: int, generator: Generator) -> Array:
    """Let an exponential clock of rate p[i] run for each i; those that ring first, at q[i] / p[i], are drawn."""
    _check_weights(p)
    q = exponential_(empty_like(p), 1.0, generator)
    with np.errstate(all="ignore"):
        key = p / q
    if num_samples == 1:
        return key.argmax(axis=-1, keepdims=True)
    return np.stack([largest(row, num_samples) for row in key])


def _check(p: Array, num_samples: Any, replacement: Any) -> None:
    if isinstance(num_samples, bool) or not isinstance(num_samples, int | np.integer):
        kind = type(num_samples).__name__
        raise TypeError(f"multinomial(): argument 'num_samples' (position 2) must be int, not {kind}")
    if not isinstance(replacement, bool | np.bool_):
        kind = type(replacement).__name__
        raise TypeError(f"multinomial(): argument 'replacement' (position 3) must be bool, not {kind}")
    if p.ndim not in (1, 2):
        raise RuntimeError(f"multinomial: prob_dist must be 1 or 2 dim, got shape {p.shape}")
    if p.dtype.kind != "f":
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {scalar_name(p)}")
    if num_samples <= 0:
        raise RuntimeError(f"multinomial: cannot sample n_sample <= 0 samples, got num_samples={num_samples}")
    if not replacement and num_samples > p.shape[-1]:
        raise RuntimeError(
            "multinomial: cannot sample n_sample > prob_dist.size(-1) samples without replacement, "
            f"got num_samples={num_samples} of {p.shape[-1]}"
        )
    if p.shape[-1] > _MOST_CATEGORIES:
        raise RuntimeError(f"multinomial: number of categories cannot exceed 2^24, got {p.shape[-1]}")


def _check_weights(p: Array) -> None:
    if not ((p >= 0) & (p < np.inf)).all():
        raise RuntimeError("multinomial: probability tensor contains either `inf`, `nan` or element < 0")
    if not (p > 0).any(axis=-1).all():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")


def _check_weights_with_replacement(p: Array) -> None:
    if not (p >= 0).all():
        raise RuntimeError("invalid multinomial distribution (encountering probability entry < 0)")
    if not (p < np.inf).all():
        raise RuntimeError("invalid multinomial distribution (encountering probability entry = infinity or NaN)")
    if not (p > 0).any(axis=-1).all():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
