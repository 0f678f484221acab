"""The graph: what a node is, and how it is recorded. Nothing here knows any mathematics.

A forward pass builds a directed acyclic graph. Each operation is one node, an :class:`Op`; its *edges* lead to
what produced its inputs: another node, a leaf tensor that wants a gradient, or a :class:`Constant`. A node keeps
named *arrays* (never its own output tensor, so there is no reference cycle and the graph is freed the moment the
last tensor that reaches it is dropped).

How derivatives flow along it is in ``backward.py``; what switches recording off is in ``modes.py``.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self, TypeAlias, cast, overload

import numpy as np

from minigrad import kernels, mistakes
from minigrad.checked import careful
from minigrad.dtypes import DType
from minigrad.hooks import Handle, Hook, Hooks, register
from minigrad.kernels import Array
from minigrad.lines import Line, Place, is_own, line_of, users_place
from minigrad.modes import Mode, Packed, Scope, current_mode, current_scope, is_grad_enabled
from minigrad.versions import UNCOUNTED, Version, order

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

Gradients = tuple["Tensor | None", ...]  # one for each input of an operation
Source: TypeAlias = "Op | Tensor | Constant"  # what an edge leads to

#: The class of record()'s results. tensor.py puts itself here, so that this floor need not know the one above.
tensor_class: type[Tensor] = cast("type[Tensor]", None)

# -- a node ---------------------------------------------------------------------------------------------------


class Constant:
    """The edge to an input that needs no gradient: what a picture must know of it, without keeping it alive."""

    __slots__ = ("dtype", "shape", "tensor", "value")

    def __init__(self, tensor: Tensor) -> None:
        self.shape, self.dtype = tensor.array.shape, tensor.array.dtype
        self.value = None if tensor.array.ndim or type(tensor.array) in kernels.placed else tensor.array.item()
        self.tensor = weakref.ref(tensor)


class Kept:
    """Declares, in the body of an :class:`Op`, a value that the node keeps, by the name it has in the formula.

    A name that ``forward`` takes is that input. The output has the name on the left side of the formula, or the
    class's ``output``; any other name is a mistake. ``Kept(seen_only=True)`` is kept for people and pictures
    alone: ``backward`` does not read it, and :func:`lean_mode` drops it.
    """

    def __init__(self, *, seen_only: bool = False) -> None:
        self.seen_only = seen_only
        self.slot = -1  # position in Op.arrays
        self.source: int | None = None  # position among the inputs; None is the output

    def __set_name__(self, owner: type[Op], name: str) -> None:
        self.name = name

    @overload
    def __get__(self, op: None, owner: type[Op]) -> Kept: ...
    @overload
    def __get__(self, op: Op, owner: type[Op]) -> Tensor: ...
    def __get__(self, op: Op | None, owner: type[Op]) -> Kept | Tensor:
        return self if op is None else op.fetch(self)

    def __set__(self, op: Op, value: Any) -> NoReturn:
        raise mistakes.assigned(op, self.name)


class Op:
    """An operation, and the node that it becomes when it is recorded.

    A subclass writes the formula as the first line of its docstring, ``forward`` on arrays, ``backward`` on
    tensors, and declares what it keeps. Parameters that are not data (``dim``, ``exponent``) are arguments of
    its constructor:

    >>> import minigrad as mg
    >>> class Cube(mg.Op):
    ...     '''y = x^3'''
    ...     x = mg.Kept()
    ...     def forward(self, kernels, x):
    ...         return kernels.mul(kernels.mul(x, x), x)
    ...     def backward(self, dy):
    ...         return (dy * 3 * self.x * self.x,)
    >>> x = mg.tensor(2.0, requires_grad=True)
    >>> y = mg.record(Cube(), x)
    >>> y.backward()
    >>> y, x.grad
    (tensor(8., grad_fn=<CubeBackward>), tensor(12.))
    """

    inputs: ClassVar[tuple[str, ...]] = ()  # their names in the formula, from forward's signature
    output: ClassVar[str] = "y"
    title: ClassVar[str] = ""  # the name that diagrams show; the class's, unless it gives another
    keeps: ClassVar[tuple[Kept, ...]] = ()
    is_differentiable: ClassVar[bool] = True
    is_view = False  # whether the output may share its memory with the first input
    frames: ClassVar[int] = 3  # users_place, record, and the function that records an operation of minigrad's own

    # What record() sets on a node.
    edges: tuple[Source, ...] = ()
    order = -1  # nodes are numbered as they are recorded, so an input's number is always the smaller
    shape: tuple[int, ...] = ()
    dtype: DType
    scope: Scope | None = None
    place: Place | None = None  # the user's code that recorded it
    arrays: tuple[Array | Packed | None, ...] | None = None  # in the order of `keeps`; None once freed
    versions: tuple[tuple[Version, int], ...] = ()
    retained: weakref.ref[Tensor] | None = None  # the output, if retain_grad() was called on it
    hooks: Hooks | None = None

    def __init_subclass__(cls) -> None:
        cls.title = vars(cls).get("title", cls.__name__)
        cls.frames = 3 if is_own(cls) else 2
        code = inspect.unwrap(cls.forward).__code__  # which may be wrapped: a subclass's is
        cls.inputs = code.co_varnames[2 : code.co_argcount]
        if not is_own(cls):  # whoever wrote it may pass anything to kernels, which trust their arguments
            cls.forward = careful(cls.forward)  # type: ignore[method-assign]
        is_base = inspect.unwrap(cls.forward) is Op.forward  # it names no inputs
        declared = {name: kept for c in reversed(cls.__mro__) for name, kept in vars(c).items()}
        keeps = []
        for slot, (name, kept) in enumerate((n, k) for n, k in declared.items() if isinstance(k, Kept)):
            own = Kept(seen_only=kept.seen_only)  # an inherited one has another place in another class
            own.name, own.slot = name, slot
            own.source = cls.inputs.index(name) if name in cls.inputs else None
            if own.source is None and not is_base:
                mistakes.check_output(cls, name, _formula(cls))
                cls.output = name
            setattr(cls, name, own)
            keeps.append(own)
        cls.keeps = tuple(keeps)
        for name in (*cls.inputs, cls.output):
            if not hasattr(cls, name):
                setattr(cls, name, mistakes.NotKept(name))

    def forward(self, kernels: Any, *arrays: Any) -> Array:
        """The output array, from the input arrays and the kernels of their device."""
        raise TypeError(f"{type(self).__name__} has no forward")

    def backward(self, gradient: Any) -> Gradients:
        """One gradient for each input, from the gradient of the output; None where there is none."""
        raise TypeError(f"{type(self).__name__} has no backward")

    def flops(self, *shapes: tuple[int, ...]) -> int:
        """Floating-point operations of the matrix products in ``forward``, from the inputs' shapes.

        Elementwise work is not counted, which is PyTorch's convention too.
        """
        return 0

    def wants(self, name: str) -> bool:
        """Whether the input of that name needs a gradient: a rule skips the work for one that does not."""
        position, edges = self.inputs.index(name), self.edges
        if position >= len(edges) or isinstance(edges[position], Constant):
            return False
        reach = current_mode().reach
        return reach is None or edges[position] in reach

    def shape_of(self, name: str) -> tuple[int, ...]:
        """The shape of the input of that name."""
        return self.edges[self.inputs.index(name)].shape

    @property
    def line(self) -> Line | None:
        """The line of the user's code that recorded the node; None in :func:`lean_mode`, which notes none."""
        return line_of(self.place)

    @property
    def formula(self) -> str:
        """The first line of the class's docstring, as far as the first wide gap; "" if it has none."""
        return _formula(type(self))

    def name(self) -> str:
        """The name of the node in the backward pass, as PyTorch prints it."""
        return f"{self.title}Backward"

    def __repr__(self) -> str:
        return f"<{self.name()}>"

    def __dir__(self) -> list[str]:
        """The names that can be read: without those of values that are not kept, or no longer."""
        arrays = self.arrays or (None,) * len(self.keeps)
        gone = {kept.name for kept, array in zip(self.keeps, arrays, strict=True) if array is None}
        found = {name: inspect.getattr_static(type(self), name, None) for name in super().__dir__()}
        return [n for n, value in found.items() if n not in gone and not isinstance(value, mistakes.NotKept)]

    @property
    def next_functions(self) -> tuple[tuple[Op | AccumulateGrad | None, int], ...]:
        """Where ``backward`` sends its gradients next, in PyTorch's form: pairs of a node and 0."""

        def following(edge: Source) -> Op | AccumulateGrad | None:
            if isinstance(edge, Constant):
                return None
            return edge if isinstance(edge, Op) else AccumulateGrad(edge)

        return tuple((following(edge), 0) for edge in self.edges)

    @property
    def kept(self) -> dict[str, Tensor]:
        """The kept values by name, detached. Empty for an operation that keeps nothing, and after freeing."""
        if self.arrays is None:
            return {}
        return {
            kept.name: tensor_class.of(array, None, version)
            for kept, array, (version, _) in zip(self.keeps, self.arrays, self.versions, strict=True)
            if array is not None and not isinstance(array, Packed)
        }

    def fresh(self) -> Self:
        """The same operation with the same parameters, not recorded yet."""
        new = type(self).__new__(type(self))
        vars(new).update({name: value for name, value in vars(self).items() if name not in _NODE})
        return new

    def register_hook(self, hook: Hook) -> Handle:
        """Call ``hook(grad_inputs, grad_outputs)`` after each ``backward`` of this node, with tuples of tensors.

        It may return other ``grad_inputs``.
        """
        self.hooks = self.hooks or Hooks()
        return register(self.hooks.after, hook)

    def register_prehook(self, hook: Hook) -> Handle:
        """Call ``hook(grad_outputs)`` before each ``backward`` of this node; it may return others."""
        self.hooks = self.hooks or Hooks()
        return register(self.hooks.before, hook)

    @property
    def freed(self) -> bool:
        """Whether a backward pass has let go of what this node kept."""
        return self.arrays is None

    def free(self) -> None:
        """Let go of the kept arrays. The structure stays, so a walked graph can still be drawn."""
        self.arrays = None

    def check_not_freed(self) -> None:
        """Raise RuntimeError if a walk has freed this node."""
        if self.freed:
            raise RuntimeError(
                f"{self} was walked before and what it kept is freed: "
                "call backward(retain_graph=True) the first time to walk the same graph twice"
            )

    def fetch(self, kept: Kept) -> Tensor:
        """A kept value as a tensor in its place in the graph, after checking that nobody changed it."""
        if self.arrays is None:
            self.check_not_freed()
        assert self.arrays is not None
        slot, source = kept.slot, kept.source
        array = self.arrays[slot]
        if array is None:
            raise RuntimeError(f"{self} kept no {kept.name}: it was recorded in lean_mode()")
        edge: Source = self if source is None else self.edges[source]
        version, seen = self.versions[slot]
        if isinstance(array, Packed):
            return self._unpacked(kept, array.unpack(), edge)
        if version.value != seen:
            raise mistakes.changed(self, kept.name, array, version, seen)
        if not isinstance(edge, tensor_class):
            return tensor_class.of(
                array, edge if isinstance(edge, Op) and current_mode().records else None, version
            )
        if edge.array is not array:
            raise RuntimeError(
                f"{self} needs its {kept.name} of shape {array.shape}, but that leaf has a new array"
            )
        return edge

    def _unpacked(self, kept: Kept, found: Tensor, edge: Source) -> Tensor:
        """The value that a user's function brought back, in its place in the graph."""
        version, seen = self.versions[kept.slot]
        is_leaf = isinstance(edge, tensor_class) and is_grad_enabled()
        if version.value != seen and (is_leaf or found.version is version):  # no copy was stored
            raise mistakes.changed(self, kept.name, found.array, version, seen)
        if isinstance(edge, tensor_class) and is_grad_enabled():
            return edge
        return tensor_class.of(found.array, edge if isinstance(edge, Op) and is_grad_enabled() else None)


def _formula(cls: type[Op]) -> str:
    own = next(c for c in cls.__mro__ if c.__doc__ or c is Op)
    return "" if own is Op else (own.__doc__ or "").strip().split("\n")[0].split("  ")[0]


#: What makes an operation a node, as opposed to its parameters.
_NODE = set("edges order shape dtype scope place arrays versions retained hooks".split())


class AccumulateGrad:
    """The end of a walk at a leaf, where the gradient is added to ``variable.grad``."""

    def __init__(self, variable: Tensor) -> None:
        self.variable = variable
        self.next_functions: tuple[()] = ()

    def name(self) -> str:
        """The name, as PyTorch prints it."""
        return "AccumulateGrad"

    def __repr__(self) -> str:
        return "<AccumulateGrad>"


# -- recording ------------------------------------------------------------------------------------------------


def record(op: Op, *tensors: Tensor) -> Tensor:
    """Run ``op`` on the tensors' arrays and, if a gradient is wanted, enter it in the graph as a node.

    Every operation of minigrad goes through here, and the grad mode is read once, here.
    """
    mode = current_mode()
    observer = mode.observer
    started = perf_counter() if observer else 0.0
    target = kernels.loaded[mode.target]
    arrays, wanted = [], False
    try:
        for t in tensors:  # one loop: a comprehension is a call, any() is three times as slow
            arrays.append(t.array)
            if t._requires_grad:
                wanted = True
        if kernels.placed:
            target = _beside(op, tensors) or target
        array = op.forward(target, *arrays)
    except (AttributeError, TypeError):
        mistakes.check_call(op, tensors, Op, tensor_class)
        raise
    if type(array) is not np.ndarray and type(array) not in kernels.placed:  # a subclass would not do for kernels
        array = mistakes.output_of(op, array)

    wanted = wanted and mode.records and op.is_differentiable
    out = tensor_class.of(array, op if wanted else None, UNCOUNTED if mode.inference else None)
    if op.is_view and not (mode.inference and tensors[0].is_inference()):  # the view of a counted one is counted
        out.become_view(tensors[0], op, recorded=mode.records)
    if wanted:
        if op.order >= 0:
            raise RuntimeError(f"{op} is a node already: record a new {type(op).__name__} for each call")
        op.edges = tuple([t.grad_fn or (t if t._requires_grad else t._constant or t.constant()) for t in tensors])
        op.order = next(order)
        op.shape, op.dtype = array.shape, array.dtype
        op.scope = scope = current_scope()
        if not mode.lean:
            runs_users_code = observer or mode.saver or mode.walks  # inside one of our modules
            op.place = scope.place(op.frames) if scope and not runs_users_code else users_place(op.frames)
        op.arrays = ()
        if op.keeps:
            _keep(op, tensors, out, mode)
    if mode.anomaly:
        mode.anomaly.check(op, tensors, out)
    if observer:
        observer(op, tensors, out, perf_counter() - started)
    return out


def _beside(op: Op, tensors: Sequence[Tensor]) -> Any:
    """The kernels of the device that the tensors are on, or None for the CPU's.

    A number fits every device: a tensor without dimensions on the CPU goes along with those on a GPU.
    """
    for t in tensors:  # at every operation: a comprehension would take twice as long
        first = t.array
        if type(first) in kernels.placed:
            break
    else:
        return None
    kind, device = kernels.placed[type(first)], first.device
    for t in tensors:
        x = t.array
        is_elsewhere = kernels.placed.get(type(x)) != kind or x.device != device
        if is_elsewhere and (x.ndim or t._requires_grad or type(x) in kernels.placed):
            raise mistakes.apart(op.title, tensors)
    return kernels.loaded[kind]


def _keep(op: Op, tensors: Sequence[Tensor], out: Tensor, mode: Mode) -> None:
    arrays: list[Array | Packed | None] = []
    versions: list[tuple[Version, int]] = []
    for kept in op.keeps:
        source = kept.source
        t = out if source is None else tensors[source]
        version = t._version or t.version
        if version is UNCOUNTED:
            raise RuntimeError(
                f"{op} must keep its {kept.name}, a tensor made in inference_mode(), which counts no changes: "
                "use a clone() of it made outside"
            )
        if mode.lean and kept.seen_only:
            arrays.append(None)
        else:
            arrays.append(Packed(mode.saver, t) if mode.saver else t.array)
        versions.append((version, version.value))
    op.arrays, op.versions = tuple(arrays), tuple(versions)
