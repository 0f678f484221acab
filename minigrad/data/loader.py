"""DataLoader: the order of the items in an epoch, and the batches that are made of them, here or in processes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from minigrad.data.collate import default_collate
from minigrad.data.dataset import IterableDataset
from minigrad.data.samplers import BatchSampler, RandomSampler, SequentialSampler
from minigrad.data.workers import Maker, made_by_workers
from minigrad.generator import Generator, numbers
from minigrad.ops.operands import integer
from minigrad.random import seeded


class DataLoader:
    """Batches of a dataset, a new iteration for each epoch.

    Args:
        dataset: anything with ``len()`` and items by number, or an :class:`IterableDataset`.
        batch_size: items in a batch; the last one may have fewer.
        shuffle: take the items in random order, another one in each epoch.
        sampler: numbers of items, in the order in which to take them, in place of all in order.
        batch_sampler: lists of numbers of items, one for each batch, in place of what is said of batches above.
        num_workers: processes that make the batches, each one batch ahead; 0 makes them here, when asked for. The
            batches and their order are the same, whatever the number of workers.
        collate_fn: makes a batch of a list of items; :func:`default_collate` unless given.
        drop_last: leave out a last batch that is not full.
        worker_init_fn: called in each worker with its number, before the first batch.
        generator: where random orders come from, instead of the one that ``mg.manual_seed`` starts.

    Random numbers that the dataset or ``collate_fn`` draw from minigrad, as by ``mg.rand``, come from a generator
    that each batch starts anew, from the epoch's seed and its own number: so workers change nothing.

    Workers are processes that start afresh, by forkserver or spawn, as a forked copy of a process with threads may
    hang. So the dataset and the functions are pickled on their way there, and the batches on their way back:
    classes and functions must be importable, which lambdas are not, and a script must begin its work under
    ``if __name__ == "__main__":``. A worker computes with one thread. The workers end with the epoch, or when the
    iteration is left.

    Raises:
        ValueError: an argument that makes no sense.
        TypeError: a dataset without a length or items; from ``iter()``, what cannot be pickled.
        RuntimeError: a worker died. An error of the dataset in a worker is raised as it was, with the worker's
            traceback in its notes.

    >>> import minigrad as mg
    >>> data = mg.data.TensorDataset(mg.arange(5), mg.arange(5) ** 2)
    >>> for x, y in mg.data.DataLoader(data, batch_size=2):
    ...     print(x, y)
    tensor([0, 1]) tensor([0, 1])
    tensor([2, 3]) tensor([4, 9])
    tensor([4]) tensor([16])
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[Sequence[int]] | None = None,
        *,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        drop_last: bool = False,
        worker_init_fn: Callable[[int], Any] | None = None,
        generator: Generator | None = None,
    ) -> None:
        if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
            raise TypeError(
                f"a dataset has len() and items by number, {type(dataset).__name__} does not have both"
            )
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: the order comes from the sampler or from shuffle, not from both")
        if batch_sampler is not None and (batch_size, shuffle, sampler, drop_last) != (1, False, None, False):
            raise ValueError("DataLoader: a batch_sampler stands for batch_size, shuffle, sampler and drop_last")
        if isinstance(dataset, IterableDataset) and (shuffle or sampler or batch_sampler or num_workers):
            raise ValueError(
                "DataLoader: an IterableDataset has an order of its own and is read in one place: use no shuffle, "
                "sampler or batch_sampler, and num_workers=0"
            )
        numbers("DataLoader", generator)  # or raise TypeError
        self.dataset, self.sampler, self.batch_sampler, self.generator = dataset, sampler, batch_sampler, generator
        self.batch_size = _at_least("batch_size", batch_size, 1)
        self.num_workers = _at_least("num_workers", num_workers, 0)
        self.shuffle, self.drop_last = shuffle, drop_last
        self.collate_fn, self.worker_init_fn = collate_fn, worker_init_fn

    def __len__(self) -> int:
        """The number of batches."""
        if self.batch_sampler is not None:
            return len(self.batch_sampler)  # type: ignore[arg-type]
        return len(
            BatchSampler(self.dataset if self.sampler is None else self.sampler, self.batch_size, self.drop_last)
        )

    def __iter__(self) -> Iterator[Any]:
        seed = int(
            numbers("DataLoader", self.generator).integers(2**63)
        )  # one draw an epoch, whatever is done with it
        if isinstance(self.dataset, IterableDataset):
            return self._in_its_order(seed)
        batches = [
            [integer("DataLoader: a sampler", index) for index in batch]
            for batch in (self._batches(seed) if self.batch_sampler is None else self.batch_sampler)
        ]
        maker = Maker(self.dataset, self.collate_fn, seed)
        if not self.num_workers:
            return (maker(number, indices) for number, indices in enumerate(batches))
        return made_by_workers(maker, batches, self.num_workers, self.worker_init_fn)

    def _in_its_order(self, seed: int) -> Iterator[Any]:
        items, collate = iter(self.dataset), self.collate_fn or default_collate
        for number in itertools.count():
            with seeded(seed, number):
                taken = list(itertools.islice(items, self.batch_size))
                if not taken or (self.drop_last and len(taken) < self.batch_size):
                    return
                batch = collate(taken)
            yield batch

    def _batches(self, seed: int) -> BatchSampler:
        order = self.sampler
        if order is None:
            own = Generator().manual_seed(seed)
            order = RandomSampler(self.dataset, generator=own) if self.shuffle else SequentialSampler(self.dataset)
        return BatchSampler(order, self.batch_size, self.drop_last)


def _at_least(name: str, value: Any, low: int) -> int:
    found = integer(f"DataLoader: {name}", value)
    if found < low:
        raise ValueError(f"DataLoader: {name} must be at least {low}, got {found}")
    return found
