"""Graph -> a smaller graph that says the same: modules closed, equal blocks in a row drawn once, long runs as one.

Nothing is lost: the graph that was collected stays whole, and a picture with other folds can be drawn from it.
What was folded is said in the picture's notes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minigrad.viz import text
from minigrad.viz.repeats import OPERATIONS, fold_repeats, path_of, renumber
from minigrad.viz.schema import Edge, Graph, Node


def fold(graph: Graph, *, depth: int | None, repeats: bool, max_nodes: int) -> Graph:
    """The graph as it is drawn.

    Args:
        graph: what was collected.
        depth: modules inside so many others are closed; None closes none.
        repeats: draw only the first of three or more equal modules, or groups of modules, in a row.
        max_nodes: a graph that still has more nodes is folded until it has not: equal operations in a row,
            then modules from the inside, then whatever was recorded one after the other. Without ``repeats``
            modules are first, so that each call is drawn.
    """
    notes = []
    if depth is not None:
        graph = _close(graph, depth)
    if repeats and (smaller := fold_repeats(graph, with_operations=False)) is not graph:
        graph = smaller
        notes.append("× n: so many equal blocks in a row, of which the first is shown; fold=False draws them all")
    if len(graph.nodes) > max_nodes:
        before, graph = graph, _fit(graph, max_nodes, repeats)
        notes.append(
            f"folded from {len(before.nodes):,} nodes to {len(graph.nodes):,}; "
            f"max_nodes={len(before.nodes)} draws them all"
        )
    return replace(graph, notes=(*graph.notes, *notes))


def _fit(graph: Graph, max_nodes: int, repeats: bool) -> Graph:
    deepest = max((len(_modules(graph, cluster.id)) for cluster in graph.clusters), default=0)
    if repeats:
        graph = fold_repeats(graph, with_operations=True)
    for depth in reversed(range(deepest)):
        if len(graph.nodes) <= max_nodes:
            return graph
        graph = _close(graph, depth)
        if repeats:
            graph = fold_repeats(graph, with_operations=True)
    if len(graph.nodes) > max_nodes:
        graph = fold_repeats(graph, with_operations=True)
    if len(graph.nodes) > max_nodes:
        graph = _chop(graph, max(max_nodes // 3, 1))
    return graph


# -- several operations as one node --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part:
    """Operations that become one node."""

    members: list[int]
    title: str
    name: str
    cluster: int | None


def _close(graph: Graph, depth: int) -> Graph:
    """Draw each module that is inside ``depth`` others as one node."""
    closed = [next(iter(_modules(graph, cluster.id)[depth:]), None) for cluster in graph.clusters]
    members: dict[int, list[int]] = {}
    for node in graph.nodes:
        outer = None if node.cluster is None else closed[node.cluster]
        if outer is not None and node.kind in OPERATIONS:
            members.setdefault(outer, []).append(node.id)
    frames = [graph.clusters[i] for i in members]
    parts = [_Part(members[f.id], f.type, _counted(f.name, f.count), f.parent) for f in frames]
    return _merge(graph, parts) if parts else graph


def _modules(graph: Graph, cluster: int | None) -> list[int]:
    """The same without stages, which do not count as depth, and frames around repetitions."""
    return [part for part in path_of(graph, cluster) if graph.clusters[part].type]


def _chop(graph: Graph, most: int) -> Graph:
    """Operations one after the other as ``most`` nodes, for want of any structure."""
    ids = [node.id for node in graph.nodes if node.kind in OPERATIONS]
    size = -(-len(ids) // most)
    chunks = [ids[start : start + size] for start in range(0, len(ids), size)]
    parts = [_Part(chunk, "Operations", "", None) for chunk in chunks if len(chunk) > 1]
    return _merge(graph, parts)


def _merge(graph: Graph, parts: Iterable[_Part]) -> Graph:
    """Put one node in the place of each part; leaves that it alone uses go into it."""
    home = list(range(len(graph.nodes)))  # the node that stands for each node
    for part in parts:
        for member in part.members:
            home[member] = part.members[-1]
    users: dict[int, set[int]] = {}
    leaving: set[int] = {node.id for node in graph.nodes if node.is_result}
    for edge in graph.edges:
        users.setdefault(edge.source, set()).add(home[edge.target])
        if home[edge.source] != home[edge.target]:
            leaving.add(edge.source)
    merged = {}
    own = {part.members[-1]: part for part in parts}
    inside: dict[int, list[Node]] = {}
    for node in graph.nodes:
        using = users.get(node.id, set())
        if node.kind not in OPERATIONS and len(using) == 1 and (target := next(iter(using))) in own:
            home[node.id] = target
            inside.setdefault(target, []).append(node)
    for key, part in own.items():
        merged[key] = _group([graph.nodes[i] for i in part.members], inside.get(key, []), part, leaving)
    nodes = [merged.get(node.id, node) for node in graph.nodes if home[node.id] == node.id]
    edges = [
        replace(edge, source=home[edge.source], target=home[edge.target], **_bare(edge, home))
        for edge in graph.edges
        if home[edge.source] != home[edge.target]
    ]
    return renumber(graph, nodes, edges)


def _bare(edge: Edge, home: Sequence[int]) -> dict[str, Any]:
    """An edge into a group says nothing of the operation that it goes to."""
    is_inside = home[edge.target] != edge.target
    return {"input": "", "symbol": "", "derivative": "", "slope": None} if is_inside else {}


def _group(members: list[Node], leaves: list[Node], part: _Part, leaving: set[int]) -> Node:
    out = next((node for node in reversed(members) if node.id in leaving), members[-1])
    count = sum(node.count for node in members)
    numbers = sum(int(np.prod(leaf.shape)) for leaf in leaves if leaf.kind == "parameter")
    note = text.plural(count, "operation") + (f", {text.plural(numbers, 'parameter')}" if numbers else "")
    seconds = [node.seconds for node in members if node.seconds is not None]
    return replace(
        out, id=members[-1].id, kind="group", name=part.name, cluster=part.cluster, title=part.title, type="",
        is_result=any(node.is_result for node in members), note=note, formula="", words=(), settings=(), kept=(),
        bytes=sum(node.bytes for node in members), flops=sum(node.flops for node in members),
        seconds=sum(seconds) if seconds else None, line=None, count=count,
        is_recorded=any(node.is_recorded for node in members),
        mark="failed" if any(node.mark == "failed" for node in members) else out.mark,
    )  # fmt: skip


def _counted(name: str, count: int) -> str:
    return f"{name}  × {count:,}" if count > 1 else name
