"""Which samples a loader gives, and in which order: samplers, shuffling, splits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from data_helpers import Both, next_draw, plain, same, seeded
from hypothesis import given, settings
from hypothesis import strategies as st

import minitorch
import minitorch.utils.data
from minitorch.utils.data import DataLoader, Subset, TensorDataset
from minitorch.utils.data.fetch import make_fetch

# On a machine with one or two processors both libraries warn of as many workers.
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


# ------------------------------------------------------------------------------------------- orders and draws


def epochs(library: Any, generator_seed: int | None, count: int = 3, **options: Any) -> list[Any]:
    generator = seeded(library, generator_seed)
    loader = library.utils.data.DataLoader(range(11), generator=generator, **options)
    return [(list(loader), next_draw(library, generator), next_draw(library, None)) for _ in range(count)]


@settings(max_examples=60, deadline=None)
@given(
    batch_size=st.sampled_from([None, 1, 2, 4, 11, 20]),
    shuffle=st.sampled_from([None, False, True]),
    drop_last=st.booleans(),
    seed=st.sampled_from([None, 0, 7, 2**63]),
)
def test_epochs_equal_without_workers(
    batch_size: int | None, shuffle: bool | None, drop_last: bool, seed: int | None
) -> None:
    drop_last = drop_last and batch_size is not None
    same(lambda lib: epochs(lib, seed, batch_size=batch_size, shuffle=shuffle, drop_last=drop_last))


@pytest.mark.parametrize(
    ("seed", "options"),
    [
        (None, {"batch_size": 4, "shuffle": True}),
        (5, {"batch_size": 3, "shuffle": True, "drop_last": True}),
        (5, {"batch_size": None, "shuffle": True, "prefetch_factor": 1}),
        (None, {"batch_size": 2, "shuffle": True, "persistent_workers": True}),
        (6, {"batch_size": 2, "shuffle": True, "persistent_workers": True, "prefetch_factor": 3}),
    ],
)
def test_epochs_equal_with_workers(seed: int | None, options: dict[str, Any]) -> None:
    same(lambda lib: epochs(lib, seed, count=2, num_workers=2, **options))


def test_orders_do_not_depend_on_the_number_of_workers() -> None:
    for seed in (None, 3):
        results = []
        for workers in (0, 1, 3):
            minitorch.manual_seed(9)
            loader = DataLoader(range(13), 2, shuffle=True, num_workers=workers, generator=seeded(minitorch, seed))
            results.append(plain([list(loader), list(loader)]))
        assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("workers", [0, 2])
def test_draws_between_the_batches(workers: int) -> None:
    """The sampler draws when PyTorch's does: seen by drawing from its generator in between."""

    def program(library: Any) -> list[Any]:
        generator = seeded(library, 4)
        loader = library.utils.data.DataLoader(range(10), 2, shuffle=True, num_workers=workers, generator=generator)
        iterator, steps = iter(loader), []
        for _ in range(7):
            steps.append((next_draw(library, generator), plain(next(iterator, "end"))))
        return steps

    same(program)


def test_known_order() -> None:
    minitorch.manual_seed(0)
    loader = DataLoader(range(10), 4, shuffle=True)
    assert [batch.tolist() for batch in loader] == [[6, 7, 1, 4], [2, 0, 9, 8], [3, 5]]


def test_left_early() -> None:
    def program(library: Any) -> list[Any]:
        loader = library.utils.data.DataLoader(range(9), 2, shuffle=True, generator=seeded(library, 1))
        seen = []
        for _ in range(3):
            for i, batch in enumerate(loader):
                seen.append(batch)
                if i == 1:
                    break
        return [*seen, list(loader)]

    same(program)


def test_two_iterators_at_once() -> None:
    def program(library: Any) -> list[Any]:
        loader = library.utils.data.DataLoader(range(6), 2, shuffle=True)
        return list(zip(loader, loader, strict=True))

    same(program)


# --------------------------------------------------------------------------------------------------- samplers

lengths = st.integers(1, 40)
seeds = st.sampled_from([None, 0, 99])


@settings(max_examples=60, deadline=None)
@given(size=lengths, count=st.none() | st.integers(1, 90), replacement=st.booleans(), seed=seeds)
def test_random_sampler(size: int, count: int | None, replacement: bool, seed: int | None) -> None:
    def program(library: Any) -> list[Any]:
        generator = seeded(library, seed)
        sampler = library.utils.data.RandomSampler(range(size), replacement, count, generator)
        result = [len(sampler), list(sampler), list(sampler), next_draw(library, generator)]
        assert all(type(index) is int for index in result[1])
        return result

    same(program)


@settings(max_examples=20, deadline=None)
@given(size=st.integers(0, 40), seed=seeds)
def test_subset_random_sampler(size: int, seed: int | None) -> None:
    def program(library: Any) -> list[Any]:
        sampler = library.utils.data.SubsetRandomSampler([3 * i for i in range(size)], generator=seeded(library, seed))
        return [len(sampler), list(sampler), list(sampler)]

    same(program)


@settings(max_examples=40, deadline=None)
@given(
    weights=st.lists(st.floats(0.01, 10), min_size=1, max_size=12),
    count=st.integers(1, 20),
    replacement=st.booleans(),
    seed=seeds,
)
def test_weighted_random_sampler(weights: list[float], count: int, replacement: bool, seed: int | None) -> None:
    count = count if replacement else min(count, len(weights))

    def program(library: Any) -> list[Any]:
        sampler = library.utils.data.WeightedRandomSampler(weights, count, replacement, seeded(library, seed))
        result = [len(sampler), sampler.weights, list(sampler), list(sampler)]
        assert all(type(index) is int for index in result[2])
        return result

    same(program)


@settings(max_examples=30, deadline=None)
@given(size=st.integers(0, 12), batch_size=st.integers(1, 6), drop_last=st.booleans())
def test_batch_sampler(size: int, batch_size: int, drop_last: bool) -> None:
    def program(library: Any) -> list[Any]:
        data = library.utils.data
        sampler = data.BatchSampler(data.SequentialSampler(range(size)), batch_size, drop_last)
        return [len(sampler), list(sampler), list(sampler)]

    same(program)


def test_samplers_are_lazy() -> None:
    def program(library: Any) -> list[int]:
        data = library.utils.data
        generator = seeded(library, 2)
        started = [
            iter(data.RandomSampler(range(50), generator=generator)),
            iter(data.RandomSampler(range(50), replacement=True, num_samples=70, generator=generator)),
            iter(data.SubsetRandomSampler(range(50), generator=generator)),
            iter(data.WeightedRandomSampler([1.0] * 50, 40, generator=generator)),
        ]
        draws = [next_draw(library, generator)]
        for iterator in started:
            draws += [next(iterator), next_draw(library, generator)]
        return draws

    same(program)


def test_random_sampler_follows_a_growing_source() -> None:
    source = [0, 1]
    sampler = minitorch.utils.data.RandomSampler(source)
    source.append(2)
    assert sorted(sampler) == [0, 1, 2]


# --------------------------------------------------------------------------------------------------- datasets


@pytest.mark.filterwarnings("ignore:Length of split")
@settings(max_examples=60, deadline=None)
@given(parts=st.lists(st.integers(0, 9), min_size=1, max_size=5), seed=seeds)
def test_random_split_by_lengths(parts: list[int], seed: int | None) -> None:
    def program(library: Any) -> list[Any]:
        options = {} if seed is None else {"generator": seeded(library, seed)}
        splits = library.utils.data.random_split(range(100, 100 + sum(parts)), parts, **options)
        return [[split.indices, list(split), len(split)] for split in splits]

    same(program)


@pytest.mark.filterwarnings("ignore:Length of split")
@settings(max_examples=60, deadline=None)
@given(size=st.integers(0, 30), weights=st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_random_split_by_fractions(size: int, weights: list[int]) -> None:
    fractions = [weight / sum(weights) for weight in weights]
    if sum(fractions) > 1:
        fractions[-1] = max(0.0, 1 - sum(fractions[:-1]))

    def program(library: Any) -> Any:
        try:
            return [split.indices for split in library.utils.data.random_split(range(size), fractions)]
        except ValueError as error:  # fractions that rounding took beyond 1
            return str(error)

    same(program)


def test_random_split_warns_of_an_empty_part() -> None:
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        minitorch.utils.data.random_split(range(1), [0.5, 0.5])


DATASETS: list[Callable[[Any], Any]] = [
    lambda t: t.utils.data.TensorDataset(t.arange(6), t.arange(12).reshape(6, 2))[2],
    lambda t: t.utils.data.TensorDataset(t.arange(6))[1:4],
    lambda t: t.utils.data.TensorDataset(t.arange(6))[[0, 5]],
    lambda t: len(t.utils.data.TensorDataset(t.arange(6))),
    lambda t: [t.utils.data.ConcatDataset([[1, 2], [], [3]])[i] for i in (0, 1, 2, -1, -3)],
    lambda t: t.utils.data.ConcatDataset(iter([[1, 2], [3]])).cumulative_sizes,
    lambda t: len(t.utils.data.TensorDataset(t.arange(6)) + t.utils.data.TensorDataset(t.arange(3))),
    lambda t: t.utils.data.StackDataset(range(4), "abcd")[2],
    lambda t: t.utils.data.StackDataset(a=range(4), b="abcd")[2],
    lambda t: t.utils.data.StackDataset(a=range(4), b=Both()).__getitems__([1, 3]),
    lambda t: t.utils.data.StackDataset(range(4), Both()).__getitems__([1, 3]),
    lambda t: len(t.utils.data.StackDataset(range(4), Both())),
    lambda t: t.utils.data.Subset(range(9), [4, 2])[1],
    lambda t: t.utils.data.Subset(range(9), [4, 2])[-1],
    lambda t: t.utils.data.Subset(t.arange(9), [4, 2, 7])[[0, 2]],
    lambda t: t.utils.data.Subset(Both(), [3, 1]).__getitems__([0, 1]),
    lambda t: t.utils.data.Subset(range(9), [3, 1]).__getitems__([0, 1]),
    lambda t: list(t.utils.data.DataLoader(Both(), 3)),
    lambda t: list(t.utils.data.DataLoader(Both(), None)),
    lambda t: list(t.utils.data.DataLoader(t.utils.data.StackDataset(x=Both(), y=range(4)), 3)),
    lambda t: list(t.utils.data.DataLoader(t.utils.data.ConcatDataset([Both(), Both()]), 3)),
    lambda t: list(t.utils.data.DataLoader(t.utils.data.random_split(Both(), [3, 1])[0], 2)),
    lambda t: list(t.utils.data.DataLoader([], 2)),
    lambda t: list(t.utils.data.DataLoader([], 2, num_workers=1)),
    lambda t: list(t.utils.data.DataLoader({"a": 1, "b": 2}, sampler=["b", "a"])),
    lambda t: list(t.utils.data.DataLoader(range(9), batch_sampler=[[1, 2], [5]])),
    lambda t: list(t.utils.data.DataLoader(range(9), batch_sampler=[])),
    lambda t: list(t.utils.data.DataLoader(range(9), 2, sampler=[8, 3, 1])),
    lambda t: list(t.utils.data.DataLoader(range(9), None, sampler=[8, 3, 1])),
    lambda t: list(t.utils.data.DataLoader(t.arange(9), sampler=[slice(0, 2), slice(3, 5)], batch_size=2)),
    lambda t: list(t.utils.data.DataLoader(range(9), 4, collate_fn=sum)),
    lambda t: [len(t.utils.data.DataLoader(range(10), 3, drop_last=drop)) for drop in (False, True)],
    lambda t: len(t.utils.data.DataLoader(range(10), None)),
    lambda t: len(iter(t.utils.data.DataLoader(range(10), 4))),
    lambda t: t.utils.data.DataLoader(range(10)).prefetch_factor,
    lambda t: t.utils.data.DataLoader(range(10), num_workers=1).prefetch_factor,
    lambda t: t.utils.data.get_worker_info(),
]


@pytest.mark.parametrize("number", range(len(DATASETS)))
def test_datasets_and_loaders(number: int) -> None:
    same(DATASETS[number])


def test_tensor_dataset_is_gathered_as_if_collated_one_by_one() -> None:
    data = TensorDataset(minitorch.arange(24.0).reshape(8, 3), minitorch.arange(8))
    collate = minitorch.utils.data.default_collate
    slowly = make_fetch(data, True, lambda batch: collate(batch), False)
    for dataset, indices in [
        (data, [3, 0, 3]),
        (data, [-1, 2]),
        (data, [np.int64(4), 1]),
        (Subset(data, [7, 5, 3]), [0, 2]),
        (Subset(Subset(data, (7, 5, 3)), [2, 1]), [1]),
    ]:
        quickly = make_fetch(dataset, True, collate, False)
        slowly = make_fetch(dataset, True, lambda batch: collate(batch), False)
        assert plain(quickly(indices)) == plain(slowly(indices))


def test_tensor_dataset_subclass_is_asked() -> None:
    class Negated(TensorDataset):
        def __getitem__(self, index: Any) -> tuple[Any, ...]:
            return tuple(-tensor for tensor in super().__getitem__(index))

    loader = DataLoader(Negated(minitorch.arange(3)), 2)
    assert [batch[0].tolist() for batch in loader] == [[0, -1], [-2]]


def test_batches_of_tensors_that_require_grad_keep_their_graph() -> None:
    leaf = minitorch.arange(4.0).requires_grad_()
    (batch,) = next(iter(DataLoader(TensorDataset(leaf), 2)))
    batch.sum().backward()
    assert leaf.grad.tolist() == [1, 1, 0, 0]
