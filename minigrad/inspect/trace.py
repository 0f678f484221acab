"""Trace: one forward pass, step by step, as data and as a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from minigrad import kernels
from minigrad.graph import Op
from minigrad.inspect.calls import Call, Calls, tensors_in
from minigrad.inspect.nodes import is_counted, kept_arrays, uncounted
from minigrad.inspect.table import Report, Table
from minigrad.inspect.watch import kernels_made, plain_target
from minigrad.modes import Scope, current_mode, current_scope, observe
from minigrad.nn.parameter import Parameter
from minigrad.ops.activation import Activation
from minigrad.tensor import Tensor


class Event(NamedTuple):
    """One operation as it ran, recorded or not: what a picture of a trace is made from."""

    op: Op
    inputs: tuple[Tensor, ...]
    output: Tensor
    scope: Scope | None
    seconds: float


@dataclass
class Step:
    """A layer of a traced forward pass, or an operation outside any layer.

    Attributes:
        name: the layer's name in the model, such as ``"layer1"``; outside, the operation's, such as ``"sum"``.
        ops: the operations of the step in the order they ran. A linear layer and the activation of its z are
            one step, unless that activation is a module of its own. None for a layer such as ``Identity``.
        values: the tensors by their names in the formula, detached: x, W, b, z, a. Also attributes: ``step.z``.
        output: what came out: of the layer, or of the last operation.
        parameters: how many numbers there are in the parameters that it uses.
        flops: floating-point operations of the matrix products.
        kept_bytes: what the graph holds because of this step, each array counted at the first step that keeps
            it, parameters not counted. 0 under ``no_grad``.
        seconds: the time inside ``forward``. Where a kernel was compiled or loaded in it, that of a second call.
    """

    name: str
    scope: Scope | None = field(repr=False)
    ops: list[Op] = field(default_factory=list)
    values: dict[str, Tensor] = field(default_factory=dict, repr=False)
    output: Tensor | None = field(default=None, repr=False)
    parameters: int = 0
    flops: int = 0
    kept_bytes: int = 0
    seconds: float = 0.0

    @property
    def formula(self) -> str:
        """The formulas of the operations."""
        return ",  ".join(op.formula for op in self.ops)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the values, by name."""
        return {name: value.shape for name, value in self.values.items()}

    def __getattr__(self, name: str) -> Tensor:
        values: dict[str, Tensor] = self.__dict__.get("values", {})
        if name in values:
            return values[name]
        raise AttributeError(f"this step has no {name!r}; its values are {', '.join(values)}")


class Trace(Report):
    """What :func:`trace` found: the steps in order, by name (``trace["layer1"].z``), and printed as a table.

    Attributes:
        model: the model that ran.
        steps: the :class:`Step` objects.
        calls: every module call in the order in which they began, also of modules with modules inside:
            :class:`Call` objects. A function as model has none.
        events: the operations one by one, :class:`Event` objects.
        output: what the model returned.
    """

    def __init__(self, model: Callable[..., Any]) -> None:
        self.model = model
        self.steps: list[Step] = []
        self.events: list[Event] = []
        self.output: Any = None
        self._calls = Calls(model, self._ended)
        self._made_by: dict[int, tuple[Any, Step]] = {}  # id of an output array -> that array, its step
        self._kernels_made = kernels_made()
        self._counted: set[int] = set()  # ids of the kept arrays and the parameters counted so far
        modules = model.named_modules() if hasattr(model, "named_modules") else ()
        self._names = {id(module): name for name, module in modules}

    # -- while the model runs ---------------------------------------------------------------------------------

    def run(self, *inputs: Any, **named: Any) -> None:
        """Call the model. What ran before an error stays."""
        with self._calls, observe(self.observe):
            self.output = self.model(*inputs, **named)

    def observe(self, op: Op, inputs: tuple[Tensor, ...], output: Tensor, seconds: float) -> None:
        """Enter one operation; ``graph.record`` calls this."""
        if self._kernels_made != kernels_made():
            seconds = self._again(op, inputs, seconds)
        self.events.append(Event(op, inputs, output, current_scope(), seconds))
        step = self._step_of(op, inputs)
        names = op.inputs or tuple(f"x{i}" for i in range(len(inputs)))
        for name, value in zip(names, inputs, strict=False):
            step.values.setdefault(name, value.detach())
        step.output = step.values[op.output] = output.detach()
        step.ops.append(op)
        leaves = {id(t.array): t for t in inputs if t.is_leaf and (t.requires_grad or isinstance(t, Parameter))}
        step.parameters += sum(t.numel() for key, t in leaves.items() if key not in self._counted)
        self._counted.update(leaves)
        step.seconds += seconds
        flops, kept_bytes = op.flops(*[t.shape for t in inputs]), self._newly_kept(op)
        parts: list[Step | Call] = [step, *self._calls.running]
        for part in parts:
            part.flops += flops
            part.kept_bytes += kept_bytes
        for call in self._calls.running:
            call.ops.append(op)
        self._made_by[id(output.array)] = output.array, step

    def _again(self, op: Op, inputs: tuple[Tensor, ...], seconds: float) -> float:
        """The time of the operation now that its kernels are there; the calls around it lose what they took."""
        started = perf_counter()
        op.fresh().forward(kernels.load(plain_target()), *[t.array for t in inputs])
        again = perf_counter() - started
        for call in self._calls.running:
            call.started += seconds  # of which ``again`` is spent in their place
        self._kernels_made = kernels_made()
        return again

    def _newly_kept(self, op: Op) -> int:
        """The bytes of what a node keeps that no node before it kept, parameters not counted."""
        found = 0
        for _, array, _ in kept_arrays(op):
            if id(array) not in self._counted:
                self._counted.add(id(array))
                found += array.nbytes
        return found

    def _ended(self, call: Call, inputs: tuple[Any, ...]) -> None:
        """Note what a layer gave, when its call has ended; it is a step also if no operation ran in it."""
        if not call.depth or any(True for _ in call.module.children()):
            return
        if not call.ops:
            self.steps.append(Step(self._unused(call.name), None))
            self.steps[-1].values.update((f"x{i or ''}", t.detach()) for i, t in enumerate(tensors_in(inputs)))
        self.steps[-1].output = next((t.detach() for t in tensors_in(call.output)), None)

    def _step_of(self, op: Op, inputs: tuple[Tensor, ...]) -> Step:
        scope = current_scope()
        if isinstance(op, Activation):  # called functionally, it belongs to the layer that made its z
            maker = self._made_by.get(id(inputs[0].array), (None, None))[1]
            inner = maker.scope.path if maker and maker.scope else ()
            if maker and scope in inner[:-1] and not any(isinstance(o, Activation) for o in maker.ops):
                return maker
        last = self.steps[-1] if self.steps else None
        if last and scope and last.scope is scope and self._is_layer(scope):
            return last
        step = Step(self._unused(self._name(scope) or op.title.lower()), scope)
        self.steps.append(step)
        return step

    def _name(self, scope: Scope | None) -> str:
        """A layer's name in the model; a module that has modules inside is no layer."""
        return self._names.get(id(scope.module), "") if scope and self._is_layer(scope) else ""

    def _is_layer(self, scope: Scope) -> bool:
        return scope.parent is not None and not any(True for _ in scope.module.children())

    def _unused(self, name: str) -> str:
        count = 1 + sum(step.name.split(" (")[0] == name for step in self.steps)
        return name if count == 1 else f"{name} ({count})"

    # -- afterwards -------------------------------------------------------------------------------------------

    @property
    def calls(self) -> list[Call]:
        """The module calls."""
        return self._calls.found

    @property
    def running(self) -> list[Call]:
        """The module calls that have not come to an end, the innermost last: where an error happened."""
        return self._calls.running

    @property
    def flops(self) -> int:
        """Floating-point operations of all steps; like a step's, those of the matrix products."""
        return sum(step.flops for step in self.steps)

    @property
    def uncounted(self) -> str:
        """Which operations have no formula for FLOPs, in words."""
        return uncounted(event.op.title for event in self.events if not is_counted(event.op))

    @property
    def kept_bytes(self) -> int:
        """What the graph holds because of this pass, parameters not counted."""
        return sum(step.kept_bytes for step in self.steps)

    @property
    def seconds(self) -> float:
        """The time inside the operations of all steps."""
        return sum(step.seconds for step in self.steps)

    @property
    def nodes(self) -> int:
        """How many operations were recorded as nodes: 0 under ``no_grad``."""
        return sum(op.order >= 0 for step in self.steps for op in step.ops)

    def __getitem__(self, name: str | int) -> Step:
        if isinstance(name, int):
            return self.steps[name]
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(f"no step {name!r}; there are {', '.join(step.name for step in self.steps)}")

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __repr__(self) -> str:
        return f"<Trace of {type(self.model).__name__}: {', '.join(step.name for step in self.steps)}>"

    def as_table(self) -> Table:
        values = [_shown(step) for step in self.steps]
        others = dict.fromkeys(name for shown in values for name in shown if name not in (*FIRST, *LAST))
        names = [name for name in (*FIRST, *others, *LAST) if any(name in shown for shown in values)]
        words = ["layer", "formula", *names]
        outputs = [name for name in names if name in ("z", "a", "out")]
        head = [*words, "params", "FLOPs", "kept", "ms"]
        head += [f"{name} {what}" for name in outputs for what in ("min", "mean", "max", "std")]
        rows = []
        for step, shown in zip(self.steps, values, strict=True):
            shapes = [str(shown[name].shape) if name in shown else "" for name in names]
            counts = f"{step.parameters:,}", f"{step.flops:,}", f"{step.kept_bytes:,} B"
            work = [*counts, f"{step.seconds * 1e3:.3f}", *_statistics(shown, outputs)]
            rows.append([step.name, step.formula, *shapes, *work])
        return Table(head, words, rows, notes=[note for note in (self.uncounted,) if note])


def trace(model: Callable[..., Any], *inputs: Any, **named: Any) -> Trace:
    """Run ``model(*inputs, **named)`` once and return what happened in it, step by step.

    Works recorded and under ``no_grad``. A forward pass in training mode moves running statistics, as ever. Raises
    RuntimeError inside another trace: an operation tells one.

    >>> import minigrad as mg
    >>> layer = mg.nn.Sequential(mg.nn.Linear(2, 3), mg.nn.Sigmoid())
    >>> t = mg.trace(layer, mg.ones(1, 2))
    >>> t
    <Trace of Sequential: 0, 1>
    >>> t["0"].shapes, t["0"].flops, t["0"].parameters
    ({'x': (1, 2), 'W': (3, 2), 'b': (3,), 'z': (1, 3)}, 12, 9)
    >>> bool((t["1"].a == t["1"].z.sigmoid()).min())
    True
    >>> [(call.name, call.inputs, call.outputs) for call in t.calls]
    [('Sequential', ((1, 2),), ((1, 3),)), ('0', ((1, 2),), ((1, 3),)), ('1', ((1, 3),), ((1, 3),))]
    """
    if isinstance(model, Tensor):
        raise TypeError("trace() runs a model and shows what happened in it; the sum of a diagonal is x.trace()")
    if current_mode().observer is not None:
        raise RuntimeError("trace() cannot run inside a trace or a profile: one at a time")
    found = Trace(model)
    found.run(*inputs, **named)
    return found


# -- the table ------------------------------------------------------------------------------------------------


FIRST, LAST = ("x", "W"), ("b", "z", "a", "out")  # the columns of layers; between them is what others keep


def _shown(step: Step) -> dict[str, Tensor]:
    """The values that have columns: those of layers, kept inputs in the formula, any other output as "out"."""
    kept = {
        each.name
        for op in step.ops
        for each in op.keeps
        if each.source is not None and re.search(rf"(?<!\w){each.name}(?![A-Za-z0-9])", op.formula)
    }
    wanted = kept.union(FIRST, LAST)
    found = {name: value for name, value in step.values.items() if name in wanted and name != "out"}
    if step.output is None or any(step.output.array is value.array for value in found.values()):
        return found
    return found | {"out": step.output}


def _statistics(shown: dict[str, Tensor], names: Sequence[str]) -> list[str]:
    """Least, mean, largest and standard deviation of each of the values."""
    cells: list[str] = []
    for name in names:
        array = shown[name].array.astype(np.float64) if name in shown else np.empty(0)
        statistics = (array.min, array.mean, array.max, array.std)
        cells += [f"{of():.3g}" for of in statistics] if array.size else [""] * len(statistics)
    return cells
