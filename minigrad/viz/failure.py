"""An error -> the graph up to it, with the operation that failed.

Shapes are checked before an operation is recorded, so the graph knows nothing of the one that failed. Python does:
an exception carries the frames it came through, with the tensors in them. Reading these needs no switch to be on
when the error happens, costs nothing until then, and works afterwards: ``mg.draw(sys.last_value)`` at a prompt.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any

from minigrad import graph
from minigrad.graph import Constant, Op, Source
from minigrad.lines import Line
from minigrad.modes import Scope
from minigrad.nn.module import Module
from minigrad.tensor import Tensor
from minigrad.viz.recording import Call, Recording, of_node, operations

#: Where the operations are that a user calls; what they check raises in them.
_HOMES = ("minigrad.ops.", "minigrad.nn.functional")


class Failed(Op):
    """Stands for an operation that raised an error instead of becoming a node."""

    output = ""  # there is none

    def __init__(self, title: str, inputs: Sequence[str], line: Line | None) -> None:
        self.title, self.inputs, self._line = title, tuple(inputs), line  # type: ignore[misc]

    @property
    def line(self) -> Line | None:
        """The line of the user's code that called for it."""
        return self._line

    @property
    def formula(self) -> str:
        """None: the name of the function is all that is known."""
        return ""


def of_error(error: BaseException) -> Recording:
    """What the inputs of the failed operation were computed by, and that operation.

    It is the outermost operation that the error came through; or else, if a layer has refused its input, that
    layer with its parameters. Raises ValueError if the error met no tensor in either.
    """
    layers: list[FrameType] = []
    line: Line | None = None
    found: tuple[str, list[tuple[str, Tensor]]] | None = None
    for frame, number in traceback.walk_tb(error.__traceback__):
        module = frame.f_globals.get("__name__", "")
        if frame.f_code is Module.__call__.__code__:
            layers.append(frame)
            found = _layer(frame)
        elif (operation := _operation(frame, module)) is not None:
            found = operation
            break
        elif not module.startswith("minigrad."):
            line = Line(frame.f_code.co_filename, number)
    if not found or not found[1]:
        raise ValueError(
            f"this {type(error).__name__} came from no operation on tensors: there is no graph to draw"
        )
    title, inputs = found[0], [(_word(name, tensor), tensor) for name, tensor in found[1]]
    tensors = tuple(tensor for _, tensor in inputs)
    makers = operations(t.grad_fn for t in tensors if t.grad_fn is not None)
    calls = [of_node(made) for made in makers]
    op = Failed(title, [name for name, _ in inputs], line)
    edges, shapes = tuple([_source(t) for t in tensors]), tuple([t.shape for t in tensors])
    scope = _scope(layers, {id(call.scope): call.scope for call in calls})
    failed = Call(op, edges, shapes, (), tensors[0].dtype, scope, failure=f"{type(error).__name__}: {error}")
    return Recording([*calls, failed], tensors, (op,), f"{type(error).__name__} in {title}")


def _scope(layers: list[FrameType], known: dict[int, Scope | None]) -> Scope | None:
    """The scope of the innermost module call. A call's frame has the token that leads to the scope around it."""
    if not layers:
        return None
    module, around = layers[-1].f_locals["self"], layers[-1].f_locals["token"].old_value
    parent = around if isinstance(around, Scope) else None
    for scope in reversed(known.values()):
        if scope is not None and scope.module is module and scope.parent is parent:
            return scope
    return Scope(module, parent)


def _layer(frame: FrameType) -> tuple[str, list[tuple[str, Tensor]]]:
    """The class of the module that is called in a frame, its inputs, and the parameters of its own."""
    module: Module = frame.f_locals["self"]
    inputs = list(_tensors("x", frame.f_locals["args"]))
    inputs = [("x", inputs[0][1])] if len(inputs) == 1 else inputs
    return type(module).__name__, [*inputs, *module.named_parameters(recurse=False)] if inputs else []


def _operation(frame: FrameType, module: str) -> tuple[str, list[tuple[str, Tensor]]] | None:
    """The name of the operation whose function runs in a frame, and its tensors by their names there."""
    found = frame.f_locals
    if frame.f_code is graph.record.__code__:
        op: Op = found["op"]
        inputs = list(zip(op.inputs or _numbered(found["tensors"]), found["tensors"], strict=False))
        return op.title, inputs
    if not module.startswith(_HOMES):
        return None
    code = frame.f_code
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    tensors = [pair for name in names for pair in _tensors(name, found.get(name))]
    return (code.co_name, tensors) if tensors else None


def _tensors(name: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, (list, tuple)):
        yield from ((f"{name}[{i}]", part) for i, part in enumerate(value) if isinstance(part, Tensor))


def _word(name: str, tensor: Tensor) -> str:
    """What formulas call it: W the weight of a layer, w the one of a norm, b a bias."""
    kind = name.partition("_")[0]
    if kind == "weight":
        return "W" if tensor.ndim > 1 else "w"
    return {"bias": "b", "input": "x"}.get(kind, name)


def _numbered(tensors: Sequence[Tensor]) -> tuple[str, ...]:
    return tuple(f"x{i}" for i in range(len(tensors)))


def _source(tensor: Tensor) -> Source:
    return tensor.grad_fn or (tensor if tensor.requires_grad else tensor._constant or Constant(tensor))
