"""Making tensors: from data, of one value, by counting, at random."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.graph import UNCOUNTED, Array
from minigrad.modes import current_mode
from minigrad.ops.operands import sizes
from minigrad.ops.operands import tensor as check_tensor
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
    if not isinstance(requires_grad, bool):
        raise TypeError(f"requires_grad must be True or False, got {requires_grad!r}")
    t = Tensor.of(array, version=UNCOUNTED if current_mode().inference else None)
    if requires_grad:
        t.requires_grad = True
    return t


# -- of one value, by counting --------------------------------------------------------------------------------


def full(
    size: Size, fill_value: float, *, dtype: Any = None, requires_grad: bool = False, device: str = "cpu"
) -> Tensor:  # fmt: skip
    """A tensor with every element ``fill_value``, of that number's dtype.

    Raises TypeError for what is no number, OverflowError for one that the dtype cannot hold.

    >>> full((2, 2), 7.0)
    tensor([[7., 7.],
            [7., 7.]])
    """
    value = _number("full", fill_value)
    found = dtypes.of_number(value) if dtype is None else dtypes.dtype(dtype)
    _check_fits("full", found, value)
    with np.errstate(all="ignore"):  # what float32 cannot hold becomes Inf
        array = np.full(_size("full", (size,)), value, found)
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
    own = check_tensor("full_like", other).dtype
    wanted = own if dtype is None else dtype
    return full(other.shape, fill_value, dtype=wanted, requires_grad=requires_grad, device=other.device)


def zeros_like(other: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of the shape and dtype of ``other``."""
    return full_like(check_tensor("zeros_like", other), 0, dtype=dtype, requires_grad=requires_grad)


def ones_like(other: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of the shape and dtype of ``other``."""
    return full_like(check_tensor("ones_like", other), 1, dtype=dtype, requires_grad=requires_grad)


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

    int64 if every argument is an int, else float32. Raises TypeError for what is no number, ValueError for one
    that is not finite, a step of 0 or away from ``end``, OverflowError for numbers that the dtype cannot hold.

    >>> arange(3), arange(1.0, 2.0, 0.5)
    (tensor([0, 1, 2]), tensor([1.0000, 1.5000]))
    """
    first, last = (0, start) if end is None else (start, end)
    first, last, step = (_finite("arange", value) for value in (first, last, step))
    if step == 0 or (last - first) / step < 0:
        raise ValueError(f"arange: no way from {first} to {last} in steps of {step}")
    own = dtypes.of_number(first + last + step)
    found = own if dtype is None else dtypes.dtype(dtype)
    count = math.ceil((last - first) / step)
    for each in (own, found) if count else ():
        _check_fits("arange", each, first, first + (count - 1) * step)
    return _new(_cast(first + np.arange(count) * step, found), requires_grad, device)


def linspace(
    start: float, end: float, steps: int, *, dtype: Any = None, requires_grad: bool = False,
    device: str = "cpu",
) -> Tensor:  # fmt: skip
    """``steps`` numbers from ``start`` to ``end``, both included, at equal distances.

    Raises TypeError for what is no number, ValueError for one that is not finite, OverflowError for one that the
    dtype cannot hold.

    >>> linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    (count,) = _size("linspace", (steps,))
    first, last = _finite("linspace", start), _finite("linspace", end)
    found = dtypes.float32 if dtype is None else dtypes.dtype(dtype)
    _check_fits("linspace", found, first, last)
    return _new(_cast(np.linspace(first, last, count), found), requires_grad, device)


# -- at random ------------------------------------------------------------------------------------------------

_generator = np.random.default_rng()


def manual_seed(seed: int) -> None:
    """Start the random numbers anew: the same seed gives the same numbers, on every machine.

    Raises TypeError for what is no int, ValueError for a negative one.

    >>> manual_seed(0)
    >>> first = rand(3)
    >>> manual_seed(0)
    >>> bool((rand(3) == first).min())
    True
    """
    global _generator
    start = _int("manual_seed", seed)
    if start < 0:
        raise ValueError(f"manual_seed: the seed must not be negative, got {start}")
    _generator = np.random.default_rng(start)


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

    Raises TypeError for bounds that are no ints, ValueError if nothing is between them, OverflowError for bounds
    that the dtype cannot hold.

    >>> randint(5, size=(2, 3)).shape
    (2, 3)
    """
    first, last = (_int("randint", bound) for bound in ((0, low) if high is None else (low, high)))
    if first >= last:
        raise ValueError(f"randint: there is no integer from {first} up to and without {last}")
    found = dtypes.int64 if dtype is None else dtypes.dtype(dtype)
    for each in (dtypes.int64, found):
        _check_fits("randint", each, first, last - 1)
    return _new(_generator.integers(first, last, _size("randint", (size,))).astype(found), False, device)


# -- arguments ------------------------------------------------------------------------------------------------


def _size(name: str, size: tuple[Any, ...]) -> tuple[int, ...]:
    found = sizes(name, size)
    if min(found, default=0) < 0:
        raise ValueError(f"{name}: sizes must not be negative, got {found}")
    return found


def _number(name: str, value: Any) -> float:
    """``value`` as a number of Python."""
    number = value.item() if isinstance(value, np.generic) else value
    if not isinstance(number, (bool, int, float)):
        raise TypeError(f"{name}() expects a number, got {value!r}")
    return number


def _finite(name: str, value: Any) -> float:
    number = _number(name, value)
    if isinstance(number, float) and not math.isfinite(number):
        raise ValueError(f"{name}: the numbers must be finite, got {number}")
    return number


def _int(name: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name}() expects an int, got {value!r}") from None


def _check_fits(name: str, dtype: dtypes.DType, *values: float) -> None:
    """Raise OverflowError for numbers that an integer dtype would wrap around, or bool take for True."""
    if dtype.kind == "f":
        return
    low, high = (0, 1) if dtype == dtypes.bool_ else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    for value in values:
        if not low <= value <= high:  # so written that NaN is refused too
            raise OverflowError(f"{name}: the number {value} does not fit into {dtype}")


def _cast(array: Array, dtype: dtypes.DType) -> Array:
    with np.errstate(all="ignore"):  # what float32 cannot hold becomes Inf
        return array.astype(dtype)


def _float(dtype: Any) -> dtypes.DType:
    found = dtypes.float32 if dtype is None else dtypes.dtype(dtype)
    if found.kind != "f":
        raise TypeError(f"random floats cannot be {found}: use randint()")
    return found
