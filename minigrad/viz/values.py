"""The arrays that a graph and its tensors still hold, read into plain numbers and let go."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from minigrad import graph, kernels
from minigrad.graph import Constant, Op, Source
from minigrad.kernels import Array
from minigrad.modes import current_mode, no_grad
from minigrad.tensor import Tensor
from minigrad.viz.recording import Call
from minigrad.viz.schema import Kept, Summary, Value

BINS = 16  # of a histogram
CELLS = 16  # of a heat map, in each direction
LARGEST_SLOPE = 256  # numbers of a local derivative that are computed: a 16 by 16 matrix


class Values:
    """The values of operations and leaves, by who made them. One that nobody kept is computed again, as a sum's.

    Args:
        calls: the operations that ran.
        held: tensors that somebody holds: results, and those with names.
        limit: how many numbers of an array are read; None reads no array at all.
        gradients: the derivative of the result with respect to each value, where that was computed, by the
            maker's id; by default those that the tensors carry.
    """

    def __init__(
        self, calls: list[Call], held: Iterable[Tensor], limit: int | None, gradients: Mapping[int, Tensor]
    ) -> None:
        self.limit = limit
        self.arrays: dict[int, tuple[Array, bool]] = {}  # and whether it has been changed since it was kept
        self.gradients = dict(gradients)
        self.read_already: dict[int, Value | None] = {}
        self.first_use: dict[int, float] = {}  # by the id of a leaf, the number of the last node until then
        until = math.inf  # what ran before the first node has no number
        for call in calls:
            until = call.op.order if call.op.order >= 0 else until
            for edge in call.edges:
                self.first_use.setdefault(id(edge), until)
            if call.output is not None:
                self.arrays[id(call.op)] = call.output, False
            for keeps, array, (version, seen) in _kept(call.op):
                maker = call.op if keeps.source is None else call.edges[keeps.source]
                self.arrays[id(maker)] = array, version.value != seen
            retained = call.op.retained() if call.op.retained else None
            if retained is not None:
                self._enter(call.op, retained)
        for tensor in held:
            if tensor.grad_fn is not None:
                self._enter(tensor.grad_fn, tensor)
        if limit is not None:
            for call in calls:
                if id(call.op) not in self.arrays and not call.op.freed and not call.failure:
                    self._compute(call)

    def _enter(self, maker: Op, tensor: Tensor) -> None:
        self.arrays.setdefault(id(maker), (tensor.array, False))
        if tensor.grad is not None:
            self.gradients.setdefault(id(maker), tensor.grad)

    def _compute(self, call: Call) -> None:
        """A value that nobody kept, from the operation's inputs, if these are known and as they were."""
        inputs = [self._unchanged(edge, call.op) for edge in call.edges]
        if all(array is not None for array in inputs):
            target = kernels.load(current_mode().target)
            self.arrays[id(call.op)] = np.asarray(call.op.forward(target, *inputs)), False

    def _unchanged(self, edge: Source, op: Op) -> Array | None:
        if isinstance(edge, Op) or (isinstance(edge, Constant) and id(edge) in self.arrays):
            array, changed = self.arrays.get(id(edge), (None, True))
            return None if changed else array
        if isinstance(edge, Constant) and edge.value is not None:
            return np.asarray(edge.value, edge.dtype)
        tensor = edge.tensor() if isinstance(edge, Constant) else edge
        if tensor is None or tensor.is_inference() or tensor.version.changed > op.order:
            return None
        return tensor.array

    # -- what they were ---------------------------------------------------------------------------------------

    def of(self, maker: Source) -> Value | None:
        """The value that came from there, unless nobody has it any more."""
        if id(maker) not in self.read_already:
            self.read_already[id(maker)] = self._of(maker)
        return self.read_already[id(maker)]

    def _of(self, maker: Source) -> Value | None:
        array, changed = self.arrays.get(id(maker), (None, False))
        tensor = maker.tensor() if isinstance(maker, Constant) else maker
        if isinstance(tensor, Tensor):
            array = tensor.array
            changed = changed or tensor.version.changed > self.first_use.get(id(maker), math.inf)
        elif isinstance(maker, Constant) and maker.value is not None:
            array = np.asarray(maker.value)
        return None if array is None else self._read(array, changed)

    def gradient(self, maker: Source) -> Value | None:
        """The derivative of the result with respect to it, where it was computed or a tensor carries one."""
        own = maker.grad if isinstance(maker, Tensor) else None
        found = self.gradients.get(id(maker), own)
        return None if found is None else self._read(found.array)

    def kept(self, call: Call, numbers: Mapping[int, int]) -> tuple[Kept, ...]:
        """What the operation keeps; ``numbers`` has the node's by the maker's id."""
        found = []
        for keeps, array, _ in _kept(call.op):
            maker = call.op if keeps.source is None else call.edges[keeps.source]
            value = self.of(maker)
            found.append(Kept(keeps.name, numbers[id(maker)], value, array.nbytes, keeps.seen_only))
        return tuple(found)

    def slopes(self, call: Call) -> list[Value | None]:
        """The local derivative of the output with respect to each input, where it has few numbers.

        Row by row with the operation's own rule. It is the matrix of d out_i / d in_j, or its diagonal in the
        shape of the input where nothing else is in it, as of every elementwise operation.
        """
        op, n = call.op, math.prod(call.shape)
        sizes = [math.prod(edge.shape) for edge in call.edges]
        wanted = [
            not isinstance(edge, Constant) and n * size <= LARGEST_SLOPE
            for edge, size in zip(call.edges, sizes, strict=True)
        ]
        intact = all(version.value == seen for _, _, (version, seen) in _kept(op)) and not op.freed
        if self.limit is None or not intact or not call.is_recorded or not any(wanted):
            return [None] * len(sizes)
        lean = any(array is None for array in op.arrays or ())
        rows: list[list[Array]] = [[] for _ in sizes]
        with no_grad():
            for i in range(n if not lean else 0):
                unit = np.zeros(n, call.dtype)
                unit[i] = 1
                gradients = op.backward(graph.tensor_class.of(unit.reshape(call.shape)))
                for column, edge, gradient in zip(rows, call.edges, gradients, strict=True):
                    if gradient is not None:
                        column.append(gradient.sum_to_size(edge.shape).array.ravel())
        return [
            self._slope(np.stack(found), call.shape, edge.shape) if wanted[i] and found else None
            for i, (found, edge) in enumerate(zip(rows, call.edges, strict=True))
        ]

    def _slope(self, matrix: Array, out: tuple[int, ...], shape: tuple[int, ...]) -> Value:
        if out == shape and not matrix[~np.eye(len(matrix), dtype=bool)].any():
            matrix = matrix.diagonal().reshape(shape)
        return read(matrix, LARGEST_SLOPE)

    def _read(self, array: Array, changed: bool = False) -> Value | None:
        return None if self.limit is None else read(array, self.limit, changed)


def read(array: Array, limit: int, changed: bool = False) -> Value:
    """An array as plain numbers: all of them if they are at most ``limit``, and else a summary alone."""
    if array.dtype.kind == "b":
        array = array.astype(np.uint8)
    is_whole = array.size <= max(limit, 1)
    numbers = tuple([n if n == n else math.nan for n in array.ravel().tolist()]) if is_whole else ()
    return Value(array.shape, numbers, summary(array) if array.size > 1 else None, changed)


def _kept(op: Op) -> list[tuple[Any, Array, Any]]:
    """What a node still holds as it is: the declaration, the array, its version and the one it was kept at."""
    held = zip(op.keeps, op.arrays or (), op.versions, strict=False)  # freed: versions without arrays
    return [(keeps, array, version) for keeps, array, version in held if isinstance(array, np.ndarray)]


# -- large arrays --------------------------------------------------------------------------------------------


def summary(array: Array) -> Summary:
    """An array in a few numbers.

    >>> import numpy as np
    >>> found = summary(np.arange(4.0))
    >>> found.minimum, found.mean, found.maximum, found.deviation, found.histogram[:6]
    (0.0, 1.5, 3.0, 1.11803, (1, 0, 0, 0, 0, 1))
    """
    exact = array.astype(np.float64)
    finite = exact[np.isfinite(exact)]
    with np.errstate(all="ignore"):  # where numbers near the largest overflow, that is for the reader to see
        if finite.size:
            statistics = finite.min(), finite.mean(), finite.max(), finite.std()
            low, high = finite.min(), finite.max()
            places = (finite - low) / (high - low or 1.0) * BINS
            bins = np.bincount(np.clip(np.nan_to_num(places), 0, BINS - 1).astype(int), minlength=BINS)
        else:
            statistics, bins = (math.nan,) * 4, np.zeros(BINS, int)
        cells = _blocks(_image(exact))
    minimum, mean, maximum, deviation = (_digits(float(number), 6) for number in statistics)
    rows = tuple(tuple(_digits(cell, 4) for cell in row) for row in cells)
    return Summary(minimum, mean, maximum, deviation, exact.size - finite.size, tuple(bins.tolist()), rows)


def _digits(number: float, count: int) -> float:
    """Rounded, so that another order of adding up, on another machine, gives the same."""
    return (
        float(f"{number:.{count}g}") if math.isfinite(number) else math.nan if number != number else float(number)
    )


def _image(array: Array) -> Array:
    """As rows and columns: a vector is folded into a square if it can be, as the pixels of a digit."""
    columns = array.shape[-1] if array.ndim else 1
    if columns < array.size:
        return array.reshape(-1, columns)
    side = math.isqrt(array.size)
    return array.reshape(side, side) if side > 1 and side * side == array.size else array.reshape(1, -1)


def _blocks(image: Array) -> list[list[float]]:
    """The means of blocks of equal size, as few to a block as give at most CELLS by CELLS."""
    if not image.size:
        return []
    for axis in (0, 1):
        size = -(-image.shape[axis] // CELLS)
        starts = np.arange(0, image.shape[axis], size)
        lengths = np.diff(np.append(starts, image.shape[axis]))
        image = np.add.reduceat(image, starts, axis) / (lengths[:, None] if axis == 0 else lengths)
    found: list[list[float]] = image.tolist()
    return found
