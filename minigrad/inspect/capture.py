"""Capture: the outputs of a model's layers, chosen by name, for as long as a ``with`` block lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Self

from minigrad.hooks import Handle
from minigrad.nn.module import Module


class capture(Mapping[str, Any]):
    """Hold what layers return, by name, inside a ``with`` block, and let go of it at the end.

    A layer that is called again is held as ``"layer1 (2)"`` and so on. What is held is the output itself, in its
    place in the graph, so ``held["layer1"].retain_grad()`` works.

    Args:
        model: the model.
        patterns: names of modules in it, such as ``"layer1"``, or patterns: ``*`` is any text, dots too, ``?`` one
            character, ``[12]`` one of these.

    Raises TypeError if the model is not a module, ValueError for a pattern that no module has, KeyError for a
    layer that has not been called.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> net = nn.Sequential({"layer1": nn.Linear(2, 3), "act1": nn.ReLU(), "layer2": nn.Linear(3, 1)})
    >>> with mg.capture(net, "layer*") as held:
    ...     y = net(mg.ones(4, 2))
    ...     {name: z.shape for name, z in held.items()}
    {'layer1': (4, 3), 'layer2': (4, 1)}
    >>> len(held)
    0
    """

    def __init__(self, model: Module, *patterns: str) -> None:
        if not isinstance(model, Module):
            raise TypeError(f"capture() expects a Module, got {type(model).__name__}")
        names = {name: module for name, module in model.named_modules() if name}
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in names):
                raise ValueError(
                    f"capture(): no module is called {pattern!r}; there are {', '.join(names) or 'none'}"
                )
        self._chosen = {
            name: module for name, module in names.items() if any(fnmatchcase(name, each) for each in patterns)
        }
        if not self._chosen:
            raise ValueError("capture() needs the name of a module, or a pattern such as 'layer*'")
        self._held: dict[str, Any] = {}
        self._calls: dict[str, int] = {}
        self._handles: list[Handle] = []

    def __enter__(self) -> Self:
        if self._handles:
            raise RuntimeError("this capture is in use already: make another one")
        self._handles = [module.register_forward_hook(self._keeper(name)) for name, module in self._chosen.items()]
        return self

    def __exit__(self, *exception: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._held.clear()
        self._calls.clear()

    def _keeper(self, name: str) -> Callable[..., None]:
        def keep(module: Module, args: tuple[Any, ...], output: Any) -> None:
            count = self._calls[name] = self._calls.get(name, 0) + 1
            self._held[name if count == 1 else f"{name} ({count})"] = output

        return keep

    def __getitem__(self, name: str) -> Any:
        if name in self._held:
            return self._held[name]
        if not self._handles:
            raise KeyError(f"no {name!r}: what was captured is held inside the with block only")
        raise KeyError(f"nothing captured for {name!r}; there is {', '.join(self._held) or 'nothing yet'}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def __repr__(self) -> str:
        return f"<capture of {', '.join(self._chosen)}: {len(self)} held>"
