"""mg.capture: outputs of layers by name, held inside a with block."""

from __future__ import annotations

import gc
import weakref

import pytest

import minigrad as mg
from minigrad import nn


def net() -> nn.Sequential:
    inner = nn.Sequential({"layer3": nn.Linear(3, 2), "act3": nn.Tanh()})
    return nn.Sequential({"layer1": nn.Linear(4, 3), "act1": nn.ReLU(), "layer2": nn.Linear(3, 3), "block": inner})


def test_a_pattern_chooses_layers_by_their_dotted_names() -> None:
    model = net()
    with mg.capture(model, "layer*", "*.act?") as held:
        y = model(mg.ones(5, 4))
        assert list(held) == ["layer1", "layer2", "block.act3"]
        assert held["block.act3"].tolist() == y.tolist()
        assert held["layer1"].shape == (5, 3)


def test_what_is_held_is_the_output_itself_in_its_place_in_the_graph() -> None:
    model = net()
    with mg.capture(model, "layer2") as held:
        y = model(mg.ones(5, 4))
        held["layer2"].retain_grad()
        y.sum().backward()
        assert held["layer2"].grad.shape == (5, 3)


def test_it_lets_go_at_the_end_also_after_an_error() -> None:
    model = net()
    with (
        pytest.raises(ValueError, match="expects x of shape"),
        mg.capture(model, "layer1", "block.layer3") as held,
    ):
        model(mg.ones(5, 4))
        seen = weakref.ref(held["layer1"])
        model(mg.ones(5, 7))
    gc.collect()
    assert seen() is None
    assert len(held) == 0
    model(mg.ones(5, 4))
    assert len(held) == 0
    with pytest.raises(KeyError, match="inside the with block only"):
        held["layer1"]


def test_a_layer_that_is_called_again_is_held_again() -> None:
    model = net()
    with mg.capture(model, "layer1") as held:
        model(mg.ones(5, 4))
        model(mg.zeros(2, 4))
        assert {name: z.shape for name, z in held.items()} == {"layer1": (5, 3), "layer1 (2)": (2, 3)}


def test_it_can_be_entered_again_but_not_twice_at_once() -> None:
    model = net()
    captured = mg.capture(model, "act1")
    for _ in range(2):
        with captured as held:
            model(mg.ones(1, 4))
            assert list(held) == ["act1"]
            with pytest.raises(RuntimeError, match="in use already"):
                captured.__enter__()


def test_what_is_not_there_is_an_error_that_lists_what_is() -> None:
    model = net()
    with pytest.raises(
        ValueError, match=r"no module is called 'fc\*'; there are layer1, act1, layer2, block, block"
    ):
        mg.capture(model, "layer*", "fc*")
    with pytest.raises(ValueError, match="needs the name of a module"):
        mg.capture(model)
    with pytest.raises(TypeError, match="expects a Module, got function"):
        mg.capture(lambda x: x, "layer*")  # type: ignore[arg-type]
    with mg.capture(model, "layer*") as held:
        with pytest.raises(KeyError, match="nothing captured for 'layer1'; there is nothing yet"):
            held["layer1"]
        assert repr(held) == "<capture of layer1, layer2: 0 held>"
