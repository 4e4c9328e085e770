"""Large work on the CPU in blocks that stay in the processor's cache, by several threads where there is much of it.

Each step of a formula reads what the step before it has written. Where these arrays are larger than the cache, most of
the time goes into moving them to memory and back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minitorch import threads

BLOCK = 1 << 20  # bytes of each array at a time: with smaller ones the calls take longer than the memory
LARGE = 8 << 20  # bytes: a formula of a few steps on less gains nothing


def slices(size: int, step: int) -> list[slice]:
    """range(size) in parts, `step` long but at least 1, the last one shorter."""
    step = max(step, 1)
    return [slice(start, min(start + step, size)) for start in range(0, size, step)]


def each(work: Callable[[int, slice], None], parts: Sequence[slice], touched: int) -> None:
    """work(thread, part) for all parts; by several threads where so many bytes are worth it."""
    threads.share(work, parts, max(1, min(threads.useful(touched), len(parts))))


def elementwise(formula: Callable[..., Any], args: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """formula(*args, **options): see fusion.elementwise. In one piece where an array has not the shape of args[0]."""
    x = args[0]
    cut = [i for i, y in enumerate(args) if isinstance(y, np.ndarray) and y.ndim]
    if not all(args[i].shape == x.shape and _is_line(args[i]) for i in cut) or any(isinstance(y, tuple) for y in args):
        return formula(*args, **options)
    whole = [y.reshape(-1) if i in cut else y for i, y in enumerate(args)]

    def of(part: slice) -> Any:
        return formula(*[y[part] if i in cut else y for i, y in enumerate(whole)], **options)

    first, *others = slices(x.size, BLOCK // x.itemsize)
    found = of(first)
    if found is not None:  # else it has written into an argument
        out = np.empty(x.shape, found.dtype)  # and not a view: those are copied where a gradient is kept
        line = out.reshape(-1)
        line[first] = found

    def work(thread: int, part: slice) -> None:
        found = of(part)
        if found is not None:
            line[part] = found

    each(work, others, (len(cut) + 1) * x.nbytes)
    return None if found is None else out


def _is_line(x: np.ndarray) -> bool:
    """Whether `reshape(-1)` is a view: of consecutive memory, or of one number over and over, as the gradient of a sum."""
    return x.flags.c_contiguous or not any(x.strides)


def by_rows(
    formula: Callable[..., None], args: Sequence[Any], dim: int, out: Any, numbers: tuple[float, ...] = ()
) -> None:
    """formula(*args, dim, out, *numbers), which fills `out`: arrays of which each line along dim is by itself."""
    arrays = (*args, out)
    if not isinstance(out, np.ndarray) or dim not in (-1, out.ndim - 1) or not all(map(_is_line, arrays)):
        formula(*args, dim, out, *numbers)
        return
    *inputs, output = [y.reshape(-1, y.shape[-1]) for y in arrays]

    def work(thread: int, part: slice) -> None:
        formula(*[y[part] for y in inputs], -1, output[part], *numbers)

    each(work, slices(len(output), BLOCK // (out.shape[-1] * out.itemsize)), len(arrays) * out.nbytes)
