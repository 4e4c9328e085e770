"""From an index of the sampler to collated data: the one step that a loader and its workers share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from minitorch.utils.data.collate import default_collate
from minitorch.utils.data.dataset import Dataset, IterableDataset, Subset, TensorDataset

Fetch = Callable[[Any], Any]


def make_fetch(dataset: Dataset[Any], batched: bool, collate_fn: Callable[[Any], Any], drop_last: bool) -> Fetch:
    """`fetch(index)` gives the batch for an index: a list of keys if `batched`, else one key.

    For an IterableDataset only the length of the index counts, and StopIteration says that it has ended.
    """
    if isinstance(dataset, IterableDataset):
        return _fetch_from_stream(iter(dataset), batched, collate_fn, drop_last)
    if batched:
        return lambda indices: _fetch_batch(dataset, indices, collate_fn)
    return lambda index: collate_fn(dataset[index])


def _fetch_batch(dataset: Dataset[Any], indices: list[Any], collate_fn: Callable[[Any], Any]) -> Any:
    if collate_fn is default_collate:
        columns = _gather(dataset, indices)
        if columns is not None:
            return columns
    if getattr(dataset, "__getitems__", None):
        return collate_fn(dataset.__getitems__(indices))  # type: ignore[attr-defined]  # asked for above
    return collate_fn([dataset[index] for index in indices])


def _gather(dataset: Dataset[Any], indices: list[Any]) -> list[Any] | None:
    """The batch of a TensorDataset, or of a Subset of one, by one indexing call per tensor: equal to
    collating the samples one by one, and many times faster. None where that is not certain."""
    if not indices or any(type(index) is not int for index in indices):
        return None
    if type(dataset) is Subset:
        return _gather(dataset.dataset, [dataset.indices[index] for index in indices])
    if type(dataset) is not TensorDataset or any(tensor.requires_grad for tensor in dataset.tensors):
        return None
    return [tensor[indices] for tensor in dataset.tensors]


def _fetch_from_stream(
    samples: Iterator[Any], batched: bool, collate_fn: Callable[[Any], Any], drop_last: bool
) -> Fetch:
    ended = False

    def fetch(index: Any) -> Any:
        nonlocal ended
        if not batched:
            return collate_fn(next(samples))
        batch: list[Any] = []
        while not ended and len(batch) < len(index):
            try:
                batch.append(next(samples))
            except StopIteration:
                ended = True  # never ask an ended iterator again
        if not batch or (drop_last and len(batch) < len(index)):
            raise StopIteration
        return collate_fn(batch)

    return fetch
