"""Nested state as a file of named tensors can hold it: the tensors by dotted names, and all around them as JSON.

JSON has no tuples, no tensors and only strings as keys, so whatever it lacks is an object with one entry that says
what it is: ``{"tensor": name}``, ``{"tuple": [...]}``, ``{"dict": [[key, value], ...]}``. Numbers come back
exactly: Python writes as many digits as a float needs, and ints of any size.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from minigrad.mistakes import described
from minigrad.tensor import Tensor

Tensors = dict[str, Tensor]


def take_apart(state: Mapping[Any, Any]) -> tuple[Tensors, str]:
    """The tensors in a nested state by name, and the rest as JSON.

    Raises TypeError for anything but dicts, lists, tuples, numbers, strings, None and tensors, or for a state that
    contains itself.

    >>> import minigrad as mg
    >>> take_apart({"net": {"w": mg.ones(2)}, "epoch": 3})
    ({'net.w': tensor([1., 1.])}, '{"dict": [["net", {"dict": [["w", {"tensor": "net.w"}]]}], ["epoch", 3]]}')
    """
    tensors: Tensors = {}
    try:
        return tensors, json.dumps(_apart(state, (), tensors))
    except RecursionError:
        raise TypeError("save(): the state contains itself, or is nested too deeply") from None


def _apart(value: Any, path: tuple[Any, ...], tensors: Tensors) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Tensor):
        name = _unused(".".join(map(str, path)), tensors)
        tensors[name] = value
        return {"tensor": name}
    if isinstance(value, (list, tuple)):
        parts = [_apart(part, (*path, i), tensors) for i, part in enumerate(value)]
        return parts if isinstance(value, list) else {"tuple": parts}
    if isinstance(value, Mapping):
        return {"dict": [[_key(key, path), _apart(part, (*path, key), tensors)] for key, part in value.items()]}
    hint = ": use mg.from_numpy()" if isinstance(value, np.ndarray) else ""
    raise TypeError(f"save() cannot write {_at(path)}, {described(value)}{hint}")


def _key(key: Any, path: tuple[Any, ...]) -> Any:
    if key is not None and not isinstance(key, (bool, int, float, str)):
        raise TypeError(f"save() cannot write {_at((*path, key))}: a key is a number or a string")
    return key


def _unused(name: str, tensors: Tensors) -> str:
    """``name``, or where another tensor has it, since a key has a dot in it, the first with a number behind."""
    found, number = name, 1
    while found in tensors or found == "__metadata__":  # which the format keeps for itself
        found, number = f"{name}.{number}", number + 1
    return found


def put_together(text: str, tensors: Tensors) -> dict[Any, Any]:
    """The state that :func:`take_apart` took apart. Raises ValueError for JSON that it did not write."""
    try:
        state = _together(json.loads(text), tensors)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None
    if not isinstance(state, dict):
        raise ValueError(f"a state is a dict, not {described(state)}")
    return state


def _together(value: Any, tensors: Tensors) -> Any:
    if isinstance(value, list):
        return [_together(part, tensors) for part in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "tuple":
        return tuple(_together(part, tensors) for part in content)
    if kind == "dict":
        return {key: _together(part, tensors) for key, part in content}
    raise ValueError(f"there is no kind {kind!r}")


def _at(path: tuple[Any, ...]) -> str:
    return "state" + "".join(f"[{key!r}]" for key in path)
