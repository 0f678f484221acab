"""The recorded graph as plain data: nodes, edges and clusters. Nothing here knows how it will be drawn.

Everything is read and nothing is held: a :class:`Graph` contains numbers and text, never a tensor, an array
or an operation, so a picture keeps no graph in memory. The idea of collecting first and drawing after is
micrograd's (``trace_graph.ipynb``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from minigrad import kernels
from minigrad.graph import Array, Constant, Op
from minigrad.modes import Scope, current_mode
from minigrad.ops.activation import Activation
from minigrad.tensor import Tensor
from minigrad.viz.settings import Words, settings

Kind = Literal["operation", "parameter", "input"]
Source = Op | Tensor | Constant

#: So many times as many numbers of an input, such as an image, are shown as colours alone.
COLOURS = 8


@dataclass(frozen=True, slots=True)
class Value:
    """What an array held: every number if they are few, and else the smallest, the mean and the largest."""

    shape: tuple[int, ...]
    numbers: tuple[float, ...]
    is_whole: bool
    changed: bool = False  # in place, after an operation had kept it
    colours: tuple[float, ...] = ()  # every number of an input too large to write them, to be shown as a strip


@dataclass(frozen=True, slots=True)
class Node:
    """An operation with the value it computed, or a leaf: a parameter, or an input that needs no gradient."""

    id: int
    kind: Kind
    symbol: str  # what the caller calls the value, or else the formula: z, W
    name: str  # its name in the model; "" if it has none
    shape: tuple[int, ...]
    dtype: str
    value: Value | None
    gradient: Value | None
    cluster: int | None
    title: str = ""  # of operations alone, as the following
    formula: str = ""
    words: Words = ()  # what to say for some words of the formula: names of the caller's, settings
    settings: Words = ()  # those that the formula has no word for
    is_result: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """A value on its way from the node that made it to the operation that takes it as ``symbol``."""

    source: int
    target: int
    symbol: str  # "" where the formula leaves no doubt: an only input, or one with a name of the caller's


@dataclass(frozen=True, slots=True)
class Cluster:
    """One call of a module, inside the call that it was made from."""

    id: int
    name: str
    parent: int | None


@dataclass(frozen=True, slots=True)
class Graph:
    """A recorded graph. Operations are numbered as they were recorded, leaves after them by first use."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    clusters: tuple[Cluster, ...]
    is_freed: bool  # whether a backward pass has let go of values

    def count(self, kind: Kind) -> int:
        """How many nodes are of that kind."""
        return sum(node.kind == kind for node in self.nodes)


def operations(output: Op) -> list[Op]:
    """The operations that ``output`` was computed from and itself, each once, as they were recorded."""
    found, waiting = {id(output): output}, [output]
    while waiting:
        for edge in waiting.pop().edges:
            if isinstance(edge, Op) and id(edge) not in found:
                found[id(edge)] = edge
                waiting.append(edge)
    return sorted(found.values(), key=lambda op: op.order)


def collect(
    tensor: Tensor, ops: list[Op], names: Mapping[str, Tensor], max_values: int | None
) -> Graph:  # fmt: skip
    """The graph of ``ops``, the last of which made ``tensor``.

    Args:
        tensor: the result.
        ops: its :func:`operations`.
        names: what the caller calls tensors; they take precedence over the formulas' names.
        max_values: arrays of at most this many numbers are given whole, parameters of half as many and at
            most a quarter in one dimension, inputs of :data:`COLOURS` times as many as colours; None reads no
            array at all.
    """
    labels = _Names(ops, names)
    layers = _Clusters(ops, labels)
    values = _Values(tensor, ops, names, max_values)
    numbers: dict[int, int] = {id(op): i for i, op in enumerate(ops)}
    users: dict[int, list[tuple[Op, str]]] = {}  # of each leaf, in order of first use
    leaves: list[Tensor | Constant] = []
    edges = []
    for op in ops:
        known = labels.in_formula(op)
        for symbol, edge in _inputs(op):
            if id(edge) not in numbers:
                numbers[id(edge)] = len(numbers)
            if not isinstance(edge, Op):
                if id(edge) not in users:
                    leaves.append(edge)
                users.setdefault(id(edge), []).append((op, symbol))
            is_clear = len(op.edges) == 1 or symbol in known
            edges.append(Edge(numbers[id(edge)], numbers[id(op)], "" if is_clear else symbol))

    nodes = []
    for op in ops:
        in_formula, others = settings(op)
        nodes.append(
            Node(
                id=numbers[id(op)], kind="operation", symbol=labels.given(op) or op.output, name="",
                shape=op.shape, dtype=op.dtype.name, value=values.of(op), gradient=values.gradient(op),
                cluster=layers.of(op), title=op.title, formula=op.formula,
                words=labels.words(op) + in_formula, settings=others, is_result=op is ops[-1],
            )
        )  # fmt: skip
    for leaf in leaves:
        using = users[id(leaf)]
        symbols, name = {symbol for _, symbol in using}, labels.of(leaf)
        is_input = isinstance(leaf, Constant)
        if len(symbols) > 1 or (is_input and not leaf.shape):  # a bare number needs no symbol
            symbols = {""}
        nodes.append(
            Node(
                id=numbers[id(leaf)], kind="input" if is_input else "parameter",
                symbol=labels.given(leaf) or symbols.pop(), name=name, shape=leaf.shape,
                dtype=leaf.dtype.name, value=values.of(leaf), gradient=values.gradient(leaf),
                cluster=layers.around([op for op, _ in using]) if name or not leaf.shape else None,
            )
        )  # fmt: skip
    title = labels.title or labels.given(ops[-1]) or ops[-1].title
    freed = any(op.keeps and op.freed for op in ops)
    return Graph(title, tuple(nodes), tuple(edges), tuple(layers.found), freed)


def _inputs(op: Op) -> Iterator[tuple[str, Source]]:
    """What the operation takes, by the name in its formula; x0, x1 and so on where it takes any number."""
    names = op.inputs or tuple(f"x{i}" for i in range(len(op.edges)))
    return zip(names, op.edges, strict=False)  # an input left out has a name and no edge


# -- names ---------------------------------------------------------------------------------------------------


class _Names:
    """Names of modules, parameters and tensors, by the object's id."""

    def __init__(self, ops: list[Op], given: Mapping[str, Tensor]) -> None:
        roots = {id(op.scope.path[0].module): op.scope.path[0].module for op in ops if op.scope}
        self.title = " and ".join(type(root).__name__ for root in roots.values())
        self.callers = {id(tensor.grad_fn or tensor): name for name, tensor in given.items()}
        self.found: dict[int, str] = {}
        for root in roots.values():
            for listing in ("named_modules", "named_parameters", "named_buffers"):
                for name, thing in getattr(root, listing, tuple)():
                    self.found[id(thing)] = name

    def of(self, thing: Any) -> str:
        """The name in the model of a module or leaf, or ""."""
        return self.found.get(id(thing.tensor() if isinstance(thing, Constant) else thing), "")

    def given(self, maker: Source) -> str:
        """What the caller calls the value that comes from there, or ""."""
        return self.callers.get(id(maker.tensor() if isinstance(maker, Constant) else maker), "")

    def in_formula(self, op: Op) -> dict[str, str]:
        """What the caller calls the inputs, by their names in the formula; {} unless each has such a name."""
        known = {symbol: self.given(edge) or _number(edge) for symbol, edge in _inputs(op)}
        is_clear = all(known.values()) and (self.given(op) or op.output not in known.values())
        return known if is_clear else {}

    def words(self, op: Op) -> Words:
        """The caller's words for those of the formula, as far as there are any, so that it reads ``c = a * b``."""
        known = self.in_formula(op) | ({op.output: self.given(op)} if self.given(op) else {})
        return tuple(known.items())


def _number(edge: Source) -> str:
    return f"{edge.value:g}" if isinstance(edge, Constant) and edge.value is not None else ""


class _Clusters:
    """The calls of modules that operations were recorded in, each a cluster."""

    def __init__(self, ops: list[Op], names: _Names) -> None:
        self.found: list[Cluster] = []
        self.ids: dict[int, int] = {}  # of a scope
        self.calls: dict[int, int] = {}  # of a module, so far
        self.names = names
        roots = {id(op.scope.path[0]) if op.scope else 0 for op in ops}
        self.hidden = roots if len(roots) == 1 else set()  # a frame around everything tells nothing
        self.where = {id(op): self._enter(_home(op)) for op in ops}

    def of(self, op: Op) -> int | None:
        """The cluster of an operation."""
        return self.where[id(op)]

    def around(self, ops: list[Op]) -> int | None:
        """The innermost cluster that holds all the operations."""
        shared = self._path(self.of(ops[0]))
        for op in ops[1:]:
            path = self._path(self.of(op))
            shared = [a for a, b in zip(shared, path, strict=False) if a == b]
        return shared[-1] if shared else None

    def _path(self, cluster: int | None) -> list[int]:
        path = []
        while cluster is not None:
            path.append(cluster)
            cluster = self.found[cluster].parent
        return path[::-1]

    def _enter(self, scope: Scope | None) -> int | None:
        parent = None
        for part in scope.path if scope else ():
            if id(part) in self.hidden:
                continue
            if id(part) not in self.ids:
                self.ids[id(part)] = len(self.found)
                self.found.append(Cluster(len(self.found), self._name(part.module), parent))
            parent = self.ids[id(part)]
        return parent

    def _name(self, module: Any) -> str:
        calls = self.calls[id(module)] = self.calls.get(id(module), 0) + 1
        name = self.names.of(module) or type(module).__name__
        return name if calls == 1 else f"{name}, call {calls}"


def _home(op: Op) -> Scope | None:
    """Where an operation belongs; an activation called in the parent's forward, to the layer that made z."""
    if isinstance(op, Activation) and op.scope and isinstance(op.edges[0], Op):
        maker = op.edges[0].scope
        if maker and op.scope in maker.path[:-1]:
            return maker
    return op.scope


# -- values --------------------------------------------------------------------------------------------------


class _Values:
    """The arrays that the graph and its tensors still hold, by who made them; read, and let go.

    A value that nobody kept, such as a sum's, is computed again.
    """

    def __init__(
        self, result: Tensor, ops: list[Op], names: Mapping[str, Tensor], max_values: int | None
    ) -> None:  # fmt: skip
        self.limit = max_values
        self.arrays: dict[int, tuple[Array, bool]] = {}
        self.gradients: dict[int, Tensor] = {}
        for op in ops:
            kept = zip(op.keeps, op.arrays or (), op.versions, strict=False)  # freed: versions without arrays
            for keeps, array, (version, seen) in kept:
                if array is not None:
                    maker = op if keeps.source is None else op.edges[keeps.source]
                    self.arrays[id(maker)] = array, version.value != seen
            retained = op.retained() if op.retained else None
            if retained is not None:
                self._enter(op, retained)
        for tensor in (result, *names.values()):
            if tensor.grad_fn is not None:
                self._enter(tensor.grad_fn, tensor)
        if max_values is not None:
            for op in ops:
                if id(op) not in self.arrays and not op.freed:
                    self._compute(op)

    def _enter(self, maker: Op, tensor: Tensor) -> None:
        self.arrays.setdefault(id(maker), (tensor.array, False))
        if tensor.grad is not None:
            self.gradients[id(maker)] = tensor.grad

    def _compute(self, op: Op) -> None:
        """A value that nobody kept, from the operation's inputs, if these are known and as they were."""
        inputs = [self._unchanged(edge, op) for edge in op.edges]
        if all(array is not None for array in inputs):
            self.arrays[id(op)] = np.asarray(op.forward(kernels.load(current_mode().target), *inputs)), False

    def _unchanged(self, edge: Source, op: Op) -> Array | None:
        if isinstance(edge, Op):
            array, changed = self.arrays.get(id(edge), (None, True))
            return None if changed else array
        if isinstance(edge, Constant) and edge.value is not None:
            return np.asarray(edge.value, edge.dtype)
        tensor = edge.tensor() if isinstance(edge, Constant) else edge
        if tensor is None or tensor.is_inference() or tensor.version.changed > op.order:
            return None
        return tensor.array

    def of(self, maker: Source) -> Value | None:
        """The value that came from there, unless nobody has it any more."""
        array, changed = self.arrays.get(id(maker), (None, False))
        tensor = maker.tensor() if isinstance(maker, Constant) else maker
        if isinstance(tensor, Tensor):
            array = tensor.array
        elif isinstance(maker, Constant) and maker.value is not None:
            array = np.asarray(maker.value)
        return None if array is None else self._read(array, changed, maker)

    def gradient(self, maker: Source) -> Value | None:
        """The derivative of some loss with respect to it, where a tensor carries one."""
        tensor = maker.grad if isinstance(maker, Tensor) else self.gradients.get(id(maker))
        return None if tensor is None else self._read(tensor.array, False, maker)

    def _read(self, array: Array, changed: bool, maker: Source) -> Value | None:
        if self.limit is None:
            return None
        if array.size <= 1 or self._is_small(array.shape, isinstance(maker, Tensor)):
            return Value(array.shape, tuple(array.ravel().tolist()), True, changed)
        with np.errstate(all="ignore"):  # Inf - Inf in a mean is for the reader to see, not a warning
            exact = array.astype(np.float64)
            summary = float(exact.min()), float(exact.mean()), float(exact.max())
        is_strip = isinstance(maker, Constant) and array.size <= COLOURS * self.limit
        return Value(array.shape, summary, False, changed, tuple(array.ravel().tolist()) if is_strip else ())

    def _is_small(self, shape: tuple[int, ...], is_parameter: bool) -> bool:
        """Parameters get less room: what a person follows through the graph are the other values."""
        assert self.limit is not None
        if is_parameter:
            return math.prod(shape) <= self.limit // 2 and max(shape) <= self.limit // 4
        return math.prod(shape) <= self.limit
