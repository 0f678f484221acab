"""A recording -> plain data: nodes, edges and clusters. Nothing here knows how it will be drawn.

Everything is read and nothing is held, so a picture keeps no graph in memory. The idea of collecting first and
drawing after is micrograd's (``trace_graph.ipynb``).
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.dtypes import DType
from minigrad.graph import Constant, Op, Source
from minigrad.tensor import Tensor
from minigrad.viz.derivatives import derivatives
from minigrad.viz.names import Clusters, Names
from minigrad.viz.recording import Call, Recording
from minigrad.viz.schema import Edge, Graph, Line, Node
from minigrad.viz.settings import settings, without, words_of
from minigrad.viz.symbols import Symbols
from minigrad.viz.values import Values

#: Of graphs with more operations than this no array is read: nobody could look at so many.
MANY = 20_000

#: So many inputs are named in a formula that takes any number, such as that of ``cat``.
FEW = 4


@dataclass(frozen=True, slots=True)
class Reading:
    """What of a recording is read.

    Attributes:
        names: what the caller calls tensors and modules; they take precedence over the formulas' names.
        max_values: arrays of at most so many numbers are read whole; None reads no array at all.
        gradients: the derivative of the result with respect to each value, by the maker's id; where there is
            none here, those that the tensors carry.
        walked: gradients that are in the picture themselves, each with what it is the gradient of.
        slopes: compute local derivatives.
        times: read how long operations took.
        stages: frames in time: their names, and the number of the last operation in each.
        backwards: the name of the stage that answers the one before.
    """

    names: Mapping[str, Any] = field(default_factory=dict)
    max_values: int | None = 32
    gradients: Mapping[int, Tensor] = field(default_factory=dict)
    walked: Sequence[tuple[Tensor, Source]] = ()
    slopes: bool = False
    times: bool = False
    stages: Mapping[str, int] = field(default_factory=dict)
    backwards: str = ""


def collect(recording: Recording, reading: Reading) -> Graph:
    """The graph of what ran."""
    with collector_paused():
        return _Collection(recording, reading).graph()


@contextmanager
def collector_paused() -> Iterator[None]:
    """Plain data has no cycles, and to look for some in a million nodes takes longer than to make these."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Collection:
    def __init__(self, recording: Recording, reading: Reading) -> None:
        self.calls, self.reading = recording.calls, reading
        self.recording, self.results = recording, {id(maker) for maker in recording.results}
        calls = [*recording.before, *self.calls]
        self.labels = Names(calls, reading.names)
        self.symbols = Symbols(calls, self.results, self.labels, reading.walked)
        self.layers = Clusters(self.calls, self.labels, reading.stages, reading.backwards)
        self.is_large = len(self.calls) > MANY
        held = (*recording.tensors, *(thing for thing in reading.names.values() if isinstance(thing, Tensor)))
        limit = None if self.is_large else reading.max_values
        self.values = Values(self.calls, held, limit, reading.gradients)
        self.numbers = {id(call.op): i for i, call in enumerate(self.calls)}
        self.users: dict[int, list[Op]] = {}  # of each leaf, in order of first use
        self.leaves: list[Source] = []
        self.classes: dict[type[Op], tuple[str, str, dict[str, str]]] = {}
        self.counted: set[int] = set()  # ids of the kept arrays that were counted

    def graph(self) -> Graph:
        """Everything together."""
        nodes: list[Node] = []
        edges: list[Edge] = []
        for call in self.calls:
            inputs = call.inputs()
            edges += self._edges(call, inputs)
            nodes.append(self._operation(call, inputs))
        nodes += [self._leaf(leaf) for leaf in self.leaves]
        return Graph(self._title(), tuple(nodes), tuple(edges), tuple(self.layers.found), tuple(self._notes()))

    def _title(self) -> str:
        own = ", ".join(filter(None, map(self.labels.given, self.recording.results)))
        several = " and " in self.labels.title  # models: what they are for says more than their classes
        model = own if own and several else self.labels.title or own
        return self.recording.title or model or self.calls[-1].op.title

    def _notes(self) -> list[str]:
        notes = []
        if any(call.is_recorded and call.op.keeps and call.op.freed for call in self.calls):
            notes.append("values freed by backward(); backward(retain_graph=True) keeps them")
        if self.is_large and self.reading.max_values is not None:
            notes.append(f"no values: this graph has more than {MANY:,} operations")
        return notes

    def _operation(self, call: Call, inputs: list[tuple[str, Source]]) -> Node:
        op, is_whole = call.op, not call.failure
        symbol, full_name = self.symbols.of(op), self._facts(op)[0]
        formula = without(self._formula(call), op.inputs[len(inputs) :])
        ndim = len(call.shapes[0]) if call.shapes else 0
        in_formula, others = settings(op, ndim, None if call.is_recorded else call.shape)
        words = {word: self.symbols.in_formula(edge) for word, edge in inputs}
        if symbol != op.output:
            words[op.output] = symbol
        return Node(
            id=self.numbers[id(op)], kind="operation", symbol=symbol if is_whole else "", name="",
            shape=call.shape, dtype=_name(call.dtype), value=self.values.of(op), gradient=self.values.gradient(op),
            cluster=self.layers.of(op), is_result=id(op) in self.results and is_whole,
            mark="" if is_whole else "failed", note=call.failure or self.symbols.note(op),
            title=op.title, type=full_name, formula=formula, words=(*words.items(), *in_formula), settings=others,
            kept=() if self.is_large else self.values.kept(call, self.numbers), bytes=self._bytes(call),
            flops=op.flops(*call.shapes) if is_whole else 0,
            seconds=call.seconds if self.reading.times else None, line=None if self.is_large else _line(op),
            is_recorded=call.is_recorded,
        )  # fmt: skip

    def _facts(self, op: Op) -> tuple[str, str, dict[str, str]]:
        """What is the same for every operation of a class: its full name, its formula, and its derivatives."""
        cls = type(op)
        if cls not in self.classes:
            self.classes[cls] = f"{cls.__module__}.{cls.__qualname__}", op.formula, derivatives(cls)
        return self.classes[cls]

    def _formula(self, call: Call) -> str:
        """The formula; a few inputs of an operation that takes any number are named one by one."""
        names = [name for name, _ in call.inputs()]
        together = f"[{', '.join(names)}]" if not call.op.inputs and len(names) <= FEW else "inputs"
        return re.sub(r"\binputs\b", together, self._facts(call.op)[1])

    def _bytes(self, call: Call) -> int:
        """What the graph holds because of this operation: like a trace, each array once and no parameters."""
        parameters = {id(edge.array) for edge in call.edges if isinstance(edge, Tensor)}
        new = {id(array): array for array in call.op.arrays or () if isinstance(array, np.ndarray)}
        fresh = [array for key, array in new.items() if key not in self.counted and key not in parameters]
        self.counted.update(new)
        return sum(array.nbytes for array in fresh)

    def _leaf(self, leaf: Source) -> Node:
        name = self.labels.of(leaf)
        kind = "kept" if isinstance(leaf, Op) else "input" if isinstance(leaf, Constant) else "parameter"
        return Node(
            id=self.numbers[id(leaf)], kind=kind,  # type: ignore[arg-type]
            symbol=self.symbols.of(leaf), name=f"of {leaf.title}" if isinstance(leaf, Op) else name,
            shape=leaf.shape, dtype=_name(leaf.dtype),
            value=self.values.of(leaf), gradient=self.values.gradient(leaf),
            cluster=self.layers.around(self.users[id(leaf)], is_inside=bool(name) or not leaf.shape),
            is_result=id(leaf) in self.results,
            note="detached: no gradient goes back from here" if id(leaf) in self.labels.detached else "",
        )  # fmt: skip

    def _edges(self, call: Call, inputs: list[tuple[str, Source]]) -> list[Edge]:
        target, formulas, found = self.numbers[id(call.op)], self._facts(call.op)[2], []
        spoken = words_of(self._formula(call))
        slopes = self.values.slopes(call) if self.reading.slopes and not self.is_large else None
        for place, (name, edge) in enumerate(inputs):
            if id(edge) not in self.numbers:
                self.numbers[id(edge)] = len(self.numbers)
                self.leaves.append(edge)
            if not isinstance(edge, Op) or self.numbers[id(edge)] >= len(self.calls):
                self.users.setdefault(id(edge), []).append(call.op)
            symbol = "" if len(inputs) == 1 or name in spoken else name
            is_detached = place in call.detached
            derivative = "" if isinstance(edge, Constant) or is_detached else formulas.get(name, "")
            slope = None if slopes is None else slopes[place]
            ends = self.numbers[id(edge)], target
            found.append(Edge(*ends, name, symbol, derivative, slope, is_detached=is_detached))
        return found


@cache
def _name(dtype: DType) -> str:
    return dtype.name


def _line(op: Op) -> Line | None:
    line = op.line
    return None if line is None else Line(Path(line.filename).name, line.lineno, line.text)
