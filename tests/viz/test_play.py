"""mg.play: what it runs, what it notes of the walk back, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from graphs import scalar
from minigrad.nn import functional as F
from viz.models import Perceptron


def expression() -> tuple[mg.Tensor, dict[str, mg.Tensor]]:
    """L = (a b + a) f, in which a is used twice."""
    a, b, f = scalar(2.0), scalar(-3.0), scalar(-2.0)
    return (a * b + a) * f, {"a": a, "b": b, "f": f}


def arrived(play: mg.Play) -> dict[int, tuple[float, ...]]:
    """The last total at each node."""
    return {gift.to: gift.total.numbers for step in play.steps for gift in step.gives}


def test_each_step_of_the_walk_is_noted_in_its_order() -> None:
    loss, names = expression()
    play = mg.play(loss, names=names)
    titles = [play.graph.nodes[step.node].title for step in play.steps]
    assert titles == ["Mul", "Mul", "Add", "Mul"]  # the first is the gradient that the walk begins with
    assert [len(step.gives) for step in play.steps] == [1, 2, 2, 2]
    assert play.steps[0].gives[0].total.numbers == (1.0,)


def test_gradients_add_up_where_paths_meet() -> None:
    loss, names = expression()
    play = mg.play(loss, names=names)
    a = next(node.id for node in play.graph.nodes if node.symbol == "a")
    gifts = [gift for step in play.steps for gift in step.gives if gift.to == a]
    assert [gift.part.numbers for gift in gifts] == [(-2.0,), (6.0,)]
    assert [gift.total.numbers for gift in gifts] == [(-2.0,), (4.0,)]


def test_a_gift_comes_along_the_edge_that_the_graph_has() -> None:
    x, y = mg.tensor([[0.5, -2.0]]), mg.tensor([[1.0]])
    play = mg.play(Perceptron(), x, y)
    for step in play.steps[1:]:
        for gift in step.gives:
            assert gift.edge is not None
            edge = play.graph.edges[gift.edge]
            assert (edge.source, edge.target) == (gift.to, step.node)


def test_the_gradient_of_every_value_is_that_of_grad() -> None:
    model, x, y = Perceptron(), mg.tensor([[0.5, -2.0], [1.0, 3.0]]), mg.tensor([[1.0], [0.0]])
    loss = F.mse_loss(model(x), y)
    play = mg.play(loss)
    found = arrived(play)
    wanted = dict(zip(model.state_dict(), mg.grad(loss, list(model.parameters()), retain_graph=True), strict=True))
    for node in play.graph.nodes:
        if node.kind == "parameter":
            gradient = wanted[node.name]
            assert gradient is not None
            assert found[node.id] == tuple(gradient.numpy().ravel().tolist())
        elif node.kind == "operation":
            assert node.id in found


def test_a_broadcast_operand_gets_the_sum() -> None:
    b = mg.tensor([1.0, 2.0], requires_grad=True)
    play = mg.play((mg.ones(3, 2) * b).sum())
    node = next(node.id for node in play.graph.nodes if node.kind == "parameter")
    assert arrived(play)[node] == (3.0, 3.0)


def test_nothing_changes_and_the_graph_can_be_walked_after() -> None:
    loss, names = expression()
    mg.play(loss)
    assert all(tensor.grad is None for tensor in names.values())
    loss.backward()
    assert names["a"].grad is not None
    assert names["a"].grad.item() == 4.0
    assert loss.grad_fn is not None
    assert not (loss.grad_fn.hooks and loss.grad_fn.hooks.after)


def test_a_model_is_run_with_its_input_and_target_which_have_these_names() -> None:
    play = mg.play(Perceptron(), mg.tensor([[0.5, -2.0]]), mg.tensor([[1.0]]))
    assert {"x", "target", "loss"} <= {node.symbol for node in play.graph.nodes}
    assert play.graph.title == "Perceptron"


def test_the_usual_loss_is_the_cross_entropy_of_classes_and_else_the_squared_error() -> None:
    layer, x = mg.nn.Linear(2, 3), mg.ones(4, 2)

    def loss(play: mg.Play) -> tuple[float, ...]:
        value = next(node.value for node in play.graph.nodes if node.is_result)
        assert value is not None
        return value.numbers

    classes, numbers = mg.tensor([0, 1, 2, 0]), mg.zeros(4, 3)
    assert loss(mg.play(layer, x, classes)) == (F.cross_entropy(layer(x), classes).item(),)
    assert loss(mg.play(layer, x, numbers)) == (F.mse_loss(layer(x), numbers).item(),)
    given = mg.play(layer, x, numbers, loss=lambda output, target: (output - target).abs().sum())
    assert loss(given) == (layer(x).abs().sum().item(),)


def test_a_function_may_give_the_loss_itself() -> None:
    x = scalar(3.0)
    assert len(mg.play(lambda t: t * t, x).steps) == 2


def test_large_gradients_are_summaries() -> None:
    x = mg.ones(20, 20, requires_grad=True)
    gift = mg.play((x * x).sum(), max_values=100).steps[-1].gives[1]
    assert gift.total.numbers == ()
    assert gift.total.summary is not None
    assert gift.total.summary.mean == 2.0


def test_a_redrawn_play_still_knows_its_walk() -> None:
    loss, _ = expression()
    play = mg.play(loss)
    turned = play.redraw(direction="TB")
    assert isinstance(turned, mg.Play)
    assert turned.look.direction == "TB"
    assert turned.steps == play.steps


def test_other_formats_are_those_of_a_drawing(tmp_path: Path) -> None:
    loss, names = expression()
    mg.play(loss, names=names).save(tmp_path / "x.dot")
    assert (tmp_path / "x.dot").read_text().startswith("digraph")


def test_a_notebook_shows_the_page_in_a_frame_that_can_do_nothing_else() -> None:
    loss, _ = expression()
    frame = mg.play(loss)._repr_html_()
    assert frame.startswith('<iframe sandbox="allow-scripts"')
    assert "<script" not in frame  # the page is an attribute's text


def test_the_local_derivatives_can_be_left_out() -> None:
    loss, _ = expression()
    assert not mg.play(loss, derivatives=False).look.derivatives


# -- errors --------------------------------------------------------------------------------------------------


def leaf() -> mg.Tensor:
    return mg.ones(2, requires_grad=True)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((3,), {}, TypeError, r"play\(\) expects a tensor, or a model with its input, got int"),
        ((scalar(1.0) * 2, scalar(1.0)), {}, TypeError, "takes no x, target or loss"),
        ((mg.nn.Linear(2, 1),), {}, TypeError, r"play\(\) of Linear needs its input"),
        ((mg.nn.Linear(2, 1), mg.ones(1, 2)), {"loss": F.mse_loss}, TypeError, "a loss needs a target"),
        ((lambda x: 3, mg.ones(1)), {}, TypeError, "needs a tensor to walk back from, got int"),
        ((leaf() * 2,), {}, ValueError, r"a single number, this result has shape \(2,\)"),
        ((mg.nn.Linear(2, 1), mg.ones(3, 2)), {}, ValueError, r"this result has shape \(3, 1\)"),
        ((mg.tensor(1.0),), {}, ValueError, "no graph to draw"),
        ((mg.nn.Linear(2, 1), mg.ones(1, 2), 3), {}, TypeError, "the target as a tensor, got int"),
        ((mg.nn.Linear(2, 1), mg.ones(1, 2), mg.ones(1, 1)), {"loss": 3}, TypeError, "as a function .* got int"),
        ((scalar(1.0) * 2,), {"passes": "both"}, TypeError, "plays both passes"),
        ((scalar(1.0) * 2,), {"direction": "up"}, ValueError, "there is no direction 'up'"),
    ],
)
def test_a_wrong_call_is_refused(
    arguments: tuple[Any, ...], options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        mg.play(*arguments, **options)


def test_a_graph_that_has_been_freed_is_refused() -> None:
    loss, _ = expression()
    loss.backward()
    with pytest.raises(RuntimeError, match="was walked before"):
        mg.play(loss)


def test_a_rule_that_fails_leaves_no_hook_behind() -> None:
    class Broken(mg.Op):
        """y = x"""

        def forward(self, kernels: Any, x: Any) -> Any:
            return np.array(x)

        def backward(self, dy: mg.Tensor) -> tuple[mg.Tensor]:
            raise RuntimeError("broken")

    loss = mg.record(Broken(), scalar(1.0)) * 2
    with pytest.raises(RuntimeError, match="broken"):
        mg.play(loss, values=False)
    assert loss.grad_fn is not None
    assert loss.grad_fn.hooks is None or not loss.grad_fn.hooks.after
