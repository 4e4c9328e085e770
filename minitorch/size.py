"""torch.Size: a shape."""

from __future__ import annotations

import math
import operator
from typing import Any


class Size(tuple[int, ...]):
    """A shape: a tuple of ints that can count its elements."""

    __slots__ = ()

    def __new__(cls, sizes: Any = ()) -> Size:
        sizes = tuple(sizes)
        for x in sizes:
            if x.__class__ is not int:
                return tuple.__new__(cls, [_integer(i, x) for i, x in enumerate(sizes)])
        return tuple.__new__(cls, sizes)

    def numel(self) -> int:
        """The number of elements in a tensor of this shape."""
        return math.prod(self)

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"

    def __getitem__(self, index: Any) -> Any:
        found = tuple.__getitem__(self, index)
        return Size(found) if isinstance(index, slice) else found

    def __add__(self, other: Any) -> Size:
        if not isinstance(other, tuple):
            return NotImplemented
        return Size(tuple.__add__(self, other))

    def __radd__(self, other: Any) -> Size:
        return Size(tuple.__add__(other, self))

    def __mul__(self, n: Any) -> Size:
        return Size(tuple.__mul__(self, n))

    __rmul__ = __mul__

    def __reduce__(self) -> Any:
        return Size, (tuple(self),)


def _integer(i: int, x: Any) -> int:
    """Integers of all kinds as int; TypeError for the rest."""
    try:
        return operator.index(x)
    except TypeError:
        raise TypeError(f"torch.Size() takes an iterable of 'int' (item {i} is '{x.__class__.__name__}')") from None
