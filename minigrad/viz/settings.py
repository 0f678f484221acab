"""What an operation was given besides arrays, as text: the key of ``x[0, ::2]``, ``dim=1``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from minigrad.graph import Op, tensor_class
from minigrad.viz.schema import Words

#: Settings that say what is written beside the output's name anyway: its shape, its dtype.
_REPEATED = {"shape", "new_shape", "to_shape", "x_shape", "dtype", "to"}

#: Settings that say how it is computed and not what, and the numbers that a draw of lots begins with.
_INNER = {"key", "kernel", "layout", "sorted", "views"}

#: What vars() of a node has besides settings; a reshape has the shape of its output as both.
_OF_NODES = set(dir(Op)) - {"shape"}


def settings(op: Op, ndim: int, shape: tuple[int, ...] | None = None) -> tuple[Words, Words]:
    """Those that the formula has a word for, and the others, without what is off and what is meant anyway.

    ``ndim`` is that of the first input: dims that are all of them are meant anyway. ``shape`` is that of the
    output, which an operation that was not recorded does not know.
    """
    own = {name: value for name, value in vars(op).items() if name not in _OF_NODES and name[0] != "_"}
    if shape is not None:
        own.setdefault("shape", shape)
    if parts := getattr(op, "parts", ""):
        own["parts"] = parts
    if not own:
        return (), ()
    formula = op.formula
    spoken = words_of(formula)
    meant = ("dims", tuple(range(ndim))), ("groups", 1), ("together", 1)  # nobody writes these out
    in_formula, others = [], []
    for name, value in own.items():
        if isinstance(value, np.ndarray):
            continue
        if name in spoken:
            in_formula.append((name, _in_formula(name, value)))
        elif (
            value is not False
            and value is not None
            and name not in _REPEATED | _INNER
            and (name, value) not in meant
        ):
            others.append((name, _text(value)))
    return tuple(in_formula), tuple(others)


@cache
def words_of(formula: str) -> set[str]:
    """The words in a formula that may stand for something."""
    return set(re.findall(r"\w+", formula)) - {"dtype"}


def without(formula: str, inputs: Sequence[str]) -> str:
    """A formula without what it adds, or multiplies first, where these inputs were left out.

    >>> without("z = x W^T + b", ["b"]), without("y = w (x - mean x) + b", ["w", "b"])
    ('z = x W^T', 'y = (x - mean x)')
    """
    for name in inputs:
        formula = re.sub(rf"\b{name}(\[\w+\])? \+ | \+ {name}\b(\[\w+\])?|\b{name} (?=\()", "", formula)
    return formula


def _in_formula(name: str, value: Any) -> str:
    if name == "key" and isinstance(value, tuple) and value:  # x[(1, 2)] is x[1, 2]
        return ", ".join(map(_text, value))
    return _text(int(value) if isinstance(value, bool) else value)  # x^True is x^1


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}" if value.ndim else str(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(_text, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, slice):
        parts = ["" if part is None else _text(part) for part in (value.start, value.stop, value.step)]
        return ":".join(parts if value.step is not None else parts[:2])
    if isinstance(value, tensor_class):  # as a bound of a slice
        return _text(value.array)
    if isinstance(value, float):
        return f"{value:g}"
    return "..." if value is ... else str(value)
