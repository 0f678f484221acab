"""Weights in a file: named tensors in the safetensors format, which PyTorch and others read and write too.

https://github.com/huggingface/safetensors: a short JSON header and the raw numbers, so that reading a file that
somebody sent runs no code of theirs, unlike a pickle.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from minigrad import dtypes
from minigrad.creation import from_numpy
from minigrad.tensor import Tensor

_DTYPES = {
    "F32": dtypes.float32,
    "F64": dtypes.float64,
    "I8": dtypes.int8,
    "I16": dtypes.int16,
    "I32": dtypes.int32,
    "I64": dtypes.int64,
    "U8": dtypes.uint8,
    "BOOL": dtypes.bool_,
}


class WeightFileError(ValueError):
    """A weight file that cannot be read or written. The message is one line with its path and the cause."""


def save(state: Mapping[str, Tensor], path: str | os.PathLike[str]) -> None:
    """Write named tensors, such as a ``state_dict()``, to a safetensors file.

    The file appears under its name only when it is whole; until then an older one stays.

    Raises:
        TypeError: something in ``state`` is not a tensor with a name.
        WeightFileError: the file cannot be written.
    """
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise TypeError(f"save() expects tensors by name, {name!r} is a {type(value).__name__}")
    path = Path(path)
    data = safetensors.numpy.save({name: np.asarray(t.array, order="C") for name, t in state.items()})
    unfinished = path.parent / f".{path.name}.{secrets.token_hex(4)}"  # the same folder: replace() is atomic
    try:
        try:
            unfinished.write_bytes(data)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        raise WeightFileError(f"cannot write weights to {path}: {_cause(error)}") from error


def load(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The named tensors in a safetensors file, each in memory of its own.

    Raises:
        WeightFileError: the file is missing, is not a safetensors file, is cut off or damaged, is too large, or
            holds a dtype that minigrad does not have, such as bfloat16.

    >>> import minigrad as mg, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     mg.save({"b": mg.tensor([1.0, 2.0])}, f"{folder}/w.safetensors")
    ...     mg.load(f"{folder}/w.safetensors")
    {'b': tensor([1., 2.])}
    """
    path = Path(path)
    try:
        found = safetensors.deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise WeightFileError(f"{path} is no safetensors file, or a damaged one: {error}") from error
    except (OSError, ValueError, MemoryError) as error:
        raise WeightFileError(f"cannot read weights from {path}: {_cause(error)}") from error
    return {name: _tensor(path, name, entry) for name, entry in found}


def _cause(error: Exception) -> str:
    """In words: the system's for a file, Python's for a path that names none, such as one with a NUL byte."""
    if isinstance(error, MemoryError):
        return "it does not fit into memory"
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _tensor(path: Path, name: str, entry: dict[str, Any]) -> Tensor:
    found = _DTYPES.get(entry["dtype"])
    if found is None:
        raise WeightFileError(
            f"{path}: {name!r} has dtype {entry['dtype']}, which minigrad does not have: "
            "save it as float32 where it was made"
        )
    stored = found.newbyteorder("<")  # on every machine
    try:
        return from_numpy(np.frombuffer(entry["data"], stored).reshape(entry["shape"]).astype(found))
    except (ValueError, MemoryError) as error:  # beside a size of 0, the format allows any other
        shape = tuple(entry["shape"])
        raise WeightFileError(f"{path}: {name!r} has shape {shape}, too large: {_cause(error)}") from error
