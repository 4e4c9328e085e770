"""torch.utils.data: the order of samples and batches, collation, splits; saving and loading."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from parity.case import case, family


class Squares:
    """A dataset of neither library."""

    def __len__(self) -> int:
        return 11

    def __getitem__(self, i: int) -> Any:
        if not 0 <= i < 11:
            raise IndexError(i)
        return i, i * i / 2


def tensors(t: Any) -> Any:
    return t.utils.data.TensorDataset(t.arange(22.0).reshape(11, 2), t.arange(11))


def loaded(t: Any, dataset: Any, **options: Any) -> Any:
    """Two epochs, the length, and where the random stream is then."""
    loader = t.utils.data.DataLoader(dataset, **options)
    return [list(loader) for _ in range(2)] + [len(loader), t.rand(1)]


def stream(t: Any, n: int) -> Any:
    class Numbers(t.utils.data.IterableDataset):
        def __iter__(self) -> Any:
            return iter(range(n))

    return Numbers()


def map_style(t: Any) -> Any:
    class Halves(t.utils.data.Dataset):
        def __len__(self) -> int:
            return 3

        def __getitem__(self, i: int) -> Any:
            return {"x": t.tensor([i / 2]), "name": f"row {i}"}

    return Halves()


def samplers(t: Any) -> Any:
    data = t.utils.data
    own = lambda: t.Generator().manual_seed(3)

    class Backwards(t.utils.data.Sampler):
        def __iter__(self) -> Any:
            return iter(range(4, -1, -1))

    order = list(Backwards())
    return [
        order, list(data.SequentialSampler(range(5))), list(data.RandomSampler(range(20))),
        list(data.RandomSampler(range(5), replacement=True, num_samples=12)), list(data.RandomSampler(range(9), generator=own())),
        list(data.SubsetRandomSampler([3, 1, 4, 1, 5])), list(data.WeightedRandomSampler([0.1, 0.5, 0.2], 9)),
        list(data.WeightedRandomSampler([0.1, 0.5, 0.2], 2, replacement=False, generator=own())),
        list(data.BatchSampler(data.SequentialSampler(range(7)), 3, drop_last=False)),
        list(data.BatchSampler(data.RandomSampler(range(7)), 3, drop_last=True)),
    ]  # fmt: skip


def datasets(t: Any) -> Any:
    data = t.utils.data
    whole = tensors(t)
    first, second = data.random_split(whole, [7, 4])
    thirds = data.random_split(Squares(), [0.5, 0.3, 0.2], generator=t.Generator().manual_seed(1))
    both = data.ConcatDataset([whole, data.Subset(whole, [0, 2])])
    stacked = data.StackDataset(whole, Squares())
    chained = data.ChainDataset([stream(t, 3), stream(t, 2)])
    named = data.StackDataset(x=whole, y=Squares())
    return [
        list(first.indices), list(second.indices), [list(part.indices) for part in thirds], len(both), both[12], both[-1],
        stacked[3], named[2], list(chained), whole[2:4], len(whole), list(data.Subset(Squares(), [4, 2])),
        list(map_style(t)[1].items()), (map_style(t) + map_style(t))[4]["name"],
    ]  # fmt: skip


def collated(t: Any) -> Any:
    data = t.utils.data
    batch = [{"a": np.float32(1), "b": (1, "x")}, {"a": np.float32(2), "b": (2, "y")}]
    return [
        data.default_collate(batch), data.default_collate([t.ones(2), t.zeros(2)]), data.default_collate([1.5, 2.5]),
        data.default_convert([np.ones(2), "text", {"k": np.int64(3)}]), data.get_worker_info() is None,
        data.WorkerInfo.__name__ if hasattr(data, "WorkerInfo") else "WorkerInfo",
    ]  # fmt: skip


def stored(t: Any) -> Any:
    """Through a .pt file in memory."""
    file = io.BytesIO()
    x = t.arange(6.0).reshape(2, 3)
    t.save(
        {
            "x": x,
            "view": x[1],
            "list": [1, 2.5, "text", None],
            "ints": t.tensor([1, 2]),
            "n": t.nn.Linear(2, 1).state_dict(),
        },
        file,
    )
    file.seek(0)
    loaded = t.load(file)
    loaded["x"][1, 0] = 9  # shared with the view
    return loaded


CASES = family(
    "data",
    case("DataLoader", lambda t: loaded(t, tensors(t), batch_size=4)),
    case("DataLoader shuffle", lambda t: loaded(t, tensors(t), batch_size=3, shuffle=True)),
    case("DataLoader drop_last", lambda t: loaded(t, Squares(), batch_size=4, shuffle=True, drop_last=True)),
    case("DataLoader generator", lambda t: loaded(t, tensors(t), batch_size=5, shuffle=True, generator=t.Generator().manual_seed(9))),
    case("DataLoader sampler", lambda t: loaded(t, tensors(t), batch_size=4, sampler=t.utils.data.RandomSampler(range(11), num_samples=6))),
    case("DataLoader batch_sampler", lambda t: loaded(t, tensors(t), batch_sampler=[[0, 3], [1], [10, 9, 8]])),
    case("DataLoader collate_fn", lambda t: loaded(t, Squares(), batch_size=3, collate_fn=lambda batch: batch)),
    case("DataLoader without batches", lambda t: loaded(t, Squares(), batch_size=None)),
    case("DataLoader of dicts", lambda t: loaded(t, map_style(t), batch_size=2)),
    case("DataLoader of a stream", lambda t: [list(t.utils.data.DataLoader(stream(t, 7), batch_size=3)), t.rand(1)]),
    case("samplers", samplers),
    case("datasets", datasets),
    case("collate", collated),
    case("save and load", stored),
    order=0, exact=True, dtypes=(),
)  # fmt: skip
