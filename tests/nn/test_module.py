"""Modules: their parts, the names and order of the parts, state in and out, text."""

from __future__ import annotations

import copy
import inspect

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn


class Normalise(nn.Module):
    """A module with a parameter, a buffer, and a place without a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter([1.0, 2.0])
        self.register_buffer("mean", mg.tensor([0.5, 0.5]))
        self.register_parameter("shift", None)

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        return (x - self.mean) * self.scale


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 2)
        self.norm = Normalise()
        self.last = nn.Sequential(nn.Sigmoid(), nn.Linear(2, 1, bias=False))

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        return self.last(self.norm(self.first(x)))


NAMES = ["first.weight", "first.bias", "norm.scale", "norm.mean", "last.1.weight"]


# -- parts ----------------------------------------------------------------------------------------------------


def test_parameters_and_buffers_have_dotted_names_in_the_order_of_assignment():
    net = Net()
    assert [name for name, _ in net.named_parameters()] == [name for name in NAMES if name != "norm.mean"]
    assert [name for name, _ in net.named_buffers()] == ["norm.mean"]
    assert list(net.state_dict()) == NAMES
    assert [name for name, _ in net.named_modules()] == ["", "first", "norm", "last", "last.0", "last.1"]
    assert [name for name, _ in net.named_children()] == ["first", "norm", "last"]


def test_a_prefix_stands_before_every_name_and_recurse_can_be_refused():
    net = Net()
    assert next(net.named_parameters("net"))[0] == "net.first.weight"
    assert [name for name, _ in net.norm.named_buffers("n", recurse=False)] == ["n.mean"]
    assert list(net.parameters(recurse=False)) == []


def test_a_shared_parameter_comes_once_in_parameters_but_under_each_name_in_the_state():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    assert [name for name, _ in net.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    assert list(net.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert net.state_dict()["0.weight"].array is net.state_dict()["1.weight"].array


def test_a_shared_module_comes_once_in_modules_and_children_and_runs_each_time():
    layer = nn.Linear(2, 2)
    net = nn.Sequential(layer, layer)
    assert len(list(net.modules())) == 2
    assert list(net.children()) == [layer]
    assert len(net) == 2
    x = mg.tensor([1.0, 2.0])
    assert net(x).tolist() == layer(layer(x)).tolist()


def test_parameter_copies_its_data_and_can_be_frozen():
    data = np.ones(2, np.float64)
    p = nn.Parameter(data)
    data[0] = 7
    assert p.tolist() == [1.0, 1.0]
    assert p.dtype == mg.float64
    assert p.requires_grad and p.is_leaf
    assert not nn.Parameter(data, requires_grad=False).requires_grad


def test_parameter_of_integers_is_refused():
    with pytest.raises(TypeError, match="only floats can require a gradient, this tensor is int64"):
        nn.Parameter([1, 2])


def test_deleting_a_part_removes_it():
    net = Net()
    del net.norm.mean
    del net.last
    assert list(net.state_dict()) == ["first.weight", "first.bias", "norm.scale"]
    net.norm.mean = mg.zeros(2)  # no buffer any more
    assert list(net.buffers()) == []


def test_a_buffer_can_be_replaced_by_a_tensor_and_stays_a_buffer():
    net = Net()
    net.norm.mean = mg.tensor([9.0, 9.0])
    assert [b.tolist() for b in net.buffers()] == [[9.0, 9.0]]


def test_a_parameter_assigned_over_a_buffer_becomes_a_parameter():
    norm = Normalise()
    norm.mean = nn.Parameter([0.0, 0.0])
    assert list(norm.buffers()) == []
    assert [name for name, _ in norm.named_parameters()] == ["scale", "mean"]


def test_a_part_set_to_none_is_a_part_no_more():
    layer = nn.Linear(2, 1)
    layer.bias = None
    assert list(layer.state_dict()) == ["weight"]
    assert layer(mg.ones(2)).item() == pytest.approx(float(layer.weight.detach().numpy().sum()), rel=1e-6)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("first", 3, "Net: 'first' must stay a Module or become None, it cannot become an int"),
        ("first", mg.ones(2), "Net: 'first' must stay a Module or become None, it cannot become a Tensor"),
    ],
)
def test_overwriting_a_module_by_something_else_is_an_error(name, value, message):
    net = Net()
    before = list(net.state_dict())
    with pytest.raises(TypeError) as error:
        setattr(net, name, value)
    assert str(error.value) == message
    assert list(net.state_dict()) == before


def test_overwriting_a_parameter_or_buffer_by_something_else_is_an_error():
    norm = Normalise()
    with pytest.raises(TypeError, match="'scale' must stay a Parameter or become None, it cannot become a Tensor"):
        norm.scale = norm.scale * 2
    with pytest.raises(TypeError, match="'mean' must stay a Tensor or become None, it cannot become a list"):
        norm.mean = [1.0]
    assert norm.scale.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("value", "kind", "instead"),
    [
        ([nn.ReLU()], "list", "nn.Sequential, which calls one after the other, or nn.ModuleList"),
        ({nn.ReLU()}, "set", "nn.Sequential, which calls one after the other, or nn.ModuleList"),
        ({"act": nn.ReLU()}, "dict", "nn.ModuleDict"),
        ((nn.Parameter([1.0]),), "tuple", "nn.ParameterList"),
        ({"w": nn.Parameter([1.0])}, "dict", "an attribute for each"),
        ([nn.ReLU(), nn.Parameter([1.0])], "list", "an attribute for each"),
        ((1, nn.Parameter([1.0])), "tuple", "an attribute for each"),
        ([1, [{"deep": (nn.ReLU(),)}]], "list", "an attribute for each"),
    ],
    ids=["list", "set", "dict", "parameters", "named parameters", "both", "mixed", "nested"],
)
def test_parts_in_a_container_would_not_be_found_and_are_refused(value, kind, instead):
    net = Net()
    with pytest.raises(TypeError) as error:
        net.layers = value
    assert str(error.value) == (
        f"Net: 'layers' is a {kind} with modules or parameters in it, which would be neither trained nor saved: "
        f"use {instead}"
    )
    assert not hasattr(net, "layers")


def test_a_container_without_parts_is_a_plain_attribute():
    net = Net()
    circle = [mg.ones(1)]
    circle.append(circle)
    for value in ([1, "a"], {"sizes": (3, 2)}, circle, []):
        net.note = value
        assert net.note is value


def test_a_module_inside_itself_is_refused_at_any_depth():
    inner = nn.Sequential(nn.ReLU())
    outer = nn.Sequential(nn.Sequential(inner))
    with pytest.raises(ValueError, match="Sequential: with '1' the module would contain itself"):
        inner.append(outer)
    with pytest.raises(ValueError, match="Sequential: with 'me' the module would contain itself"):
        inner.me = inner
    assert list(inner.named_children()) == [("0", inner[0])]
    assert repr(outer).count("ReLU") == 1


def test_assigning_before_super_init_says_so():
    class Forgetful(nn.Module):
        def __init__(self) -> None:
            self.size = 3  # plain values are no parts and may come first
            self.layer = nn.Linear(1, 1)

    class Registers(nn.Module):
        def __init__(self) -> None:
            self.register_buffer("b", mg.zeros(1))

    with pytest.raises(AttributeError) as error:
        Forgetful()
    assert str(error.value) == "Forgetful: call super().__init__() before assigning 'layer'"
    with pytest.raises(AttributeError, match=r"Registers: call super\(\).__init__\(\) before registering 'b'"):
        Registers()


@pytest.mark.parametrize(
    ("register", "name", "value", "error", "message"),
    [
        ("add_module", 1, nn.ReLU(), TypeError, "Net: the name of a part must be a str, got 1"),
        ("add_module", "a.b", nn.ReLU(), ValueError, "Net: a part needs a name without dots, got 'a.b'"),
        ("add_module", "", nn.ReLU(), ValueError, "Net: a part needs a name without dots, got ''"),
        ("add_module", "forward", nn.ReLU(), ValueError, "'forward' is an attribute of every Net"),
        ("add_module", "training", nn.ReLU(), ValueError, "'training' is an attribute of every Net"),
        ("add_module", "x", mg.ones(1), TypeError, "Net: 'x' must be a Module, got a Tensor"),
        ("register_parameter", "x", mg.ones(1), TypeError, "Net: 'x' must be a Parameter, got a Tensor"),
        ("register_buffer", "x", 1.0, TypeError, "Net: 'x' must be a Tensor, got a float"),
        ("register_buffer", "x", nn.Parameter([1.0]), TypeError, "Net: 'x' is a Parameter, which is trained"),
    ],
)
def test_registering_checks_name_and_value(register, name, value, error, message):
    net = Net()
    with pytest.raises(error, match=message):
        getattr(net, register)(name, value)
    assert list(net.state_dict()) == NAMES


def test_an_unknown_attribute_names_the_class():
    with pytest.raises(AttributeError, match="'Net' object has no attribute 'layer9'"):
        Net().layer9  # noqa: B018


def test_a_module_without_forward_says_so():
    class Empty(nn.Module):
        pass

    with pytest.raises(TypeError, match=r"Empty has no forward: define forward\(self, x\)"):
        Empty()(1)


@pytest.mark.parametrize("name", [name for name in nn.__all__ if inspect.isclass(getattr(nn, name))])
def test_errors_about_a_layers_arguments_name_the_layer(name):
    if issubclass(getattr(nn, name), nn.Module) and name not in ("Identity", "Sequential"):  # which take anything
        with pytest.raises(TypeError, match=rf"^{name}\.__init__\(\) "):
            getattr(nn, name)(no_such_option=1)


def test_nodes_know_the_module_that_recorded_them():
    net = Net()
    scope = net(mg.ones(4, 3)).grad_fn.scope
    assert [s.module for s in scope.path] == [net, net.last, net.last[1]]


def test_a_deep_copy_shares_nothing():
    net = Net()
    twin = copy.deepcopy(net)
    twin.first.weight.array[...] = 0
    assert np.any(net.first.weight.detach().numpy())
    assert list(twin.state_dict()) == NAMES
    assert all(isinstance(p, nn.Parameter) for p in twin.parameters())


# -- training -------------------------------------------------------------------------------------------------


def test_train_and_eval_reach_every_module_and_return_the_module():
    net = Net()
    assert all(module.training for module in net.modules())
    assert net.eval() is net
    assert not any(module.training for module in net.modules())
    assert net.train() is net
    assert all(module.training for module in net.modules())


@pytest.mark.parametrize("mode", ["a", 1, None])
def test_train_refuses_what_is_no_bool_and_changes_nothing(mode):
    net = Net().eval()
    with pytest.raises(TypeError, match=f"expects True or False, got {mode!r}"):
        net.train(mode)
    assert not any(module.training for module in net.modules())


def test_zero_grad_forgets_gradients_or_makes_them_zero():
    net = nn.Linear(2, 1)
    net(mg.ones(3, 2)).sum().backward()
    held = net.weight.grad
    net.zero_grad(set_to_none=False)
    assert net.weight.grad.tolist() == [[0.0, 0.0]]
    assert held.tolist() == [[3.0, 3.0]]
    net.zero_grad()
    assert net.weight.grad is None and net.bias.grad is None


# -- state ----------------------------------------------------------------------------------------------------


def test_state_dict_is_detached_and_shares_the_memory():
    layer = nn.Linear(2, 1)
    state = layer.state_dict()
    assert type(state) is dict
    assert type(state["weight"]) is mg.Tensor
    assert not state["weight"].requires_grad
    assert state["weight"].numpy() is layer.weight.array


def test_a_state_loads_into_another_module_of_the_same_architecture():
    net, twin = Net(), Net()
    net.norm.mean.array[...] = 3
    kept = dict(twin.named_parameters())
    assert twin.load_state_dict(net.state_dict()) == ([], [])
    for name, tensor in twin.state_dict().items():
        assert np.array_equal(tensor.numpy(), net.state_dict()[name].numpy())
        assert tensor.array is not net.state_dict()[name].array
    assert all(kept[name] is p for name, p in twin.named_parameters())  # in place: optimisers hold them


def test_loading_casts_to_the_dtype_of_the_parameter():
    layer = nn.Linear(1, 1)
    layer.load_state_dict({"weight": mg.tensor([[1e300]], dtype=mg.float64), "bias": mg.tensor([2])})
    assert layer.weight.dtype == layer.bias.dtype == mg.float32
    assert layer.weight.item() == np.inf and layer.bias.item() == 2.0


def test_a_graph_recorded_before_loading_is_not_walked_with_the_new_values():
    layer = nn.Linear(2, 1)
    x = mg.ones(2, requires_grad=True)
    y = layer(x)
    layer.load_state_dict(nn.Linear(2, 1).state_dict())
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_a_state_that_does_not_fit_is_described_whole_and_loads_nothing():
    net = Net()
    before = {name: t.numpy().copy() for name, t in net.state_dict().items()}
    state = {name: mg.full_like(t, 7.0) for name, t in net.state_dict().items()}
    del state["first.weight"], state["last.1.weight"]
    state |= {"first.bias": mg.ones(5), "norm.mean": [1.0, 2.0], "fc.weight": mg.ones(1), "fc.bias": mg.ones(1)}
    with pytest.raises(ValueError) as error:
        net.load_state_dict(state)
    assert str(error.value) == (
        "Net cannot load this state:\n"
        "  missing: first.weight, last.1.weight\n"
        "  unexpected: fc.weight, fc.bias\n"
        "  wrong shape: first.bias is (2,) here, (5,) in the state\n"
        "  wrong type: norm.mean is a list in the state, not a Tensor"
    )
    for name, tensor in net.state_dict().items():
        assert np.array_equal(tensor.numpy(), before[name])


def test_floats_do_not_load_into_an_integer_buffer():
    module = nn.Module()
    module.register_buffer("count", mg.tensor([3]))
    with pytest.raises(ValueError, match="wrong type: count is int64 here, float32 in the state"):
        module.load_state_dict({"count": mg.tensor([0.5])})
    assert module.count.tolist() == [3]


def test_without_strict_the_fitting_part_is_loaded_and_the_rest_returned():
    layer = nn.Linear(2, 1)
    bias = layer.bias.item()
    found = layer.load_state_dict({"weight": mg.ones(1, 2), "scale": mg.ones(1)}, strict=False)
    assert found.missing_keys == ["bias"] and found.unexpected_keys == ["scale"]
    assert layer.weight.tolist() == [[1.0, 1.0]] and layer.bias.item() == bias
    with pytest.raises(ValueError, match="wrong shape"):
        layer.load_state_dict({"weight": mg.ones(2, 2)}, strict=False)


# -- text -----------------------------------------------------------------------------------------------------


def test_repr_shows_the_nested_modules():
    assert repr(Net()) == (
        "Net(\n"
        "  (first): Linear(in_features=3, out_features=2, bias=True)\n"
        "  (norm): Normalise()\n"
        "  (last): Sequential(\n"
        "    (0): Sigmoid()\n"
        "    (1): Linear(in_features=2, out_features=1, bias=False)\n"
        "  )\n"
        ")"
    )


def test_repr_of_a_parameter():
    assert repr(nn.Parameter([1.5])) == "Parameter containing:\ntensor([1.5000], requires_grad=True)"


@pytest.mark.peer
def test_names_order_and_repr_are_pytorchs():
    torch = pytest.importorskip("torch")

    def build(nn):
        return nn.Sequential(nn.Linear(3, 2), nn.Sequential(nn.ReLU(), nn.Softmax(dim=1)), nn.Linear(2, 1, False))

    ours, theirs = build(nn), build(torch.nn)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [name for name, _ in ours.named_modules()] == [name for name, _ in theirs.named_modules()]


def test_a_buffer_cannot_take_the_name_of_a_parameter_or_a_module():
    net = Net()
    net.scale = nn.Parameter([1.0])
    for name, kind in (("scale", "parameter"), ("first", "module")):
        with pytest.raises(TypeError, match=f"Net: '{name}' is already a {kind}: choose another name"):
            net.register_buffer(name, mg.ones(1))
