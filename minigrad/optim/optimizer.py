"""Optimizer: the parameters in groups, each with its hyper-parameters, and the step that changes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from numbers import Real
from types import ModuleType
from typing import Any

from minigrad import kernels
from minigrad.modes import current_mode
from minigrad.nn.module import Module
from minigrad.nn.parameter import zero_grad
from minigrad.tensor import Tensor

Group = dict[str, Any]
Params = Iterable[Tensor] | Iterable[Mapping[str, Any]]


class Optimizer:
    """What all optimisers share: a subclass gives its hyper-parameters, checks them and updates one tensor.

    Args:
        params: tensors to change, usually ``model.parameters()``; or dicts, one a group, with ``"params"`` and
            the hyper-parameters that are other than the defaults in that group.
        defaults: the hyper-parameters of groups that do not say otherwise.

    Attributes:
        param_groups: one dict a group: ``"params"`` and every hyper-parameter. A new value, such as
            ``param_groups[0]["lr"] = 0.01``, holds from the next step on.
        state: what the optimiser remembers of each tensor, by name.

    Raises:
        ValueError: no parameters, the same one twice, one that an operation made, or a hyper-parameter that is
            unknown or out of range.
        TypeError: something else than tensors of floats.
    """

    def __init__(self, params: Params, defaults: Group) -> None:
        self.defaults = defaults
        self.state: dict[Tensor, dict[str, Any]] = {}
        self.param_groups = [self._group(given) for given in self._split(params)]
        seen: set[Tensor] = set()
        for p in self._params():
            if p in seen:
                raise ValueError(f"{self._name}: a parameter of shape {p.shape} was given twice")
            seen.add(p)

    def check(self, group: Group) -> None:
        """Raise ValueError for hyper-parameters that make no sense."""
        raise TypeError(f"{self._name} has no check")

    def update(self, kernels: ModuleType, p: Tensor, gradient: Tensor, group: Group) -> None:
        """Change the array of one parameter in place."""
        raise TypeError(f"{self._name} has no update")

    def step(self) -> None:
        """Change every parameter that has a gradient.

        Raises, before any is changed, what the constructor raises for a hyper-parameter that makes no sense, and
        ValueError for a gradient of another shape or dtype, or a parameter in read-only memory.
        """
        steps = []
        for group in self.param_groups:
            self.check(group)
            steps += [(p, p.grad, group) for p in group["params"] if p.grad is not None]
        for p, gradient, _ in steps:
            x, dx = p.array, gradient.array
            if dx.shape != x.shape or dx.dtype != x.dtype:
                raise ValueError(
                    f"{self._name}: a parameter has shape {x.shape} and dtype {x.dtype}, "
                    f"its gradient {dx.shape} and {dx.dtype}"
                )
            if not x.flags.writeable:
                raise ValueError(
                    f"{self._name}: a parameter of shape {x.shape} is in read-only memory: make it of a copy"
                )
        target = kernels.load(current_mode().target)
        for p, gradient, group in steps:
            self.update(target, p, gradient, group)
            p.touch()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget every parameter's gradient, or set it to zeros."""
        zero_grad(self._params(), set_to_none)

    def __repr__(self) -> str:
        lines = [
            f"  {len(group['params'])} parameters: " + ", ".join(f"{name}={group[name]}" for name in self.defaults)
            for group in self.param_groups
        ]
        return "\n".join([f"{self._name}(", *lines, ")"])

    # -- the arguments ----------------------------------------------------------------------------------------

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _params(self) -> Iterator[Tensor]:
        return (p for group in self.param_groups for p in group["params"])

    def _split(self, params: Params) -> list[Mapping[str, Any]]:
        """The groups as they were given; tensors alone are one group."""
        given = self._listed(params, "tensors or of dicts")
        if not given:
            raise ValueError(f"{self._name} got no parameters: does the model have any?")
        return given if isinstance(given[0], Mapping) else [{"params": given}]

    def _listed(self, params: Any, what: str) -> list[Any]:
        if isinstance(params, (Tensor, Mapping, Module)) or not isinstance(params, Iterable):
            remedy = ": use model.parameters()" if isinstance(params, Module) else ""
            raise TypeError(f"{self._name} expects a list of {what}, not one {_what(params)}{remedy}")
        return list(params)

    def _group(self, given: Mapping[str, Any]) -> Group:
        """A group with the defaults filled in, checked."""
        if not isinstance(given, Mapping):
            raise TypeError(f"{self._name} expects every group to be a dict, got a {_what(given)}")
        if "params" not in given:
            raise ValueError(f"{self._name}: a group needs 'params', got only {', '.join(given) or 'nothing'}")
        unknown = [name for name in given if name != "params" and name not in self.defaults]
        if unknown:
            raise ValueError(f"{self._name} has no {', '.join(unknown)}: it has {', '.join(self.defaults)}")
        params = given["params"]
        params = [params] if isinstance(params, Tensor) else self._listed(params, "tensors")
        group = {**self.defaults, **given, "params": params}
        for p in group["params"]:
            if not isinstance(p, Tensor):
                raise TypeError(f"{self._name} expects tensors, got a {_what(p)}")
            if not p.is_leaf:
                raise ValueError(
                    f"{self._name}: {p.grad_fn} made this tensor of shape {p.shape}; only leaves can be "
                    "changed, such as a detach()ed copy"
                )
            if p.dtype.kind != "f":
                raise TypeError(f"{self._name} expects tensors of floats, got {p.dtype}")
        self.check(group)
        return group


def in_range(name: str, value: Any, low: float = 0.0, below: float = float("inf")) -> None:
    """Raise unless ``value`` is a number with low <= value < below."""
    if not isinstance(value, (float, int, Real)):  # Real alone would do, but is slow to ask
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not low <= float(value) < below:
        raise ValueError(f"{name} must be in [{low:g}, {below:g}), got {value}")


def _what(thing: object) -> str:
    return type(thing).__name__
