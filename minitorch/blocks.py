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


def parts(size: int, step: int) -> list[slice]:
    """range(size) in parts, `step` long but at least 1, the last one shorter."""
    step = max(step, 1)
    return [slice(start, min(start + step, size)) for start in range(0, size, step)]


def each(work: Callable[[int, slice], None], parts: Sequence[slice], touched: int) -> None:
    """work(thread, part) for all parts; by several threads where so many bytes are worth it."""
    threads.share(work, parts, max(1, min(threads.useful(touched), len(parts))))


def elementwise(formula: Callable[..., Any], args: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """formula(*args, **options), whose arrays (args[0] is one) have one shape or none; what it returns has that too."""
    x = args[0]
    flat = [_line(y, x.shape) for y in args]
    if any(line is None for line in flat):
        return formula(*args, **options)
    arrays = [i for i, line in enumerate(flat) if isinstance(line, np.ndarray) and line.ndim]

    def of(part: slice) -> Any:
        return formula(*[y[part] if i in arrays else y for i, y in enumerate(flat)], **options)

    first, *others = parts(x.size, BLOCK // x.itemsize)
    found = of(first)
    if found is not None:  # else it has written into an argument
        out = np.empty(x.shape, found.dtype)  # and not a view: those are copied where a gradient is kept
        line = out.reshape(-1)
        line[first] = found

    def work(thread: int, part: slice) -> None:
        found = of(part)
        if found is not None:
            line[part] = found

    each(work, others, (len(arrays) + 1) * x.nbytes)
    return None if found is None else out


def by_rows(
    formula: Callable[..., None], args: Sequence[Any], dim: int, out: Any, numbers: tuple[float, ...] = ()
) -> None:
    """formula(*args, dim, out, *numbers), which fills `out`: arrays of which each line along dim is by itself."""
    arrays = (*args, out)
    lines = isinstance(out, np.ndarray) and dim in (-1, out.ndim - 1) and all(y.flags.c_contiguous for y in arrays)
    if out.nbytes <= BLOCK or not lines:
        formula(*args, dim, out, *numbers)
        return
    *inputs, output = [y.reshape(-1, y.shape[-1]) for y in arrays]

    def work(thread: int, part: slice) -> None:
        formula(*[y[part] for y in inputs], -1, output[part], *numbers)

    each(work, parts(len(output), BLOCK // (out.shape[-1] * out.itemsize)), len(arrays) * out.nbytes)


def _line(x: Any, shape: tuple[int, ...]) -> Any:
    """An array of that shape as a flat view; what else is the same for all elements; None where there is neither."""
    if not isinstance(x, np.ndarray):
        return None if isinstance(x, tuple | list) else x
    if not x.ndim:
        return x
    return x.reshape(-1) if x.shape == shape and x.flags.c_contiguous else None
