"""Two graphs -> one, with what is only in the first, only in the second, and different in both."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from difflib import SequenceMatcher

from minigrad.viz.schema import Cluster, Graph, Node
from minigrad.viz.text import unnumbered


def compare(before: Graph, after: Graph) -> Graph:
    """``after``, with marks on what is new or different, and with what is gone since ``before``.

    Operations are matched in the order they ran, by their names and the modules that they are in; parameters by
    their names. Numbers are not compared: they differ after every step of training.
    """
    same = _matches(before, after)
    was, now = _settings(before), _settings(after)
    nodes = []
    for node in after.nodes:
        if node.id in same:
            old = same[node.id]
            nodes.append(
                _marked(
                    before.nodes[old], node, (was[old] or "without settings") if was[old] != now[node.id] else ""
                )
            )
        else:
            nodes.append(replace(node, mark="added"))
    clusters, frames = _clusters(before, after, set(range(len(before.nodes))) - set(same.values()))
    home = {old: new for new, old in same.items()}
    for node in before.nodes:
        if node.id not in home:
            home[node.id] = len(nodes)
            frame = None if node.cluster is None else frames[node.cluster]
            nodes.append(replace(node, id=len(nodes), cluster=frame, mark="removed", kept=(), is_result=False))
    there = {(edge.source, edge.target, edge.input) for edge in after.edges}
    earlier = {(home[edge.source], home[edge.target], edge.input) for edge in before.edges}
    edges = [
        edge if (edge.source, edge.target, edge.input) in earlier else replace(edge, mark="added")
        for edge in after.edges
    ]
    for edge in before.edges:
        moved = replace(edge, source=home[edge.source], target=home[edge.target], slope=None)
        if (moved.source, moved.target, moved.input) not in there:
            edges.append(replace(moved, mark="removed"))
    return Graph(after.title, tuple(nodes), tuple(edges), tuple(clusters), (*after.notes, _count(nodes)))


def _matches(before: Graph, after: Graph) -> dict[int, int]:
    """The node before for each node after that was there."""
    matcher = SequenceMatcher(None, _keys(before), _keys(after), autojunk=False)
    return {block.b + i: block.a + i for block in matcher.get_matching_blocks() for i in range(block.size)}


def _keys(graph: Graph) -> list[Hashable]:
    return [
        (node.kind, node.title, node.name, _path(graph, node.cluster), node.title or unnumbered(node.symbol))
        for node in graph.nodes
    ]


def _path(graph: Graph, cluster: int | None) -> tuple[str, ...]:
    path: list[str] = []
    while cluster is not None:
        path.append(graph.clusters[cluster].name)
        cluster = graph.clusters[cluster].parent
    return tuple(reversed(path))


def _settings(graph: Graph) -> list[str]:
    """What each operation was given besides arrays; what the caller calls its inputs and output is no setting."""
    names = {(edge.target, edge.input) for edge in graph.edges}
    return [
        ", ".join(
            f"{word}={text}"
            for word, text in (*node.words, *node.settings)
            if (node.id, word) not in names and word != node.formula.split(" = ")[0]
        )
        for node in graph.nodes
    ]


def _marked(old: Node, new: Node, settings: str) -> Node:
    """The node, marked with what is different about it."""
    words = []
    if old.shape != new.shape:
        words.append(f"shape was {old.shape}")
    if old.dtype != new.dtype:
        words.append(f"dtype was {old.dtype}")
    if old.is_recorded != new.is_recorded:
        words.append("was recorded" if old.is_recorded else "was not recorded")
    if settings:
        words.append(f"was {settings}")
    if old.bytes != new.bytes and new.is_recorded == old.is_recorded:
        words.append(f"kept {old.bytes:,} B, keeps {new.bytes:,} B")
    return replace(new, mark="changed", note="; ".join(words)) if words else new


def _clusters(before: Graph, after: Graph, gone: set[int]) -> tuple[list[Cluster], dict[int, int]]:
    """The clusters after, with those that only removed nodes are in; and the new number of each one before."""
    found = list(after.clusters)
    known = {_path(after, cluster.id): cluster.id for cluster in after.clusters}
    needed = {node.cluster for node in before.nodes if node.id in gone}
    frames: dict[int, int] = {}
    for cluster in before.clusters:
        path = _path(before, cluster.id)
        within = any(path == _path(before, other)[: len(path)] for other in needed)
        if path not in known and within:
            known[path] = len(found)
            parent = None if cluster.parent is None else frames[cluster.parent]
            found.append(replace(cluster, id=len(found), parent=parent))
        if path in known:
            frames[cluster.id] = known[path]
    return found, frames


def _count(nodes: list[Node]) -> str:
    counts = [(sum(node.mark == mark for node in nodes), mark) for mark in ("added", "removed", "changed")]
    return ", ".join(f"{count} {mark}" for count, mark in counts if count) or "no difference"
