"""Datasets, splits and batches."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

import minigrad as mg
from minigrad.data import (
    ConcatDataset,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    default_collate,
    random_split,
)

# -- datasets -------------------------------------------------------------------------------------------------


def test_rows_of_tensors_belong_together():
    data = TensorDataset(mg.arange(6.0).reshape(3, 2), mg.tensor([7, 8, 9]))
    assert len(data) == 3
    x, y = data[2]
    assert (x.tolist(), y.item()) == ([4.0, 5.0], 9)
    assert [y.item() for _, y in data] == [7, 8, 9]


def test_a_subset_has_the_items_it_names():
    subset = Subset("abcdef", [4, 0, 4])
    assert (len(subset), [subset[i] for i in range(3)]) == (3, ["e", "a", "e"])


def test_datasets_one_after_the_other_have_all_items():
    both = ConcatDataset([range(3), TensorDataset(mg.arange(2)), [], "x"])
    assert len(both) == 6
    assert [both[i] for i in (0, 2, 5, -1, -6)] == [0, 2, "x", "x", 0]
    assert both[4][0].item() == 1


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ConcatDataset([]), ValueError, "there are no datasets to put one after the other"),
        (lambda: ConcatDataset([[1, 2]])[2], IndexError, "there is no item 2 among 2"),
        (lambda: ConcatDataset([[1, 2]])[-3], IndexError, "there is no item -3 among 2"),
        (lambda: iter(IterableDataset()), TypeError, "IterableDataset has no __iter__"),
        (lambda: TensorDataset(), ValueError, r"equally many rows, they are \[\]"),
        (lambda: TensorDataset(mg.ones(2), mg.ones(3)), ValueError, r"they are \[\(2,\), \(3,\)\]"),
        (lambda: TensorDataset(mg.ones(())), ValueError, r"they are \[\(\)\]"),
        (lambda: TensorDataset(np.ones(2)), TypeError, r"TensorDataset\(\) expects a Tensor, got ndarray"),
        (lambda: len(Dataset()), TypeError, "Dataset has no __len__"),
        (lambda: Dataset()[0], TypeError, "Dataset has no __getitem__"),
    ],
)
def test_what_is_no_dataset_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


# -- splits ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lengths", "counts"),
    [
        ([7, 3], [7, 3]),
        ([0, 10, 0], [0, 10, 0]),
        ([0.5, 0.5], [5, 5]),
        ([0.75, 0.25], [8, 2]),
        ([0.33, 0.33, 0.34], [4, 3, 3]),
        ([1.0], [10]),
        ([np.int64(4), 6], [4, 6]),
    ],
)
def test_a_split_has_every_item_once(lengths, counts):
    parts = random_split(range(10), lengths)
    assert [len(part) for part in parts] == counts
    assert sorted(item for part in parts for item in part) == list(range(10))


def test_a_split_is_drawn_from_the_seed_or_a_generator():
    def split(generator: mg.Generator | None = None) -> list[list[int]]:
        return [list(part) for part in random_split(range(100), [50, 50], generator)]

    mg.manual_seed(1)
    first = split()
    mg.manual_seed(1)
    assert split() == first != split()
    assert split(mg.Generator().manual_seed(2)) == split(mg.Generator().manual_seed(2)) != first


@pytest.mark.parametrize("lengths", [[5, 4], [11, -1], [0.5, 0.4], [0.5, 0.6], [1.5, -0.5], []], ids=str)
def test_lengths_that_do_not_add_up_are_refused(lengths):
    with pytest.raises(ValueError, match="neither fractions of 1 nor lengths that add up to 10"):
        random_split(range(10), lengths)


# -- batches --------------------------------------------------------------------------------------------------


class Point(NamedTuple):
    x: float
    name: str


def test_every_kind_of_item_has_its_batch():
    assert default_collate([mg.ones(2), mg.zeros(2)]).tolist() == [[1.0, 1.0], [0.0, 0.0]]
    assert default_collate([np.ones(2, np.float32), np.zeros(2, np.float32)]).dtype == mg.float32
    assert default_collate([np.float32(1), np.float32(2)]).dtype == mg.float32
    assert default_collate([1, 2]).dtype == mg.int64
    assert default_collate([True, False]).dtype == mg.bool_
    assert default_collate([1.5, 2.5]).dtype == mg.float64
    assert default_collate(["a", "b"]) == ["a", "b"]
    assert {k: v.tolist() for k, v in default_collate([{"a": 1}, {"a": 2}]).items()} == {"a": [1, 2]}
    x, names = default_collate([(1, "a"), (2, "b")])
    assert (x.tolist(), names) == ([1, 2], ["a", "b"])
    (inner,) = default_collate([[[1, 2]], [[3, 4]]])
    assert [column.tolist() for column in inner] == [[1, 3], [2, 4]]
    point = default_collate([Point(1.0, "a"), Point(2.0, "b")])
    assert type(point) is Point and point.x.tolist() == [1.0, 2.0] and point.name == ["a", "b"]


@pytest.mark.parametrize(
    ("items", "error", "message"),
    [
        ([], ValueError, "there are no items"),
        ([object()], TypeError, "not of object: give the DataLoader a collate_fn"),
        ([None], TypeError, "not of NoneType"),
        ([{"a": 1}, {"b": 1}], ValueError, "the items have different keys: {'a'} and {'b'}"),
        ([(1,), (1, 2)], ValueError, "the items have different lengths: 1 and 2"),
        ([mg.ones(2), mg.ones(3)], ValueError, r"\(3,\)"),
    ],
)
def test_items_that_make_no_batch_are_refused(items, error, message):
    with pytest.raises(error, match=message):
        default_collate(items)


@pytest.mark.peer
@pytest.mark.parametrize(
    "items", [[1.5, 2.5], [1, 2], [True, False], [(1, 2.5), (3, 4.5)], [{"a": [1]}, {"a": [2]}]]
)
def test_batches_have_pytorchs_structure_and_dtypes(items):
    torch = pytest.importorskip("torch")

    def described(batch: object) -> object:
        if isinstance(batch, dict):
            return {key: described(part) for key, part in batch.items()}
        if isinstance(batch, (list, tuple)):
            return [type(batch).__name__, *map(described, batch)]
        return str(batch.dtype).removeprefix("torch."), batch.tolist()

    assert described(default_collate(items)) == described(torch.utils.data.default_collate(items))
