"""Recurrent layers and cells: shapes, derivatives, what tables and pictures show, errors."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F
from minigrad.ops.recurrent import GRU, LSTM, RNN

RNG = np.random.default_rng(5)
X, H = 3, 4  # the sizes of an input and of a state


def normal(*shape: int, dtype: str = "float64") -> Any:
    return RNG.normal(0, 1, shape).astype(dtype)


def flat(out: Any) -> list[Any]:
    """The tensors of nested tuples."""
    return [t for each in out for t in flat(each)] if isinstance(out, tuple) else [out]


@pytest.mark.parametrize(("name", "cell"), [("RNN", "RNNCell"), ("LSTM", "LSTMCell"), ("GRU", "GRUCell")])
def test_a_layer_gives_what_its_cell_gives_step_by_step(name, cell):
    layer, step = getattr(nn, name)(X, H, dtype=mg.float64), getattr(nn, cell)(X, H, dtype=mg.float64)
    step.load_state_dict({key.removesuffix("_l0"): t for key, t in layer.state_dict().items()})
    x = mg.tensor(normal(6, 5, X), requires_grad=True)
    state, ys = None, []
    for x_t in x:
        state = step(x_t, state)
        ys.append(flat(state)[0])
    y, end = layer(x)
    for got, want in zip([y, *flat(end)], [mg.stack(ys), *(t.unsqueeze(0) for t in flat(state))], strict=True):
        np.testing.assert_allclose(got.detach().numpy(), want.detach().numpy(), 1e-12)
    for (_, p), (_, q) in zip(layer.named_parameters(), step.named_parameters(), strict=True):
        (one,), (other,) = (
            mg.grad((y**2).sum(), p, retain_graph=True),
            mg.grad((mg.stack(ys) ** 2).sum(), q, retain_graph=True),
        )
        np.testing.assert_allclose(one.numpy(), other.numpy(), 1e-10, 1e-12)


@settings(deadline=None)  # the first compiles
@given(
    name=st.sampled_from(["RNN", "LSTM", "GRU"]),
    steps=st.integers(1, 4),
    batch=st.integers(1, 3) | st.none(),
    sizes=st.tuples(st.integers(1, 3), st.integers(1, 4)),
    layers=st.integers(1, 3),
    first=st.booleans(),
    twice=st.booleans(),
    projected=st.booleans(),
)
def test_shapes_are_those_that_the_docstring_says(name, steps, batch, sizes, layers, first, twice, projected):
    size, hidden = sizes
    options = {"num_layers": layers, "batch_first": first, "bidirectional": twice}
    out = hidden
    if name == "LSTM" and projected and hidden > 1:
        out = options["proj_size"] = hidden - 1
    net = getattr(nn, name)(size, hidden, **options)
    lead = (steps,) if batch is None else (batch, steps) if first else (steps, batch)
    y, end = net(mg.ones(*lead, size))
    middle, count = () if batch is None else (batch,), layers * (1 + twice)
    assert y.shape == (*lead, out * (1 + twice))
    assert [t.shape for t in flat(end)] == [(count, *middle, out), (count, *middle, hidden)][: len(flat(end))]
    again, _ = net(
        mg.ones(*lead, size), tuple(mg.zeros_like(t) for t in end) if name == "LSTM" else mg.zeros_like(end)
    )
    np.testing.assert_array_equal(again.detach().numpy(), y.detach().numpy())


@pytest.mark.parametrize(
    "function",
    [F.rnn_tanh_cell, F.rnn_relu_cell, F.gru_cell, F.rnn_tanh, F.rnn_relu, F.gru],
    ids=lambda function: function.__name__,
)
def test_derivatives_of_functions_of_one_state(function):
    rows = 6 if "gru" in function.__name__ else 2
    steps = () if "cell" in function.__name__ else (3,)
    shapes = [(*steps, 2, 1), (2, 2), (rows, 1), (rows, 2), (rows,), (rows,)]
    inputs = [mg.tensor(normal(*shape), requires_grad=True) for shape in shapes]
    assert mg.gradcheck(function, inputs)
    assert mg.gradgradcheck(function, inputs)


@pytest.mark.parametrize("kind", ["cell", "sequence", "projection"])
def test_derivatives_of_the_functions_of_two_states(kind):
    shapes = [(2, 1), (2, 2), (2, 2), (8, 1), (8, 2), (8,), (8,)]
    if kind != "cell":
        shapes[0] = (2, 2, 1)
    if kind == "projection":
        shapes[1], shapes[4] = (2, 1), (8, 1)
        shapes.append((1, 2))

    def function(x, h, c, *weights):
        out = flat((F.lstm_cell if kind == "cell" else F.lstm)(x, (h, c), *weights))
        return tuple(out)

    inputs = [mg.tensor(normal(*shape), requires_grad=True) for shape in shapes]
    assert mg.gradcheck(function, inputs)
    assert mg.gradgradcheck(function, inputs, fast_mode=True)


@pytest.mark.parametrize("op", [RNN("tanh"), LSTM(), GRU()], ids=lambda op: op.title)
def test_a_third_derivative_is_the_difference_quotient_of_the_second(op):
    gates, states = {"RNN": (1, 1), "LSTM": (4, 2), "GRU": (3, 1)}[op.title]
    shapes = [(2, 1, gates), *[(1, 1)] * states, (gates, 1)]
    at, direction = [normal(*shape) for shape in shapes], [normal(*shape) for shape in shapes]

    def derivatives(s: float) -> tuple[float, float]:
        """The second and third derivative along the direction."""
        step = mg.tensor(s, dtype=mg.float64, requires_grad=True)
        inputs = [mg.tensor(x) + step * mg.tensor(d) for x, d in zip(at, direction, strict=True)]
        y = (mg.record(op.fresh(), *inputs) ** 2).sum()
        for _ in range(2):
            (y,) = mg.grad(y, step, create_graph=True)
        (third,) = mg.grad(y, step)
        return y.item(), third.item()

    quotient = (derivatives(1e-5)[0] - derivatives(-1e-5)[0]) / 2e-5
    assert derivatives(0.0)[1] == pytest.approx(quotient, rel=1e-6)


def test_gates_are_seen_in_the_node():
    x, zeros = mg.ones(5, 2, X), mg.zeros(2, H)
    y, _ = F.lstm(x, (zeros, zeros), mg.ones(4 * H, X, requires_grad=True), mg.ones(4 * H, H))
    node = y.grad_fn.edges[0]
    h, c, i, f, g, o = node.kept["y"]
    assert repr(node) == "<LSTMBackward>"
    np.testing.assert_allclose(c[1:], f[1:] * c[:-1] + i[1:] * g[1:], 1e-6)
    np.testing.assert_array_equal(h[1:], y.detach())
    assert ((o[1:] > 0) & (o[1:] < 1)).all() and (o[0] == 0).all()


class Reader(nn.Module):
    """A layer, and a cell in a loop, which both give several tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.cell, self.head = nn.LSTM(X, H, 2), nn.LSTMCell(H, 2), nn.Linear(2, 1)

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        y, _ = self.lstm(x)
        state = None
        for y_t in y:
            state = self.cell(y_t, state)
        assert state is not None
        return self.head(state[0])


def test_tables_take_modules_that_give_several_tensors():
    net, x = Reader(), mg.ones(5, 2, X)
    lines = {line.split()[0]: line for line in mg.summary(net, x).table(200).splitlines() if line}
    assert "(5, 2, 4), (2, 2, 4), (2, 2, 4)" in lines["lstm"]
    assert lines["cell"].split()[-1] == "5"  # calls
    with mg.capture(net, "*") as held:
        net(x)
        assert [t.shape for t in flat(held["lstm"])] == [(5, 2, H), (2, 2, H), (2, 2, H)]
    assert "LSTM" in {event.op.title for event in mg.trace(net, x).events}
    found = mg.health(net, mg.randn(5, 100, X), loss=lambda y: y.sum())
    assert "14 tensors" in found.looked_at[0]


def test_a_picture_shows_every_step_of_a_loop_over_a_cell_and_a_sequence_as_one_node():
    dot = mg.draw(Reader()(mg.ones(3, 2, X)), fold=False).dot
    assert "cell, call 2" in dot and "cell, call 3" in dot
    assert dot.count("<b>Tanh</b>") == 6  # of g and of c, three times
    assert dot.count("<b>LSTM</b>") == 2
    assert "i, f, o = sigmoid and g = tanh" in " ".join(re.sub("<[^<>]+>", " ", dot).split())


def test_dropout_is_between_layers_and_in_training_alone():
    mg.manual_seed(0)
    net, x = nn.GRU(X, H, num_layers=2, dropout=0.5), mg.ones(4, 2, X)
    first, second = net(x)[0].detach().numpy(), net(x)[0].detach().numpy()
    assert (first != second).any()
    net.eval()
    np.testing.assert_array_equal(net(x)[0].detach().numpy(), net(x)[0].detach().numpy())
    with pytest.warns(UserWarning, match=r"dropout=0.5 acts between layers, and there is one alone"):
        alone = nn.GRU(X, H, dropout=0.5)
    np.testing.assert_array_equal(alone(x)[0].detach().numpy(), alone(x)[0].detach().numpy())


def test_first_values_are_uniform_within_the_root_of_the_hidden_size():
    for net in (nn.LSTM(30, 100), nn.GRUCell(30, 100)):
        for p in net.parameters():
            assert 0.09 < p.abs().max().item() <= 0.1
            assert abs(p.mean().item()) < 0.02


def test_the_reverse_direction_reads_from_the_end():
    net = nn.RNN(X, H, bidirectional=True)
    forward, back = nn.RNN(X, H), nn.RNN(X, H)
    state = net.state_dict()
    forward.load_state_dict({key: state[key] for key in forward.state_dict()})
    back.load_state_dict({key: state[f"{key}_reverse"] for key in back.state_dict()})
    x = mg.tensor(normal(5, 2, X, dtype="float32"))
    y, h = net(x)
    there, again = forward(x)[0], back(x.flip(0))[0].flip(0)
    np.testing.assert_array_equal(y.detach().numpy(), mg.cat([there, again], -1).detach().numpy())
    np.testing.assert_array_equal(h.detach().numpy(), mg.stack([there[-1], again[0]]).detach().numpy())


@pytest.mark.compiled
def test_the_result_does_not_depend_on_the_number_of_threads():
    x, before, found = mg.randn(40, 33, 64), mg.get_num_threads(), []
    net = nn.LSTM(64, 96)
    try:
        for threads in (1, before):
            mg.set_num_threads(threads)
            net.zero_grad()
            net(x)[0].square().sum().backward()
            found.append([p.grad.numpy() for p in net.parameters()])
    finally:
        mg.set_num_threads(before)
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.LSTM(0, 4), ValueError, r"LSTM needs sizes of at least 1, got \(0, 4\)"),
        (lambda: nn.GRU(3, 4, num_layers=0), ValueError, "GRU needs at least one layer, got num_layers=0"),
        (lambda: nn.LSTM(3, 4, proj_size=4), ValueError, "it must be below hidden_size=4, got 4"),
        (lambda: nn.RNN(3, 4, nonlinearity="elu"), ValueError, "no nonlinearity 'elu': use 'tanh' or 'relu'"),
        (lambda: nn.RNN(3, 4, 2, bias=1), TypeError, "RNN: bias must be True or False, got 1"),
        (lambda: nn.LSTM(3, 4, 2, dropout=1.5), ValueError, "LSTM"),
        (lambda: nn.GRUCell(3, 4, bias=None), TypeError, "GRUCell: bias must be True or False, got None"),
        (lambda: nn.LSTM(3, 4)(mg.ones(5, 2, 4)), ValueError, r"expects x of shape \(T, B, 3\), or \(T, 3\), got"),
        (lambda: nn.LSTM(3, 4, batch_first=True)(mg.ones(4)), ValueError, r"expects x of shape \(B, T, 3\)"),
        (lambda: nn.LSTM(3, 4)(mg.ones(0, 2, 3)), ValueError, r"\(0, 2, 3\) has no steps"),
        (lambda: nn.LSTM(3, 4)(mg.ones(5, 2, 3).double()), TypeError, "weights, x is float64: use x.float"),
        (lambda: nn.LSTM(3, 4)(mg.ones(5, 2, 3), mg.ones(1, 2, 4)), TypeError, "expects the pair .* got Tensor"),
        (lambda: nn.LSTM(3, 4)([1.0]), TypeError, "LSTM"),
        (
            lambda: nn.GRU(3, 4, 2)(mg.ones(5, 2, 3), mg.ones(1, 2, 4)),
            ValueError,
            r"expects h_0 of shape \(L, B, H\) = \(2, 2, 4\), got \(1, 2, 4\)",
        ),
        (lambda: nn.LSTMCell(3, 4)(mg.ones(2, 3), mg.ones(2, 4)), TypeError, r"hx must be the pair \(h, c\)"),
        (
            lambda: F.gru(mg.ones(5, 2, 3), mg.ones(2, 4), mg.ones(12, 3), mg.ones(11, 4)),
            ValueError,
            r"w_hh \(11, 4\) do not fit, they must be \(T, B, I\), \(B, H\), \(3H, I\), \(3H, H\)",
        ),
        (lambda: F.gru_cell(mg.ones(2, 3), mg.ones(2, 4), None, mg.ones(12, 4)), TypeError, "expects a Tensor"),
        (
            lambda: F.rnn_tanh_cell(mg.ones(3), mg.ones(4), mg.ones(4, 3).double(), mg.ones(4, 4)),
            TypeError,
            "the dtypes float32, float32, float64, float32 must be equal",
        ),
    ],
)
def test_a_mistake_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
