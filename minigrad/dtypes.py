"""The dtypes, and which one results when two meet (PyTorch's rules)."""

from __future__ import annotations

from typing import Any

import numpy as np

DType = np.dtype[Any]

float32: DType = np.dtype(np.float32)
float64: DType = np.dtype(np.float64)
int8: DType = np.dtype(np.int8)
int16: DType = np.dtype(np.int16)
int32: DType = np.dtype(np.int32)
int64: DType = np.dtype(np.int64)
uint8: DType = np.dtype(np.uint8)
bool_: DType = np.dtype(np.bool_)

ALL = (float32, float64, int64, int32, int16, int8, uint8, bool_)
FLOATS = (float32, float64)
RANK = {"b": 0, "i": 1, "u": 1, "f": 2}  # of a kind: bool < integer < float


def dtype(what: Any) -> DType:
    """The dtype that ``what`` means: one of minigrad's, its name, or Python's ``float``, ``int``, ``bool``.

    >>> dtype("float64"), dtype(float), dtype(int)
    (dtype('float64'), dtype('float32'), dtype('int64'))
    """
    if what is float:
        return float32
    if what is None:
        raise TypeError("None is not a dtype")
    try:
        return ALL[ALL.index(np.dtype(what))]
    except (TypeError, ValueError):
        names = ", ".join(d.name for d in ALL)
        hint = ". For a tensor of a certain shape, use mg.empty(2, 3)" if isinstance(what, int) else ""
        raise TypeError(f"{what!r} is not a dtype of minigrad: use one of {names}{hint}") from None


def of_number(value: float) -> DType:
    """The dtype that a number, of Python or NumPy, has on its own."""
    if isinstance(value, (bool, np.bool_)):
        return bool_
    return int64 if isinstance(value, (int, np.integer)) else float32


def promote_types(x: DType, y: DType) -> DType:
    """The smallest dtype that holds both; a float beside an integer keeps its own size.

    >>> promote_types(float32, int64), promote_types(int8, uint8), promote_types(float32, float64)
    (dtype('float32'), dtype('int16'), dtype('float64'))
    """
    if x == y:
        return x
    if RANK[x.kind] != RANK[y.kind]:
        return x if RANK[x.kind] > RANK[y.kind] else y
    return dtype(np.promote_types(x, y))


def yields_to(x: DType, y: DType) -> bool:
    """Whether a number or 0-d tensor of dtype ``x`` takes on the dtype ``y`` of the array beside it."""
    return RANK[x.kind] <= RANK[y.kind]


def check_fits(name: str, dtype: DType, *values: float) -> None:
    """Raise OverflowError for numbers that an integer dtype would wrap around, or bool take for True."""
    if dtype.kind == "f":
        return
    low, high = (0, 1) if dtype == bool_ else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    for value in values:
        if not low <= value <= high:  # written so that NaN is refused too
            raise OverflowError(f"{name}: the number {value} does not fit into {dtype}")
