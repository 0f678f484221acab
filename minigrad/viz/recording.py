"""What a picture is made from: the operations that ran, in order, and where each one's inputs came from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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


def share_inputs(calls: Iterable[Call]) -> None:
    """Let inputs with one array be one input: the walk back makes new tensors of what the forward pass kept."""
    first: dict[int, Constant] = {}  # by the id of the array, which its keepers hold
    for call in calls:
        arrays = {keeps.source: array for keeps, array in zip(call.op.keeps, call.op.arrays or (), strict=False)}
        call.edges = tuple(
            [
                first.setdefault(id(arrays[i]), edge)
                if isinstance(edge, Constant) and arrays.get(i) is not None
                else edge
                for i, edge in enumerate(call.edges)
            ]
        )


def of_tensors(results: Sequence[Tensor]) -> Recording:
    """What the tensors were computed by."""
    ops = operations(t.grad_fn for t in results if t.grad_fn is not None)
    calls = [of_node(op) for op in ops]
    return Recording(calls, tuple(results), tuple([t.grad_fn or t for t in results]))


def of_trace(trace: Trace, results: Sequence[Tensor]) -> Recording:
    """What ran in a trace, recorded or not: under ``no_grad`` all that is known of an operation is from there."""
    makers: dict[int, Op] = {}  # by the id of the output array, which the trace holds
    constants: dict[int, Constant] = {}

    def source(tensor: Tensor) -> Source:
        maker = tensor.grad_fn or makers.get(id(tensor.array))
        if maker is not None or tensor.requires_grad:
            return maker or tensor
        if tensor._constant is None and id(tensor) not in constants:
            constants[id(tensor)] = Constant(tensor)
            if tensor.version.changed >= 0:  # perhaps after it was used: a counter is another number by now
                constants[id(tensor)].value = None
        return tensor._constant or constants[id(tensor)]

    calls = []
    for op, inputs, out, scope, seconds in trace.events:
        edges = tuple([source(t) for t in inputs])
        shapes = tuple([t.shape for t in inputs])
        calls.append(Call(op, edges, shapes, out.shape, out.dtype, scope, out.grad_fn is op, out.array, seconds))
        makers[id(out.array)] = op
    name = getattr(trace.model, "__name__", "")
    title = name if name.isidentifier() else ""  # a function's, but not <lambda>
    return Recording(calls, tuple(results), tuple([source(t) for t in results]), title)
