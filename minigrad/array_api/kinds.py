"""Dtypes: converting, asking, and what results where two meet."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.dtypes import bool_ as bool
from minigrad.dtypes import float32, float64, int8, int16, int32, int64, uint8
from minigrad.tensor import Tensor

__all__ = ["__array_namespace_info__", "astype", "bool", "can_cast", "finfo", "float32", "float64"]
__all__ += ["iinfo", "int8", "int16", "int32", "int64", "isdtype", "result_type", "uint8"]

KINDS = {
    "bool": (bool,),
    "signed integer": (int8, int16, int32, int64),
    "unsigned integer": (uint8,),
    "integral": (int8, int16, int32, int64, uint8),
    "real floating": (float32, float64),
    "complex floating": (),
    "numeric": (int8, int16, int32, int64, uint8, float32, float64),
}


def astype(x: Tensor, dtype: Any, /, *, copy: builtins.bool = True, device: str | None = None) -> Tensor:
    """The elements as another dtype; a copy also where that is their own, unless ``copy`` is False."""
    return x.to(dtype=dtype, device=device, copy=copy)


def result_type(*arrays_and_dtypes: Any) -> dtypes.DType:
    """The dtype that results where tensors and dtypes meet."""
    first, *others = [dtypes.dtype(getattr(each, "dtype", each)) for each in arrays_and_dtypes]
    for other in others:
        first = dtypes.promote_types(first, other)
    return first


def can_cast(from_: Any, to: Any, /) -> builtins.bool:
    """Whether a tensor or dtype becomes ``to`` where the two meet."""
    return result_type(from_, to) == dtypes.dtype(to)


def isdtype(dtype: dtypes.DType, kind: Any) -> builtins.bool:
    """Whether a dtype is ``kind``: a dtype, the name of a kind such as ``"integral"``, or one of several."""
    if isinstance(kind, tuple):
        return any(isdtype(dtype, each) for each in kind)
    return dtype in KINDS[kind] if kind in KINDS else dtype == dtypes.dtype(kind)


def finfo(type: Any, /) -> np.finfo[Any]:
    """The limits of a float dtype, or of a tensor's."""
    return np.finfo(result_type(type))


def iinfo(type: Any, /) -> np.iinfo[Any]:
    """The limits of an integer dtype, or of a tensor's."""
    return np.iinfo(result_type(type))


class Info:
    """What this namespace has, for programs that ask."""

    def capabilities(self) -> dict[str, Any]:
        """Masks index, sizes may depend on values, and NumPy's limit of dimensions holds."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> str:
        """Where tensors are made."""
        return "cpu"

    def devices(self) -> list[str]:
        """Where tensors can be."""
        return ["cpu"]

    def default_dtypes(self, *, device: str | None = None) -> dict[str, dtypes.DType]:
        """The dtypes of tensors made without one."""
        return {"real floating": float32, "integral": int64, "indexing": int64}

    def dtypes(self, *, device: str | None = None, kind: Any = None) -> dict[str, dtypes.DType]:
        """The dtypes by name, all or those of a kind."""
        return {d.name: d for d in dtypes.ALL if kind is None or isdtype(d, kind)}


def __array_namespace_info__() -> Info:
    """What this namespace has."""
    return Info()
