"""Samplers: which items, in which order, in which batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

import minigrad as mg
from minigrad.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)


def test_each_sampler_gives_its_numbers_and_says_how_many() -> None:
    found = {
        SequentialSampler(range(4)): [0, 1, 2, 3],
        RandomSampler(range(4)): [0, 1, 2, 3],
        RandomSampler(range(4), num_samples=8): [0, 0, 1, 1, 2, 2, 3, 3],
        RandomSampler([]): [],
        SubsetRandomSampler([5, 1, 3]): [1, 3, 5],
    }
    for sampler, wanted in found.items():
        assert (sorted(sampler), len(sampler)) == (wanted, len(wanted))


def test_random_orders_differ_by_epoch_and_follow_the_seed_or_the_generator() -> None:
    def two_epochs(make: Callable[..., Sampler], **given: Any) -> list[list[int]]:
        sampler = make(**given)
        return [list(sampler), list(sampler)]

    for make in (
        lambda **given: RandomSampler(range(50), **given),
        lambda **given: RandomSampler(range(50), True, **given),
        lambda **given: SubsetRandomSampler(range(50), **given),
        lambda **given: WeightedRandomSampler([1.0] * 50, 50, **given),
    ):
        mg.manual_seed(1)
        first = two_epochs(make)
        assert first[0] != first[1]
        mg.manual_seed(1)
        assert two_epochs(make) == first == two_epochs(make, generator=mg.Generator().manual_seed(1))


def test_with_replacement_each_number_is_drawn_from_all() -> None:
    drawn = Counter(RandomSampler(range(4), replacement=True, num_samples=4000))
    assert set(drawn) == {0, 1, 2, 3}
    assert all(850 < count < 1150 for count in drawn.values())


def test_a_rare_class_is_drawn_as_often_as_its_weight_says() -> None:
    labels = mg.tensor([0] * 90 + [1] * 10)
    weights = mg.where(labels == 0, 1 / 90, 1 / 10).tolist()
    sampler = WeightedRandomSampler(weights, 4000)
    (drawn,) = DataLoader(TensorDataset(labels), 4000, sampler=sampler)
    assert drawn[0].float().mean().item() == pytest.approx(0.5, abs=0.04)
    assert sorted(WeightedRandomSampler(weights, 100, replacement=False)) == list(range(100))


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("count", [0, 1, 6, 7])
def test_a_loader_takes_the_batches_of_a_batch_sampler(count: int, drop_last: bool) -> None:
    numbers = range(count)
    sampler = BatchSampler(SequentialSampler(numbers), 3, drop_last)
    loader = DataLoader(numbers, batch_sampler=sampler)
    found = [batch.tolist() for batch in loader]
    assert found == [batch.tolist() for batch in DataLoader(numbers, 3, drop_last=drop_last)] == list(sampler)
    assert len(loader) == len(sampler) == len(found)


def test_batches_may_be_of_any_size_and_order() -> None:
    loader = DataLoader("abcdef", batch_sampler=[[5, 0], [1], [2, 3, 4]], collate_fn="".join)
    assert list(loader) == list(loader) == ["fa", "b", "cde"]


@pytest.mark.parametrize(
    ("mistake", "error", "message"),
    [
        (lambda: DataLoader([1], 2, batch_sampler=[[0]]), ValueError, "batch_sampler stands for batch_size"),
        (lambda: DataLoader([1], shuffle=True, batch_sampler=[[0]]), ValueError, "batch_sampler stands for"),
        (lambda: DataLoader([1], drop_last=True, batch_sampler=[[0]]), ValueError, "batch_sampler stands for"),
        (lambda: list(DataLoader([1], batch_sampler=[[0.5]])), TypeError, "a sampler() expects an int, got 0.5"),
        (lambda: BatchSampler([1], 0, False), ValueError, "BatchSampler: batch_size must be at least 1, got 0"),
        (lambda: RandomSampler([1], num_samples=0), ValueError, "RandomSampler: num_samples must be at least 1"),
        (lambda: RandomSampler([1], generator=3), TypeError, "RandomSampler: a generator is a mg.Generator"),
        (lambda: list(WeightedRandomSampler([-1.0], 1)), ValueError, "must be finite and not negative"),
        (lambda: iter(Sampler()), TypeError, "Sampler has no __iter__: yield the numbers of the items"),
        (lambda: len(Sampler()), TypeError, "Sampler has no __len__: say how many numbers there are"),
    ],
)
def test_mistakes_are_refused(mistake: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        mistake()
    assert message in str(caught.value)
