"""The k largest numbers in the order that PyTorch's `topk` gives them, equal ones included.

That order is what C++'s std::partial_sort (for few) or std::nth_element and std::sort (for many) make of it in
GNU's library: neither keeps equal numbers in order, so the algorithms are followed step by step. They are D.
Musser's introspective selection and sort, "Introspective sorting and selection algorithms", Software: Practice
and Experience 27 (1997), and J. Williams' heap (Algorithm 232, CACM 7, 1964).

A list of (rank, index) pairs is sorted by rank alone, the largest first; `first` and `last` are ends of a range.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from minitorch.device import Array

Items: TypeAlias = list[tuple[int, int]]

_FEW = 64  # partial_sort for less than one number in so many
_SMALL = 16  # what quicksort leaves to insertion sort


def largest(keys: Array, k: int) -> Array:
    """Indices (k,) of the k largest of keys (n,), the largest first; nan counts as the largest."""
    order = np.argsort(-keys, kind="stable")
    held = keys[order[: k + 1]]
    if not (held[1:] == held[:-1]).any() and not np.isnan(keys).any():
        return order[:k]  # the only order there is
    ranks = np.unique(keys, return_inverse=True)[1].tolist()
    items = list(zip(ranks, range(len(ranks)), strict=True))
    if k * _FEW <= len(items):
        _partial_sort(items, 0, k, len(items))
    else:
        _select(items, k - 1)
        _sort(items, 0, k - 1, _depth(k - 1))
        _insert_all(items, 0, k - 1)
    return np.array([index for _, index in items[:k]], np.int64)


def _depth(n: int) -> int:
    """How deep quicksort may go before the heap takes over: 2 log2 n."""
    return 2 * (n.bit_length() - 1)


def _select(items: Items, nth: int) -> None:
    """The nth largest comes to place nth, larger ones before it."""
    first, last = 0, len(items)
    for _ in range(_depth(last)):
        if last - first <= 3:
            break
        cut = _partition(items, first, last)
        first, last = (cut, last) if cut <= nth else (first, cut)
    if last - first > 3:
        _heap_of_largest(items, first, nth + 1, last)
        items[first], items[nth] = items[nth], items[first]
    else:
        _insert_all(items, first, last)


def _sort(items: Items, first: int, last: int, depth: int) -> None:
    """Quicksort down to pieces of 16."""
    while last - first > _SMALL:
        if depth == 0:
            _partial_sort(items, first, last, last)
            return
        depth -= 1
        cut = _partition(items, first, last)
        _sort(items, cut, last, depth)
        last = cut


def _partition(items: Items, first: int, last: int) -> int:
    """Larger ones before the returned place, smaller ones from it on; the pivot is the median of three."""
    second, middle, end = first + 1, first + (last - first) // 2, last - 1
    a, b, c = (items[i][0] for i in (second, middle, end))
    if a > b:
        median = middle if b > c else end if a > c else second
    else:
        median = second if a > c else end if b > c else middle
    items[first], items[median] = items[median], items[first]
    pivot = items[first][0]
    i, j = second, last
    while True:
        while items[i][0] > pivot:
            i += 1
        j -= 1
        while pivot > items[j][0]:
            j -= 1
        if i >= j:
            return i
        items[i], items[j] = items[j], items[i]
        i += 1


def _insert_all(items: Items, first: int, last: int) -> None:
    """Insertion sort."""
    for i in range(first + 1, last):
        item = items[i]
        while i > first and item[0] > items[i - 1][0]:
            items[i] = items[i - 1]
            i -= 1
        items[i] = item


# --- a heap with the smallest on top


def _partial_sort(items: Items, first: int, middle: int, last: int) -> None:
    """The largest, sorted, come to first ... middle."""
    _heap_of_largest(items, first, middle, last)
    for end in range(middle - 1, first, -1):
        item = items[end]
        items[end] = items[first]
        _sift(items, first, 0, end - first, item)


def _heap_of_largest(items: Items, first: int, middle: int, last: int) -> None:
    size = middle - first
    for parent in range((size - 2) // 2, -1, -1):
        _sift(items, first, parent, size, items[first + parent])
    for i in range(middle, last):
        if items[i][0] > items[first][0]:
            item = items[i]
            items[i] = items[first]
            _sift(items, first, 0, size, item)


def _sift(items: Items, first: int, hole: int, size: int, item: tuple[int, int]) -> None:
    """The hole sinks to the bottom, always to the smaller child; then `item` climbs from there to its place."""
    top = hole
    while (child := 2 * hole + 2) <= size:
        if child == size or items[first + child][0] > items[first + child - 1][0]:
            child -= 1
        items[first + hole] = items[first + child]
        hole = child
    while hole > top and items[first + (hole - 1) // 2][0] > item[0]:
        items[first + hole] = items[first + (hole - 1) // 2]
        hole = (hole - 1) // 2
    items[first + hole] = item
