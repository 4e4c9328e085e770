"""One line of a program, run in PyTorch and in minitorch: the same outcome, or errors of the same type."""

from __future__ import annotations

import copy
import math
import pickle
import re
import warnings
from collections import deque
from functools import cache
from typing import Any

import numpy as np
import torch

import minitorch

TOLERANCE = {2: 2e-3, 4: 2e-6, 8: 1e-12}  # by bytes


@cache
def compiled(source: str, mode: str) -> Any:
    return compile(source.strip(), source, mode)


def outcome(library: Any, program: str) -> Any:
    """What the last of the statements, separated by ";", gives; or the exception."""
    names = {
        "torch": library,
        "np": np,
        "inf": math.inf,
        "nan": math.nan,
        "copy": copy,
        "pickle": pickle,
        "deque": deque,
    }
    *statements, expression = program.split(";")
    library.manual_seed(0)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # PyTorch's, of its deprecations and NumPy's
        try:
            for statement in statements:
                exec(compiled(statement, "exec"), names)
            return plain(eval(compiled(expression, "eval"), names))
        except Exception as error:
            return error


def plain(x: Any) -> Any:
    """Things of either library as things that can be compared."""
    if isinstance(x, torch.Tensor | minitorch.Tensor):
        strides = tuple(x.stride()) if x.numel() > 1 else None
        return "tensor", str(x.dtype), tuple(x.shape), strides, x.requires_grad, x.detach().numpy()
    if isinstance(x, list | tuple):
        return [plain(item) for item in x]
    if isinstance(x, np.ndarray):
        return "array", x.dtype, x
    if isinstance(x, np.generic | int | float | str | type(None)):
        return type(x), x
    return type(x).__name__, repr(x)


def alike(a: Any, b: Any) -> bool:
    if isinstance(a, Exception) or isinstance(b, Exception):
        return type(a) is type(b)
    if isinstance(a, list | tuple):
        return isinstance(b, list | tuple) and len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, np.ndarray) and a.dtype.kind == "f":
        tolerance = TOLERANCE[a.dtype.itemsize]
        known = ~np.isnan(a)
        return (
            a.dtype == b.dtype
            and np.allclose(a, b, rtol=tolerance, atol=tolerance / 100, equal_nan=True)
            and np.array_equal(np.signbit(a[known]), np.signbit(b[known]))
        )
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    return bool(a == b or (a != a and b != b))


def agree(program: str) -> None:
    theirs, mine = outcome(torch, program), outcome(minitorch, program)
    assert alike(theirs, mine), f"{program}\nPyTorch:   {theirs!r}\nminitorch: {mine!r}"


def refused(program: str, error: type[Exception], *words: str) -> None:
    """minitorch alone: an error of that type whose message holds the words."""
    found = outcome(minitorch, program)
    assert type(found) is error, f"{program}: {found!r}"
    for word in words:
        assert re.search(word, str(found)), f"{program}: {found} does not name {word}"


def programs(table: str) -> list[str]:
    """The programs of a table: three spaces or a new line lie between them."""
    return [program for program in re.split(r"\s{3,}|\n", table) if program]
