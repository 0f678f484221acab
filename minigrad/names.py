"""What the user calls values, for pictures: ``x.named("x")``."""

from __future__ import annotations

import weakref
from typing import Any, TypeVar

T = TypeVar("T")

#: Names by the id of the node that made the value, or of a leaf itself: neither holds it, and neither is held. A
#: dictionary with weak keys would compare tensors, and tensors compare element by element.
_given: dict[int, tuple[weakref.ref[Any], str]] = {}


def named(tensor: T, name: str) -> T:
    """Call this value ``name`` in pictures, and return the tensor itself.

    Raises TypeError for a name that is not a string.

    >>> import minigrad as mg
    >>> x = mg.tensor(3.0, requires_grad=True).named("x")
    >>> mg.draw((x * x).named("square"))
    <Drawing of square: 2 nodes, 2 edges>
    """
    if not isinstance(name, str):
        raise TypeError(f"named() expects a str, got {name!r}")
    thing: Any = getattr(tensor, "grad_fn", None) or tensor
    key = id(thing)
    _given[key] = weakref.ref(thing, lambda _: _given.pop(key, None)), name
    return tensor


def name_of(thing: Any) -> str:
    """What the value of a node, or a leaf, was called; "" if it was not."""
    reference, name = _given.get(id(thing), (None, ""))
    return name if reference is not None and reference() is thing else ""
