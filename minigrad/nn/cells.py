"""Recurrent cells: layers that take one step of a sequence, and leave the loop over the steps to their user.

The formulas are in ``functional/recurrent.py``; layers that run a whole sequence are in ``recurrent.py``.
"""

from __future__ import annotations

import math
from typing import Any

from minigrad.conversion import Device
from minigrad.creation import zeros
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.functional.recurrent import Pair
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops.operands import sizes, tensor
from minigrad.tensor import Tensor

__all__ = ["GRUCell", "LSTMCell", "RNNCell"]

NONLINEARITIES = ("tanh", "relu")


class AnyCell(Module):
    """What the cells share.

    Args:
        input_size: I, the size of x.
        hidden_size: H, the size of the state.
        bias: whether there are biases.
        device: of the parameters, ``"cpu"`` or such as ``"cuda"``.
        dtype: float32, or ``mg.float64``.

    Attributes:
        weight_ih, weight_hh: (gates H, I) and (gates H, H), at first uniform in +-1 / sqrt(H), PyTorch's choice.
        bias_ih, bias_hh: (gates H,), at first the same, or None.

    Raises:
        ValueError: a size below 1; in ``forward``, shapes that do not fit.
        TypeError: in ``forward``, an x or a state of another dtype.
    """

    gates: int

    def __init__(self, input_size: int, hidden_size: int, bias: bool, device: Device, dtype: Any) -> None:
        super().__init__()
        name = type(self).__name__
        self.input_size, self.hidden_size = checked_sizes(name, input_size, hidden_size)
        if not isinstance(bias, bool):
            raise TypeError(f"{name}: bias must be True or False, got {bias!r}")
        rows = self.gates * self.hidden_size
        self.weight_ih = Parameter(zeros(rows, self.input_size, device=device, dtype=dtype))
        self.weight_hh = Parameter(zeros(rows, self.hidden_size, device=device, dtype=dtype))
        self.bias_ih = Parameter(zeros(rows, device=device, dtype=dtype)) if bias else None
        self.bias_hh = Parameter(zeros(rows, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        for parameter in self.parameters():
            init.uniform_(parameter, -1 / math.sqrt(self.hidden_size), 1 / math.sqrt(self.hidden_size))

    @property
    def _weights(self) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh

    def _start(self, x: Tensor) -> Tensor:
        """A state of zeros, for an x (B, I) or (I,)."""
        name = type(self).__name__
        W = self.weight_hh
        return zeros(*tensor(name, x).shape[:-1], self.hidden_size, dtype=W.dtype, device=W.device)

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}{'' if self.bias_ih is not None else ', bias=False'}"


class RNNCell(AnyCell):
    """A plain step, ``h' = f(W_ih x + b_ih + W_hh h + b_hh)``, f being tanh or relu: ``(B, I), (B, H) -> (B, H)``.

    Without a batch it is ``(I,), (H,) -> (H,)``; without a state, h is 0. The rest is as for :class:`LSTMCell`.

    >>> import minigrad as mg
    >>> RNNCell(10, 20, nonlinearity="relu")(mg.ones(3, 10)).shape
    (3, 20)
    """

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Device = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.nonlinearity = checked_nonlinearity("RNNCell", nonlinearity)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        step = F.rnn_tanh_cell if self.nonlinearity == "tanh" else F.rnn_relu_cell
        return step(input, self._start(input) if hx is None else hx, *self._weights)

    def extra_repr(self) -> str:
        other = "" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}"
        return super().extra_repr() + other


class LSTMCell(AnyCell):
    """A step of a long short-term memory: ``(B, I), ((B, H), (B, H)) -> ((B, H), (B, H))``, x, (h, c) -> (h', c').

    ``i, f, o = sigmoid`` and ``g = tanh`` of their rows of ``W_ih x + b_ih + W_hh h + b_hh``; ``c' = f c + i g``;
    ``h' = o tanh c'``. Without a batch, the shapes have no B; without a state, h and c are 0.

    Args:
        input_size: I, the size of x.
        hidden_size: H, the size of h and of c.
        bias: whether there are biases.
        device: of the parameters, ``"cpu"`` or such as ``"cuda"``.
        dtype: float32, or ``mg.float64``.

    Attributes:
        weight_ih, weight_hh: (4 H, I) and (4 H, H), at first uniform in +-1 / sqrt(H), PyTorch's choice.
        bias_ih, bias_hh: (4 H,), at first the same, or None.

    Raises:
        ValueError: a size below 1; in ``forward``, shapes that do not fit.
        TypeError: in ``forward``, an x or a state of another dtype, or a state that is not a pair.

    >>> import minigrad as mg
    >>> cell = LSTMCell(10, 20)
    >>> state = None
    >>> for x in mg.ones(5, 3, 10):  # five steps of a batch of three
    ...     state = cell(x, state)
    >>> h, c = state
    >>> h.shape, c.shape
    ((3, 20), (3, 20))
    """

    gates = 4

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Device = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, device, dtype)

    def forward(self, input: Tensor, hx: Pair | None = None) -> Pair:
        return F.lstm_cell(input, (self._start(input),) * 2 if hx is None else hx, *self._weights)


class GRUCell(AnyCell):
    """A step of a gated recurrent unit, ``h' = (1 - u) n + u h``: ``(B, I), (B, H) -> (B, H)``.

    ``r, u = sigmoid`` and ``n = tanh``, as :func:`gru_cell` has it. The rest is as for :class:`LSTMCell`.

    >>> import minigrad as mg
    >>> GRUCell(10, 20)(mg.ones(3, 10)).shape
    (3, 20)
    """

    gates = 3

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Device = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return F.gru_cell(input, self._start(input) if hx is None else hx, *self._weights)


def checked_sizes(name: str, input_size: int, hidden_size: int) -> tuple[int, int]:
    """Both sizes. Raises ValueError below 1, TypeError for anything but ints."""
    found = sizes(name, (input_size, hidden_size))
    if min(found) < 1:
        raise ValueError(f"{name} needs sizes of at least 1, got {found}")
    return found[0], found[1]


def checked_nonlinearity(name: str, nonlinearity: str) -> str:
    """Raise ValueError for any but those that there are."""
    if nonlinearity not in NONLINEARITIES:
        raise ValueError(f"{name}: there is no nonlinearity {nonlinearity!r}: use 'tanh' or 'relu'")
    return nonlinearity
