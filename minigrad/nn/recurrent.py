"""Recurrent layers: whole sequences, through one layer or several, in one direction or both.

Each layer and direction is a call of ``functional/recurrent.py``, where the formulas are; here are the parameters,
the states at the start and at the end, and the order of the dims.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

from minigrad.conversion import Device
from minigrad.creation import zeros
from minigrad.dtypes import float32
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.cells import checked_nonlinearity, checked_sizes
from minigrad.nn.functional.layers import check_probability
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops import cat, flip, stack
from minigrad.ops.operands import sizes, tensor
from minigrad.tensor import Tensor

__all__ = ["GRU", "LSTM", "RNN"]

States = tuple[Tensor, ...]  # of one layer and direction: h, or h and c


class RecurrentLayers(Module):
    """What the three share: all but what a layer does."""

    gates: int
    states: tuple[str, ...] = ("h_0",)  # that a layer starts from
    proj_size = 0

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bias: bool,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        device: Device,
        dtype: Any,
        proj_size: int = 0,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.input_size, self.hidden_size = checked_sizes(name, input_size, hidden_size)
        self.num_layers, self.proj_size = sizes(name, (num_layers, proj_size))
        if self.num_layers < 1:
            raise ValueError(f"{name} needs at least one layer, got num_layers={num_layers}")
        if not 0 <= self.proj_size < self.hidden_size:
            raise ValueError(
                f"{name}: proj_size makes h smaller, it must be below hidden_size={hidden_size}, got {proj_size}"
            )
        for what, value in (("bias", bias), ("batch_first", batch_first), ("bidirectional", bidirectional)):
            if not isinstance(value, bool):
                raise TypeError(f"{name}: {what} must be True or False, got {value!r}")
        self.bias, self.batch_first, self.bidirectional = bias, batch_first, bidirectional
        self.dropout = check_probability(name, dropout)
        if self.dropout and self.num_layers == 1:
            warnings.warn(f"{name}: dropout={dropout} acts between layers, and there is one alone", stacklevel=3)
        for layer in range(self.num_layers):
            for suffix in self._suffixes:
                self._make_weights(f"l{layer}{suffix}", self._sizes_in(layer), device, dtype)
        self.reset_parameters()

    @property
    def _suffixes(self) -> tuple[str, ...]:
        """Of the names of a layer's parameters: one for each direction."""
        return ("", "_reverse") if self.bidirectional else ("",)

    @property
    def _state_size(self) -> int:
        """The size of h."""
        return self.proj_size or self.hidden_size

    def _sizes_in(self, layer: int) -> int:
        return self._state_size * len(self._suffixes) if layer else self.input_size

    def _make_weights(self, which: str, size: int, device: Device, dtype: Any) -> None:
        rows = self.gates * self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, size), "weight_hh": (rows, self._state_size)}
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        for name, shape in shapes.items():
            setattr(self, f"{name}_{which}", Parameter(zeros(shape, device=device, dtype=dtype)))

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        for parameter in self.parameters():
            init.uniform_(parameter, -1 / math.sqrt(self.hidden_size), 1 / math.sqrt(self.hidden_size))

    def _weights(self, layer: int, suffix: str) -> list[Tensor | None]:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", *["weight_hr"] * bool(self.proj_size))
        return [getattr(self, f"{name}_l{layer}{suffix}", None) for name in names]

    # -- forward ----------------------------------------------------------------------------------------------

    def _run(self, x: Tensor, start: States, weights: list[Any]) -> tuple[Tensor, States]:
        """One layer in one direction: all states (T, B, H), and the last ones."""
        raise NotImplementedError

    def _through(self, input: Tensor, given: States | None) -> tuple[Tensor, States]:
        """The output, and the states at the end, of all layers."""
        x = self._checked(input)
        has_batch = x.ndim == 3
        if not has_batch:
            x = x.unsqueeze(1)  # (T, I) -> (T, 1, I)
        elif self.batch_first:
            x = x.transpose(0, 1)  # (B, T, I) -> (T, B, I)
        starts = self._starts(x.shape[1], given, has_batch)
        ends: list[States] = []
        for layer in range(self.num_layers):
            ys = []
            for suffix in self._suffixes:
                y, end = self._run(flip(x, 0) if suffix else x, starts[len(ends)], self._weights(layer, suffix))
                ys.append(flip(y, 0) if suffix else y)
                ends.append(end)
            x = cat(ys, -1) if self.bidirectional else ys[0]
            if layer < self.num_layers - 1:
                x = F.dropout(x, self.dropout, self.training)
        last = tuple(stack(of_all) for of_all in zip(*ends, strict=True))  # (L, B, H)
        if not has_batch:
            return x.squeeze(1), tuple(state.squeeze(1) for state in last)
        return x.transpose(0, 1) if self.batch_first else x, last

    def _checked(self, x: Tensor) -> Tensor:
        if tensor(self._short, x).ndim not in (2, 3) or x.shape[-1] != self.input_size:
            shape = f"(B, T, {self.input_size})" if self.batch_first else f"(T, B, {self.input_size})"
            raise ValueError(f"{self._short} expects x of shape {shape}, or (T, {self.input_size}), got {x.shape}")
        dtype = next(self.parameters()).dtype
        if x.dtype != dtype:
            cast = "float" if dtype == float32 else "double"
            raise TypeError(f"{self._short} has {dtype} weights, x is {x.dtype}: use x.{cast}()")
        return x

    def _starts(self, batch: int, given: States | None, has_batch: bool) -> list[States]:
        """The states that each layer and direction starts from."""
        W, count = next(self.parameters()), self.num_layers * len(self._suffixes)
        wanted = [self._state_size, self.hidden_size][: len(self.states)]
        if given is None:
            return [tuple(zeros(batch, size, dtype=W.dtype, device=W.device) for size in wanted)] * count
        for name, state, size in zip(self.states, given, wanted, strict=True):
            shape = (count, batch, size) if has_batch else (count, size)
            if tensor(self._short, state).shape != shape:
                letters = "(L, B, H)" if has_batch else "(L, H)"
                raise ValueError(
                    f"{self._short} expects {name} of shape {letters} = {shape}, got {state.shape}: every "
                    "layer, and every direction of it, starts from a state of its own"
                )
        states = given if has_batch else tuple(state.unsqueeze(1) for state in given)
        return [tuple(state[k] for state in states) for k in range(count)]

    @property
    def _short(self) -> str:
        return f"{type(self).__name__}({self.input_size}, {self.hidden_size})"

    def extra_repr(self) -> str:
        usual = {
            "proj_size": 0,
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0.0,
            "bidirectional": False,
        }
        others = [f"{name}={getattr(self, name)}" for name, value in usual.items() if getattr(self, name) != value]
        return ", ".join([str(self.input_size), str(self.hidden_size), *others])


class RNN(RecurrentLayers):
    """Plain layers, ``h_t = f(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh)``: ``(T, B, I) -> (T, B, H), (L, B, H)``.

    Args:
        nonlinearity: f, ``"tanh"`` or ``"relu"``.

    The rest is as for :class:`LSTM`, except that the state is h alone.

    >>> import minigrad as mg
    >>> y, h = RNN(10, 20, num_layers=2)(mg.ones(5, 3, 10))
    >>> y.shape, h.shape, (y[-1] == h[-1]).all()
    ((5, 3, 20), (2, 3, 20), tensor(True))
    """

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Device = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype
        )
        self.nonlinearity = checked_nonlinearity("RNN", nonlinearity)

    def _run(self, x: Tensor, start: States, weights: list[Any]) -> tuple[Tensor, States]:
        y, h = (F.rnn_tanh if self.nonlinearity == "tanh" else F.rnn_relu)(x, *start, *weights)
        return y, (h,)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:
        y, (h,) = self._through(input, None if hx is None else (hx,))
        return y, h


class LSTM(RecurrentLayers):
    """Layers of long short-term memory: ``(T, B, I) -> (T, B, H), ((L, B, H), (L, B, H))``.

    In every layer, for every step, with W the weights and b the biases of that layer::

        i, f, o = sigmoid of their rows of W_ih x_t + b_ih + W_hh h_(t-1) + b_hh
        g = tanh of its rows
        c_t = f c_(t-1) + i g
        h_t = o tanh c_t

    and h is the input of the layer above. The output is h of the last layer for all steps, and (h, c) of all
    layers for the last step.

    Args:
        input_size: I, the size of x_t.
        hidden_size: H, the size of h and of c.
        num_layers: how many layers lie one above the other.
        bias: whether there are biases.
        batch_first: whether input and output are (B, T, ...) rather than (T, B, ...); the states never are.
        dropout: the probability of dropout in front of every layer but the first.
        bidirectional: whether every layer has a twin that reads from the end; h of both stand side by side, 2 H
            numbers, and the states of a twin come behind those of its layer.
        proj_size: P, the size of ``h_t = W_hr (o tanh c_t)``, if it is to be smaller than H. Such layers run their
            steps one after the other, which takes several times as long.
        device: of the parameters, ``"cpu"`` or such as ``"cuda"``.
        dtype: float32, or ``mg.float64``.

    ``forward`` takes the input, (T, B, I) or without a batch (T, I), and the states to start from, (h_0, c_0),
    each (L, B, H) or (L, H); they are 0 if not given. L counts the layers, and both directions of each.

    Attributes:
        weight_ih_l0, weight_hh_l0: (4 H, I) and (4 H, H), the rows of i, f, g and o, one below the other; further
            layers are ``l1`` and so on, and take the h of the layer below; twins end in ``_reverse``.
        bias_ih_l0, bias_hh_l0: (4 H,), unless there are none.
        weight_hr_l0: (P, H), if there is a ``proj_size``. All are at first uniform in +-1 / sqrt(H), which is
            PyTorch's choice.

    Raises:
        ValueError: sizes below 1, a ``proj_size`` not below H; in ``forward``, shapes that do not fit, no steps.
        TypeError: in ``forward``, an input or states of another dtype, or states that are no pair.

    >>> import minigrad as mg
    >>> lstm = LSTM(10, 20, batch_first=True, bidirectional=True)
    >>> y, (h, c) = lstm(mg.ones(3, 5, 10))
    >>> y.shape, h.shape, c.shape
    ((3, 5, 40), (2, 3, 20), (2, 3, 20))
    >>> lstm
    LSTM(10, 20, batch_first=True, bidirectional=True)
    """

    gates = 4
    states = ("h_0", "c_0")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Device = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device,
            dtype,
            proj_size,
        )

    def _run(self, x: Tensor, start: States, weights: list[Any]) -> tuple[Tensor, States]:
        h, c = start
        return F.lstm(x, (h, c), *weights)

    def forward(
        self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        if hx is not None and (not isinstance(hx, (tuple, list)) or len(hx) != 2):
            raise TypeError(f"{self._short} expects the pair (h_0, c_0) of states, got {type(hx).__name__}")
        y, (h, c) = self._through(input, hx)
        return y, (h, c)


class GRU(RecurrentLayers):
    """Layers of gated recurrent units: ``(T, B, I) -> (T, B, H), (L, B, H)``.

    ``h_t = (1 - u) n + u h_(t-1)``, with gates r and u and the new state n as :func:`gru_cell` has them. The rest
    is as for :class:`LSTM`, except that the state is h alone, and a matrix has the rows of r, u and n.

    >>> import minigrad as mg
    >>> y, h = GRU(10, 20)(mg.ones(5, 10))  # without a batch
    >>> y.shape, h.shape
    ((5, 20), (1, 20))
    """

    gates = 3

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Device = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype
        )

    def _run(self, x: Tensor, start: States, weights: list[Any]) -> tuple[Tensor, States]:
        y, h = F.gru(x, *start, *weights)
        return y, (h,)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:
        y, (h,) = self._through(input, None if hx is None else (hx,))
        return y, h
