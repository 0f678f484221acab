"""``mg.draw``: from tensors, a trace, a model with its input, or an error to a picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import numpy as np

from minigrad import backward
from minigrad.graph import Op, Source
from minigrad.inspect.trace import Trace, trace
from minigrad.nn.module import Module
from minigrad.tensor import Tensor
from minigrad.viz.collect import Reading, collect
from minigrad.viz.compare import compare
from minigrad.viz.drawing import Drawing
from minigrad.viz.failure import of_error
from minigrad.viz.look import look_of
from minigrad.viz.names import Names
from minigrad.viz.recording import Recording, of_tensors, of_trace, share_inputs

Passes = Literal["forward", "backward", "both"]


def draw(
    *what: Any, names: Mapping[str, Any] | None = None, values: bool = True, passes: Passes = "forward",
    all_gradients: bool = False, stages: Mapping[str, Tensor] | None = None, before: Drawing | None = None,
    **switches: Any,
) -> Drawing:  # fmt: skip
    """The graph of a computation as a picture. Nothing is changed, and nothing is kept alive.

    Each operation is a box with its formula and the value it computed, as far as the graph or a tensor still
    holds it; parameters and inputs are boxes of their own, and each call of a module is a frame.

    Args:
        what: one or more tensors with a graph; or a trace; or a model and its inputs, which is run once; or an
            exception, for the graph up to the operation that raised it, with the shapes that did not fit.
        names: what to call tensors and modules, such as ``{"x": x, "loss": loss}`` or ``locals()``, of which
            nothing else is used. Parameters of a module bear their names there.
        values: whether arrays are read at all.
        passes: ``"backward"`` walks back from the result, recording, and draws that; ``"both"`` draws it in a
            frame below or above that of the forward pass. No ``.grad`` changes.
        all_gradients: walk back and show the gradient of every value, not only those that tensors carry. The
            hooks of tensors run, as they do in :func:`mg.grad`.
        stages: frames in time: ``{"forward": y, "backward": dy}`` puts what was recorded up to y into the first
            and what came then, up to dy, into the second.
        before: another drawing; what is different is marked.
        switches: what is shown, and how: ``direction``, ``theme``, ``kept``, ``depth`` and the others that
            :class:`minigrad.viz.look.Look` lists.

    Raises:
        TypeError: nothing that can be drawn; names that are no text; a switch that there is not, or with a value
            of another type.
        ValueError: a tensor without a graph, or a switch with a value that it does not have.
        RuntimeError: a walk back through a graph that has been freed.

    >>> import minigrad as mg
    >>> x = mg.tensor(3.0, requires_grad=True)
    >>> mg.draw(x * x + 1)
    <Drawing of Add: 4 nodes, 4 edges>
    >>> mg.draw(mg.nn.Linear(2, 1), mg.ones(1, 2), theme="dark")
    <Drawing of Linear: 4 nodes, 3 edges>
    """
    look = look_of(**switches)
    given = _named(names)
    if passes not in ("forward", "backward", "both"):
        raise ValueError(f"there is no pass {passes!r}: use 'forward', 'backward' or 'both'")
    if before is not None and not isinstance(before, Drawing):
        raise TypeError(f"before must be a Drawing, got {type(before).__name__}")
    for name, flag in (("values", values), ("all_gradients", all_gradients)):
        if not isinstance(flag, bool):
            raise TypeError(f"{name} must be True or False, got {flag!r:.60}")
    if stages is not None and not isinstance(stages, Mapping):
        raise TypeError(f"stages must be like {{'forward': y, 'backward': dy}}, got {type(stages).__name__}")
    for name, tensor in (stages or {}).items():
        if not isinstance(tensor, Tensor) or tensor.grad_fn is None:
            raise TypeError(f"stages: {name!r} must end with a tensor that has a graph, got {tensor!r:.60}")
    recording = _recording(what)
    if not recording.calls:
        raise ValueError("nothing to draw: the model ran no operation")
    ends = {name: t.grad_fn.order for name, t in (stages or {}).items() if t.grad_fn}
    gradients: dict[int, Tensor] = {}
    walked: list[tuple[Tensor, Source]] = []
    if all_gradients:
        gradients = _all_gradients(recording)
    if passes != "forward":
        recording, ends, walked = _walked(recording, given, passes)
    graph = collect(
        recording,
        Reading(
            names=given, max_values=look.max_values if values else None, gradients=gradients, walked=walked,
            slopes=look.derivatives, times=look.times, stages=ends,
            backwards="backward" if passes == "both" else "",
        ),
    )  # fmt: skip
    return Drawing(compare(before.graph, graph) if before else graph, look)


def _recording(what: Sequence[Any]) -> Recording:
    """What ran, from whatever was given."""
    if not what:
        raise TypeError("draw() expects tensors, a Trace, a model with its inputs, or an exception")
    first = what[0]
    if isinstance(first, BaseException) and len(what) == 1:
        return of_error(first)
    if isinstance(first, Trace) and len(what) == 1:
        return of_trace(first, tuple(_outputs(first.output)))
    if callable(first) and not isinstance(first, (Tensor, Trace)):
        ran = trace(first, *what[1:])
        return of_trace(ran, tuple(_outputs(ran.output)))
    results = tuple(_outputs(what))
    for tensor in results:
        if tensor.grad_fn is None:
            raise ValueError(_why_no_graph(tensor))
    return of_tensors(results)


def _outputs(found: Any) -> Iterator[Tensor]:
    """The tensors in what a model returned, or in what was given."""
    if isinstance(found, Tensor):
        yield found
    elif isinstance(found, (tuple, list)):
        for part in found:
            yield from _outputs(part)
    elif isinstance(found, Mapping):
        for part in found.values():
            yield from _outputs(part)
    else:
        raise TypeError(
            "draw() expects tensors, a Trace, a model with its inputs, or an exception, "
            f"got {type(found).__name__}"
        )


def _named(names: Mapping[str, Any] | None) -> dict[str, Any]:
    """The tensors and modules among what the caller has named."""
    if names is not None and not isinstance(names, Mapping):
        raise TypeError(f"names must be like {{'x': x, 'loss': loss}} or locals(), got {type(names).__name__}")
    for name in names or {}:
        if not isinstance(name, str):
            raise TypeError(f"names: {name!r} is no name for a tensor; it must be a str")
    return {name: value for name, value in (names or {}).items() if isinstance(value, (Tensor, Module))}


# -- walking back --------------------------------------------------------------------------------------------


def _seeds(recording: Recording) -> list[tuple[Op | Tensor, Tensor]]:
    for tensor in recording.tensors:
        if tensor.grad_fn is None or tensor.numel() != 1:
            raise ValueError(
                f"a walk back starts from a single number with a graph, this result has shape {tensor.shape}: "
                "draw a loss, such as its .sum()"
            )
    return [(t.grad_fn or t, Tensor.of(np.ones(t.shape, t.dtype))) for t in recording.tensors]


def _all_gradients(recording: Recording) -> dict[int, Tensor]:
    """The gradient of every value that one flows to, by its maker's id."""
    targets: dict[int, Op | Tensor] = {}
    for call in recording.calls:
        for edge in (call.op, *call.edges):
            if isinstance(edge, (Op, Tensor)):
                targets[id(edge)] = edge
    found = backward.walk_back(
        _seeds(recording), retain_graph=True, create_graph=False, targets=list(targets.values())
    )
    return {id(target): gradient for target, gradient in found.items()}


def _walked(
    recording: Recording, given: dict[str, Any], passes: Passes
) -> tuple[Recording, dict[str, int], list[tuple[Tensor, Source]]]:
    """The recording of the walk back, alone or after the forward pass; the stages; what gradients are of what."""
    forward = recording.calls
    arriving: list[tuple[Tensor, Source]] = []
    with ExitStack() as hooks:
        for call in forward:
            hooks.enter_context(_heard(call.op, arriving))
        found = backward.walk_back(_seeds(recording), retain_graph=True, create_graph=True)
    leaves = {leaf: gradient for leaf, gradient in found.items() if gradient.grad_fn is not None}
    if not leaves:
        raise ValueError("the walk back records nothing here: no gradient depends on a value that needs one")
    walk = of_tensors(list(leaves.values()))
    labels = Names(forward, given)
    title = labels.title or labels.given(recording.results[0]) or forward[-1].op.title
    last = forward[-1].op.order
    pairs: list[tuple[Tensor, Source]] = [*((gradient, leaf) for leaf, gradient in leaves.items()), *arriving]
    walked = [
        pair for pair in pairs if (maker := pair[0].grad_fn) is None or maker.order > last
    ]  # no value itself
    back = [call for call in walk.calls if call.op.order > last]
    if passes == "backward":
        title = f"backward pass of {title}"
        return Recording(back, walk.tensors, walk.results, title, tuple(forward)), {}, walked
    earlier = {id(call.op) for call in forward}
    calls = [*forward, *(call for call in back if id(call.op) not in earlier)]
    share_inputs(calls)
    both = Recording(
        calls,
        (*recording.tensors, *walk.tensors),
        (*recording.results, *walk.results),
        f"{title}, forward and backward",
    )
    return both, {"forward": last, "backward": calls[-1].op.order}, walked


@contextmanager
def _heard(op: Op, arriving: list[tuple[Tensor, Source]]) -> Iterator[None]:
    """Note the gradient that comes to an operation in a walk back."""
    hooks = op.hooks
    handle = op.register_prehook(lambda gradients: arriving.append((gradients[0], op)))
    try:
        yield
    finally:
        handle.remove()
        op.hooks = hooks


def _why_no_graph(tensor: Tensor) -> str:
    if tensor.requires_grad:
        why = "a leaf, which no operation has made: draw what is computed from it"
    elif tensor.is_inference():
        why = "made in inference_mode(), which records nothing: compute it outside"
    else:
        why = (
            "made under no_grad(), detached, or computed from nothing that requires a gradient: compute it "
            "with recording on, from a tensor with requires_grad=True; or draw the function and its input"
        )
    return f"this tensor of shape {tensor.shape} has no graph to draw; it is {why}"
