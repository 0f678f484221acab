"""The walk back: from outputs to leaves, each node once, gradients added up where paths meet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

from minigrad import graph
from minigrad.graph import Constant, Op
from minigrad.kernels import full_like
from minigrad.modes import (
    Switch,
    current_mode,
    current_scope,
    enable_grad,
    is_grad_enabled,
    leave_scope,
    set_scope,
)

if TYPE_CHECKING:
    from minigrad.tensor import Tensor


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Add to every leaf's ``.grad`` the derivative of the ``tensors``, weighted with the ``grad_tensors``.

    Args:
        tensors: one or several that need a gradient; scalars, unless ``grad_tensors`` gives their weights.
        grad_tensors: the weight of each element, a tensor of each one's shape.
        retain_graph, create_graph, inputs: as for :meth:`Tensor.backward`, which is this for one tensor.

    >>> import minigrad as mg
    >>> x = mg.tensor(3.0, requires_grad=True)
    >>> mg.autograd.backward([x * x, 5 * x], [mg.tensor(1.0), mg.tensor(10.0)])
    >>> x.grad
    tensor(56.)
    """
    outs = _tensors("backward(): the tensors", tensors)
    seeds = _seeds(outs, _weights(outs, grad_tensors))
    wanted = None if inputs is None else {t.grad_fn or t: t for t in _inputs("backward()", inputs)}
    if wanted is not None and not wanted:
        raise RuntimeError("backward(): inputs names no tensor at all; leave it out for every leaf")
    keep = create_graph if retain_graph is None else retain_graph
    targets = None if wanted is None else list(wanted)
    found = walk_back(seeds, retain_graph=keep, create_graph=create_graph, targets=targets)
    totals: list[tuple[Tensor, Tensor]] = []
    with Switch(grad=create_graph):
        for target, gradient in found.items():
            keeper = target.retained if isinstance(target, Op) else None
            t = wanted[target] if wanted else keeper() if keeper else target
            if isinstance(t, graph.tensor_class):  # and not a tensor that is gone since its retain_grad()
                totals.append((t, gradient if t._grad is None else t._grad + gradient))
    for t, total in totals:  # all or none
        t._grad = total  # its shape and dtype were checked on the way
    for t, _ in totals:
        hooks = t.hooks
        for hook in tuple(hooks.after.values()) if hooks else ():
            hook(t)


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The derivatives of ``outputs`` with respect to ``inputs``, without touching any ``.grad``.

    Args:
        outputs: tensors that need a gradient; scalars, unless ``grad_outputs`` gives their weights.
        inputs: leaves or intermediate tensors that need a gradient.
        grad_outputs: the vector of the vector-Jacobian product, a tensor of each output's shape.
        retain_graph: keep the kept values for another walk; by default only with ``create_graph``.
        create_graph: record this walk too, so that its result can be differentiated again.
        allow_unused: give None for an input that the outputs do not depend on, instead of an error.
        materialize_grads: give zeros for such an input; with ``create_graph`` they require a gradient.

    Returns:
        One tensor for each input, of its shape.

    >>> import minigrad as mg
    >>> x = mg.tensor(3.0, requires_grad=True)
    >>> (dy,) = mg.grad(x**3, x, create_graph=True)
    >>> dy, mg.grad(dy, x)[0]
    (tensor(27., grad_fn=<MulBackward>), tensor(18.))
    """
    if materialize_grads and allow_unused is False:
        raise ValueError("grad(): materialize_grads gives zeros for what is not used, so it must be allowed")
    outs, ins = _tensors("grad(): outputs", outputs), _inputs("grad()", inputs)
    keep = create_graph if retain_graph is None else retain_graph
    targets = [t.grad_fn or t for t in ins]
    seeds = _seeds(outs, _weights(outs, grad_outputs))
    found = walk_back(seeds, retain_graph=keep, create_graph=create_graph, targets=targets)
    if materialize_grads:
        for t, target in zip(ins, targets, strict=True):
            if target not in found:
                found[target] = graph.tensor_class.of(full_like(t.array, 0)).requires_grad_(create_graph)
    for i, target in enumerate(targets):
        if target not in found and not allow_unused:
            raise RuntimeError(
                f"grad(): the outputs do not depend on input {i}, of shape {ins[i].shape}; "
                "allow_unused=True gives None for such an input"
            )
    return tuple(found.get(target) for target in targets)


def once_more(
    function: Callable[..., Any], tensors: Sequence[Tensor], gradient: Tensor
) -> tuple[Tensor | None, ...]:
    """The gradients of ``function(*tensors)`` for each of the tensors, from that of its result.

    The function runs again, on tensors of its own, so that none of them counts as computed from another.
    """
    create_graph = is_grad_enabled()
    with enable_grad():
        inputs = [t.clone() if t.requires_grad else t.detach().requires_grad_() for t in tensors]
        y = function(*inputs)
    return grad(y, inputs, gradient, create_graph=create_graph, allow_unused=True)


def walk_back(
    seeds: Iterable[tuple[Op | Tensor, Tensor]],
    *,
    retain_graph: bool,
    create_graph: bool,
    targets: Sequence[Op | Tensor] | None = None,
) -> dict[Op | Tensor, Tensor]:
    """Carry the seeds' gradients back to the leaves (or to ``targets``) and return what arrived there.

    Nodes wait in a heap, the latest recorded first. A node's consumers were all recorded after it, so when it
    comes up its gradient is complete, and each node is visited once, without recursion. The rules in
    ``Op.backward`` are tensor operations: with ``create_graph`` they record a graph of their own.
    """
    waiting: dict[Op, Tensor] = {}
    arrived: dict[Op | Tensor, Tensor] = {}
    heap: list[tuple[int, Op]] = []
    wanted = None if targets is None else set(targets)
    route = None if wanted is None else nodes_between([start for start, _ in seeds], wanted)
    reach = None if wanted is None or route is None else wanted | route
    tensor_class = graph.tensor_class

    def deliver(edge: Op | Tensor, gradient: Tensor, giver: Op | None) -> None:
        if reach is not None and edge not in reach:
            return
        if not isinstance(gradient, tensor_class):
            raise TypeError(f"{giver} must return tensors or None as gradients, not {gradient!r}")
        is_leaf, array = not isinstance(edge, Op), gradient.array
        if array.shape != edge.shape:
            gradient = _undo_broadcasting(gradient, edge.shape, giver)
        if array.dtype is not edge.dtype and array.dtype != edge.dtype:
            raise TypeError(
                f"{giver} returned a gradient of dtype {gradient.dtype} for an input of dtype {edge.dtype}"
            )
        if giver is not None and (giver.arrays or is_leaf):
            gradient = _own(gradient, giver, may_be_view=not is_leaf)
        table: dict[Any, Tensor] = arrived if is_leaf else waiting
        if edge in table:
            table[edge] = table[edge] + gradient  # a new array: somebody else may hold the old one
            return
        table[edge] = gradient
        if isinstance(edge, Op):
            heappush(heap, (-edge.order, edge))

    anomaly, here = current_mode().anomaly, set_scope(current_scope())
    try:
        # The rules' own operations are not searched for NaN here, nor is what they keep handed to the user's hooks
        with Switch(grad=create_graph, anomaly=None, saver=None, walks=True, reach=reach):
            seeds = list(seeds)
            for start, gradient in seeds:
                deliver(start, gradient if create_graph else gradient.detach(), None)
            while heap:
                op = heappop(heap)[1]
                gradient = waiting.pop(op)
                if op.hooks:
                    gradient = op.hooks.arriving(gradient)
                if op.retained if wanted is None else op in wanted:
                    arrived[op] = _own(gradient, op, may_be_view=False)
                if route is not None and op not in route:
                    continue
                if op.arrays is None:
                    op.check_not_freed()
                if create_graph:
                    set_scope(op.scope)  # what a rule records belongs where its operation does
                gradients = apply_rule(op, gradient)
                if op.hooks:
                    gradients = op.hooks.leaving(gradients, gradient)
                if anomaly:
                    anomaly.check_gradients(op, gradient, gradients)
                for edge, g in zip(op.edges, gradients):  # noqa: B905 (as many, see above)
                    if g is not None and not isinstance(edge, Constant):
                        deliver(edge, g, op)
                if not retain_graph:
                    op.free()
            found = _apart(arrived, seeds)
            hooked = [(t, t.hooks) for t in found if isinstance(t, tensor_class) and t.hooks]
            for t, hooks in hooked:
                found[t] = hooks.arriving(found[t], is_shared=False)
            return _apart(found, seeds) if hooked else found  # a hook may have given one tensor to several
    finally:
        leave_scope(here)


def apply_rule(op: Op, gradient: Tensor) -> tuple[Tensor | None, ...]:
    """What the rule of ``op`` makes of a gradient: one for each input, or None."""
    gradients = op.backward(gradient)
    if type(gradients) is not tuple or len(gradients) != len(op.edges):
        raise TypeError(
            f"{op} must return a tuple with a gradient for each of its {len(op.edges)} inputs, "
            f"it returned {gradients!r}"
        )
    return gradients


def _apart(
    arrived: dict[Op | Tensor, Tensor], seeds: Iterable[tuple[Op | Tensor, Tensor]]
) -> dict[Op | Tensor, Tensor]:
    """The gradients, no two in one array and none in a seed's, since whoever gets one may change it in place."""
    taken = {id(seed.array) for _, seed in seeds}
    for target, gradient in arrived.items():
        if id(gradient.array) in taken:
            arrived[target] = gradient.clone()
        taken.add(id(arrived[target].array))
    return arrived


def _undo_broadcasting(gradient: Tensor, shape: tuple[int, ...], giver: Op | None) -> Tensor:
    """The gradient of an input that was repeated: the sum over the repetitions. Done here and nowhere else."""
    try:
        return gradient.sum_to_size(shape)
    except ValueError:
        raise ValueError(
            f"{giver} returned a gradient of shape {gradient.shape} for an input of shape {shape}"
        ) from None


def _own(gradient: Tensor, op: Op, *, may_be_view: bool) -> Tensor:
    """The gradient, copied out of an array that the op keeps and, unless ``may_be_view``, out of a view."""
    array = gradient.array
    if array.base is not None and not may_be_view:
        return gradient.clone()
    for kept in op.arrays or ():  # at every edge of every walk: any() would take three times as long
        if array is kept:
            return gradient.clone()
    return gradient


def nodes_between(starts: Iterable[Op | Tensor], wanted: set[Op | Tensor]) -> set[Op]:
    """The nodes on a path from a start to a wanted one: the walk need not enter any other."""
    seen: set[Op] = set()
    first = min((t.order if isinstance(t, Op) else -1 for t in wanted), default=-1)
    stack = [start for start in starts if isinstance(start, Op)]
    while stack:
        op = stack.pop()
        if op not in seen and op.order > first:  # what was recorded earlier does not depend on a wanted one
            seen.add(op)
            stack.extend(edge for edge in op.edges if isinstance(edge, Op))
    route: set[Op] = set()
    for op in sorted(seen, key=lambda op: op.order):  # inputs first
        if any(edge in wanted or edge in route for edge in op.edges):
            route.add(op)
    return route


def _tensors(name: str, given: Tensor | Sequence[Tensor]) -> tuple[Tensor, ...]:
    found = given if isinstance(given, (tuple, list)) else (given,)
    for t in found:
        if not isinstance(t, graph.tensor_class):
            raise TypeError(f"{name} must be tensors, got {type(t).__name__}")
    return tuple(found)


def _inputs(name: str, given: Tensor | Sequence[Tensor]) -> tuple[Tensor, ...]:
    found = _tensors(f"{name}: inputs", given)
    for i, t in enumerate(found):
        if not t.requires_grad:
            raise RuntimeError(f"{name} was asked for input {i}, a tensor that does not require a gradient")
    return found


def _weights(tensors: Sequence[Tensor], given: Tensor | Sequence[Tensor | None] | None) -> Sequence[Tensor | None]:
    """What was given for each of the tensors; one alone is for all of them."""
    if given is None or isinstance(given, graph.tensor_class):
        return (given,) * len(tensors)
    return tuple(given)


def _seeds(tensors: Sequence[Tensor], gradients: Sequence[Tensor | None]) -> list[tuple[Op | Tensor, Tensor]]:
    """The starts of a walk and their gradients, checked."""
    if len(tensors) != len(gradients):
        raise ValueError(f"got {len(gradients)} gradients for {len(tensors)} tensors")
    seeds: list[tuple[Op | Tensor, Tensor]] = []
    for t, gradient in zip(tensors, gradients, strict=True):
        if not t.requires_grad:
            raise RuntimeError(
                f"no gradient can flow from this tensor of shape {t.shape}: it does not require a gradient and "
                "nothing recorded it (was it made under no_grad(), detached, or from inputs without "
                "requires_grad=True?)"
            )
        if gradient is None:
            if t.numel() != 1:
                raise RuntimeError(
                    f"backward() starts from a scalar, this tensor has shape {t.shape}: reduce it with .sum() "
                    "or .mean(), or pass gradient= of the same shape"
                )
            gradient = graph.tensor_class.of(full_like(t.array, 1))
        elif not isinstance(gradient, graph.tensor_class):
            raise TypeError(f"the gradient must be a Tensor, got {type(gradient).__name__}")
        elif gradient.shape != t.shape or gradient.dtype != t.dtype:
            raise RuntimeError(
                f"the gradient has shape {gradient.shape} and dtype {gradient.dtype}, "
                f"its tensor has shape {t.shape} and dtype {t.dtype}"
            )
        elif gradient.device != t.device:
            raise RuntimeError(
                f"the gradient is on {gradient.device}, its tensor on {t.device}: move one with t.to()"
            )
        seeds.append((t.grad_fn or t, gradient))
    return seeds
