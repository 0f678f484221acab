"""Plain data -> DOT text, through the ``graphviz`` package: where boxes, frames and edges stand; the legend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad.viz import text
from minigrad.viz.label import SANS, Labels, bold, font, markup
from minigrad.viz.look import THEMES, Look
from minigrad.viz.schema import Cluster, Edge, Graph, Kind, Node

if TYPE_CHECKING:
    import graphviz

KINDS: tuple[Kind, ...] = ("operation", "group", "parameter", "input", "kept")
LEGEND: dict[Kind, str] = {
    "operation": "value that it computes",
    "group": "folded operations",
    "parameter": "parameter: requires a gradient",
    "input": "input: requires none",
    "kept": "kept for the backward pass",
}
NAMES: dict[Kind, str] = {"kept": "kept value"}
MARKS = {"added": "+ added", "removed": "− removed", "changed": "~ changed", "failed": "✗ failed"}

#: From so many edges on Graphviz takes less care to avoid crossings, and draws edges straight.
CAREFUL = 400

#: Where edges pass more columns than this, all together, Graphviz would take minutes to lead them around boxes.
FAR = 1500

Beside = dict[int, list[int]]  # by the id of an operation, the ids of the leaves that stand beside it


def to_dot(graph: Graph, look: Look) -> str:
    """The DOT text of ``graph``, the same in every process."""
    try:
        import graphviz
    except ImportError:
        raise ImportError("drawing needs the package graphviz: pip install graphviz") from None
    picture = _Picture(graph, look, graphviz.Digraph("graph of " + text.name(graph.title).replace("\\", "/")))
    return picture.source()


class _Picture:
    def __init__(self, graph: Graph, look: Look, dot: graphviz.Digraph) -> None:
        self.graph, self.look, self.dot = graph, look, dot
        self.theme = THEMES[look.theme]
        self.labels = Labels(graph, look, self.theme)
        self.stages = [self._stage(node) for node in graph.nodes]
        self.beside = self._beside()
        self.stacked = self._stacked()

    def source(self) -> str:
        """Everything together."""
        dot, theme = self.dot, self.theme
        dot.attr(
            rankdir=self.look.direction, fontname=SANS, fontcolor=theme.ink, fontsize="10", nodesep="0.18",
            ranksep="0.3", pad="0.15", bgcolor=theme.paper, label=self._caption(), labelloc="t", labeljust="l",
        )  # fmt: skip
        if self._length() > FAR:
            dot.attr(splines="line", mclimit="0.1", nslimit="0.02")
        elif len(self.graph.edges) > CAREFUL:
            dot.attr(splines="polyline", mclimit="0.1", nslimit="1", nslimit1="1")
        dot.attr("node", shape="plain", fontname=SANS, fontcolor=theme.ink, fontsize="10")
        dot.attr("edge", fontname=SANS, fontcolor=theme.grey, fontsize="9", color=theme.line, arrowsize="0.6")
        self._fill(dot, None)
        unclear = {
            edge.target
            for edge in self.graph.edges
            if edge.symbol not in ("", self.graph.nodes[edge.source].symbol)
            and edge.source not in self.beside.get(edge.target, [])
        }
        for edge in self.graph.edges:
            self._connect(edge, edge.target in unclear)
        return str(dot.source)

    def _length(self) -> int:
        """How many columns the edges pass, all together, with each leaf just before its first user."""
        columns = [0] * len(self.graph.nodes)
        forward = [edge for edge in self.graph.edges if not edge.is_next]
        edges = sorted(forward, key=lambda edge: edge.target)  # operations are in the order they ran
        for edge in edges:
            columns[edge.target] = max(columns[edge.target], columns[edge.source] + 1)
        first: dict[int, int] = {}
        for edge in edges:
            if self.graph.nodes[edge.source].kind in ("parameter", "input"):
                columns[edge.source] = first.setdefault(edge.source, columns[edge.target] - 1)
        return sum(abs(columns[edge.target] - columns[edge.source]) for edge in edges)

    def _stage(self, node: Node) -> Cluster | None:
        """The stage in time that a node is in, if there are stages."""
        cluster = None if node.cluster is None else self.graph.clusters[node.cluster]
        while cluster is not None and cluster.parent is not None:
            cluster = self.graph.clusters[cluster.parent]
        return cluster if cluster is not None and not cluster.type and cluster.count == 1 else None

    def _fill(self, dot: graphviz.Digraph, inside: int | None) -> None:
        """Draw the nodes of a cluster (None: those of no cluster), and the clusters within it."""
        theme = self.theme
        for node in self.graph.nodes:
            if node.cluster == inside:
                dot.node(f"n{node.id}", label=self.labels.node(node))
        for target, others in self.stacked.items():
            if self.graph.nodes[target].cluster == inside:
                with dot.subgraph() as rank:
                    rank.attr(rank="same")
                    for id in (target, *others):
                        rank.node(f"n{id}")
        for cluster in self.graph.clusters:
            if cluster.parent == inside:
                with dot.subgraph(name=f"cluster_{cluster.id}") as part:
                    part.attr(
                        label=markup(self._frame_name(cluster)), labeljust="l", style="rounded,filled",
                        color=theme.frame, fillcolor=theme.frame_fill, margin="8",
                        penwidth="2.5" if cluster.count > 1 else "1",
                    )  # fmt: skip
                    self._fill(part, cluster.id)

    def _frame_name(self, cluster: Cluster) -> str:
        kind = cluster.type if cluster.type != text.unnumbered(cluster.name) else ""
        words = [bold(cluster.name)] if cluster.name else []
        words += [font(kind, self.theme.grey, 8)] if kind else []
        words += [bold(f"× {cluster.count:,}", 12)] if cluster.count > 1 else []
        return f"{text.PAD}{text.PAD}".join(words)

    def _beside(self) -> Beside:
        """The leaves that stand beside their first operation, not before it, so that a layer stays narrow.

        Not in a frame where operations with leaves run side by side, as in a recurrent cell: Graphviz would put
        all their leaves into one column, those of one between those of another.
        """
        found: Beside = {}
        placed: set[int] = set()
        inputs: list[list[int]] = [[] for _ in self.graph.nodes]  # from the same frame
        for edge in self.graph.edges:
            leaf, frame = self.graph.nodes[edge.source], self.graph.nodes[edge.target].cluster
            if leaf.kind in ("parameter", "input") and leaf.cluster is not None and leaf.id not in placed:
                placed.add(leaf.id)
                if leaf.cluster == frame:
                    found.setdefault(edge.target, []).append(leaf.id)
            elif leaf.cluster == frame and edge.source < edge.target:
                inputs[edge.target].append(edge.source)
        last: dict[int | None, int] = {}  # of each frame, the last operation with leaves so far
        reached: list[int] = []  # by each node, the last such operation that it depends on
        crowded: set[int | None] = set()
        for node in self.graph.nodes:
            before = (source if source in found else reached[source] for source in inputs[node.id])
            reached.append(max(before, default=-1))
            if node.id in found:
                if last.get(node.cluster, reached[-1]) != reached[-1]:
                    crowded.add(node.cluster)
                last[node.cluster] = node.id
        return {id: leaves for id, leaves in found.items() if self.graph.nodes[id].cluster not in crowded}

    def _stacked(self) -> Beside:
        """All that stands above and below operations in frames: leaves, and what they keep."""
        found = {target: [*leaves] for target, leaves in self.beside.items()}
        for edge in self.graph.edges:
            node = self.graph.nodes[edge.target]
            if node.kind == "kept" and node.cluster is not None:
                found.setdefault(edge.source, []).append(edge.target)
        return found

    # -- edges ------------------------------------------------------------------------------------------------

    def _connect(self, edge: Edge, is_labelled: bool) -> None:
        source, target = self.graph.nodes[edge.source], self.graph.nodes[edge.target]
        ends = f"n{edge.source}", f"n{edge.target}"
        if edge.is_next:
            self.dot.edge(*ends, label="next", style="dashed", penwidth="1.5", constraint="false")
            return
        neighbours = self.beside.get(edge.target, [])
        label = self.labels.edge(edge, is_labelled=is_labelled) if edge.source not in neighbours else ""
        style = {"label": label} if label else {}
        if target.kind == "kept":
            self.dot.edge(*ends, style="dotted", penwidth="1.5", dir="none", color=self.theme.rim["kept"], **style)
            return
        if edge.is_detached or self.labels.is_grey(target) or self.labels.is_grey(source):
            style["style"] = "dashed"
        if edge.mark:
            style["color"] = self.theme.marks[edge.mark]
        if edge.mark == "removed":
            style["style"] = "dashed"
        there = self.stages[edge.target]
        if there is not None and self._crosses(edge):
            free = {"constraint": "false"} if there.is_backward else {}
            self.dot.edge(*ends, style="dotted", penwidth="1.5", **free, **style)
        elif there is not None and there.is_backward:  # runs back, below the pass that it answers
            self.dot.edge(*ends[::-1], dir="back", **style)
        elif edge.source not in neighbours:
            weight = {"weight": self._weight(source, target)}  # the chain, before what joins it
            self.dot.edge(*ends, **style, **(weight if source.kind in ("operation", "group") else {}))
        elif (neighbours.index(edge.source) < (len(neighbours) + 1) // 2) == (self.look.direction == "TB"):
            self.dot.edge(*ends, **style)
        else:  # drawn from the far end, so that Graphviz puts the leaf on the other side
            self.dot.edge(*ends[::-1], dir="back", **style)

    def _weight(self, source: Node, target: Node) -> str:
        """How straight and short a line is to be; z and its a are to stay together where rows break."""
        is_activation = target.formula.startswith("a = ") and source.kind == "operation"
        return "16" if is_activation else "8"

    def _crosses(self, edge: Edge) -> bool:
        """Whether an edge leads from one stage to another."""
        here, there = self.stages[edge.source], self.stages[edge.target]
        return here is not there and here is not None and there is not None

    # -- the legend -------------------------------------------------------------------------------------------

    def _caption(self) -> str:
        """The title, what the picture shows, and the legend, all above it."""
        graph, theme = self.graph, self.theme
        kinds = [kind for kind in KINDS if graph.count(kind)]
        counts = ", ".join(text.plural(graph.count(kind), NAMES.get(kind, kind)) for kind in kinds)
        cells = (
            [f"<td {self._head_style()}>{font('operation', theme.head_ink, 8)}</td>"]
            if graph.count("operation")
            else []
        )
        for kind in kinds:
            shape = {"input": ' style="rounded"', "kept": ' style="dashed"'}.get(kind, "")
            cells.append(
                f'<td border="1"{shape} color="{theme.rim[kind]}" bgcolor="{theme.fill[kind]}">'
                f"{font(LEGEND[kind], theme.ink, 8)}</td>"
            )
        if any(not node.is_recorded for node in graph.nodes):
            cells.append(
                f'<td border="1" style="dashed" color="{theme.line}" bgcolor="{theme.frame_fill}">'
                f"{font('not recorded: no gradient flows', theme.ink, 8)}</td>"
            )
        if any(self._crosses(edge) for edge in graph.edges):
            cells.append(f"<td>{font('dotted: a value of an earlier stage', theme.grey, 8)}</td>")
        for mark in dict.fromkeys(node.mark for node in graph.nodes if node.mark):
            cells.append(
                f'<td border="2" color="{theme.marks[mark]}">{font(MARKS[mark], theme.marks[mark], 8)}</td>'
            )
        cells += self._heat_legend()
        legend = f'<table border="0" cellspacing="3" cellpadding="2"><tr>{"".join(cells)}</tr></table>'
        rows = [
            bold(graph.title, 13),
            font(counts, theme.grey, 9),
            *(font(note, theme.alert, 9, limit=160) for note in graph.notes),
            legend,
        ]
        body = "".join(f'<tr><td align="left">{row}</td></tr>' for row in rows)
        return markup(f'<table border="0" cellspacing="0" cellpadding="1">{body}</table>')

    def _head_style(self) -> str:
        theme = self.theme
        return f'border="1" color="{theme.rim["operation"]}" bgcolor="{theme.head}"'

    def _heat_legend(self) -> list[str]:
        theme = self.theme
        if not any(node.value or node.gradient for node in self.graph.nodes):
            return []
        cells = [
            f'<td bgcolor="{theme.heat(number, -1, 1)}">{font(word, theme.ink, 8)}</td>'
            for number, word in zip((-1.0, 0.0, 1.0), theme.names, strict=True)
            if word
        ]
        words = "full colour: the largest in its block" if theme.is_signed else "in its block"
        return [*cells, f"<td>{font(words, theme.grey, 8)}</td>"]
