"""Recurrent layers: one layer's whole sequence as one node.

A step adds the product of W and the state before it to ``z_t``, the part of the input, which is computed for all
steps at once beforehand. The output holds, for every step, all that the formulas name: the state, which is what a
layer gives, and the gates, which the way back needs and people want to see. Its slot 0 is the state at the start,
so that step t always finds its past in slot t - 1; T steps have T + 1 slots. H is the size of the state, B the
batch.

The way back is an operation of its own, which runs through time once more, and gives the gradient of what every
step adds to the product. Those of W and of the input follow from it by one product each, over all steps. Its own
rule differentiates the steps as NumPy has them in ``kernels/reference/recurrent.py``, run on tensors: slow, and
only for derivatives of second and higher order.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from minigrad import kernels
from minigrad.backward import once_more
from minigrad.graph import Gradients, Kept, Op, record
from minigrad.kernels import Array, Dims
from minigrad.ops.joining import cat
from minigrad.ops.linear_algebra import LinearWeightBackward

if TYPE_CHECKING:
    from minigrad.tensor import Tensor


# -- plain ----------------------------------------------------------------------------------------------------


class Recurrence(Op):
    """y = all states and gates of a sequence        slot 0 is the state at the start"""

    output = "y"
    parts: ClassVar[str]  # what stands along the first dim of y, if more than the state does
    y = Kept()
    W = Kept()

    def flops(self, *shapes: Dims) -> int:
        T, B, _ = shapes[0]
        return 2 * T * B * math.prod(shapes[self.inputs.index("W")])


class RecurrenceBackward(Op):
    """dz = the gradient of what each step adds to its product        slot 0 is that of the state at the start"""

    kernel: str  # its name
    dy = Kept()
    y = Kept()
    W = Kept()
    output = "dz"

    def forward(self, kernels: Any, dy: Array, y: Array, W: Array) -> Any:
        return getattr(kernels, self.kernel)(dy, y, W)

    def backward(self, g: Tensor) -> Gradients:
        by_steps = getattr(kernels.load("reference"), self.kernel)
        return once_more(by_steps, (self.dy, self.y, self.W), g)

    def flops(self, *shapes: Dims) -> int:
        _, (*_, slots, B, _), W = shapes
        return 2 * (slots - 1) * B * math.prod(W)


class RNN(Recurrence):
    """h_t = f(z_t + W h_(t-1))        f is tanh or relu

    y = h       (T + 1, B, H)
    dz_t = dh_t f'(h_t)
    dh_(t-1) = dy_(t-1) + W^T dz_t
    dW = sum_t dz_t h_(t-1)^T
    """

    def __init__(self, nonlinearity: str) -> None:
        self.nonlinearity = nonlinearity

    def forward(self, kernels: Any, z: Array, h0: Array, W: Array) -> Any:
        return (kernels.rnn_tanh if self.nonlinearity == "tanh" else kernels.rnn_relu)(z, h0, W)

    def backward(self, dy: Tensor) -> Gradients:
        h = self.y
        d = record(RNNBackward(self.nonlinearity), dy, h, self.W)  # (T + 1, B, H)
        dh0, dz = d[0], d[1:]
        dW = record(LinearWeightBackward(), dz, h[:-1]) if self.wants("W") else None
        return dz, dh0, dW


class RNNBackward(RecurrenceBackward):
    """dz_t = f'(h_t) (dy_t + W^T dz_(t+1))        and dh_0 in slot 0"""

    def __init__(self, nonlinearity: str) -> None:
        self.kernel = f"rnn_{nonlinearity}_backward"


# -- long short-term memory -----------------------------------------------------------------------------------


class LSTM(Recurrence):
    """i, f, o = sigmoid and g = tanh of z_t + W h_(t-1); c_t = f c_(t-1) + i g; h_t = o tanh c_t

    y = (h, c, i, f, g, o)      (6, T + 1, B, H)
    dc_t = dh_t o (1 - tanh^2 c_t) + f_(t+1) dc_(t+1)
    dh_(t-1) = dy_(t-1) + W^T dz_t      with dz = (di, df, dg, do), each times the slope of its gate
    dW = sum_t dz_t h_(t-1)^T
    """

    parts = "h, c, i, f, g, o"

    def forward(self, kernels: Any, z: Array, h0: Array, c0: Array, W: Array) -> Any:
        return kernels.lstm(z, h0, c0, W)

    def backward(self, dy: Tensor) -> Gradients:
        d = record(LSTMBackward(), dy, self.y, self.W)  # (T + 1, B, 4 H)
        (dh0, dc0, _, _), dz = d[0].chunk(4, -1), d[1:]
        dW = record(LinearWeightBackward(), dz, self.y[0, :-1]) if self.wants("W") else None
        return dz, dh0, dc0, dW


class LSTMBackward(RecurrenceBackward):
    """dz = (di i (1 - i), df f (1 - f), dg (1 - g^2), do o (1 - o))        and (dh_0, dc_0, 0, 0) in slot 0

    di = dc g,  df = dc c_(t-1),  dg = dc i,  do = dh tanh c_t      plus what dy has for the gates themselves
    """

    kernel = "lstm_backward"


# -- gated recurrent unit -------------------------------------------------------------------------------------


class GRU(Recurrence):
    """r, u = sigmoid(z_t + W h_(t-1) + b); q = W h_(t-1) + b; n = tanh(z_t + r q); h_t = (1 - u) n + u h_(t-1)

    z, W and b have the rows of r, those of u and those of n or q.

    y = (h, r, u, n, q)     (5, T + 1, B, H)
    dh_(t-1) = dy_(t-1) + u dh_t + W^T (dr, du, dq)_t
    dW = sum_t (dr, du, dq)_t h_(t-1)^T
    db = sum_t (dr, du, dq)_t
    """

    parts = "h, r, u, n, q"

    def forward(self, kernels: Any, z: Array, h0: Array, W: Array, b: Array | None = None) -> Any:
        return kernels.gru(z, h0, W, b)

    def backward(self, dy: Tensor) -> Gradients:
        d = record(GRUBackward(), dy, self.y, self.W)  # (T + 1, B, 4 H)
        H = self.shape_of("h0")[-1]
        dz, dproduct = cat([d[1:, :, H : 3 * H], d[1:, :, :H]], -1), d[1:, :, H:]
        dW = record(LinearWeightBackward(), dproduct, self.y[0, :-1]) if self.wants("W") else None
        db = dproduct.sum((0, 1)) if self.wants("b") else None
        return (dz, d[0, :, :H], dW, db)[: len(self.edges)]


class GRUBackward(RecurrenceBackward):
    """dz = (dn (1 - n^2), dr r (1 - r), du u (1 - u), dq)        and (dh_0, 0, 0, 0) in slot 0

    dn = dh (1 - u),  dr = q dn (1 - n^2),  du = dh (h_(t-1) - n),  dq = r dn (1 - n^2)     and what dy has
    """

    kernel = "gru_backward"
