"""The DataLoader in one process: sizes, order, seeds."""

from __future__ import annotations

import pytest

import minigrad as mg
from minigrad.data import DataLoader, Subset, TensorDataset, random_split
from worker_datasets import Broken, Noisy

NUMBERS = TensorDataset(mg.arange(10))


def batches(loader: DataLoader) -> list[list[int]]:
    return [batch[0].tolist() for batch in loader]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, [[i] for i in range(10)]),
        ({"batch_size": 4}, [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]),
        ({"batch_size": 4, "drop_last": True}, [[0, 1, 2, 3], [4, 5, 6, 7]]),
        ({"batch_size": 5, "drop_last": True}, [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]),
        ({"batch_size": 20}, [list(range(10))]),
        ({"batch_size": 20, "drop_last": True}, []),
        ({"batch_size": 2, "sampler": [9, 0, 9]}, [[9, 0], [9]]),
    ],
)
def test_batches_have_the_size_and_the_loader_their_number(options, wanted):
    loader = DataLoader(NUMBERS, **options)
    assert batches(loader) == wanted
    assert len(loader) == len(wanted)


def test_each_epoch_has_every_item_once_in_an_order_of_its_own():
    loader = DataLoader(NUMBERS, batch_size=4, shuffle=True)
    first, second = ([i for batch in batches(loader) for i in batch] for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second


def test_the_order_comes_from_the_seed_or_from_a_generator():
    loader = DataLoader(NUMBERS, 3, True)
    mg.manual_seed(5)
    first = batches(loader), batches(loader)
    mg.manual_seed(5)
    assert (batches(loader), batches(loader)) == first
    own = [batches(DataLoader(NUMBERS, 3, True, generator=mg.Generator().manual_seed(1))) for _ in range(2)]
    assert own[0] == own[1] not in first


def test_an_epoch_takes_one_number_from_the_generator_whatever_the_dataset_draws():
    mg.manual_seed(5)
    list(DataLoader(Noisy(9), 2))
    after = mg.rand(1).item()
    mg.manual_seed(5)
    list(DataLoader(NUMBERS, 3, shuffle=True))
    assert mg.rand(1).item() == after


def test_random_numbers_of_the_dataset_differ_by_item_batch_and_epoch_and_follow_the_seed():
    def noise() -> list[float]:
        loader = DataLoader(Noisy(6), 2)
        return [x for _ in range(2) for batch in loader for x in batch["noise"].reshape(-1).tolist()]

    mg.manual_seed(3)
    first = noise()
    assert len(set(first)) == len(first) == 36
    mg.manual_seed(3)
    assert noise() == first


def test_the_random_numbers_of_the_training_go_on_undisturbed_after_an_error():
    found = []
    for data in (NUMBERS, Broken(3, 1, ValueError("bad"))):
        mg.manual_seed(3)
        try:
            list(DataLoader(data))
        except ValueError:
            found.append("error")
        found.append(mg.rand(1).item())
    assert found == [found[0], "error", found[0]]


def test_rows_of_a_subset_are_taken_at_once_and_a_subclass_keeps_its_own_items():
    class Doubled(TensorDataset):
        def __getitem__(self, index):
            return tuple(t * 2 for t in super().__getitem__(index))

    part, _ = random_split(TensorDataset(mg.arange(10) * 11), [4, 6], mg.Generator().manual_seed(0))
    assert batches(DataLoader(Subset(part, [2, 0]), 2)) == [[part.indices[2] * 11, part.indices[0] * 11]]
    assert batches(DataLoader(Doubled(mg.arange(3)), 3)) == [[0, 2, 4]]


def test_a_batch_is_what_collate_fn_makes_of_a_list_of_items():
    assert list(DataLoader("abcde", 2, collate_fn="".join)) == ["ab", "cd", "e"]
    assert [batch.tolist() for batch in DataLoader([1, 2, 3], 2)] == [[1, 2], [3]]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: DataLoader(3), TypeError, r"a dataset has len\(\) and items by number, int does not have both"),
        (lambda: DataLoader(iter([1])), TypeError, "list_iterator does not have both"),
        (lambda: DataLoader([1], 0), ValueError, "batch_size must be at least 1, got 0"),
        (lambda: DataLoader([1], 1.5), TypeError, r"batch_size\(\) expects an int, got 1.5"),
        (lambda: DataLoader([1], num_workers=-1), ValueError, "num_workers must be at least 0, got -1"),
        (lambda: DataLoader([1], 1, True, [0]), ValueError, "from the sampler or from shuffle, not from both"),
        (lambda: DataLoader([1], generator=3), TypeError, "a generator is a mg.Generator, got 3"),
        (lambda: list(DataLoader([1], sampler=[0.5])), TypeError, "expects an int, got 0.5"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


# -- items that come one after another ------------------------------------------------------------------------


class Stream(mg.data.IterableDataset):
    def __init__(self, count: int) -> None:
        self.count, self.read = count, 0

    def __iter__(self):
        for i in range(self.count):
            self.read += 1
            yield mg.tensor(float(i)), mg.rand(1)


def test_a_stream_is_read_in_its_order_and_no_further_than_needed():
    stream = Stream(5)
    batches = iter(DataLoader(stream, batch_size=2))
    x, noise = next(batches)
    assert (x.tolist(), noise.shape, stream.read) == ([0.0, 1.0], (2, 1), 2)
    assert [x.tolist() for x, _ in batches] == [[2.0, 3.0], [4.0]]
    assert [x.tolist() for x, _ in DataLoader(Stream(5), 2, drop_last=True)] == [[0.0, 1.0], [2.0, 3.0]]
    assert list(DataLoader(Stream(0), 2)) == []
    assert [len(items) for items in DataLoader(Stream(3), 2, collate_fn=list)] == [2, 1]


def test_a_stream_draws_the_numbers_of_its_epochs_seed():
    drawn = []
    for _ in range(2):
        loader = DataLoader(Stream(3), 2, generator=mg.Generator().manual_seed(1))
        drawn.append([[noise.tolist() for _, noise in loader] for _ in range(2)])
    assert drawn[0] == drawn[1] and drawn[0][0] != drawn[0][1]


@pytest.mark.parametrize("options", [{"shuffle": True}, {"sampler": [0]}, {"num_workers": 1}])
def test_a_stream_has_no_other_order_and_one_reader(options):
    with pytest.raises(ValueError, match="an IterableDataset has an order of its own"):
        DataLoader(Stream(3), **options)
    with pytest.raises(TypeError, match="Stream has no __len__"):
        len(DataLoader(Stream(3)))
