"""Batches: many items as one, with a new first dimension."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minigrad.creation import from_numpy, tensor
from minigrad.data.dataset import Subset, TensorDataset
from minigrad.ops import stack
from minigrad.tensor import Tensor


def default_collate(batch: Sequence[Any]) -> Any:
    """A batch of the items in a list: what is a tensor in them is stacked, what holds tensors is gone into.

    Tensors and arrays are stacked, numbers become a tensor (floats a float64 one, as in PyTorch), strings stay a
    list. Tuples and lists become a list with a batch for each place, dicts a dict with a batch for each key.

    Raises TypeError for anything else, ValueError for no items, or for items that are not alike.

    >>> import minigrad as mg
    >>> default_collate([(mg.tensor([1.0, 2.0]), 0), (mg.tensor([3.0, 4.0]), 1)])
    [tensor([[1., 2.],
            [3., 4.]]), tensor([0, 1])]
    """
    if not batch:
        raise ValueError("default_collate: there are no items")
    first = batch[0]
    if isinstance(first, Tensor):
        return stack(list(batch))
    if isinstance(first, (np.ndarray, np.generic)):
        return from_numpy(np.stack(batch))
    if isinstance(first, (bool, int)):
        return tensor(list(batch))
    if isinstance(first, float):
        return tensor(list(batch), dtype="float64")
    if isinstance(first, (str, bytes)):
        return list(batch)
    if isinstance(first, Mapping):
        _check_alike([set(item) for item in batch], "keys")
        return {key: default_collate([item[key] for item in batch]) for key in first}
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(default_collate(column) for column in zip(*batch, strict=True)))
    if isinstance(first, (list, tuple)):
        _check_alike([len(item) for item in batch], "lengths")
        return [default_collate(column) for column in zip(*batch, strict=True)]
    raise TypeError(
        "default_collate makes a batch of tensors, arrays, numbers, strings, tuples, lists and dicts of these, "
        f"not of {type(first).__name__}: give the DataLoader a collate_fn"
    )


def _check_alike(parts: list[Any], what: str) -> None:
    for part in parts:
        if part != parts[0]:
            raise ValueError(f"default_collate: the items have different {what}: {parts[0]} and {part}")


def collated(dataset: Any, indices: list[int]) -> Any:
    """``default_collate`` of some items. Rows of tensors are taken all at once, which is much faster."""
    if type(dataset) is Subset:
        return collated(dataset.dataset, [dataset.indices[i] for i in indices])
    if type(dataset) is TensorDataset:  # a subclass may have other items
        return list(dataset[np.asarray(indices)])
    return default_collate([dataset[i] for i in indices])
