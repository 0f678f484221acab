"""Module calls: what a model's modules were given and gave, in the order in which they were called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Self

from minigrad.graph import Op
from minigrad.hooks import Handle
from minigrad.nn.module import Module
from minigrad.tensor import Tensor

Shapes = tuple[tuple[int, ...], ...]


@dataclass(eq=False)
class Call:
    """One call of a module.

    Attributes:
        name: the module's name in the model; its class for the model itself.
        module: the module.
        depth: in how many other calls it happened.
        inputs, outputs: the shapes of the tensors that it was given, and that it returned.
        output: what it returned.
        ops: the operations that ran in it, also in modules inside.
        flops, kept_bytes: of these operations, as in a :class:`Step`.
        seconds: from its beginning to its end.
        is_done: whether it has returned, and not raised an error.
    """

    name: str
    module: Module = field(repr=False)
    depth: int
    inputs: Shapes
    outputs: Shapes = ()
    ops: list[Op] = field(default_factory=list, repr=False)
    flops: int = 0
    kept_bytes: int = 0
    seconds: float = 0.0
    output: Any = field(default=None, repr=False)
    is_done: bool = False
    started: float = field(default_factory=perf_counter, repr=False)

    @property
    def parameters(self) -> int:
        """How many numbers the module's parameters have, with those of the modules inside."""
        return sum(p.numel() for p in self.module.parameters())


class Calls:
    """Watches the modules of a model, inside a ``with`` block, through their forward hooks.

    Args:
        model: the model; anything else has no calls to be seen.
        ended: is told of each call that has come to its end, with its inputs.

    Attributes:
        found: the calls, in the order in which they began.
        running: those that have not returned, the outermost first.
    """

    def __init__(self, model: Any, ended: Callable[[Call, tuple[Any, ...]], None] | None = None) -> None:
        self.model, self.ended = model, ended
        self.found: list[Call] = []
        self.running: list[Call] = []
        self._handles: list[Handle] = []

    def __enter__(self) -> Self:
        modules = self.model.named_modules() if isinstance(self.model, Module) else ()
        for name, module in modules:
            self._handles += [
                module.register_forward_pre_hook(self._begin(name), with_kwargs=True),
                module.register_forward_hook(self._end, with_kwargs=True),
            ]
        return self

    def __exit__(self, *exception: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _begin(self, name: str) -> Callable[..., None]:
        def begin(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            shapes = tuple(t.shape for t in tensors_in((args, kwargs)))
            call = Call(name or type(module).__name__, module, len(self.running), shapes)
            self.found.append(call)
            self.running.append(call)

        return begin

    def _end(self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        while (call := self.running.pop()).module is not module:
            pass  # it ended in an error that somebody caught
        call.seconds = perf_counter() - call.started
        call.output, call.outputs = output, tuple(t.shape for t in tensors_in(output))
        call.is_done = True
        if self.ended is not None:
            self.ended(call, (*args, *kwargs.values()))


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors in what a module takes or gives: itself, or those in tuples, lists and dicts."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from tensors_in(part)
    elif isinstance(value, dict):
        yield from tensors_in(list(value.values()))
