"""Optimizer: the parameters in groups, each with its hyper-parameters, and the step that changes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from numbers import Real
from types import ModuleType
from typing import Any

from minigrad import kernels
from minigrad.kernels import Array
from minigrad.lines import Place, users_place
from minigrad.mistakes import described
from minigrad.modes import current_mode, enable_grad
from minigrad.nn.module import Module
from minigrad.nn.parameter import zero_grad
from minigrad.optim import replay
from minigrad.tensor import Tensor

Group = dict[str, Any]
State = dict[str, Any]
Update = tuple[Tensor, Array, State, Group]  # a parameter, its gradient, what is remembered of it, its group
Params = Iterable[Tensor] | Iterable[Mapping[str, Any]]


class Optimizer:
    """What all optimisers share: a subclass gives its hyper-parameters, checks them and updates one array.

    Args:
        params: tensors to change, usually ``model.parameters()``; or dicts, one a group, with ``"params"`` and
            the hyper-parameters that are other than the defaults in that group.
        defaults: the hyper-parameters of groups that do not say otherwise.

    Attributes:
        param_groups: one dict a group: ``"params"`` and every hyper-parameter. A new value, such as
            ``param_groups[0]["lr"] = 0.01``, holds from the next step on.
        state: what the optimiser remembers of each tensor, by name: tensors of its shape, and the count of steps.

    Raises:
        ValueError: no parameters, the same one twice, one that an operation made, or a hyper-parameter that is
            unknown or out of range.
        TypeError: something else than tensors of floats.
    """

    composed = False  # of tensor operations, without a kernel of its own

    def __init__(self, params: Params, defaults: Group) -> None:
        self.defaults = defaults
        self.state: dict[Tensor, State] = {}
        self.param_groups: list[Group] = []
        for group in self._split(params):
            self.add_param_group(group)

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """Have more tensors changed, with hyper-parameters of their own: a dict, as for the constructor.

        Raises what the constructor raises, and nothing has been added then.

        >>> import minigrad as mg
        >>> first, second = mg.zeros(2, requires_grad=True), mg.zeros(3, requires_grad=True)
        >>> optimizer = mg.optim.SGD([first], lr=0.5)
        >>> optimizer.add_param_group({"params": second, "lr": 0.25})
        >>> [group["lr"] for group in optimizer.param_groups]
        [0.5, 0.25]
        """
        group = self._group(param_group)
        seen = set(self._params())
        for p in group["params"]:
            if p in seen:
                raise ValueError(f"{self._name}: a parameter of shape {p.shape} was given twice")
            seen.add(p)
        self.param_groups.append(group)

    # -- what a subclass says ---------------------------------------------------------------------------------

    def check(self, group: Group) -> None:
        """Raise ValueError for hyper-parameters that make no sense."""
        raise TypeError(f"{self._name} has no check")

    def remembers(self, group: Group) -> tuple[str, ...]:
        """The names of what is remembered of each parameter in a group."""
        raise TypeError(f"{self._name} does not say what it remembers")

    def first(self, name: str, p: Array, group: Group) -> Tensor | int | None:
        """What is remembered under a name before the first step."""
        return 0 if name == "step" else Tensor.of(kernels.full_like(p, 0))

    def update(self, kernels: ModuleType, p: Array, g: Array, state: State, group: Group) -> None:
        """Change one parameter in place, and what is remembered of it."""
        raise TypeError(f"{self._name} has no update")

    # -- the step ---------------------------------------------------------------------------------------------

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient.

        Args:
            closure: called first, to compute the gradients anew: it calls ``zero_grad`` and ``backward`` and
                returns the loss.

        Returns:
            What the closure returned.

        Raises, before any parameter is changed, what the constructor raises for a hyper-parameter that makes no
        sense, and ValueError for a gradient of another shape or dtype, or a parameter in read-only memory.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        steps = []
        for group in self.param_groups:
            self.check(group)
            steps += [(p, g, group) for p in group["params"] if (g := p.grad) is not None]
        for p, gradient, _ in steps:
            self._check_step(p, gradient)
        notes = kernels.taking.notes
        if notes is not None:
            replay.check_repeatable(self, [(p, group) for p, _, group in steps])
        updates = [(p, gradient.array, self._recalled(p, group), group) for p, gradient, group in steps]
        if notes is None:
            self.update_all(updates, users_place(1))
        else:
            replay.note(self, notes, updates)
        return loss

    def _check_step(self, p: Tensor, gradient: Tensor) -> None:
        x, dx = p.array, gradient.array
        if dx.shape != x.shape or dx.dtype != x.dtype:
            raise ValueError(
                f"{self._name}: a parameter has shape {x.shape} and dtype {x.dtype}, "
                f"its gradient {dx.shape} and {dx.dtype}"
            )
        if kernels.placed and p.device != gradient.device:
            raise RuntimeError(
                f"{self._name}: a parameter is on {p.device}, its gradient on {gradient.device}: "
                "move the model before its first backward()"
            )
        if not x.flags.writeable:
            raise ValueError(
                f"{self._name}: a parameter of shape {x.shape} is in read-only memory: make it of a copy"
            )

    def update_all(self, updates: Iterable[Update], place: Place | None = None) -> None:
        """Change these parameters; ``place`` is where the user's code asked for it."""
        target = current_mode().target
        with kernels.together():
            for p, g, state, group in updates:
                array = p.array
                self.update(kernels.for_array(array, target), array, g, state, group)
                p.touch(place)

    def _recalled(self, p: Tensor, group: Group) -> State:
        """What is remembered of ``p``; nothing at all leaves no trace in ``state``."""
        names = self.remembers(group)
        state = self.state.setdefault(p, {}) if names else {}
        for name in names:
            if name not in state:
                state[name] = self.first(name, p.array, group)
        return state

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget every parameter's gradient, or set it to zeros."""
        zero_grad(self._params(), set_to_none)

    # -- its state --------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """What is remembered, and the groups, in PyTorch's form: parameters are numbers, from group to group.

        The tensors are the optimiser's own, not copies.

        >>> import minigrad as mg
        >>> p = mg.tensor([1.0, 2.0], requires_grad=True)
        >>> optimizer = mg.optim.SGD([p], lr=0.25, momentum=0.5)
        >>> (p * p).sum().backward()
        >>> optimizer.step()
        >>> state = optimizer.state_dict()
        >>> state["state"]
        {0: {'momentum_buffer': tensor([2., 4.])}}
        >>> [(group["params"], group["lr"]) for group in state["param_groups"]]
        [([0], 0.25)]
        """
        numbers = {p: i for i, p in enumerate(self._params())}
        return {
            "state": {numbers[p]: dict(state) for p, state in self.state.items()},
            "param_groups": [
                {**group, "params": [numbers[p] for p in group["params"]]} for group in self.param_groups
            ],
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what another optimiser of the same kind remembered of the same parameters, and its groups.

        Tensors are copied, in the dtypes of the parameters. A state that PyTorch made will do as well.

        Raises:
            ValueError: the groups, their hyper-parameters, or what is remembered do not fit. Nothing has been
                loaded then.
        """
        groups = self._loaded_groups(state_dict)
        numbered = {
            number: (p, new)
            for new, saved in zip(groups, state_dict["param_groups"], strict=True)
            for number, p in zip(saved["params"], new["params"], strict=True)
        }
        loaded = {}
        for number, saved in state_dict["state"].items():
            if number not in numbered:
                raise ValueError(f"{self._name}: the state remembers a parameter {number!r} that is in no group")
            p, group = numbered[number]
            loaded[p] = {name: self._loaded(name, value, p) for name, value in saved.items()}
            missing = [name for name in self.remembers(group) if name not in saved]
            if missing:
                raise ValueError(f"{self._name}: the state of parameter {number} has no {', '.join(missing)}")
        self.param_groups, self.state = groups, loaded

    def _loaded_groups(self, state_dict: Mapping[str, Any]) -> list[Group]:
        if not isinstance(state_dict, Mapping) or not {"state", "param_groups"} <= set(state_dict):
            raise ValueError(f"{self._name}: a state is a dict with 'state' and 'param_groups'")
        saved = state_dict["param_groups"]
        sizes = [[len(group["params"]) for group in groups] for groups in (self.param_groups, saved)]
        if sizes[0] != sizes[1]:
            raise ValueError(f"{self._name}: its groups have {sizes[0]} parameters, those of the state {sizes[1]}")
        groups = []
        for own, new in zip(self.param_groups, saved, strict=True):
            missing = [name for name in self.defaults if name not in new]
            if missing:
                raise ValueError(f"{self._name}: a group of the state has no {', '.join(missing)}")
            groups.append({**new, "params": own["params"]})
            self.check(groups[-1])
        return groups

    def _loaded(self, name: str, value: Any, p: Tensor) -> Any:
        """A copy of what was remembered: a count as an int, a tensor in the dtype of its parameter."""
        if value is None:
            return None
        if name == "step" and isinstance(value, (int, float, Tensor)):
            return int(value)
        if not isinstance(value, Tensor) or value.shape != p.shape:
            shape = f"of shape {value.shape}" if isinstance(value, Tensor) else described(value)
            raise ValueError(f"{self._name}: the state's {name} is {shape}, its parameter of shape {p.shape}")
        copy = kernels.full_like(p.array, 0)
        kernels.write(copy, value.array)
        return Tensor.of(copy)

    def __repr__(self) -> str:
        lines = [
            f"  {len(group['params'])} parameter{'s' * (len(group['params']) != 1)}: "
            + ", ".join(f"{name}={group[name]}" for name in self.defaults)
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
            raise TypeError(f"{self._name} expects every group to be a dict, got {described(given)}")
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
                raise TypeError(f"{self._name} expects tensors, got {described(p)}")
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


def is_flag(name: str, value: Any) -> None:
    """Raise unless ``value`` is True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {value!r}")


def _what(thing: object) -> str:
    return type(thing).__name__
