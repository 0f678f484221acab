"""Datasets: anything with a length and items by number, such as a list. Here: of tensors, and parts of others."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from minigrad.generator import Generator, numbers
from minigrad.ops.operands import integer
from minigrad.ops.operands import tensor as check_tensor
from minigrad.tensor import Tensor


class Dataset:
    """What a dataset is: a subclass has ``__len__`` and ``__getitem__``, the item of a number from 0 on.

    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, index):
    ...         return index**2
    >>> len(Squares()), Squares()[2]
    (3, 4)
    """

    def __len__(self) -> int:
        raise TypeError(f"{type(self).__name__} has no __len__: say how many items there are")

    def __getitem__(self, index: int) -> Any:
        raise TypeError(f"{type(self).__name__} has no __getitem__: return the item of a number")


class IterableDataset(Dataset):
    """Items that come one after another, from a file or without end: a subclass has ``__iter__``.

    A loader takes them in their order, in one process: ``shuffle``, a sampler and workers are not for it.

    >>> import minigrad as mg
    >>> class Countdown(IterableDataset):
    ...     def __iter__(self):
    ...         return iter(range(3, 0, -1))
    >>> list(mg.data.DataLoader(Countdown(), batch_size=2))
    [tensor([3, 2]), tensor([1])]
    """

    def __iter__(self) -> Iterator[Any]:
        raise TypeError(f"{type(self).__name__} has no __iter__: yield the items one after another")


class TensorDataset(Dataset):
    """Item i is the i-th row of each tensor, in a tuple.

    Raises TypeError for anything but a tensor, ValueError for no tensors, or where the numbers of rows differ.

    >>> import minigrad as mg
    >>> data = TensorDataset(mg.tensor([[1.0, 2.0], [3.0, 4.0]]), mg.tensor([0, 1]))
    >>> len(data), data[1]
    (2, (tensor([3., 4.]), tensor(1)))
    """

    def __init__(self, *tensors: Tensor) -> None:
        shapes = [check_tensor("TensorDataset", t).shape for t in tensors]
        if not tensors or not all(shapes) or len({shape[0] for shape in shapes}) > 1:
            raise ValueError(f"TensorDataset: the tensors must have equally many rows, they are {shapes}")
        self.tensors = tensors

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(t[index] for t in self.tensors)


class ConcatDataset(Dataset):
    """The items of several datasets, one dataset after the other.

    Raises ValueError for no datasets, IndexError for an item that does not exist.

    >>> data = ConcatDataset([range(3), "ab"])
    >>> len(data), data[2], data[3], data[-1]
    (5, 2, 'a', 'b')
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset: there are no datasets to put one after the other")
        self.cumulative_sizes = list(itertools.accumulate(len(dataset) for dataset in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(f"ConcatDataset: there is no item {index} among {len(self)}")
        which = bisect.bisect_right(self.cumulative_sizes, at)
        return self.datasets[which][at - (self.cumulative_sizes[which - 1] if which else 0)]


class Subset(Dataset):
    """Some items of another dataset: item i is item ``indices[i]`` of that one."""

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset, self.indices = dataset, indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[self.indices[index]]


def random_split(dataset: Any, lengths: Sequence[float], generator: Generator | None = None) -> list[Subset]:
    """Subsets of the given lengths, or of fractions that add up to 1, with every item in one of them.

    What is left when fractions are rounded down goes to the subsets one by one, the first ones first. The order is
    drawn from ``generator``, or from the one that ``mg.manual_seed`` starts.

    Raises ValueError for lengths that do not add up to that of the dataset, or fractions that do not add up to 1.

    >>> import minigrad as mg
    >>> parts = random_split(range(10), [0.7, 0.3], generator=mg.Generator().manual_seed(0))
    >>> [sorted(part) for part in parts]
    [[2, 3, 4, 5, 6, 7, 9], [0, 1, 8]]
    """
    total = len(dataset)
    given = list(lengths)
    if any(isinstance(part, float) for part in given):
        counts = [math.floor(total * part) for part in given]
        for i in range(min(total - sum(counts), len(counts))):
            counts[i] += 1
        adds_up = math.isclose(sum(given), 1)
    else:
        counts = [integer("random_split", part) for part in given]
        adds_up = sum(counts) == total
    if not adds_up or min(counts, default=0) < 0:
        raise ValueError(f"random_split: {given} are neither fractions of 1 nor lengths that add up to {total}")
    order: Iterator[int] = iter(numbers("random_split", generator).permutation(total).tolist())
    return [Subset(dataset, list(itertools.islice(order, count))) for count in counts]
