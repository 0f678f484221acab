"""Making tensors: from data, of one value, by counting, at random."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.graph import UNCOUNTED, Array
from minigrad.modes import current_mode
from minigrad.ops.operands import sizes
from minigrad.tensor import Tensor, check_device

Size = int | Sequence[int]

# -- from data ------------------------------------------------------------------------------------------------


def tensor(data: Any, *, dtype: Any = None, requires_grad: bool = False, device: str = "cpu") -> Tensor:
    """A tensor with a copy of the data; see :class:`Tensor`.

    >>> tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    """
    return Tensor(data, dtype, requires_grad, device)


def from_numpy(array: Array) -> Tensor:
    """A tensor that shares the array's memory. Raises TypeError for anything else, or an unknown dtype.

    >>> from_numpy(np.array([1.0, 2.0]))
    tensor([1., 2.], dtype=float64)
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy() expects an ndarray, got {type(array).__name__}")
    dtypes.dtype(array.dtype)
    return Tensor.of(array)


def _new(array: Array, requires_grad: bool, device: str) -> Tensor:
    check_device(device)
    t = Tensor.of(array, version=UNCOUNTED if current_mode().inference else None)
    if requires_grad:
        t.requires_grad = True
    return t


# -- of one value, by counting --------------------------------------------------------------------------------


def full(
    size: Size, fill_value: float, *, dtype: Any = None, requires_grad: bool = False, device: str = "cpu"
) -> Tensor:  # fmt: skip
    """A tensor with every element ``fill_value``, of that number's dtype.

    >>> full((2, 2), 7.0)
    tensor([[7., 7.],
            [7., 7.]])
    """
    found = dtypes.of_number(fill_value) if dtype is None else dtypes.dtype(dtype)
    with np.errstate(all="ignore"):  # what float32 cannot hold becomes Inf
        array = np.full(_size("full", (size,)), fill_value, found)
    return _new(array, requires_grad, device)


def zeros(*size: Size, dtype: Any = None, requires_grad: bool = False, device: str = "cpu") -> Tensor:
    """A tensor of zeros, float32 unless ``dtype`` says otherwise.

    >>> zeros(2, 3)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    return full(_size("zeros", size), 0.0, dtype=dtype, requires_grad=requires_grad, device=device)


def ones(*size: Size, dtype: Any = None, requires_grad: bool = False, device: str = "cpu") -> Tensor:
    """A tensor of ones, float32 unless ``dtype`` says otherwise.

    >>> ones(2)
    tensor([1., 1.])
    """
    return full(_size("ones", size), 1.0, dtype=dtype, requires_grad=requires_grad, device=device)


def full_like(
    other: Tensor, fill_value: float, *, dtype: Any = None, requires_grad: bool = False
) -> Tensor:  # fmt: skip
    """A tensor of the shape and dtype of ``other``, with every element ``fill_value``."""
    wanted = other.dtype if dtype is None else dtype
    return full(other.shape, fill_value, dtype=wanted, requires_grad=requires_grad, device=other.device)


def zeros_like(other: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of the shape and dtype of ``other``."""
    return full_like(other, 0, dtype=dtype, requires_grad=requires_grad)


def ones_like(other: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of the shape and dtype of ``other``."""
    return full_like(other, 1, dtype=dtype, requires_grad=requires_grad)


def eye(
    n: int, m: int | None = None, *, dtype: Any = None, requires_grad: bool = False, device: str = "cpu"
) -> Tensor:  # fmt: skip
    """An (n, m) tensor, (n, n) without ``m``, with ones on the diagonal and zeros elsewhere.

    >>> eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    rows, columns = _size("eye", (n, n if m is None else m))
    found = dtypes.float32 if dtype is None else dtypes.dtype(dtype)
    return _new(np.eye(rows, columns, dtype=found), requires_grad, device)


def arange(
    start: float, end: float | None = None, step: float = 1, *, dtype: Any = None,
    requires_grad: bool = False, device: str = "cpu",
) -> Tensor:  # fmt: skip
    """Numbers from ``start`` (0 if only one bound is given) up to and without ``end``, ``step`` apart.

    int64 if every argument is an int, else float32. Raises ValueError for a step of 0 or away from ``end``.

    >>> arange(3), arange(1.0, 2.0, 0.5)
    (tensor([0, 1, 2]), tensor([1.0000, 1.5000]))
    """
    first, last = (0, start) if end is None else (start, end)
    if step == 0 or (last - first) / step < 0:
        raise ValueError(f"arange: no way from {first} to {last} in steps of {step}")
    found = dtypes.of_number(first + last + step) if dtype is None else dtypes.dtype(dtype)
    count = math.ceil((last - first) / step)
    return _new((first + np.arange(count) * step).astype(found), requires_grad, device)


def linspace(
    start: float, end: float, steps: int, *, dtype: Any = None, requires_grad: bool = False,
    device: str = "cpu",
) -> Tensor:  # fmt: skip
    """``steps`` numbers from ``start`` to ``end``, both included, at equal distances.

    >>> linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    (count,) = _size("linspace", (steps,))
    found = dtypes.float32 if dtype is None else dtypes.dtype(dtype)
    return _new(np.linspace(start, end, count).astype(found), requires_grad, device)


# -- at random ------------------------------------------------------------------------------------------------

_generator = np.random.default_rng()


def manual_seed(seed: int) -> None:
    """Start the random numbers anew: the same seed gives the same numbers, on every machine.

    >>> manual_seed(0)
    >>> first = rand(3)
    >>> manual_seed(0)
    >>> bool((rand(3) == first).min())
    True
    """
    global _generator
    _generator = np.random.default_rng(seed)


def generator() -> np.random.Generator:
    """The generator behind the functions below; :func:`manual_seed` replaces it."""
    return _generator


def rand(*size: Size, dtype: Any = None, requires_grad: bool = False, device: str = "cpu") -> Tensor:
    """Random numbers, uniform in [0, 1)."""
    found = _float(dtype)
    return _new(_generator.random(_size("rand", size), found.type), requires_grad, device)


def randn(*size: Size, dtype: Any = None, requires_grad: bool = False, device: str = "cpu") -> Tensor:
    """Random numbers from the normal distribution of mean 0 and variance 1."""
    found = _float(dtype)
    return _new(_generator.standard_normal(_size("randn", size), found.type), requires_grad, device)


def randint(
    low: int, high: int | None = None, size: Size = (), *, dtype: Any = None, device: str = "cpu"
) -> Tensor:
    """Random integers from ``low`` (0 if only one bound is given) up to and without ``high``; int64.

    >>> randint(5, size=(2, 3)).shape
    (2, 3)
    """
    first, last = (0, low) if high is None else (low, high)
    if first >= last:
        raise ValueError(f"randint: there is no integer from {first} up to and without {last}")
    found = dtypes.int64 if dtype is None else dtypes.dtype(dtype)
    return _new(_generator.integers(first, last, _size("randint", (size,))).astype(found), False, device)


# -- arguments ------------------------------------------------------------------------------------------------


def _size(name: str, size: tuple[Any, ...]) -> tuple[int, ...]:
    found = sizes(name, size)
    if min(found, default=0) < 0:
        raise ValueError(f"{name}: sizes must not be negative, got {found}")
    return found


def _float(dtype: Any) -> dtypes.DType:
    found = dtypes.float32 if dtype is None else dtypes.dtype(dtype)
    if found.kind != "f":
        raise TypeError(f"random floats cannot be {found}: use randint()")
    return found
