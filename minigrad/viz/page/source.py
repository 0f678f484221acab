"""The Python source of operations, as it stands in minigrad or in the user's program."""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Iterable
from typing import Any

from minigrad.graph import Op


def sources(types: Iterable[str]) -> dict[str, dict[str, str]]:
    """For each class of operations, by its full name: its file, and its ``forward`` and ``backward``.

    A class is left out if it is not in this process, as one in a document from elsewhere, or has no source to
    read, as one that was typed into a prompt.

    >>> sources(["minigrad.ops.arithmetic.Neg"])["minigrad.ops.arithmetic.Neg"]["file"]
    'minigrad/ops/arithmetic.py'
    """
    found = {}
    for name in sorted(types):
        cls = _class(name)
        if cls is None:
            continue
        try:
            rules = {
                rule: textwrap.dedent(inspect.getsource(getattr(cls, rule))) for rule in ("forward", "backward")
            }
        except (OSError, TypeError):
            continue
        found[name] = {"file": cls.__module__.replace(".", "/") + ".py", **rules}
    return found


def _class(name: str) -> type[Op] | None:
    """The operation of that name, from the modules that are loaded: a document must not make us import one."""
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        thing: Any = sys.modules.get(".".join(parts[:end]))
        if thing is None:
            continue
        for part in parts[end:]:
            thing = vars(thing).get(part) if hasattr(thing, "__dict__") else None
        return thing if inspect.isclass(thing) and issubclass(thing, Op) else None
    return None
