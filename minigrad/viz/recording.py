"""What a picture is made from: the operations that ran, in order, and where each one's inputs came from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from minigrad.dtypes import DType
from minigrad.graph import Constant, Op, Source
from minigrad.inspect.trace import Trace
from minigrad.kernels import Array
from minigrad.modes import Scope
from minigrad.tensor import Tensor


@dataclass(slots=True, eq=False)
class Call:
    """One operation as it ran, recorded as a node or not."""

    op: Op
    edges: tuple[Source, ...]
    shapes: tuple[tuple[int, ...], ...]  # of the inputs
    shape: tuple[int, ...]
    dtype: DType
    scope: Scope | None
    is_recorded: bool = True
    output: Array | None = None  # where a trace has it
    seconds: float | None = None
    failure: str = ""  # why it did not come to an end
    detached: frozenset[int] = frozenset()  # the places of inputs that lead to their value, but get no gradient

    def inputs(self) -> list[tuple[str, Source]]:
        """What the operation took, by the name in its formula; x0, x1 and so on where it takes any number."""
        names = self.op.inputs or tuple(f"x{i}" for i in range(len(self.edges)))
        return list(zip(names, self.edges, strict=False))  # an input left out has a name and no edge


@dataclass(slots=True, eq=False)
class Recording:
    """Calls in the order in which they ran, and what they were made for: tensors, and where each came from."""

    calls: list[Call]
    tensors: tuple[Tensor, ...]
    results: tuple[Source, ...]
    title: str = ""
    before: tuple[Call, ...] = ()  # what ran before the picture begins, in modules that give names


def operations(outputs: Iterable[Op]) -> list[Op]:
    """The operations that ``outputs`` were computed from, and these themselves, in the order of recording."""
    found = {id(op): op for op in outputs}
    waiting = list(found.values())
    while waiting:
        for edge in waiting.pop().edges:
            if isinstance(edge, Op) and id(edge) not in found:
                found[id(edge)] = edge
                waiting.append(edge)
    return sorted(found.values(), key=lambda op: op.order)


def of_node(op: Op) -> Call:
    """The call that a node records."""
    return Call(op, op.edges, tuple([edge.shape for edge in op.edges]), op.shape, op.dtype, op.scope)


def _arrays(call: Call) -> dict[int, Any]:
    """The arrays of inputs that the operation keeps, by their places."""
    kept = zip(call.op.keeps, call.op.arrays or (), strict=False)
    return {keeps.source: array for keeps, array in kept if keeps.source is not None and array is not None}


def array_of(call: Call, place: int) -> Array | None:
    """The array of an input that needs no gradient, if its operation keeps it or somebody holds it."""
    edge = call.edges[place]
    tensor = edge.tensor() if isinstance(edge, Constant) else None
    return _arrays(call).get(place) if tensor is None else tensor.array


def _lead_back(calls: Iterable[Call]) -> None:
    """Let an input that was detached from a value of the picture, and so has its array, come from there.

    What is detached twice is one input.
    """
    makers: dict[int, Source] = {}  # by the id of the array, which a node or a leaf holds
    for call in calls:
        for place, edge in enumerate(call.edges):
            if not isinstance(edge, Constant):
                continue
            array = array_of(call, place)
            maker = edge if array is None else makers.setdefault(id(array), edge)
            call.edges = (*call.edges[:place], maker, *call.edges[place + 1 :])
            if not isinstance(maker, Constant):
                call.detached |= {place}
        for place, edge in enumerate(call.edges):
            if isinstance(edge, Tensor):
                makers[id(edge.array)] = edge
            elif isinstance(edge, Op) and (kept := _arrays(call).get(place)) is not None:
                makers[id(kept)] = edge
        for keeps, kept in zip(call.op.keeps, call.op.arrays or (), strict=False):
            if keeps.source is None and kept is not None:
                makers[id(kept)] = call.op


def share_inputs(calls: Iterable[Call]) -> None:
    """Let inputs with one array be one input: the walk back makes new tensors of what the forward pass kept."""
    first: dict[int, Constant] = {}  # by the id of the array, which its keepers hold
    for call in calls:
        arrays = _arrays(call)
        call.edges = tuple(
            [
                first.setdefault(id(arrays[i]), edge) if isinstance(edge, Constant) and i in arrays else edge
                for i, edge in enumerate(call.edges)
            ]
        )


def of_tensors(results: Sequence[Tensor]) -> Recording:
    """What the tensors were computed by."""
    ops = operations(t.grad_fn for t in results if t.grad_fn is not None)
    calls = [of_node(op) for op in ops]
    _lead_back(calls)
    return Recording(calls, tuple(results), tuple([t.grad_fn or t for t in results]))


def of_trace(trace: Trace, results: Sequence[Tensor]) -> Recording:
    """What ran in a trace, recorded or not: under ``no_grad`` all that is known of an operation is from there."""
    makers: dict[int, Op] = {}  # by the id of the output array, which the trace holds
    leaves: dict[int, Tensor] = {}  # likewise
    recorded: set[int] = set()  # ids of operations that a gradient can flow to
    constants: dict[int, Constant] = {}

    def source(tensor: Tensor) -> Source:
        if tensor.requires_grad and tensor.grad_fn is None:
            leaves[id(tensor.array)] = tensor
            return tensor
        maker = tensor.grad_fn or makers.get(id(tensor.array)) or leaves.get(id(tensor.array))
        if maker is not None:
            return maker
        if tensor._constant is None and id(tensor) not in constants:
            constants[id(tensor)] = Constant(tensor)
            if tensor.version.changed >= 0:  # perhaps after it was used: a counter is another number by now
                constants[id(tensor)].value = None
        return tensor._constant or constants[id(tensor)]

    calls = []
    for op, inputs, out, scope, seconds in trace.events:
        edges = tuple([source(t) for t in inputs])
        shapes = tuple([t.shape for t in inputs])
        detached = frozenset(
            place
            for place, (edge, t) in enumerate(zip(edges, inputs, strict=True))
            if not t.requires_grad and (id(edge) in recorded or isinstance(edge, Tensor))
        )
        is_recorded = out.grad_fn is op
        calls.append(
            Call(
                op, edges, shapes, out.shape, out.dtype, scope, is_recorded, out.array, seconds, detached=detached
            )
        )  # fmt: skip
        makers[id(out.array)] = op
        if is_recorded:
            recorded.add(id(op))
    name = getattr(trace.model, "__name__", "")
    title = name if name.isidentifier() else ""  # a function's, but not <lambda>
    return Recording(calls, tuple(results), tuple([source(t) for t in results]), title)
