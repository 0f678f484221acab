"""Kernels: arrays in, arrays out; no Tensor, no graph, no flags. This file finds the ones for an array.

A *target* is a module with the functions listed in ``reference/__init__.py``. There are three:

``reference``
    obvious NumPy; the specification, and the oracle of the tests
``numba``
    the same functions compiled by Numba (``kernels/cpu/``)
``cuda``
    the same for arrays on an NVIDIA GPU (``kernels/cuda/``)

``mg.use_kernels`` chooses between the first two, for NumPy's arrays; an array on a GPU brings its own. What the
floors above do with an array besides, such as copying it, is also here, so that they need not ask where it is.
"""

from __future__ import annotations

import importlib
import re
import threading
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import Any

import numpy as np

from minigrad.dtypes import DType

Array = np.ndarray[Any, Any]
Dims = tuple[int, ...]  # the sizes of an array, or some of its dims

quiet = np.errstate(all="ignore")  # 1 / 0 is Inf and log(-1) is NaN, without a warning


class Along(tuple[Any, ...]):
    """The key of the elements ``places`` along ``dim``: its other parts say where in ``places`` each one stands.

    Every target may take it for any other key. One that sees what it is need not look whether all indices are
    there, counted from 0: whoever makes it has done so. Without ``keepdim``, ``places`` has no such dim, nor
    has what is taken.
    """

    places: Array
    dim: int

    def __new__(cls, places: Array, dim: int, keepdim: bool = True) -> Along:
        grids = [np.arange(n).reshape(n, *[1] * (places.ndim - 1 - d)) for d, n in enumerate(places.shape)]
        key = super().__new__(cls, (*grids[:dim], places, *grids[dim + keepdim :]))
        key.places, key.dim = places, dim
        return key


# -- targets --------------------------------------------------------------------------------------------------

TARGETS = {"numba": "minigrad.kernels.cpu", "reference": "minigrad.kernels.reference"}  # for NumPy's arrays
DEVICES = {"cuda": "minigrad.kernels.cuda"}  # for arrays of their own


class Loaded(dict[str, ModuleType]):
    """The module of each target, imported when it is first asked for: ``import minigrad`` loads none."""

    def __missing__(self, target: str) -> ModuleType:
        found = self[target] = importlib.import_module((TARGETS | DEVICES)[target])
        return found


loaded = Loaded()

#: The target of arrays that are no NumPy arrays, by their class: empty until somebody uses such a device.
placed: dict[type, str] = {}


def load(target: str) -> ModuleType:
    """The module of a target."""
    return loaded[target]


def for_array(array: Any, target: str) -> ModuleType:
    """The kernels for an array: of its device, or of the target that is in force for those of the CPU."""
    return load(placed.get(type(array), target))


# -- devices --------------------------------------------------------------------------------------------------


class OutOfMemoryError(RuntimeError):
    """A device has no memory left; ``mg.cuda.OutOfMemoryError``."""


class Taking(threading.local):
    """Who takes notes of what this thread does on a device, to repeat it (``kernels/cuda/notes.py``), or None."""

    notes: Any = None


taking = Taking()


def device_of(array: Any) -> str:
    """Where an array is: ``"cpu"``, or such as ``"cuda:0"``."""
    return f"{placed[type(array)]}:{array.device}" if type(array) in placed else "cpu"


def is_seen(array: Any) -> bool:
    """Whether the elements can be looked at here: to see those on a device would mean to wait for it."""
    return type(array) not in placed


def check_device(name: Any) -> str:
    """The full name of a device, ``"cpu"``, as None is too, or such as ``"cuda:0"``, which ``"cuda"`` may mean.

    Raises ValueError for a name that no device can have, or if there is none of that number; RuntimeError, with
    what is missing, if CUDA cannot be used.
    """
    if name is None or name == "cpu":
        return "cpu"
    if not isinstance(name, str) or not re.fullmatch(r"cuda(:\d+)?", name):
        raise ValueError(f"there is no device {name!r}: use 'cpu', 'cuda' or such as 'cuda:1'")
    return f"cuda:{load('cuda').find(name)}"


# -- arrays, wherever they are --------------------------------------------------------------------------------


@quiet  # what float32 cannot hold becomes Inf
def full(shape: Dims, value: float | None, dtype: DType, device: str) -> Any:
    """A new array on a device, with every element ``value``; None is whatever the memory holds."""
    if device != "cpu":
        name, _, index = device.partition(":")
        return load(name).full(shape, value, dtype, int(index))
    return np.empty(shape, dtype) if value is None else np.full(shape, value, dtype)


def full_like(array: Any, value: float, shape: Dims | None = None) -> Any:
    """A new array where ``array`` is, with its dtype, and its shape if no other is given."""
    return full(array.shape if shape is None else shape, value, array.dtype, device_of(array))


def moved(array: Any, device: str) -> Any:
    """A copy of an array on another device; on its own device, the array itself."""
    if device_of(array) == device:
        return array
    if device == "cpu":
        return array.host()
    cuda, index = load("cuda"), int(device.partition(":")[2])
    return cuda.between(array, index) if type(array) in placed else cuda.to_device(array, index)


@quiet  # what a narrower dtype cannot hold becomes Inf
def write(array: Any, values: Any, key: Any = ...) -> None:
    """``array[key] = values``, in place, wherever the array is: the values are broadcast, cast and moved there."""
    if type(array) in placed:
        given = np.asarray(values, array.dtype) if isinstance(values, (bool, int, float)) else values
        load(placed[type(array)]).write(array, moved(given, device_of(array)), key)
    else:
        array[key] = moved(values, "cpu")


def broadcasts_to(shape: Dims, to: Dims) -> bool:
    """Whether an array of one shape can be repeated to the other."""
    return len(shape) <= len(to) and all(n in (1, m) for n, m in zip(shape[::-1], to[::-1], strict=False))


def together() -> AbstractContextManager[None]:
    """Let optimiser steps inside the ``with`` wait for each other: a device takes those of many arrays at once."""
    return load("cuda").together() if placed else nullcontext()


def share_memory(x: Any, y: Any) -> bool:
    """Whether a change of one array may be a change of the other."""
    return x.memory is y.memory if type(x) in placed else np.may_share_memory(x, y)


def duplicate(array: Any) -> Any:
    """A copy of an array, wherever it is."""
    return load(placed[type(array)]).copy(array) if type(array) in placed else array.copy()
