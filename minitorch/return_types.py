"""What ops with several results return: tuples with names, printed as PyTorch prints them."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import Any


class _Named(tuple[Any, ...]):
    """A tuple made from one sequence, whose items are also attributes."""

    names: tuple[str, ...] = ()

    def __new__(cls, items: Iterable[Any]) -> _Named:
        items = tuple(items)
        if len(items) != len(cls.names):
            raise TypeError(f"{_title(cls)}() takes a {len(cls.names)}-sequence ({len(items)}-sequence given)")
        return tuple.__new__(cls, items)

    def __repr__(self) -> str:
        pairs = zip(self.names, self, strict=True)
        return f"{_title(type(self))}(\n" + ",\n".join(f"{name}={item!r}" for name, item in pairs) + ")"


def _title(cls: type) -> str:
    return f"torch.return_types.{cls.__name__}"


def _type(name: str, *names: str) -> Any:
    fields: dict[str, Any] = {n: property(itemgetter(i)) for i, n in enumerate(names)}
    return type(name, (_Named,), {"names": names, "__slots__": (), "__module__": __name__, **fields})


max = _type("max", "values", "indices")
min = _type("min", "values", "indices")
aminmax = _type("aminmax", "min", "max")
median = _type("median", "values", "indices")
nanmedian = _type("nanmedian", "values", "indices")
mode = _type("mode", "values", "indices")
cummax = _type("cummax", "values", "indices")
cummin = _type("cummin", "values", "indices")
sort = _type("sort", "values", "indices")
topk = _type("topk", "values", "indices")
kthvalue = _type("kthvalue", "values", "indices")
