"""Whose line a node knows that was recorded inside modules: the user's, as near to the operation as it comes."""

from __future__ import annotations

import types
from typing import Any

import minigrad as mg
from minigrad import nn


class Own(nn.Module):
    """A module of the user's around one of minigrad's."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(2, 2), nn.Tanh())

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        y: mg.Tensor = self.inner(x)  # the line of what is inside
        return y * 2  # a line of its own


def texts(out: mg.Tensor) -> list[str]:
    """The lines of the nodes, the last first."""
    found, node = [], out.grad_fn
    while isinstance(node, mg.Op):
        assert node.line is not None
        found.append(node.line.text)
        node = node.edges[0]
    return found


def test_minigrads_own_modules_have_the_line_that_called_the_outermost() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU(), nn.Linear(3, 1)))
    out = net(mg.ones(1, 2))  # here
    assert texts(out) == ["out = net(mg.ones(1, 2))  # here"] * 3


def test_a_users_module_has_its_own_lines_and_those_of_what_it_calls() -> None:
    out = nn.Sequential(nn.ReLU(), Own())(mg.ones(1, 2, requires_grad=True))
    own = [
        "return y * 2  # a line of its own",
        *["y: mg.Tensor = self.inner(x)  # the line of what is inside"] * 2,
    ]
    assert texts(out) == [*own, "out = nn.Sequential(nn.ReLU(), Own())(mg.ones(1, 2, requires_grad=True))"]


def test_a_hook_and_an_activation_of_the_users_have_their_own_lines() -> None:
    def hook(module: Any, args: Any, output: mg.Tensor) -> mg.Tensor:
        return output + 1  # in the hook

    layer = nn.Linear(2, 2)
    layer.register_forward_hook(hook)
    assert texts(nn.Sequential(layer)(mg.ones(1, 2)))[0] == "return output + 1  # in the hook"

    def activation(z: mg.Tensor) -> mg.Tensor:
        return z.exp()  # in the activation

    block = nn.TransformerEncoderLayer(2, 1, 3, dropout=0.0, activation=activation)
    out = block(mg.ones(1, 1, 2))
    lines = {node.title: node.line for node in nodes(out)}
    assert lines["Exp"] and lines["Exp"].text == "return z.exp()  # in the activation"
    assert lines["Linear"] and lines["Linear"].text == "out = block(mg.ones(1, 1, 2))"


def test_another_forward_of_a_layer_has_its_own_lines_and_the_layers_beside_it_theirs() -> None:
    def forward(self: Any, x: mg.Tensor) -> mg.Tensor:
        return x * 2  # in the other forward

    layer = nn.Linear(2, 2)
    layer.forward = types.MethodType(forward, layer)  # type: ignore[method-assign]
    out = nn.Sequential(layer, nn.Tanh(), nn.Linear(2, 2))(mg.ones(1, 2, requires_grad=True))  # the net
    net = "out = nn.Sequential(layer, nn.Tanh(), nn.Linear(2, 2))(mg.ones(1, 2, requires_grad=True))  # the net"
    assert texts(out) == [net, net, "return x * 2  # in the other forward"]


def test_an_activation_that_is_assigned_later_has_its_own_line() -> None:
    block = nn.TransformerEncoderLayer(2, 1, 3, dropout=0.0)
    block.activation = lambda z: z.exp()  # assigned later
    lines = {node.title: node.line for node in nodes(block(mg.ones(1, 1, 2)))}
    assert lines["Exp"] and "assigned later" in lines["Exp"].text
    decoder = nn.TransformerDecoderLayer(2, 1, 3, dropout=0.0, activation=lambda z: z.exp())  # the decoder's
    out = decoder(mg.ones(1, 1, 2), mg.ones(1, 1, 2))
    lines = {node.title: node.line for node in nodes(out)}
    assert lines["Exp"] and "the decoder's" in lines["Exp"].text
    assert lines["Linear"] and lines["Linear"].text == "out = decoder(mg.ones(1, 1, 2), mg.ones(1, 1, 2))"


def test_an_operation_of_the_users_has_the_line_that_records_it() -> None:
    class Twice(mg.Op):
        """y = 2 x"""

        def forward(self, kernels: Any, x: Any) -> Any:
            return kernels.add(x, x)

    class Net(nn.Module):
        def forward(self, x: mg.Tensor) -> mg.Tensor:
            return mg.record(Twice(), x)  # recorded here

    out = nn.Sequential(Net())(mg.ones(1, requires_grad=True))
    assert texts(out) == ["return mg.record(Twice(), x)  # recorded here"]


def test_what_stores_a_kept_value_has_its_own_lines() -> None:
    packed = []

    def pack(t: mg.Tensor) -> mg.Tensor:
        packed.append(mg.ones(1, requires_grad=True) + 2)  # in pack
        return t

    with mg.saved_tensors_hooks(pack, lambda t: t):
        nn.Sequential(nn.Tanh())(mg.ones(1, requires_grad=True))
    assert texts(packed[0]) == ["packed.append(mg.ones(1, requires_grad=True) + 2)  # in pack"]


def test_a_module_that_is_called_twice_has_two_lines() -> None:
    layer = nn.Linear(2, 2)
    first = layer(mg.ones(1, 2))
    second = layer(mg.ones(1, 2))
    assert texts(first) != texts(second)


def test_the_walk_back_has_the_line_that_asked_for_it() -> None:
    layer = nn.Linear(1, 1)
    x = mg.ones(1, 1, requires_grad=True)
    y = layer(x).square()
    (dx,) = mg.grad(y, x, create_graph=True)  # asked for here
    assert texts(dx)[0] == "(dx,) = mg.grad(y, x, create_graph=True)  # asked for here"


def nodes(out: mg.Tensor) -> list[mg.Op]:
    found, stack = [], [out.grad_fn]
    while stack:
        node = stack.pop()
        if isinstance(node, mg.Op) and node not in found:
            found.append(node)
            stack.extend(node.edges)  # type: ignore[arg-type]
    return found
