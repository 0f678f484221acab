"""Equal blocks in a row, of which the first is drawn for all: twelve equal layers, a million equal additions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minigrad.viz.schema import Cluster, Edge, Graph, Node

LEAST = 3  # equal blocks in a row are folded
LONGEST = 32  # units that one block may consist of

OPERATIONS = ("operation", "group")  # the kinds of nodes that compute


@dataclass(slots=True)
class _Unit:
    """A module, or an operation outside any, as one of its parent's children."""

    members: list[int]  # operations, in order
    cluster: int | None  # of a module
    code: int = -1  # the same for units of the same structure
    sources: tuple[int, ...] = ()  # the operations outside it that it reads


Blocks = list[list[_Unit]]  # a run: blocks of equal units, one after the other


def fold_repeats(graph: Graph, *, with_operations: bool) -> Graph:
    """Draw the first of equal blocks in a row, again and again until there are no more.

    ``with_operations`` folds plain operations too, and not only modules.
    """
    while True:
        finder = _Finder(graph)
        found = [
            (parent, run) for parent, units in finder.rows().items() for run in finder.runs(units, with_operations)
        ]
        if not found:
            return graph
        graph = _fold_runs(graph, found)


class _Finder:
    """Looks for runs of equal blocks in a graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.inputs: list[list[Edge]] = [[] for _ in graph.nodes]
        self.readers: list[list[int]] = [[] for _ in graph.nodes]
        for edge in (edge for edge in graph.edges if not edge.is_next):
            self.inputs[edge.target].append(edge)
            self.readers[edge.source].append(edge.target)

    def rows(self) -> dict[int | None, list[_Unit]]:
        """The units directly inside each cluster (None: inside none), in order."""
        modules: dict[int, _Unit] = {}
        rows: dict[int | None, list[_Unit]] = {}
        for node in self.graph.nodes:
            if node.kind in OPERATIONS:
                for cluster in path_of(self.graph, node.cluster):
                    if cluster not in modules:
                        modules[cluster] = _Unit([], cluster)
                        rows.setdefault(self.graph.clusters[cluster].parent, []).append(modules[cluster])
                    modules[cluster].members.append(node.id)
                rows.setdefault(node.cluster, []).append(_Unit([node.id], None))
        return rows

    def runs(self, units: list[_Unit], with_operations: bool) -> list[Blocks]:
        """The runs among a cluster's units, none overlapping another; those of short blocks are found first."""
        if len(units) < LEAST:
            return []
        self._encode(units)
        codes = np.array([unit.code for unit in units])
        taken = np.zeros(len(units), bool)
        found = []
        for period in range(1, min(LONGEST, len(units) // LEAST) + 1):
            same = (codes[period:] == codes[:-period]) & ~taken[period:] & ~taken[:-period]
            ends = np.flatnonzero(np.diff(np.r_[False, same, False].astype(np.int8))).tolist()
            for start, stop in zip(ends[::2], ends[1::2], strict=True):
                for first, count in _linked(units, start, stop, period, not with_operations):
                    span = range(first, first + count * period, period)
                    blocks = [units[i : i + period] for i in span]
                    if not with_operations and all(unit.cluster is None for unit in blocks[0]):
                        continue
                    if not taken[first : first + count * period].any() and self._is_one_way_out(blocks):
                        taken[first : first + count * period] = True
                        found.append(blocks)
        return found

    def _is_one_way_out(self, blocks: Blocks) -> bool:
        """Whether outside the run only the last block is read, or all in the same way: not as query and key."""
        members = [[member for unit in block for member in unit.members] for block in blocks]
        run = {member for block in members for member in block}
        for place in zip(*members, strict=True):
            readers = [[reader for reader in self.readers[member] if reader not in run] for member in place]
            if any(readers[:-1]) and any(one != readers[0] for one in readers):
                return False
        return True

    def _encode(self, units: list[_Unit]) -> None:
        """Give equal units, and no others, the same code; and note what they read."""
        nodes, clusters = self.graph.nodes, self.graph.clusters
        codes: dict[Any, int] = {}
        for unit in units:
            first, inside = unit.members[0], set(unit.members)
            structure: list[Any] = []
            sources = []
            for member in unit.members:
                node = nodes[member]
                structure += (node.title, node.shape, node.dtype, node.settings, node.count, node.mark)
                for edge in self.inputs[member]:
                    source = nodes[edge.source]
                    if edge.source in inside:
                        structure += (edge.input, edge.source - first)
                    else:  # a first block reads an input where the others read the block before
                        structure += (edge.input, source.kind == "parameter", source.shape)
                        if source.kind in OPERATIONS:
                            sources.append(edge.source)
                if unit.cluster is not None:
                    path = path_of(self.graph, node.cluster)
                    structure += [clusters[part].type for part in path[path.index(unit.cluster) :]]
            unit.code, unit.sources = codes.setdefault(tuple(structure), len(codes)), tuple(sources)


def _linked(units: list[_Unit], start: int, stop: int, period: int, is_free: bool) -> list[tuple[int, int]]:
    """The parts of a run whose blocks read one another in the same way: the first unit and the number of blocks.

    Units ``start`` to ``stop`` equal those a period later. Each must also read what the one a period later reads,
    from outside the run, or the same moved by one block. The first block is free to read what it likes, and the
    others what was there before the run, if ``is_free``.
    """
    found, begin = [], start
    for i in range(start + period, stop + 1):
        if i == stop or not _is_alike(units[i], units[i + period], units[begin].members[0], is_free):
            count = (i + period - begin) // period
            if count >= LEAST:
                found.append((begin, count))
            begin = i
    return found


def _is_alike(unit: _Unit, later: _Unit, start: int, is_free: bool) -> bool:
    """Whether they read the same from before the run, which begins with operation ``start``, or block by block.

    ``is_free``: each step of a sequence reads an input of its own.
    """
    moved = later.members[0] - unit.members[0]
    pairs = zip(unit.sources, later.sources, strict=False)
    return len(unit.sources) == len(later.sources) and all(
        b - a == moved or a == b < start or (is_free and max(a, b) < start) for a, b in pairs
    )


def _fold_runs(graph: Graph, runs: list[tuple[int | None, Blocks]]) -> Graph:
    stands_for: dict[int, int] = {}  # of an operation in a run, the one of the first block
    run_of: dict[int, int] = {}
    block_of: dict[int, int] = {}
    clusters, changed = list(graph.clusters), {node.id: node for node in graph.nodes}
    for number, (parent, blocks) in enumerate(runs):
        first = [member for unit in blocks[0] for member in unit.members]
        for place, block in enumerate(blocks):
            members = [member for unit in block for member in unit.members]
            stands_for.update(zip(members, first, strict=True))
            run_of.update(dict.fromkeys(members, number))
            block_of.update(dict.fromkeys(members, place))
        _label(blocks, parent, clusters, changed)
    edges = []
    alone = {i for i, (_, blocks) in enumerate(runs) if len(blocks[0]) == 1 and blocks[0][0].cluster is None}
    shared = _shared(graph, run_of, block_of)
    recurrences = {run for run, _ in shared} - alone
    for edge in graph.edges:
        source, target = (stands_for.get(end, end) for end in (edge.source, edge.target))
        comes_from_run = run_of.get(edge.source, -1) == run_of.get(edge.target)
        if edge.is_next and source == target != edge.target:
            continue  # it went on from one block of this run to another, which are one box now
        if edge.target == target or not (comes_from_run or graph.nodes[edge.source].kind not in OPERATIONS):
            edges.append(replace(edge, source=source, target=target))
        elif comes_from_run and run_of[target] in recurrences:
            edges.append(_next(replace(edge, source=source, target=target)))
    _count_inputs(graph, stands_for, changed)
    framed = replace(graph, clusters=tuple(clusters))
    _bring_in(framed, edges, shared, changed)
    used = {edge.source for edge in edges}
    results = {stands_for.get(node.id, node.id) for node in graph.nodes if node.is_result}
    nodes = [
        _ends(changed[node.id]) if node.id in results and not node.is_result else changed[node.id]
        for node in graph.nodes
        if (stands_for.get(node.id) == node.id) or (node.id not in stands_for and _is_used(node, used))
    ]
    return renumber(framed, nodes, edges)


def _shared(graph: Graph, run_of: dict[int, int], block_of: dict[int, int]) -> dict[tuple[int, int], int]:
    """How many blocks read a parameter, by the run and the parameter: one module is called again and again."""
    blocks: dict[tuple[int, int], set[int]] = {}
    for edge in graph.edges:
        if graph.nodes[edge.source].kind == "parameter" and edge.target in run_of:
            blocks.setdefault((run_of[edge.target], edge.source), set()).add(block_of[edge.target])
    return {key: len(found) for key, found in blocks.items() if len(found) > 1}


def _bring_in(
    graph: Graph, edges: Iterable[Edge], shared: dict[tuple[int, int], int], changed: dict[int, Node]
) -> None:
    """Put what all blocks share into the innermost frame that holds all who read it, and say that it is shared."""
    counts = {leaf: count for (_, leaf), count in shared.items() if graph.nodes[leaf].name}
    paths: dict[int, list[list[int]]] = {}
    for edge in edges:
        if edge.source in counts:
            paths.setdefault(edge.source, []).append(path_of(graph, changed[edge.target].cluster))
    for leaf, found in paths.items():
        around = [parts[0] for parts in zip(*found, strict=False) if len(set(parts)) == 1]
        frames = [frame for frame in around if graph.clusters[frame].count > 1]
        if frames:
            note = f"the same in all {counts[leaf]:,}"
            changed[leaf] = replace(changed[leaf], cluster=frames[-1], note=note)


def _next(edge: Edge) -> Edge:
    return replace(edge, symbol="", derivative="", slope=None, is_next=True)


def _count_inputs(graph: Graph, stands_for: dict[int, int], changed: dict[int, Node]) -> None:
    """Say on an input of a first block that each of the others has one of its own."""
    found: dict[tuple[int, str], list[int]] = {}
    for edge in graph.edges:
        if (
            graph.nodes[edge.source].kind == "input"
            and graph.nodes[edge.source].shape
            and edge.target in stands_for
        ):
            found.setdefault((stands_for[edge.target], edge.input), []).append(edge.source)
    for leaves in found.values():
        if (count := len(set(leaves))) > 1:
            changed[leaves[0]] = replace(changed[leaves[0]], note=f"the first of {count}, one for each block")


def _ends(node: Node) -> Node:
    """The node of a first block that stands for the result, which comes out of the last."""
    return replace(
        node, is_result=True, note="the values are those of the first block" if node.value else node.note
    )


def _is_used(node: Node, used: set[int]) -> bool:
    return node.kind in OPERATIONS or node.id in used


def _label(blocks: Blocks, parent: int | None, clusters: list[Cluster], changed: dict[int, Node]) -> None:
    """Say on the first block how many there are: on its node, on its frame, or on a new frame around it."""
    count, first = len(blocks), blocks[0]
    ends = [unit.cluster for unit in (*first, *blocks[-1]) if unit.cluster is not None]
    name = _from_to(clusters[ends[0]].name, clusters[ends[-1]].name) if ends else ""
    frame: int | None = None
    if len(first) > 1:
        frame = len(clusters)
        clusters.append(Cluster(frame, name, parent, count=count))
    for unit in first:
        if unit.cluster is None:
            node = changed[unit.members[0]]
            if frame is not None:
                changed[node.id] = replace(node, cluster=frame)
            else:
                changed[node.id] = replace(node, count=node.count * count, value=None, gradient=None)
        elif frame is not None:
            clusters[unit.cluster] = replace(clusters[unit.cluster], parent=frame)
        else:
            clusters[unit.cluster] = replace(clusters[unit.cluster], name=name, count=count)


def _from_to(first: str, last: str) -> str:
    """One name for a row of modules, or of calls of one module."""
    call = last.removeprefix(f"{first}, call ")
    return f"{first} … {last}" if call == last else f"{first}, calls 1 to {call}"


# -- what is left


def path_of(graph: Graph, cluster: int | None) -> list[int]:
    """The clusters from the outermost to this one."""
    path = []
    while cluster is not None:
        path.append(cluster)
        cluster = graph.clusters[cluster].parent
    return path[::-1]


def renumber(graph: Graph, nodes: list[Node], edges: Iterable[Edge]) -> Graph:
    """``graph`` with these nodes and edges alone: numbered from 0, no edge twice, no cluster without a node."""
    places = {node.id: place for place, node in enumerate(nodes)}
    alive: set[int] = set()
    for node in nodes:
        cluster = node.cluster
        while cluster is not None and cluster not in alive:
            alive.add(cluster)
            cluster = graph.clusters[cluster].parent
    frames = {old: new for new, old in enumerate(sorted(alive, key=lambda old: (len(path_of(graph, old)), old)))}

    def frame(old: int | None) -> int | None:
        return None if old is None else frames[old]

    clusters = [
        replace(graph.clusters[old], id=new, parent=frame(graph.clusters[old].parent))
        for old, new in frames.items()
    ]
    kept = [
        replace(
            node,
            id=place,
            cluster=frame(node.cluster),
            kept=tuple(replace(k, source=places.get(k.source, place)) for k in node.kept),
        )
        for place, node in enumerate(nodes)
    ]
    moved: dict[tuple[int, int, str], Edge] = {}
    for edge in edges:
        new = replace(edge, source=places[edge.source], target=places[edge.target])
        moved.setdefault((new.source, new.target, new.input), new)
    return replace(graph, nodes=tuple(kept), edges=tuple(moved.values()), clusters=tuple(clusters))
