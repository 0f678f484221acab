"""Trace: one forward pass, step by step, as data and as a table."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigrad.graph import Op
from minigrad.modes import Scope, current_mode, current_scope, observe
from minigrad.ops.activation import Activation
from minigrad.tensor import Tensor


@dataclass
class Step:
    """A layer of a traced forward pass, or an operation outside any layer.

    Attributes:
        name: the layer's name in the model, such as ``"layer1"``; outside, the operation's, such as ``"sum"``.
        ops: the operations of the step in the order they ran. A linear layer and the activation of its z are
            one step, unless that activation is a module of its own.
        values: the tensors by their names in the formula, detached: x, W, b, z, a. Also attributes: ``step.z``.
        flops: floating-point operations of the matrix products.
        kept_bytes: what the graph holds because of this step, each array counted at the first step that keeps
            it, parameters not counted. 0 under ``no_grad``.
        seconds: the time inside ``forward``; the first use of a kernel includes loading or compiling it.
    """

    name: str
    scope: Scope | None = field(repr=False)
    ops: list[Op] = field(default_factory=list)
    values: dict[str, Tensor] = field(default_factory=dict, repr=False)
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


class Trace:
    """What :func:`trace` found: the steps in order, by name (``trace["layer1"].z``), and printed as a table.

    Attributes:
        model: the model that ran.
        steps: the :class:`Step` objects.
        output: what the model returned.
    """

    def __init__(self, model: Callable[..., Any]) -> None:
        self.model = model
        self.steps: list[Step] = []
        self.output: Any = None
        self._made_by: dict[int, tuple[Any, Step]] = {}  # id of an output array -> that array, its step
        self._counted: set[int] = set()  # ids of the kept arrays counted so far
        modules = model.named_modules() if hasattr(model, "named_modules") else ()
        self._names = {id(module): name for name, module in modules}

    # -- while the model runs ---------------------------------------------------------------------------------

    def observe(self, op: Op, inputs: tuple[Tensor, ...], output: Tensor, seconds: float) -> None:
        """Enter one operation; ``graph.record`` calls this."""
        step = self._step_of(op, inputs)
        names = op.inputs or tuple(f"x{i}" for i in range(len(inputs)))
        for name, value in zip(names, inputs, strict=False):
            step.values.setdefault(name, value.detach())
        step.values[op.output] = output.detach()
        step.ops.append(op)
        step.flops += op.flops(*[t.shape for t in inputs])
        step.seconds += seconds
        parameters = {id(t.array) for t in inputs if t.requires_grad and t.is_leaf}
        for array in op.arrays or ():
            if array is not None and id(array) not in self._counted | parameters:
                self._counted.add(id(array))
                step.kept_bytes += array.nbytes
        self._made_by[id(output.array)] = output.array, step

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
    def flops(self) -> int:
        """Floating-point operations of all steps; like a step's, those of the matrix products."""
        return sum(step.flops for step in self.steps)

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

    def __str__(self) -> str:
        return self.table()

    def table(self, width: int | None = None) -> str:
        """The steps, one a line; where a line would not fit into ``width`` columns, a few lines each.

        ``width`` is the terminal's by default or that in the environment's COLUMNS, and unlimited where the
        output is no terminal.
        """
        if width is None and (sys.stdout.isatty() or "COLUMNS" in os.environ):
            width = shutil.get_terminal_size().columns
        wide = _columns(self.steps)
        if width is None or all(len(line) <= width for line in wide):
            return "\n".join(wide)
        return "\n".join(line for step in self.steps for line in _paragraph(step))


def trace(model: Callable[..., Any], *inputs: Any) -> Trace:
    """Run ``model(*inputs)`` once and return what happened in it, step by step.

    Works recorded and under ``no_grad``. Raises RuntimeError inside another trace: an operation tells one.

    >>> import minigrad as mg
    >>> layer = mg.nn.Sequential(mg.nn.Linear(2, 3), mg.nn.Sigmoid())
    >>> t = mg.trace(layer, mg.ones(1, 2))
    >>> t
    <Trace of Sequential: 0, 1>
    >>> t["0"].shapes, t["0"].flops
    ({'x': (1, 2), 'W': (3, 2), 'b': (3,), 'z': (1, 3)}, 12)
    >>> bool((t["1"].a == t["1"].z.sigmoid()).min())
    True
    """
    if current_mode().observer is not None:
        raise RuntimeError("trace() inside a trace would take its operations: trace one model at a time")
    found = Trace(model)
    with observe(found.observe):
        found.output = model(*inputs)
    return found


# -- the table ------------------------------------------------------------------------------------------------


def _shown(step: Step) -> dict[str, Tensor]:
    """The values that have columns: those of layers by name, any other output as "out"."""
    last = step.ops[-1].output
    found = {name: value for name, value in step.values.items() if name in ("x", "W", "b", "z", "a")}
    return found if last in found else found | {"out": step.values[last]}


def _statistics(value: Tensor | None) -> list[str]:
    if value is None or not value.numel():
        return ["", "", ""]
    array = value.array.astype(np.float64)
    return [f"{n:.3g}" for n in (array.min(), array.mean(), array.max())]


def _columns(steps: list[Step]) -> list[str]:
    """The steps as aligned lines below a head: words to the left, numbers to the right."""
    values = [_shown(step) for step in steps]
    names = [name for name in ("x", "W", "b", "z", "a", "out") if any(name in shown for shown in values)]
    outputs = [name for name in names if name in ("z", "a", "out")]
    words = ["layer", "formula", *names]
    rows = [[*words, "FLOPs", "kept", "ms", *(f"{name} {n}" for name in outputs for n in ("min", "mean", "max"))]]
    for step, shown in zip(steps, values, strict=True):
        shapes = [str(shown[name].shape) if name in shown else "" for name in names]
        work = [f"{step.flops:,}", f"{step.kept_bytes:,} B", f"{step.seconds * 1e3:.3f}"]
        statistics = [cell for name in outputs for cell in _statistics(shown.get(name))]
        rows.append([step.name, step.formula, *shapes, *work, *statistics])
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if i < len(words) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _paragraph(step: Step) -> list[str]:
    """A step as a few short lines."""
    lines = [
        step.formula,
        "  ".join(f"{name} {shape}" for name, shape in step.shapes.items()),
        f"{step.flops:,} FLOPs,  {step.kept_bytes:,} B kept,  {step.seconds * 1e3:.3f} ms",
    ]
    for name in dict.fromkeys(("z", "a", step.ops[-1].output)):
        low, mean, high = _statistics(step.values.get(name))
        if low:
            lines.append(f"{name}: min {low}  mean {mean}  max {high}")
    return [f"{step.name if i == 0 else '':<10}  {line}" for i, line in enumerate(lines)]
