"""Graph -> the graph that is drawn: without what is hidden, folded, and with kept arrays as nodes where wanted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from minigrad.viz import text
from minigrad.viz.fold import fold
from minigrad.viz.look import Look
from minigrad.viz.repeats import renumber
from minigrad.viz.schema import Edge, Graph, Node


def view(graph: Graph, look: Look) -> Graph:
    """What of ``graph`` is in the picture."""
    if not look.bookkeeping:
        graph = _without_bookkeeping(graph)
    if look.constants == "hide":
        graph = _without_constants(graph)
    graph = fold(graph, depth=look.depth, repeats=look.fold, max_nodes=look.max_nodes)
    graph = _said_anew(graph) if look.formulas else _labelled(graph)
    return _with_kept(graph) if look.kept == "nodes" else graph


def _said_anew(graph: Graph) -> Graph:
    """Formulas that speak of the boxes they now read: the first of equal blocks stands for the last."""
    symbols: dict[int, dict[str, str]] = {}
    for edge in (edge for edge in graph.edges if not edge.is_next):
        if symbol := graph.nodes[edge.source].symbol:
            symbols.setdefault(edge.target, {}).setdefault(edge.input, symbol)
    nodes = [
        replace(node, words=tuple((word, symbols[node.id].get(word, said)) for word, said in node.words))
        if node.id in symbols and node.words
        else node
        for node in graph.nodes
    ]
    return replace(graph, nodes=tuple(nodes))


def _without_bookkeeping(graph: Graph) -> Graph:
    """The graph without what was not recorded and leads to no result, and with parameters where they are used."""
    inputs: dict[int, list[int]] = {}
    readers = Counter(edge.source for edge in graph.edges)
    for edge in graph.edges:
        inputs.setdefault(edge.target, []).append(edge.source)
    hidden: set[int] = set()
    for node in reversed(graph.nodes):  # an operation comes after those that it reads
        if node.kind == "operation" and not (node.is_recorded or node.is_result or node.mark or readers[node.id]):
            hidden.add(node.id)
            readers.subtract(inputs.get(node.id, []))
    moved = {
        edge.target: edge.source
        for edge in graph.edges
        if graph.nodes[edge.target].title == "Reshape" and not graph.nodes[edge.target].is_result
        if graph.nodes[edge.source].kind in ("parameter", "input") and graph.nodes[edge.source].name
    }
    if not hidden and not moved:
        return graph
    edges = [
        replace(edge, source=moved.get(edge.source, edge.source))
        for edge in graph.edges
        if edge.target not in hidden and edge.target not in moved
    ]
    hidden |= moved.keys()
    used = {edge.source for edge in edges}
    nodes = [
        replace(node, kept=tuple(replace(kept, source=moved.get(kept.source, kept.source)) for kept in node.kept))
        for node in graph.nodes
        if node.id not in hidden and (node.title or node.is_result or node.id in used)
    ]
    note = f"{text.plural(len(hidden), 'operation')} of bookkeeping hidden; bookkeeping=True shows all"
    return replace(renumber(graph, nodes, edges), notes=(*graph.notes, note))


def _without_constants(graph: Graph) -> Graph:
    nodes = [node for node in graph.nodes if node.kind != "input" and node.is_recorded]
    left = {node.id for node in nodes}
    hidden = len(graph.nodes) - len(nodes)
    edges = [edge for edge in graph.edges if edge.source in left and edge.target in left]
    note = f"{hidden} constant{'' if hidden == 1 else 's'} hidden"
    return replace(renumber(graph, nodes, edges), notes=(*graph.notes, *([note] if hidden else [])))


def _labelled(graph: Graph) -> Graph:
    """The inputs by their names on the edges, where no formula says which is which."""
    inputs = Counter(edge.target for edge in graph.edges)
    edges = [replace(edge, symbol=edge.input) if inputs[edge.target] > 1 else edge for edge in graph.edges]
    return replace(graph, edges=tuple(edges))


def _with_kept(graph: Graph) -> Graph:
    """Each kept array as a node beside its operation, also where it is the array of a leaf that is drawn."""
    nodes, edges = list(graph.nodes), list(graph.edges)
    for node in graph.nodes:
        for kept in node.kept:
            source = graph.nodes[kept.source]
            nodes.append(
                Node(
                    id=len(nodes), kind="kept", symbol=source.symbol or kept.name, name=f"kept, {kept.bytes:,} B",
                    shape=source.shape, dtype=source.dtype, value=kept.value, gradient=None, cluster=node.cluster,
                    note="only to be seen" if kept.seen_only else "",
                )
            )  # fmt: skip
            edges.append(Edge(node.id, len(nodes) - 1, "", ""))
    return replace(graph, nodes=tuple(nodes), edges=tuple(edges))
