"""Layers: modules that hold parameters, or only name an operation so that it can stand in a Sequential."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any, Self, overload

from minigrad.creation import zeros
from minigrad.dtypes import float32
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops.operands import sizes, tensor
from minigrad.tensor import Tensor


class Linear(Module):
    """A linear layer, ``z = x W^T + b``: ``(..., in_features) -> (..., out_features)``.

    Args:
        in_features: the size of x.
        out_features: the size of z.
        bias: whether there is a b.
        dtype: float32, or ``mg.float64``.

    Attributes:
        weight: W, (out_features, in_features), at first uniform in +-1 / sqrt(in_features), PyTorch's choice.
        bias: b, (out_features,), at first the same, or None.

    Raises:
        ValueError: a size below 1; in ``forward``, an x of another size.
        TypeError: a size that is no int, weights that are no floats; in ``forward``, an x of another dtype.

    >>> import minigrad as mg
    >>> layer = Linear(64, 25)
    >>> layer(mg.zeros(32, 64)).shape
    (32, 25)
    >>> layer(mg.zeros(32, 784))
    Traceback (most recent call last):
    ValueError: Linear(64, 25) expects x of shape (..., 64), got (32, 784)
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True, dtype: Any = None) -> None:
        super().__init__()
        self.in_features, self.out_features = sizes("Linear", (in_features, out_features))
        if in_features < 1 or out_features < 1:
            raise ValueError(f"Linear needs sizes of at least 1, got ({in_features}, {out_features})")
        if not isinstance(bias, bool):
            raise TypeError(f"Linear: bias must be True or False, got {bias!r}")
        self.weight = Parameter(zeros(out_features, in_features, dtype=dtype))
        self.bias = Parameter(zeros(out_features, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the first values anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))  # gain sqrt(1/3): a bound of 1 / sqrt(in_features)
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features)
            init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        array, W = tensor("Linear", x).array, self.weight
        if array.shape[-1:] != (self.in_features,):
            raise ValueError(f"{self._short} expects x of shape (..., {self.in_features}), got {x.shape}")
        if array.dtype != W.array.dtype:
            cast = "float" if W.dtype == float32 else "double"
            other = f", or Linear(..., dtype=mg.{x.dtype})" if x.dtype.kind == "f" else ""
            raise TypeError(f"{self._short} has {W.dtype} weights, x is {x.dtype}: use x.{cast}(){other}")
        return F.linear(x, W, self.bias)

    @property
    def _short(self) -> str:
        return f"Linear({self.in_features}, {self.out_features})"

    def extra_repr(self) -> str:
        has_bias = self.bias is not None
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={has_bias}"


class Sequential(Module):
    """Modules one after the other, each fed with what the one before returned.

    Made of modules, named ``"0"``, ``"1"`` and so on, or of one dict of names and modules. A slice is a
    Sequential of the same modules under the same names.

    >>> import minigrad as mg
    >>> net = Sequential(Linear(4, 3), ReLU(), Linear(3, 2))
    >>> net(mg.zeros(5, 4)).shape, len(net)
    ((5, 2), 3)
    >>> net[1:]
    Sequential(
      (1): ReLU()
      (2): Linear(in_features=3, out_features=2, bias=True)
    )
    """

    @overload
    def __init__(self, *modules: Module) -> None: ...
    @overload
    def __init__(self, modules: Mapping[str, Module], /) -> None: ...
    def __init__(self, *modules: Any) -> None:
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            named = modules[0]
        else:
            named = {str(i): module for i, module in enumerate(modules)}
        for name, module in named.items():
            if not isinstance(module, Module):
                raise TypeError(f"Sequential is made of modules, {name!r} is a {type(module).__name__}")
            self.add_module(name, module)

    def forward(self, x: Any) -> Any:
        for module in vars(self).values():  # as __iter__, without a list at every call
            if isinstance(module, Module):
                x = module(x)
        return x

    def append(self, module: Module) -> Self:
        """Put a module at the end, under the next free number. Returns the Sequential itself."""
        if not isinstance(module, Module):
            raise TypeError(f"Sequential is made of modules, append() got a {type(module).__name__}")
        numbers = map(str, itertools.count(len(self)))
        self.add_module(next(name for name in numbers if not hasattr(self, name)), module)
        return self

    def __len__(self) -> int:
        return len(self._own_modules())

    def __iter__(self) -> Iterator[Module]:
        return (module for _, module in self._own_modules())

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Sequential: ...
    def __getitem__(self, index: int | slice) -> Module:
        if isinstance(index, slice):
            return Sequential(dict(self._own_modules()[index]))
        try:
            return self._own_modules()[index][1]
        except IndexError:
            raise IndexError(f"there is no module {index} in a Sequential of {len(self)}") from None


class ReLU(Module):
    """``a = max(z, 0)``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.relu(z)


class Sigmoid(Module):
    """``a = 1 / (1 + e^-z)``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.sigmoid(z)


class GELU(Module):
    """``a = z/2 (1 + erf(z / sqrt 2))``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.gelu(z)


class Tanh(Module):
    """``a = tanh z``"""

    def forward(self, z: Tensor) -> Tensor:
        return F.tanh(z)


class Softmax(Module):
    """``a = e^z / sum e^z`` along ``dim``"""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, z: Tensor) -> Tensor:
        return F.softmax(z, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """``a = z - log sum e^z`` along ``dim``"""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, z: Tensor) -> Tensor:
        return F.log_softmax(z, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"
