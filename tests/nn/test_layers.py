"""Layers and Sequential: values, shapes, first values, errors."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn


def test_linear_computes_x_times_w_transposed_plus_b():
    layer = nn.Linear(3, 2, dtype=mg.float64)
    x = mg.randn(4, 5, 3, dtype=mg.float64)
    W, b = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    np.testing.assert_allclose(layer(x).detach().numpy(), x.numpy() @ W.T + b, rtol=1e-14, atol=1e-15)
    assert layer(x[0, 0]).shape == (2,)


def test_linear_without_bias_has_none():
    layer = nn.Linear(3, 2, bias=False)
    assert layer.bias is None
    assert list(layer.state_dict()) == ["weight"]
    assert layer(mg.zeros(3)).tolist() == [0.0, 0.0]


def test_linear_starts_uniform_within_one_over_the_root_of_its_inputs():
    layer = nn.Linear(100, 400)
    for p in layer.parameters():
        values = p.detach().numpy()
        assert np.abs(values).max() <= 0.1
        assert values.var() == pytest.approx(0.1**2 / 3, rel=0.2)
    assert layer.weight.dtype == mg.float32


def test_the_same_seed_gives_the_same_layer():
    mg.manual_seed(3)
    first = nn.Linear(4, 3).state_dict()
    mg.manual_seed(3)
    second = nn.Linear(4, 3).state_dict()
    assert all(np.array_equal(first[name].numpy(), second[name].numpy()) for name in first)


@pytest.mark.parametrize("shape", [(32, 784), (64, 1), ()])
def test_linear_names_itself_and_both_shapes_for_an_x_that_does_not_fit(shape):
    with pytest.raises(ValueError) as error:
        nn.Linear(64, 25)(mg.zeros(shape))
    assert str(error.value) == f"Linear(64, 25) expects x of shape (..., 64), got {shape}"


def test_linear_refuses_what_is_no_tensor():
    with pytest.raises(TypeError, match=r"Linear\(\) expects a Tensor, got ndarray"):
        nn.Linear(2, 1)(np.zeros((1, 2)))


@pytest.mark.parametrize(
    ("weights", "x", "message"),
    [
        ("float32", "float64", "float32 weights, x is float64: use x.float(), or Linear(..., dtype=mg.float64)"),
        ("float64", "float32", "float64 weights, x is float32: use x.double(), or Linear(..., dtype=mg.float32)"),
        ("float32", "int64", "float32 weights, x is int64: use x.float()"),
        ("float64", "uint8", "float64 weights, x is uint8: use x.double()"),
    ],
)
def test_linear_names_both_dtypes_and_the_remedy_for_an_x_of_another(weights, x, message):
    with pytest.raises(TypeError) as error:
        nn.Linear(2, 3, dtype=weights)(mg.zeros(1, 2, dtype=x))
    assert str(error.value) == f"Linear(2, 3) has {message}"


def test_the_remedies_for_an_x_of_another_dtype_work():
    x = mg.zeros(1, 2, dtype=mg.float64)
    assert nn.Linear(2, 3)(x.float()).dtype == mg.float32
    assert nn.Linear(2, 3, dtype=mg.float64)(x).dtype == mg.float64


def test_linear_refuses_sizes_below_one_and_integer_weights():
    with pytest.raises(ValueError, match=r"Linear needs sizes of at least 1, got \(0, 3\)"):
        nn.Linear(0, 3)
    with pytest.raises(TypeError, match="only floats can require a gradient"):
        nn.Linear(2, 3, dtype=mg.int64)


def test_linear_refuses_sizes_that_are_no_ints_and_a_bias_that_is_no_bool():
    with pytest.raises(TypeError, match=r"Linear: sizes must be ints, got \('a', 3\)"):
        nn.Linear("a", 3)
    with pytest.raises(TypeError, match="Linear: bias must be True or False, got 4"):
        nn.Linear(2, 3, 4)


@pytest.mark.parametrize(
    ("layer", "operation"),
    [
        (nn.ReLU(), lambda z: z.relu()),
        (nn.Sigmoid(), lambda z: z.sigmoid()),
        (nn.Tanh(), lambda z: z.tanh()),
        (nn.GELU(), lambda z: z.gelu()),
        (nn.Softmax(dim=1), lambda z: z.softmax(1)),
        (nn.LogSoftmax(dim=-2), lambda z: z.log_softmax(0)),
    ],
    ids=lambda x: type(x).__name__,
)
def test_an_activation_layer_applies_its_operation(layer, operation):
    z = mg.tensor([[-1.0, 0.5, 2.0], [3.0, 0.0, -2.0]])
    assert layer(z).tolist() == operation(z).tolist()
    assert list(layer.parameters()) == []


def test_repr_of_a_softmax_names_its_dim():
    assert repr(nn.Softmax(dim=1)) == "Softmax(dim=1)"
    assert repr(nn.LogSoftmax(dim=0)) == "LogSoftmax(dim=0)"


# -- Sequential -----------------------------------------------------------------------------------------------


def test_sequential_applies_its_modules_in_order():
    net = nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1))
    x = mg.randn(4, 3)
    assert net(x).tolist() == net[2](net[1](net[0](x))).tolist()


def test_an_empty_sequential_returns_its_input():
    x = mg.ones(2)
    assert nn.Sequential()(x) is x
    assert repr(nn.Sequential()) == "Sequential()"


def test_sequential_takes_names_from_a_dict():
    net = nn.Sequential(OrderedDict(inner=nn.Linear(3, 2), act=nn.Tanh()))
    assert list(net.state_dict()) == ["inner.weight", "inner.bias"]
    assert net.act is net[1]


def test_sequential_is_indexed_sliced_counted_and_iterated():
    layers = [nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2), nn.Tanh()]
    net = nn.Sequential(*layers)
    assert len(net) == 4 and list(net) == layers
    assert net[-1] is layers[3]
    tail = net[2:]
    assert isinstance(tail, nn.Sequential)
    assert list(tail) == layers[2:]
    assert list(tail.state_dict()) == ["2.weight", "2.bias"]
    with pytest.raises(IndexError, match="there is no module 4 in a Sequential of 4"):
        net[4]


def test_append_takes_the_next_free_number():
    net = nn.Sequential(nn.ReLU()).append(nn.Tanh())
    assert [name for name, _ in net.named_children()] == ["0", "1"]
    tail = nn.Sequential(nn.ReLU(), nn.Tanh(), nn.Sigmoid())[1:]  # named 1 and 2, so 2 is taken
    tail.append(nn.ReLU())
    assert [name for name, _ in tail.named_children()] == ["1", "2", "3"]


def test_sequential_refuses_what_is_no_module():
    with pytest.raises(TypeError, match="Sequential is made of modules, '1' is a function"):
        nn.Sequential(nn.ReLU(), mg.relu)
    with pytest.raises(
        TypeError, match=r"Sequential is made of modules, '0' is the class ReLU: write nn.ReLU\(\)"
    ):
        nn.Sequential(nn.ReLU)
    with pytest.raises(TypeError, match="Sequential: the name of a part must be a str, got 1"):
        nn.Sequential({1: nn.ReLU()})
    with pytest.raises(TypeError, match=r"append\(\) got an int"):
        nn.Sequential().append(3)
