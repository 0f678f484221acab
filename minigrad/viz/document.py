"""Graph <-> JSON. The fields are those of ``schema.py``, by the same names; ``docs/graph-json.md`` describes them.

The same graph gives the same bytes in every process. A field that has its usual value is left out, and JSON has no
word for NaN and infinity, so these are the strings "NaN", "Infinity" and "-Infinity".
"""

from __future__ import annotations

import json
import math
import types
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from minigrad.viz.schema import Graph

FORMAT = "minigrad graph"
VERSION = 1  # goes up when a reader of the old documents could no longer read the new ones

#: One NaN for all, since NaN is equal to itself only as the same object.
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def write(graph: Graph) -> str:
    """The document of a graph, one node, edge or cluster a line."""
    head = {"format": FORMAT, "version": VERSION, "title": graph.title, "notes": list(graph.notes)}
    lines = [f"{_text(name)}: {_text(value)}" for name, value in head.items()]
    for name in ("clusters", "nodes", "edges"):
        parts = ",\n    ".join(_text(plain(part)) for part in getattr(graph, name))
        lines.append(f"{_text(name)}: [\n    {parts}\n  ]" if parts else f"{_text(name)}: []")
    return "{\n  " + ",\n  ".join(lines) + "\n}\n"


def read(text: str | bytes) -> Graph:
    """The graph of a document, equal to the one that was written.

    Raises ValueError for anything else: no JSON, another format or version, a field that is missing, unknown or
    of another type, or a reference to a node that is not there.
    """
    try:
        document = json.loads(text, parse_constant=_refuse)
    except ValueError as error:
        raise ValueError(f"this is no JSON document: {error}") from None
    if not isinstance(document, dict) or document.pop("format", None) != FORMAT:
        raise ValueError(f'this is no graph of minigrad: it does not say "format": "{FORMAT}"')
    version = document.pop("version", None)
    if version != VERSION:
        raise ValueError(f"this document has version {version!r}, and this minigrad reads version {VERSION}")
    graph: Graph = _read(Graph, document, "the document")
    _check_references(graph)
    return graph


# -- writing -------------------------------------------------------------------------------------------------


def _text(value: Any) -> str:
    return json.dumps(value, allow_nan=False)  # ASCII: half of a surrogate pair in a name is no UTF-8


def plain(value: Any) -> Any:
    """Dataclasses as dicts, without the fields that have their default; numbers that JSON cannot write as text."""
    if is_dataclass(value):
        shown = ((name, default, getattr(value, name)) for name, _, default in _fields(value.__class__))
        return {name: plain(part) for name, default, part in shown if part is MISSING or part != default}
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return next(word for word, number in _NOT_FINITE.items() if number is value or number == value)
    return value


@cache
def _fields(cls: type) -> tuple[tuple[str, Any, Any], ...]:
    """The name, the type and the default of each field."""
    hints = get_type_hints(cls)
    return tuple((field.name, hints[field.name], field.default) for field in fields(cls))


# -- reading -------------------------------------------------------------------------------------------------


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _read(wanted: Any, value: Any, where: str) -> Any:
    """``value`` as the type that the schema gives, or ValueError."""
    origin, parts = get_origin(wanted), get_args(wanted)
    if origin is types.UnionType:  # X | None
        return None if value is None else _read(parts[0], value, where)
    if is_dataclass(wanted):
        return _read_object(wanted, value, where)
    if origin is tuple:
        return _read_list(parts, value, where)
    if origin is Literal:
        is_right = isinstance(value, str) and value in parts
    elif wanted is float:
        value = _NOT_FINITE.get(value, value) if isinstance(value, str) else value
        is_right = isinstance(value, (int, float)) and not isinstance(value, bool)
    else:
        is_right = type(value) is wanted
    if not is_right:
        raise ValueError(f"{where} cannot be {value!r:.40}")
    return value


def _read_list(parts: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{where} must be a list, not {value!r:.40}")
    if parts[-1] is ...:
        return tuple([_read(parts[0], part, f"{where}[{i}]") for i, part in enumerate(value)])
    if len(value) != len(parts):
        raise ValueError(f"{where} must have {len(parts)} entries, not {len(value)}")
    return tuple([_read(part, entry, where) for part, entry in zip(parts, value, strict=True)])


def _read_object(cls: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{where} must be an object, not {value!r:.40}")
    known = {name: (hint, default) for name, hint, default in _fields(cls)}
    for name in value:
        if name not in known:
            raise ValueError(f"{where} has a field {name!r:.40}, which version {VERSION} does not have")
    for name, (_, default) in known.items():
        if default is MISSING and name not in value:
            raise ValueError(f"{where} has no field {name!r}")
    return cls(**{name: _read(known[name][0], part, f"{where}, {name}") for name, part in value.items()})


def _check_references(graph: Graph) -> None:
    ids = {"node": [node.id for node in graph.nodes], "cluster": [cluster.id for cluster in graph.clusters]}
    for kind, found in ids.items():
        if found != list(range(len(found))):
            raise ValueError(f"the {kind}s must be numbered from 0, in their order")
    nodes, clusters = range(len(graph.nodes)), range(len(graph.clusters))
    ends = [end for edge in graph.edges for end in (edge.source, edge.target)]
    ends += [kept.source for node in graph.nodes for kept in node.kept]
    for end in ends:
        if end not in nodes:
            raise ValueError(f"there is no node {end}")
    frames = [node.cluster for node in graph.nodes] + [cluster.parent for cluster in graph.clusters]
    for frame in frames:
        if frame is not None and frame not in clusters:
            raise ValueError(f"there is no cluster {frame}")
    for cluster in graph.clusters:
        if cluster.parent is not None and cluster.parent >= cluster.id:
            raise ValueError(f"cluster {cluster.id} comes before the one that it is in, {cluster.parent}")
