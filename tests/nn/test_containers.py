"""Containers: their order, their names, and what they refuse."""

from __future__ import annotations

import pytest

import minigrad as mg
from minigrad import nn


def names(container: nn.Module) -> list[tuple[str, str]]:
    return [(name, type(module).__name__) for name, module in container.named_children()]


def edited(framework):
    """What is left, by name, of containers after every kind of change."""
    nn, found = framework.nn, []
    for make in (lambda *modules: nn.Sequential(*modules), lambda *modules: nn.ModuleList(modules)):
        chain = make(nn.ReLU(), nn.Tanh(), nn.Sigmoid())
        chain.append(nn.GELU())
        chain.insert(1, nn.SiLU())
        chain[0] = nn.Mish()
        chain[-1] = nn.ELU()
        found.append(names(chain))
        del chain[1]
        found.append([type(chain.pop(0)).__name__, *names(chain)])
        found.append(names(chain[1:]))
        chain.extend([nn.Softplus(), nn.Softsign()])
        del chain[1:3]
        found.append([len(chain), *names(chain), *(type(module).__name__ for module in chain)])
    return found


@pytest.mark.peer
def test_chains_are_changed_and_named_as_in_pytorch():
    assert edited(mg) == edited(pytest.importorskip("torch"))


def test_the_parts_of_lists_and_dicts_are_trained_saved_and_moved():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2, bias=False)])
            self.heads = nn.ModuleDict({"a": nn.Linear(2, 1)})
            self.scales = nn.ParameterList([mg.ones(2)])

    net = Net().double().requires_grad_(False)
    expected = [
        "layers.0.weight",
        "layers.0.bias",
        "layers.1.weight",
        "heads.a.weight",
        "heads.a.bias",
        "scales.0",
    ]
    assert list(net.state_dict()) == expected
    assert all(p.dtype == mg.float64 and not p.requires_grad for p in net.parameters())


def test_a_parameter_dict_is_a_dict_whose_parameters_are_found():
    weights = nn.ParameterDict({"a": mg.ones(2), "b": nn.Parameter([1.0], requires_grad=False)})
    weights["c"] = [0.5]
    weights.update({"a": mg.zeros(3)})
    assert (list(weights), len(weights), "a" in weights, "d" in weights) == (["a", "b", "c"], 3, True, False)
    assert [tuple(p.shape) for p in weights.values()] == [(3,), (1,), (1,)]
    assert [name for name, p in weights.items() if p.requires_grad] == ["a", "c"]
    assert weights.pop("b").tolist() == [1.0] and list(weights.state_dict()) == ["a", "c"]
    assert weights.get("c") is weights.setdefault("c", [2.0]) and weights.get("d", 7) == 7
    assert list(reversed(weights)) == ["c", "a"] and weights.setdefault("d", [2.0]).tolist() == [2.0]
    del weights["c"], weights["d"]
    assert [name for name, _ in nn.ModuleDict({"inner": weights}).named_parameters()] == ["inner.a"]
    assert list(nn.ParameterDict([("y", mg.ones(1)), ("x", mg.ones(1))])) == ["y", "x"]
    with pytest.raises(KeyError, match="there is no parameter 'c' in a ParameterDict of 'a'"):
        weights["c"]
    weights.clear()
    assert not weights and not list(weights.parameters())
    with pytest.raises(TypeError, match="a ParameterDict cannot be called"):
        weights(mg.ones(1))


def test_a_module_dict_is_a_dict():
    heads = nn.ModuleDict({"a": nn.ReLU()})
    heads["b"] = nn.Tanh()
    heads.update({"a": nn.Sigmoid()})
    assert names(heads) == [("a", "Sigmoid"), ("b", "Tanh")] and list(heads) == ["a", "b"]
    assert "a" in heads and "c" not in heads and len(heads) == 2
    assert [type(m).__name__ for m in heads.values()] == ["Sigmoid", "Tanh"]
    assert isinstance(heads.pop("a"), nn.Sigmoid) and list(dict(heads.items())) == ["b"]


def test_a_parameter_list_holds_parameters_alone():
    p = nn.Parameter([1.0])
    params = nn.ParameterList([p]).append(mg.zeros(2))
    assert params[0] is p and isinstance(params[1], nn.Parameter) and [len(q) for q in params] == [1, 2]
    params[-1] = mg.ones(3)
    assert params[1].shape == (3,)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.ModuleList([mg.relu]), TypeError, "ModuleList is made of modules"),
        (lambda: nn.ModuleList()[0], IndexError, "there is no module 0 in a ModuleList of 0"),
        (lambda: nn.ModuleList()(mg.ones(1)), TypeError, "a ModuleList cannot be called"),
        (lambda: nn.ModuleDict({"a": 3}), TypeError, "ModuleDict is made of modules, 'a' is an int"),
        (lambda: nn.ModuleDict({"a": nn.ReLU()})["b"], KeyError, "there is no module 'b' in a ModuleDict of 'a'"),
        (lambda: nn.ModuleDict({"keys": nn.ReLU()}), ValueError, "'keys' is an attribute of every ModuleDict"),
        (lambda: nn.ModuleDict()(1), TypeError, "a ModuleDict cannot be called"),
        (lambda: nn.ParameterList([mg.ones(1)])[1], IndexError, "there is no parameter 1 in a ParameterList of 1"),
        (lambda: nn.ParameterList()(1), TypeError, "a ParameterList cannot be called"),
    ],
)
def test_what_does_not_fit_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_failed_insert_changes_nothing():
    chain = nn.ModuleList([nn.ReLU()])
    with pytest.raises(ValueError, match="would contain itself"):
        chain.insert(0, nn.Sequential(chain))
    assert names(chain) == [("0", "ReLU")]
