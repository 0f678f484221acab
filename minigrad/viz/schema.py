"""A recorded graph as plain data: what a picture, a page and a JSON file are made of.

A :class:`Graph` contains numbers and text, never a tensor, an array or an operation: it keeps nothing alive, two
equal graphs compare equal, and ``document.py`` writes it down and reads it back. Every field is described here, in
the line beside it; these names are also those of the JSON document.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["operation", "parameter", "input", "kept", "group"]
Mark = Literal["", "added", "removed", "changed", "failed"]
Words = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """An array of more than one number in a few: what is finite in it, to six digits, and how it is spread."""

    minimum: float
    mean: float
    maximum: float
    deviation: float  # the square root of the mean squared distance from the mean
    not_finite: int  # how many are NaN or infinite; the numbers above leave them out, and are NaN if all are
    histogram: tuple[int, ...]  # how many are in each of 16 equal steps from minimum to maximum
    cells: tuple[tuple[float, ...], ...]  # rows of the means of blocks, at most 16 by 16, to four digits


@dataclass(frozen=True, slots=True)
class Value:
    """What an array held."""

    shape: tuple[int, ...]
    numbers: tuple[float, ...]  # every number, in the order of the last dimension first; () if they are too many
    summary: Summary | None  # of more than one number
    changed: bool = False  # in place, after an operation had kept it

    @property
    def is_whole(self) -> bool:
        """Whether every number is there."""
        return bool(self.numbers) or 0 in self.shape


@dataclass(frozen=True, slots=True)
class Kept:
    """An array that an operation holds until the walk back has used it."""

    name: str  # in the formula: z, a
    source: int  # the node that it comes from: an input of the operation, or the operation itself
    value: Value | None
    bytes: int
    seen_only: bool  # kept for people, not for the walk back


@dataclass(frozen=True, slots=True)
class Line:
    """The line of the user's program that called for an operation."""

    file: str  # without its folder, so that the same program gives the same document anywhere
    number: int
    code: str  # what stands there; "" if it cannot be read


@dataclass(frozen=True, slots=True)
class Node:
    """An operation with the value it computed; a leaf, which is a parameter or an input; or what stands for more.

    An "input" is a leaf that needs no gradient, a "parameter" one that does; "kept" is a value of an operation
    outside the picture, such as one of the forward pass in a picture of the backward pass alone, or an array that
    an operation keeps, where these are drawn by themselves; a "group" is what operations are folded into.
    """

    id: int  # its place in Graph.nodes
    kind: Kind
    symbol: str  # what the caller calls the value, or else the formula, no two nodes the same: z, W₁
    name: str  # its name in the model: layer1.weight; "" if it has none
    shape: tuple[int, ...]
    dtype: str
    value: Value | None  # None if nobody has it any more, or it was not asked for
    gradient: Value | None  # the derivative of the result with respect to it
    cluster: int | None  # the innermost cluster that it is in
    is_result: bool = False
    mark: Mark = ""  # in a comparison, or of an operation that raised an error
    note: str = ""  # what is said about it: the shapes that did not fit, what has changed

    # Of operations alone:
    title: str = ""  # Sigmoid
    type: str = ""  # its class: minigrad.ops.activation.Sigmoid
    formula: str = ""  # a = 1 / (1 + e^-z)
    words: Words = ()  # what to say for some words of the formula: the symbols of inputs, settings
    settings: Words = ()  # what it was given besides arrays, as far as the formula has no word for it
    kept: tuple[Kept, ...] = ()
    bytes: int = 0  # that the graph holds because of it: each array counted at its first keeper, no parameters
    flops: int = 0  # of matrix products
    seconds: float | None = None  # that it took, if the picture is of a trace and the time was asked for
    line: Line | None = None
    is_recorded: bool = True  # not under no_grad, nor computed from inputs that need no gradient

    count: int = 1  # how many equal ones in a row it stands for, or a group's operations; 1 in a document


@dataclass(frozen=True, slots=True)
class Edge:
    """A value on its way from the node that made it to the operation that takes it."""

    source: int
    target: int
    input: str  # the name that the target's formula has for it: x
    symbol: str  # the same, or "" where the formula speaks of the value
    derivative: str = ""  # of the target's output with respect to this input, as a formula: a (1 - a)
    slope: Value | None = None  # its numbers: the diagonal for an elementwise operation, and else the matrix
    mark: Mark = ""  # in a comparison
    is_detached: bool = False  # the value comes from there, but the gradient does not go back: x.detach()
    is_next: bool = (
        False  # from one of equal blocks to the next, which the first one stands for; not in a document
    )


@dataclass(frozen=True, slots=True)
class Cluster:
    """A frame around nodes: one call of a module inside the call that it was made from, or a stage in time."""

    id: int  # its place in Graph.clusters
    name: str  # layer1; "forward" of a stage
    parent: int | None
    type: str = ""  # the module's class: Linear; Linear + Relu with an activation called after it; "" of a stage
    is_backward: bool = False  # of a stage that answers the one before: its values flow the other way
    count: int = 1  # how many equal ones in a row it stands for; 1 in a document


@dataclass(frozen=True, slots=True)
class Graph:
    """A recorded graph. Operations come first, in the order they ran, and leaves after them by first use."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    clusters: tuple[Cluster, ...]
    notes: tuple[str, ...] = ()  # what the reader must know: that values are freed, that parts are folded

    def count(self, kind: Kind) -> int:
        """How many nodes are of that kind."""
        return sum(node.kind == kind for node in self.nodes)
