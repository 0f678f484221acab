"""What things are called: by the caller, by the model, and by the formulas; and the frames of the modules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from minigrad.graph import Constant, Op, Source
from minigrad.modes import Scope
from minigrad.names import name_of
from minigrad.ops.activation import Activation
from minigrad.tensor import Tensor
from minigrad.viz.recording import Call, array_of
from minigrad.viz.schema import Cluster
from minigrad.viz.text import numbered


class Names:
    """Names of modules, parameters and tensors, by the object's id.

    Args:
        calls: the operations.
        given: what the caller calls tensors and modules.
    """

    def __init__(self, calls: list[Call], given: Mapping[str, Any]) -> None:
        outer = {id(call.scope): call.scope for call in calls if call.scope}
        roots = list({id(scope.path[0].module): scope.path[0].module for scope in outer.values()}.values())
        self.title = " and ".join(type(root).__name__ for root in roots) if len(roots) < 3 else ""
        self.callers: dict[int, str] = {}
        self.found: dict[int, str] = {}
        for name, thing in given.items():
            if isinstance(thing, Tensor):
                self.callers.setdefault(key_of(thing), name)
        self.detached = _detached(calls, given)
        for root, name in zip(roots, _of_roots(roots, given), strict=True):
            for listing in ("named_modules", "named_parameters", "named_buffers"):
                for path, thing in getattr(root, listing, tuple)():
                    is_outside = len(roots) > 1 and listing != "named_modules"  # of the frame that bears the name
                    self.found[id(thing)] = f"{name}.{path}" if is_outside else path or name

    def of(self, thing: Any) -> str:
        """The name in the model of a module or leaf, or ""."""
        return self.found.get(id(thing.tensor() if isinstance(thing, Constant) else thing), "")

    def given(self, maker: Source) -> str:
        """What the caller calls the value that comes from there, or ""."""
        thing = maker.tensor() if isinstance(maker, Constant) else maker
        return self.callers.get(key_of(maker)) or name_of(thing) or self.detached.get(id(maker), "")


def _of_roots(roots: Sequence[Any], given: Mapping[str, Any]) -> list[str]:
    """One name for each outermost module: the caller's, or its class, with a number where several are of one."""
    called: dict[int, str] = {}
    for name, thing in given.items():
        for path, module in getattr(thing, "named_modules", tuple)():
            called.setdefault(id(module), f"{name}.{path}" if path else name)
    kinds = [type(root).__name__ for root in roots]
    return [
        called.get(id(root)) or (numbered(kind, kinds[: i + 1].count(kind)) if kinds.count(kind) > 1 else kind)
        for i, (root, kind) in enumerate(zip(roots, kinds, strict=True))
    ]


def _detached(calls: Iterable[Call], given: Mapping[str, Any]) -> dict[int, str]:
    """Names of constants that have the array of a tensor which the caller has named, and which has a gradient."""
    names = {id(t.array): name for name, t in given.items() if isinstance(t, Tensor) and t.requires_grad}
    found: dict[int, str] = {}
    for call in calls:
        for place, edge in enumerate(call.edges):
            if names and isinstance(edge, Constant) and (array := array_of(call, place)) is not None:
                name = names.get(id(array), "")
                if name:
                    found[id(edge)] = name
    return found


def key_of(source: Source) -> int:
    """The id by which names are known: of the operation that made a value, or of the tensor itself."""
    if isinstance(source, Constant):
        return id(source.tensor())
    return id(source.grad_fn or source) if isinstance(source, Tensor) else id(source)


def _pre_activation(call: Call) -> Source | None:
    """The z of an activation, or of its rule, which takes da; None of anything else."""
    if isinstance(call.op, Activation):
        return call.edges[0]
    if call.op.inputs[:1] != ("da",):
        return None
    of = dict(call.inputs())
    a = of.get("a")
    return a.edges[0] if isinstance(a, Activation) else of.get("z")


class Clusters:
    """The frames around operations: stages in time, and in them the calls of modules.

    Args:
        calls: the operations.
        names: the modules' names.
        stages: the last number of each stage, by its name, in the order of time.
        backwards: the name of the stage that answers the one before.
    """

    def __init__(self, calls: list[Call], names: Names, stages: Mapping[str, int], backwards: str) -> None:
        self.found: list[Cluster] = []
        self.ids: dict[tuple[str, int], int] = {}  # of a stage and a scope
        self.times: dict[tuple[str, int], int] = {}  # how often a module has been called in a stage
        self.names, self.stages, self.backwards = names, stages, backwards
        roots = {id(call.scope.path[0]) if call.scope else 0 for call in calls}
        self.hidden = roots if len(roots) == 1 else set()  # a frame around everything tells nothing
        self.scopes = {id(call.op): call.scope for call in calls}
        self.where = {id(call.op): self._place(call) for call in calls}

    def of(self, op: Op) -> int | None:
        """The cluster of an operation."""
        return self.where[id(op)]

    def around(self, ops: Sequence[Op], *, is_inside: bool) -> int | None:
        """Where a leaf that the operations use stands: in the first one's stage, and if it ``is_inside`` the
        modules, in the innermost one that holds all its users of that stage.
        """
        if not self.found:
            return None
        stage = self.stage(ops[0])
        paths = [self._path(cluster) for cluster in {self.of(op) for op in ops if self.stage(op) == stage}]
        shared = [parts[0] for parts in zip(*paths, strict=False) if len(set(parts)) == 1]
        if not is_inside:
            shared = [cluster for cluster in shared if not self.found[cluster].type]
        return shared[-1] if shared else None

    def _path(self, cluster: int | None) -> list[int]:
        path = []
        while cluster is not None:
            path.append(cluster)
            cluster = self.found[cluster].parent
        return path[::-1]

    def _place(self, call: Call) -> int | None:
        """The cluster that an operation belongs in.

        That of its module; but an activation called in the parent's forward stands with the layer that made z, and
        so does its rule, and the frame's title says it.
        """
        stage, z = self.stage(call.op), _pre_activation(call)
        maker = self.scopes.get(id(z)) or (z.scope if isinstance(z, Op) else None)
        if not maker or not call.scope or call.scope not in maker.path[:-1]:
            return self._enter(call.scope, stage)
        place = self._enter(maker, stage)
        if place is not None:
            frame = self.found[place]
            if call.op.title not in frame.type.split(" + "):
                self.found[place] = replace(frame, type=f"{frame.type} + {call.op.title}")
        return place

    def stage(self, op: Op) -> str:
        """The stage in time that an operation is in."""
        return next((name for name, last in self.stages.items() if op.order <= last), "") if self.stages else ""

    def _enter(self, scope: Scope | None, stage: str) -> int | None:
        parent = self._add((stage, 0), stage, None, "") if stage else None
        for part in scope.path if scope else ():
            if id(part) not in self.hidden:
                kind = type(part.module).__name__
                parent = self._add(
                    (stage, id(part)), self.names.of(part.module) or kind, parent, kind, part.module
                )
        return parent

    def _add(self, key: tuple[str, int], name: str, parent: int | None, type: str, module: Any = None) -> int:
        if key not in self.ids:
            if module is not None:
                called = key[0], id(module)
                self.times[called] = self.times.get(called, 0) + 1
                name += f", call {self.times[called]}" if self.times[called] > 1 else ""
            self.ids[key] = len(self.found)
            is_backward = module is None and name == self.backwards
            self.found.append(Cluster(len(self.found), name, parent, type, is_backward))
        return self.ids[key]
