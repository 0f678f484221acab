"""Samplers: the numbers of items, in the order in which a DataLoader takes them. Any iterable of ints is one."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any

from minigrad.creation import tensor
from minigrad.dtypes import float64
from minigrad.generator import Generator, numbers
from minigrad.ops.operands import integer
from minigrad.random import multinomial, randint, randperm


class Sampler:
    """What a sampler is: a subclass has ``__iter__``, the numbers of an epoch, and ``__len__``, their count."""

    def __iter__(self) -> Iterator[Any]:
        raise TypeError(f"{type(self).__name__} has no __iter__: yield the numbers of the items")

    def __len__(self) -> int:
        raise TypeError(f"{type(self).__name__} has no __len__: say how many numbers there are")


class SequentialSampler(Sampler):
    """All items, from the first one to the last.

    >>> list(SequentialSampler("abc"))
    [0, 1, 2]
    """

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler):
    """All items in random order, again and again until there are ``num_samples``; or each drawn from all of them.

    Args:
        data_source: anything with a length.
        replacement: draw each number from all, so that some come twice and some do not.
        num_samples: how many; as many as there are items unless given.
        generator: where the order comes from, instead of the one that ``mg.manual_seed`` starts.

    Raises ValueError for fewer than one sample, TypeError for anything but a generator.

    >>> sorted(RandomSampler("abc", num_samples=6))
    [0, 0, 1, 1, 2, 2]
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        numbers("RandomSampler", generator)  # or raise TypeError
        self.data_source, self.replacement, self.generator = data_source, replacement, generator
        self.num_samples = None if num_samples is None else _positive("RandomSampler", "num_samples", num_samples)

    def __iter__(self) -> Iterator[int]:
        count, n = len(self), len(self.data_source)
        if self.replacement and count:
            return iter(randint(n, (count,), generator=self.generator).tolist())
        rounds = -(-count // n) if n else 0
        orders = (randperm(n, generator=self.generator).tolist() for _ in range(rounds))
        return itertools.islice(itertools.chain.from_iterable(orders), count)

    def __len__(self) -> int:
        return len(self.data_source) if self.num_samples is None else self.num_samples


class SubsetRandomSampler(Sampler):
    """Some items, by number, in random order.

    >>> sorted(SubsetRandomSampler([7, 3, 5]))
    [3, 5, 7]
    """

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        numbers("SubsetRandomSampler", generator)
        self.indices, self.generator = indices, generator

    def __iter__(self) -> Iterator[int]:
        return (self.indices[i] for i in randperm(len(self.indices), generator=self.generator).tolist())

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler):
    """Items drawn with probabilities in proportion to weights, as for classes of which one is rare.

    Args:
        weights: one for each item; they need not add up to 1.
        num_samples: how many are drawn.
        replacement: whether an item may come twice.
        generator: where the draws come from, instead of the one that ``mg.manual_seed`` starts.

    Raises ValueError for fewer than one sample; from ``iter()``, what :func:`mg.multinomial` raises for weights.

    >>> list(WeightedRandomSampler([0.0, 1.0, 0.0], 3))
    [1, 1, 1]
    """

    def __init__(
        self,
        weights: Sequence[float],
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ) -> None:
        numbers("WeightedRandomSampler", generator)
        self.weights = tensor(weights, dtype=float64)
        self.num_samples = _positive("WeightedRandomSampler", "num_samples", num_samples)
        self.replacement, self.generator = replacement, generator

    def __iter__(self) -> Iterator[int]:
        drawn = multinomial(self.weights, self.num_samples, self.replacement, generator=self.generator)
        return iter(drawn.tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler):
    """The numbers of another sampler in lists of ``batch_size``; a last one that is not full may be left out.

    >>> list(BatchSampler(range(5), 2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        self.sampler, self.drop_last = sampler, drop_last
        self.batch_size = _positive("BatchSampler", "batch_size", batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        left = iter(self.sampler)
        while batch := list(itertools.islice(left, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        count = len(self.sampler)  # type: ignore[arg-type]
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)


def _positive(name: str, what: str, value: Any) -> int:
    found = integer(f"{name}: {what}", value)
    if found < 1:
        raise ValueError(f"{name}: {what} must be at least 1, got {found}")
    return found
