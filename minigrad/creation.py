"""Making tensors: from data, of one value, by counting. At random: ``random.py``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import dtypes, kernels
from minigrad.kernels import Array
from minigrad.modes import current_mode
from minigrad.ops.operands import integer, sizes
from minigrad.ops.operands import tensor as check_tensor
from minigrad.tensor import Tensor
from minigrad.versions import UNCOUNTED

Size = int | Sequence[int]

# -- from data ------------------------------------------------------------------------------------------------


def tensor(data: Any, *, dtype: Any = None, requires_grad: bool = False, device: str | None = None) -> Tensor:
    """A tensor with a copy of the data; see :class:`Tensor`.

    >>> tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    """
    return Tensor(data, dtype, requires_grad, device)


def as_tensor(data: Any, dtype: Any = None, device: str | None = None) -> Tensor:
    """A tensor of anything that makes one, with the same memory where that is possible.

    A tensor stays itself, unless another dtype or device is asked for, and then it is recorded as ``x.to(...)``;
    a NumPy array shares its memory, as in :func:`from_numpy`.

    >>> array = np.array([1.0, 2.0])
    >>> t = as_tensor(array)
    >>> array[0] = 5.0
    >>> t, as_tensor(t) is t
    (tensor([5., 2.], dtype=float64), True)
    """
    if isinstance(data, np.ndarray):
        data = from_numpy(data)
    return data.to(dtype=dtype, device=device) if isinstance(data, Tensor) else Tensor(data, dtype, False, device)


def from_numpy(array: Array) -> Tensor:
    """A tensor that shares the array's memory.

    Raises TypeError for anything but an array, for a masked one, whose mask would be lost, and for an unknown
    dtype; ValueError where elements do not lie whole elements apart, as in a field of a structured array.

    >>> from_numpy(np.array([1.0, 2.0]))
    tensor([1., 2.], dtype=float64)
    """
    if not isinstance(array, np.ndarray) or isinstance(array, np.ma.MaskedArray):
        raise TypeError(f"from_numpy() expects an ndarray, got {type(array).__name__}")
    dtypes.dtype(array.dtype)
    if any(step % array.itemsize for step in array.strides):
        raise ValueError(
            f"from_numpy(): the strides {array.strides} of this array are not multiples of the {array.itemsize} "
            "bytes of an element: use array.copy()"
        )
    return Tensor.of(np.asarray(array))  # and not np.matrix, whose rows have two dimensions


def from_dlpack(data: Any) -> Tensor:
    """A tensor that shares the memory of another library's array, such as a PyTorch tensor.

    Raises TypeError for what has no ``__dlpack__``, or an unknown dtype; BufferError where the other library does
    not give its memory away, for instance because a gradient flows there.

    >>> array = np.array([1.0, 2.0])
    >>> t = from_dlpack(array)
    >>> array[0] = 5.0
    >>> t
    tensor([5., 2.], dtype=float64)
    """
    if not hasattr(data, "__dlpack__"):
        raise TypeError(
            f"from_dlpack() expects an array of a library that knows DLPack, got {type(data).__name__}"
        )
    if not isinstance(data, Tensor) and hasattr(data, "__cuda_array_interface__"):
        return Tensor.of(kernels.load("cuda").shared_with(data))
    try:
        array = np.from_dlpack(data)
    except RuntimeError as error:  # a dtype or device that NumPy does not have
        raise TypeError(f"from_dlpack() cannot take this {type(data).__name__}: {error}") from None
    dtypes.dtype(array.dtype)
    return Tensor.of(array, None, data.version if isinstance(data, Tensor) else None)


def new(array: Array, requires_grad: bool, device: str | None) -> Tensor:
    """A tensor around an array that is nobody else's."""
    place = kernels.check_device(device)
    if not isinstance(requires_grad, bool):
        raise TypeError(f"requires_grad must be True or False, got {requires_grad!r}")
    t = Tensor.of(kernels.moved(array, place), version=UNCOUNTED if current_mode().inference else None)
    if requires_grad:
        t.requires_grad = True
    return t


# -- of one value, by counting --------------------------------------------------------------------------------


def full(
    size: Size, fill_value: float, *, dtype: Any = None, requires_grad: bool = False, device: str | None = None
) -> Tensor:
    """A tensor with every element ``fill_value``, of that number's dtype.

    As bool, every number but 0 is True; as an integer, a float loses its decimals. Raises TypeError for anything
    but a number, OverflowError for one that an integer dtype cannot hold.

    >>> full((2, 2), 7.0)
    tensor([[7., 7.],
            [7., 7.]])
    """
    return filled("full", size, fill_value, dtype=dtype, requires_grad=requires_grad, device=device)


def filled(
    name: str, size: Size, fill_value: float, *, dtype: Any, requires_grad: bool, device: str | None
) -> Tensor:
    """:func:`full`, asked for by the function of that name."""
    value = _number(name, fill_value)
    found = dtypes.of_number(value) if dtype is None else dtypes.dtype(dtype)
    value = bool(value) if found == dtypes.bool_ else value
    dtypes.check_fits(name, found, value)
    shape, place = size_of(name, (size,)), kernels.check_device(device)
    return new(kernels.full(shape, value, found, place), requires_grad, place)


def empty(*size: Size, dtype: Any = None, requires_grad: bool = False, device: str | None = None) -> Tensor:
    """An uninitialised tensor: its elements are whatever the memory holds.

    >>> empty(2, 3).shape
    (2, 3)
    """
    found = dtypes.float32 if dtype is None else dtypes.dtype(dtype)
    shape, place = size_of("empty", size), kernels.check_device(device)
    return new(kernels.full(shape, None, found, place), requires_grad, place)


def zeros(*size: Size, dtype: Any = None, requires_grad: bool = False, device: str | None = None) -> Tensor:
    """A tensor of zeros, float32 unless ``dtype`` says otherwise.

    >>> zeros(2, 3)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    return full(size_of("zeros", size), 0.0, dtype=dtype, requires_grad=requires_grad, device=device)


def ones(*size: Size, dtype: Any = None, requires_grad: bool = False, device: str | None = None) -> Tensor:
    """A tensor of ones, float32 unless ``dtype`` says otherwise.

    >>> ones(2)
    tensor([1., 1.])
    """
    return full(size_of("ones", size), 1.0, dtype=dtype, requires_grad=requires_grad, device=device)


def full_like(other: Tensor, fill_value: float, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """:func:`full` of the shape and dtype of ``other``."""
    own = check_tensor("full_like", other).dtype
    wanted, where = own if dtype is None else dtype, other.device
    return filled("full_like", other.shape, fill_value, dtype=wanted, requires_grad=requires_grad, device=where)


def empty_like(other: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """:func:`empty` of the shape and dtype of ``other``."""
    own = check_tensor("empty_like", other).dtype
    wanted = own if dtype is None else dtype
    return empty(other.shape, dtype=wanted, requires_grad=requires_grad, device=other.device)


def zeros_like(other: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of the shape and dtype of ``other``."""
    return full_like(check_tensor("zeros_like", other), 0, dtype=dtype, requires_grad=requires_grad)


def ones_like(other: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of the shape and dtype of ``other``."""
    return full_like(check_tensor("ones_like", other), 1, dtype=dtype, requires_grad=requires_grad)


def eye(
    n: int, m: int | None = None, *, dtype: Any = None, requires_grad: bool = False, device: str | None = None
) -> Tensor:
    """An (n, m) tensor, (n, n) without ``m``, with ones on the diagonal and zeros elsewhere.

    >>> eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    rows, columns = size_of("eye", (n, n if m is None else m))
    found = dtypes.float32 if dtype is None else dtypes.dtype(dtype)
    return new(np.eye(rows, columns, dtype=found), requires_grad, device)


def arange(
    start: float,
    end: float | None = None,
    step: float = 1,
    *,
    dtype: Any = None,
    requires_grad: bool = False,
    device: str | None = None,
) -> Tensor:
    """Numbers from ``start`` (0 if only one bound is given) up to but not including ``end``, ``step`` apart.

    int64 if every argument is an int, else float32. Raises TypeError for anything but a number, ValueError for one
    that is not finite, a step of 0 or away from ``end``, OverflowError for numbers that the dtype cannot hold.

    >>> arange(3), arange(1.0, 2.0, 0.5)
    (tensor([0, 1, 2]), tensor([1.0000, 1.5000]))
    """
    first, last = (0, start) if end is None else (start, end)
    first, last, step = (_finite("arange", value) for value in (first, last, step))
    if step == 0 or (last - first) / step < 0:
        raise ValueError(f"arange: cannot go from {first} to {last} in steps of {step}")
    own = dtypes.of_number(first + last + step)
    found = own if dtype is None else dtypes.dtype(dtype)
    count = math.ceil((last - first) / step)
    for each in (own, found) if count else ():
        dtypes.check_fits("arange", each, first, first + (count - 1) * step)
    return new(_cast(first + np.arange(count) * step, found), requires_grad, device)


def linspace(
    start: float,
    end: float,
    steps: int,
    *,
    dtype: Any = None,
    requires_grad: bool = False,
    device: str | None = None,
) -> Tensor:
    """``steps`` numbers from ``start`` to ``end``, both included, at equal distances.

    Raises TypeError for anything but a number, ValueError for one that is not finite, OverflowError for one that
    the dtype cannot hold.

    >>> linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    (count,) = size_of("linspace", (steps,))
    first, last = _finite("linspace", start), _finite("linspace", end)
    found = dtypes.float32 if dtype is None else dtypes.dtype(dtype)
    dtypes.check_fits("linspace", found, first, last)
    return new(_cast(np.linspace(first, last, count), found), requires_grad, device)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Classes as rows of one 1 and zeros, ``(...) -> (..., num_classes)``, int64 as in PyTorch.

    Without ``num_classes`` there are as many as the largest class needs. Raises TypeError for classes of another
    dtype than integers, ValueError for a class below 0 or too large, or for none at all to count. On a device the
    classes are only looked at where they must be counted; one that does not exist is a row of zeros there.

    >>> from minigrad.nn import functional as F
    >>> F.one_hot(arange(3))
    tensor([[1, 0, 0],
            [0, 1, 0],
            [0, 0, 1]])
    """
    if check_tensor("one_hot", tensor).dtype.kind not in "iu":
        raise TypeError(f"one_hot: classes are integers, these are {tensor.dtype}: use tensor.long()")
    wanted = integer("one_hot", num_classes)
    if wanted >= 1 and not kernels.is_seen(tensor.array):  # to look would mean to wait: a wrong class has no 1
        rows: Tensor = tensor.unsqueeze(-1) == arange(wanted, device=tensor.device)
        return rows.long()
    classes = tensor.numpy(force=True)
    low, high = (classes.min(), classes.max()) if classes.size else (0, -1)
    count = int(high) + 1 if wanted == -1 else wanted
    if count < 1 and not (wanted == 0 and not tensor.numel()):
        raise ValueError(
            f"one_hot: num_classes {wanted} for a tensor of shape {tensor.shape}: name at least one class"
        )
    if low < 0 or high >= count:
        raise ValueError(f"one_hot: the classes must be from 0 to {count - 1}, these are from {low} to {high}")
    out = np.zeros((*classes.shape, count), np.int64)
    out.reshape(classes.size, count)[np.arange(classes.size), classes.ravel()] = 1
    return new(out, False, tensor.device)


# -- arguments ------------------------------------------------------------------------------------------------


def size_of(name: str, size: tuple[Any, ...]) -> tuple[int, ...]:
    """The sizes of a new tensor, none of them negative."""
    found = sizes(name, size)
    if min(found, default=0) < 0:
        raise ValueError(f"{name}: sizes must not be negative, got {found}")
    return found


def _number(name: str, value: Any) -> float:
    """``value`` as a number of Python."""
    number = value.item() if isinstance(value, np.generic | Tensor) and not value.ndim else value
    if not isinstance(number, (bool, int, float)):
        raise TypeError(f"{name}() expects a number, got {value!r}")
    return number


def _finite(name: str, value: Any) -> float:
    number = _number(name, value)
    if isinstance(number, float) and not math.isfinite(number):
        raise ValueError(f"{name}: the numbers must be finite, got {number}")
    return number


def _cast(array: Array, dtype: dtypes.DType) -> Array:
    with np.errstate(all="ignore"):  # what float32 cannot hold becomes Inf
        return array.astype(dtype)
