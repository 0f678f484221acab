"""Memory: which arrays a graph holds until the walk back, who keeps them, and which line of the program asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from minigrad import dtypes
from minigrad.graph import Op
from minigrad.inspect.nodes import Paths, kept_arrays
from minigrad.inspect.table import Report, Table, size
from minigrad.kernels import Array
from minigrad.lines import Line
from minigrad.modes import Packed
from minigrad.tensor import Tensor
from minigrad.viz.recording import operations
from minigrad.viz.text import plural


@dataclass(frozen=True)
class Held:
    """A piece of memory that a graph holds.

    Attributes:
        op: the operation that kept it first, such as ``"Linear"``.
        name: what it is in the operation's formula, or the parameter of the operation that it is.
        shape, dtype: of what is kept, which may be a view of a larger array.
        bytes: the size of the whole piece.
        module: the layer's name in its model; "" outside of any.
        line: the line of the program that recorded the operation; None in ``lean_mode()``.
        is_leaf: whether it is a leaf that requires a gradient: a parameter, there without the graph as well.
        others: who else keeps it, such as ``"Sigmoid a"``.
    """

    op: str
    name: str
    shape: tuple[int, ...]
    dtype: dtypes.DType
    bytes: int
    module: str
    line: Line | None
    is_leaf: bool
    others: tuple[str, ...]


class Memory(Report):
    """What :func:`memory` found.

    Attributes:
        held: the :class:`Held` pieces, the largest first.
        nodes: how many nodes the graph has.
        freed: how many of them a walk back has freed.
        elsewhere: how many values are stored by ``saved_tensors_hooks`` or computed again by a checkpoint.
    """

    def __init__(self, held: list[Held], nodes: int, freed: int, elsewhere: int) -> None:
        self.held, self.nodes, self.freed, self.elsewhere = held, nodes, freed, elsewhere

    @property
    def bytes(self) -> int:
        """All pieces together, parameters not counted."""
        return sum(held.bytes for held in self.held if not held.is_leaf)

    @property
    def parameter_bytes(self) -> int:
        """The pieces that are leaves which require a gradient."""
        return sum(held.bytes for held in self.held if held.is_leaf)

    def as_table(self) -> Table:
        rows = [
            [
                held.op,
                held.name,
                str(held.shape),
                held.dtype.name,
                f"{held.bytes:,}",
                held.module,
                ", ".join(held.others),
                str(held.line or ""),
            ]
            for held in self.held
        ]
        notes = [
            f"{size(self.bytes)} in {plural(sum(not held.is_leaf for held in self.held), 'array')} and "
            f"{size(self.parameter_bytes)} of parameters are held by {plural(self.nodes, 'node')}"
        ]
        if self.freed:
            notes.append(f"{plural(self.freed, 'node')} were walked already and hold nothing any more")
        if self.elsewhere:
            notes.append(
                f"{plural(self.elsewhere, 'value')} are stored by hooks or computed again, not counted here"
            )
        words = ["op", "keeps", "shape", "dtype", "module", "also kept by", "line"]
        marks = {i: "quiet" for i, held in enumerate(self.held) if held.is_leaf}
        return Table([*words[:4], "bytes", *words[4:]], words, rows, notes=notes, marks=marks)

    def __repr__(self) -> str:
        return f"<Memory: {self.bytes:,} bytes and {self.parameter_bytes:,} of parameters in {self.nodes} nodes>"


def memory(*outputs: Tensor) -> Memory:
    """What the graph of ``outputs`` keeps for its walk back, the largest first; memory that is shared counts once.

    Counted is what the nodes keep, and arrays that an operation was made with, such as an index. A kept view holds
    the whole array that it is a view of.

    Raises TypeError for anything but tensors, ValueError where none of them was recorded.

    >>> import minigrad as mg
    >>> x = mg.ones(100, requires_grad=True)
    >>> found = mg.memory((x.exp() * 2).sin().sum())
    >>> [(held.op, held.name, held.bytes) for held in found.held]
    [('Exp', 'y', 400), ('Sin', 'x', 400), ('Mul', 'y', 4)]
    """
    for t in outputs:
        if not isinstance(t, Tensor):
            raise TypeError(f"memory() expects tensors, got {type(t).__name__}")
    ops = operations(t.grad_fn for t in outputs if t.grad_fn is not None)
    if not ops:
        raise ValueError("memory() needs a tensor that was recorded: nothing here has a grad_fn")
    paths = Paths()
    first: dict[int, tuple[Op, str, Array, bool]] = {}  # by the id of the whole piece
    others: dict[int, dict[str, None]] = {}
    pieces: dict[int, Array] = {}
    for op in ops:
        for name, array, is_leaf in _arrays(op):
            whole = _whole(array)
            if id(whole) in pieces:
                others[id(whole)][f"{op.title} {name}"] = None
            else:
                pieces[id(whole)], others[id(whole)] = whole, {}
                first[id(whole)] = op, name, array, is_leaf
    held = [
        Held(
            op.title,
            name,
            array.shape,
            array.dtype,
            pieces[key].nbytes,
            paths.of(op.scope),
            op.line,
            is_leaf,
            tuple(others[key]),
        )
        for key, (op, name, array, is_leaf) in first.items()
    ]
    held.sort(key=lambda piece: -piece.bytes)
    elsewhere = sum(isinstance(value, Packed) for op in ops for value in op.arrays or ())
    return Memory(held, len(ops), sum(op.freed for op in ops), elsewhere)


def _arrays(op: Op) -> Iterator[tuple[str, Array, bool]]:
    """The arrays that a node holds, by name, and whether each is a leaf that requires a gradient."""
    if op.freed:
        return
    for name, array, maker in kept_arrays(op):
        yield name, array, isinstance(maker, Tensor)
    for name, value in vars(op.fresh()).items():  # what the operation was made with
        for part in value if isinstance(value, (tuple, list)) else (value,):
            array = part.array if isinstance(part, Tensor) else part
            if isinstance(array, np.ndarray):
                yield name, array, False


def _whole(array: Array) -> Array:
    """The array whose memory this one shares."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array
