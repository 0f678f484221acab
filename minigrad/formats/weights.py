"""Weights and checkpoints in a file: the safetensors format, which PyTorch and others read and write too.

https://github.com/huggingface/safetensors: a short JSON header and the raw numbers, so that reading a file that
somebody sent runs no code of theirs, unlike a pickle. What is not a tensor in a checkpoint stands in the header
too, under ``"minigrad"`` (``structure.py``), so that other programs read its tensors by name all the same.
"""

from __future__ import annotations

import json
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
from minigrad.formats.structure import put_together, take_apart
from minigrad.kernels import moved
from minigrad.mistakes import described
from minigrad.tensor import Tensor

_STRUCTURE = "minigrad"

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


def save(state: Mapping[Any, Any], path: str | os.PathLike[str]) -> None:
    """Write named tensors, such as a ``state_dict()``, or a whole checkpoint, to a safetensors file.

    A checkpoint is a dict of dicts, lists, tuples, numbers, strings, None and tensors. All come back exactly; a
    tensor that occurs twice comes back as two. The file appears under its name only when it is whole and on the
    disk; until then an older one stays. A process that is killed may leave a hidden unfinished file beside it.

    Raises:
        TypeError: something in ``state`` is none of these.
        WeightFileError: the file cannot be written.

    >>> import minigrad as mg, tempfile
    >>> model = mg.nn.Linear(2, 1)
    >>> optimizer = mg.optim.Adam(model.parameters())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}
    ...     mg.save(state | {"random": mg.get_rng_state()}, f"{folder}/run.safetensors")
    ...     state = mg.load(f"{folder}/run.safetensors")
    >>> optimizer.load_state_dict(state["optimizer"])
    >>> mg.set_rng_state(state["random"])
    >>> model.load_state_dict(state["model"]), state["epoch"]
    (<All keys matched successfully>, 3)
    """
    if not isinstance(state, Mapping):
        raise TypeError(f"save() expects a dict, got {described(state)}")
    tensors, structure = take_apart(state)
    is_plain = tensors.keys() == state.keys()
    data = safetensors.numpy.save(
        {name: np.asarray(moved(t.array, "cpu"), order="C") for name, t in tensors.items()},
        metadata=None if is_plain else {_STRUCTURE: structure},
    )
    path = Path(path)
    unfinished = path.parent / f".{path.name}.{secrets.token_hex(4)}"  # the same folder: replace() is atomic
    try:
        try:
            with unfinished.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())  # or after a power cut the new name may stand before an empty file
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        raise WeightFileError(f"cannot write weights to {path}: {_cause(error)}") from error


def load(path: str | os.PathLike[str]) -> dict[Any, Any]:
    """The tensors in a safetensors file, each in memory of its own, or the checkpoint that was saved.

    The tensors are in the order of their names; a checkpoint is in the order in which it was saved.

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
        data = path.read_bytes()
        found = safetensors.deserialize(data)  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise WeightFileError(f"{path} is not a safetensors file, or it is damaged: {error}") from error
    except (OSError, ValueError, MemoryError) as error:
        raise WeightFileError(f"cannot read weights from {path}: {_cause(error)}") from error
    found.sort(key=lambda named: named[0])  # they come in another order in each process
    tensors = {name: _tensor(path, name, entry) for name, entry in found}
    structure = _metadata(data).get(_STRUCTURE)
    if structure is None:
        return tensors
    try:
        return put_together(structure, tensors)
    except ValueError as error:
        raise WeightFileError(f"{path}: what its header says of the state is damaged: {error}") from error


def _metadata(data: bytes) -> dict[str, str]:
    """What stands in the header beside the tensors: eight bytes with its length come first, then JSON."""
    size = int.from_bytes(data[:8], "little")
    found: dict[str, str] = json.loads(data[8 : 8 + size]).get("__metadata__") or {}
    return found


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
