"""Recurrent layers as functions of their weights: a step, and one layer's whole sequence in one direction.

=====================================  ==========================================================================
rnn_tanh_cell rnn_relu_cell            one step, in elementary operations: in a picture, the formula with its gates
lstm_cell gru_cell
rnn_tanh rnn_relu lstm gru             all steps: one product for all inputs, then one node for the recurrence
=====================================  ==========================================================================

T is the number of steps, B the batch, I the size of an input, H that of a state. The weights of the gates stand
one below the other in one matrix. Where there are two biases, ``b_ih`` and ``b_hh``, that is because PyTorch has
them: only for the GRU is their sum not enough.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.graph import Op, record
from minigrad.ops import linear, relu, sigmoid, stack, tanh
from minigrad.ops.linear_algebra import one_dtype
from minigrad.ops.operands import only_floats, tensor
from minigrad.ops.recurrent import GRU, LSTM, RNN
from minigrad.tensor import Tensor

__all__ = ["gru", "gru_cell", "lstm", "lstm_cell", "rnn_relu", "rnn_relu_cell", "rnn_tanh", "rnn_tanh_cell"]

Pair = tuple[Tensor, Tensor]

# -- a step ---------------------------------------------------------------------------------------------------


def rnn_tanh_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """A plain step: ``h' = tanh(W_ih x + b_ih + W_hh h + b_hh)``.

    Args:
        input: x, (B, I) or (I,).
        hx: h, (B, H) or (H,).
        w_ih, w_hh: (H, I) and (H, H).
        b_ih, b_hh: (H,), or None.

    Returns:
        h', of the shape of h.

    Raises:
        ValueError: shapes that do not fit. TypeError: mixed dtypes, or no floats.

    >>> import minigrad as mg
    >>> one = mg.ones(1, 1)
    >>> rnn_tanh_cell(mg.tensor([[1.0]]), mg.tensor([[-1.0]]), one, one * 2)
    tensor([[-0.7616]])
    """
    return _plain_step("rnn_tanh_cell", tanh, input, hx, w_ih, w_hh, b_ih, b_hh)


def rnn_relu_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """:func:`rnn_tanh_cell` with ``max(z, 0)`` in place of ``tanh z``."""
    return _plain_step("rnn_relu_cell", relu, input, hx, w_ih, w_hh, b_ih, b_hh)


def _plain_step(
    name: str,
    f: Callable[[Tensor], Tensor],
    x: Tensor,
    h: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None,
    b_hh: Tensor | None,
) -> Tensor:
    _check_step(name, 1, x, {"hx": h}, w_ih, w_hh, b_ih, b_hh)
    return f(linear(x, w_ih, b_ih) + linear(h, w_hh, b_hh))


def lstm_cell(
    input: Tensor, hx: Pair, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Pair:
    """A step of a long short-term memory, whose cell c forgets and is written to through gates::

        i, f, o = sigmoid of their rows of W_ih x + b_ih + W_hh h + b_hh        input, forget and output gate
        g = tanh of its rows
        c' = f c + i g
        h' = o tanh c'

    Args:
        input: x, (B, I) or (I,).
        hx: (h, c), each (B, H) or (H,).
        w_ih, w_hh: (4 H, I) and (4 H, H): the rows of i, f, g and o, one below the other.
        b_ih, b_hh: (4 H,), or None.

    Returns:
        (h', c').

    Raises:
        ValueError: shapes that do not fit. TypeError: mixed dtypes, no floats, or ``hx`` is no pair.

    Source: Hochreiter and Schmidhuber, Long short-term memory, 1997; the forget gate is Gers', 2000.

    >>> import minigrad as mg
    >>> h, c = lstm_cell(mg.ones(1, 3), (mg.zeros(1, 2), mg.ones(1, 2)), mg.zeros(8, 3), mg.zeros(8, 2))
    >>> h, c  # every gate is half open, and g is 0
    (tensor([[0.2311, 0.2311]]), tensor([[0.5000, 0.5000]]))
    """
    h, c = _pair("lstm_cell", hx)
    _check_step("lstm_cell", 4, input, {"h": h, "c": c}, w_ih, w_hh, b_ih, b_hh)
    return _lstm_step(input, h, c, w_ih, w_hh, b_ih, b_hh)


def _lstm_step(
    x: Tensor, h: Tensor, c: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None, b_hh: Tensor | None
) -> Pair:
    i, f, g, o = (linear(x, w_ih, b_ih) + linear(h, w_hh, b_hh)).chunk(4, -1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


def gru_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """A step of a gated recurrent unit, which mixes the old state with a new one::

        z = W_ih x + b_ih and s = W_hh h + b_hh, each with the rows of r, u and n
        r, u = sigmoid(z + s)               reset and update gate
        n = tanh(z + r s)
        h' = (1 - u) n + u h

    Args:
        input: x, (B, I) or (I,).
        hx: h, (B, H) or (H,).
        w_ih, w_hh: (3 H, I) and (3 H, H): the rows of r, u and n, one below the other.
        b_ih, b_hh: (3 H,), or None.

    Returns:
        h', of the shape of h.

    Raises:
        ValueError: shapes that do not fit. TypeError: mixed dtypes, or no floats.

    Source: Cho et al., Learning phrase representations using RNN encoder-decoder for statistical machine
    translation, 2014.

    >>> import minigrad as mg
    >>> gru_cell(mg.ones(1, 3), mg.ones(1, 2), mg.zeros(6, 3), mg.zeros(6, 2))  # half of the state, and n is 0
    tensor([[0.5000, 0.5000]])
    """
    _check_step("gru_cell", 3, input, {"hx": hx}, w_ih, w_hh, b_ih, b_hh)
    r, u, n = linear(input, w_ih, b_ih).chunk(3, -1)
    r_h, u_h, n_h = linear(hx, w_hh, b_hh).chunk(3, -1)
    r, u = sigmoid(r + r_h), sigmoid(u + u_h)
    n = tanh(n + r * n_h)
    return n + u * (hx - n)


# -- a sequence -----------------------------------------------------------------------------------------------


def rnn_tanh(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Pair:
    """:func:`rnn_tanh_cell` step by step: ``(T, B, I), (B, H) -> (T, B, H), (B, H)``, all states and the last one.

    Arguments and errors as there. Raises ValueError too for a sequence of no steps.

    >>> import minigrad as mg
    >>> y, h = rnn_tanh(mg.ones(3, 1, 1), mg.zeros(1, 1), mg.ones(1, 1), -mg.ones(1, 1))
    >>> y.flatten(), h
    (tensor([0.7616, 0.2340, 0.6446]), tensor([[0.6446]]))
    """
    return _plain("rnn_tanh", RNN("tanh"), input, hx, w_ih, w_hh, b_ih, b_hh)


def rnn_relu(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Pair:
    """:func:`rnn_tanh` with ``max(z, 0)`` in place of ``tanh z``."""
    return _plain("rnn_relu", RNN("relu"), input, hx, w_ih, w_hh, b_ih, b_hh)


def _plain(
    name: str, op: Op, x: Tensor, h: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None, b_hh: Tensor | None
) -> Pair:
    _check_sequence(name, 1, x, {"hx": h}, w_ih, w_hh, b_ih, b_hh)
    z = linear(x, w_ih, _sum(b_ih, b_hh))  # (T, B, H)
    y = record(op, z, h, w_hh)[1:]
    return y, y[-1]


def lstm(
    input: Tensor,
    hx: Pair,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    w_hr: Tensor | None = None,
) -> tuple[Tensor, Pair]:
    """:func:`lstm_cell` step by step: all h, (T, B, H), and the last (h, c), each (B, H).

    Arguments and errors as there, for an ``input`` (T, B, I). ``w_hr``, (P, H), makes ``h' = W_hr (o tanh c')``
    smaller, so that h is (B, P) and ``w_hh`` (4 H, P); such a layer runs its steps one after the other, which
    takes several times as long. Raises ValueError too for a sequence of no steps.

    Source of the projection: Sak et al., Long short-term memory based recurrent neural network architectures for
    large vocabulary speech recognition, 2014.

    >>> import minigrad as mg
    >>> x, state = mg.ones(5, 2, 3), (mg.zeros(2, 4), mg.zeros(2, 4))
    >>> y, (h, c) = lstm(x, state, mg.ones(16, 3), mg.ones(16, 4))
    >>> y.shape, h.shape, (y[-1] == h).all()
    ((5, 2, 4), (2, 4), tensor(True))
    """
    h, c = _pair("lstm", hx)
    _check_sequence("lstm", 4, input, {"h": h, "c": c}, w_ih, w_hh, b_ih, b_hh, w_hr)
    if w_hr is not None:
        ys = []
        for x in input:
            h, c = _lstm_step(x, h, c, w_ih, w_hh, b_ih, b_hh)
            h = linear(h, w_hr)  # (B, H) -> (B, P)
            ys.append(h)
        return stack(ys), (h, c)
    z = linear(input, w_ih, _sum(b_ih, b_hh))  # (T, B, 4 H)
    states = record(LSTM(), z, h, c, w_hh)  # (6, T + 1, B, H)
    y = states[0, 1:]
    return y, (y[-1], states[1, -1])


def gru(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Pair:
    """:func:`gru_cell` step by step: ``(T, B, I), (B, H) -> (T, B, H), (B, H)``, all states and the last one.

    Arguments and errors as there. Raises ValueError too for a sequence of no steps.

    >>> import minigrad as mg
    >>> y, h = gru(mg.ones(3, 1, 1), mg.ones(1, 1), mg.zeros(3, 1), mg.zeros(3, 1))
    >>> y.flatten(), h
    (tensor([0.5000, 0.2500, 0.1250]), tensor([[0.1250]]))
    """
    _check_sequence("gru", 3, input, {"hx": hx}, w_ih, w_hh, b_ih, b_hh)
    z = linear(input, w_ih, b_ih)  # (T, B, 3 H)
    y = record(GRU(), z, hx, w_hh, *[] if b_hh is None else [b_hh])[0, 1:]
    return y, y[-1]


def _sum(b_ih: Tensor | None, b_hh: Tensor | None) -> Tensor | None:
    return b_hh if b_ih is None else b_ih if b_hh is None else b_ih + b_hh


# -- arguments ------------------------------------------------------------------------------------------------


def _pair(name: str, hx: Pair) -> Pair:
    if not isinstance(hx, (tuple, list)) or len(hx) != 2:
        raise TypeError(f"{name}: hx must be the pair (h, c), got {type(hx).__name__}")
    h, c = hx
    return h, c


def _check_step(name: str, gates: int, x: Tensor, states: dict[str, Tensor], *weights: Any) -> None:
    batch = "B " if tensor(name, x).ndim > 1 else ""
    _check(name, gates, batch, {"input": (x, f"{batch}I")}, states, *weights)


def _check_sequence(name: str, gates: int, x: Tensor, states: dict[str, Tensor], *weights: Any) -> None:
    _check(name, gates, "B ", {"input": (x, "T B I")}, states, *weights)
    if not len(x):
        raise ValueError(f"{name}: the input {x.shape} has no steps, a sequence has at least one")


def _check(
    name: str,
    gates: int,
    batch: str,
    input: dict[str, tuple[Tensor, str]],
    states: dict[str, Tensor],
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None,
    b_hh: Tensor | None,
    w_hr: Tensor | None = None,
) -> None:
    """Raise ValueError unless every shape has its form: a letter stands for one size, 4H for 4 times H."""
    size = "H" if w_hr is None else "P"  # of h, but not of c
    operands: dict[str, tuple[Tensor | None, str]] = {
        **input,
        **{key: (state, batch + ("H" if key == "c" else size)) for key, state in states.items()},
        "w_ih": (w_ih, f"{gates}H I"),
        "w_hh": (w_hh, f"{gates}H {size}"),
        "b_ih": (b_ih, f"{gates}H"),
        "b_hh": (b_hh, f"{gates}H"),
        "w_hr": (w_hr, "P H"),
    }
    optional = ("b_ih", "b_hh", "w_hr")
    given = {k: (tensor(name, t), form) for k, (t, form) in operands.items() if t is not None or k not in optional}
    sizes: dict[str, int] = {}

    def fits(form: str, n: int) -> bool:
        size, rest = divmod(n, int(form[:-1] or 1))
        return not rest and sizes.setdefault(form[-1], size) == size

    for t, form in given.values():
        if t.ndim != len(form.split()) or not all(map(fits, form.split(), t.shape)):
            shapes = ", ".join(f"{key} {t.shape}" for key, (t, _) in given.items())
            wanted = ", ".join(f"({', '.join(form.split())})" for _, form in given.values())
            raise ValueError(f"{name}: the shapes {shapes} do not fit, they must be {wanted}")
    one_dtype(name, *(only_floats(name, t) for t, _ in given.values()))
