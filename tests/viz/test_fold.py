from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import pytest

import minigrad as mg
from minigrad import nn
from minigrad.viz.schema import Graph


class Block(nn.Module):
    """Two operations of its own, and a layer."""

    def __init__(self, width: int = 2) -> None:
        super().__init__()
        self.layer = nn.Linear(width, width)

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        return x + self.layer(x).tanh()


def titles(graph: Graph) -> list[str]:
    return [node.title for node in graph.nodes if node.title]


def chain(length: int) -> mg.Tensor:
    y = mg.tensor([1.0, 2.0], requires_grad=True)
    for _ in range(length):
        y = y + 1
    return y


# -- modules closed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("depth", "expected"),
    [(0, ["Block", "Linear"]), (1, ["Linear + Tanh", "Add", "Linear"]), (2, ["Linear", "Tanh", "Add", "Linear"])],
)
def test_modules_inside_depth_others_are_one_node_each(depth: int, expected: list[str]) -> None:
    drawing = mg.draw(nn.Sequential(Block(), nn.Linear(2, 1)), mg.ones(1, 2), depth=depth)
    assert titles(drawing.view) == expected


def test_a_closed_module_has_the_work_of_what_is_in_it_and_its_output() -> None:
    model = nn.Sequential(Block(), nn.Linear(2, 1))
    drawing = mg.draw(model, mg.ones(1, 2), depth=0)
    node = drawing.view.nodes[0]
    inside = drawing.graph.nodes[:3]
    assert (node.kind, node.name, node.count) == ("group", "0", 3)
    assert (node.flops, node.bytes) == (8, sum(part.bytes for part in inside))
    assert node.value == inside[2].value
    assert node.note == "3 operations, 6 parameters"


def test_a_closed_module_of_one_operation_has_1_operation() -> None:
    assert (
        mg.draw(nn.Sequential(nn.Tanh()), mg.ones(1, 1) * mg.ones(1, 1, requires_grad=True), depth=0)
        .view.nodes[0]
        .note
        == "1 operation"
    )


def test_the_graph_itself_stays_whole() -> None:
    drawing = mg.draw(nn.Sequential(*(Block() for _ in range(12))), mg.ones(1, 2))
    assert drawing.graph.count("operation") == 36
    assert drawing.view.count("operation") == 3
    assert drawing.redraw(fold=False).view.count("operation") == 36


# -- equal blocks in a row -----------------------------------------------------------------------------------


def test_equal_modules_in_a_row_are_drawn_once_and_counted() -> None:
    view = mg.draw(nn.Sequential(*(Block() for _ in range(12))), mg.ones(1, 2)).view
    assert [(cluster.name, cluster.count) for cluster in view.clusters] == [("0 … 11", 12), ("0.layer", 1)]
    (result,) = [node for node in view.nodes if node.is_result]
    assert result.title == "Add"
    assert result.note == "the values are those of the first block"
    assert len(view.edges) == 6
    assert view.notes[0].startswith("× n: so many equal blocks in a row")


def test_two_equal_modules_are_drawn_both() -> None:
    assert mg.draw(nn.Sequential(Block(), Block()), mg.ones(1, 2)).view.count("operation") == 6


def test_modules_of_different_sizes_are_not_equal() -> None:
    model = nn.Sequential(*(nn.Linear(n, n + 1) for n in range(2, 7)))
    assert mg.draw(model, mg.ones(1, 2)).view.count("operation") == 5


def test_groups_of_modules_that_repeat_get_a_frame() -> None:
    parts = [layer for _ in range(4) for layer in (nn.Linear(2, 2), nn.Tanh())]
    view = mg.draw(nn.Sequential(*parts), mg.ones(1, 2)).view
    assert titles(view) == ["Linear", "Tanh"]
    assert (view.clusters[0].name, view.clusters[0].count) == ("0 … 7", 4)
    assert view.clusters[1].parent == 0


def test_blocks_that_read_each_other_differently_are_not_equal() -> None:
    class Skips(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = nn.Sequential(*(nn.Linear(2, 2) for _ in range(5)))

        def forward(self, x: mg.Tensor) -> mg.Tensor:
            one, two, three, four, five = self.parts.children()
            first = one(x)
            second = two(first)
            return five(four(three(first) + second))

    assert mg.draw(Skips(), mg.ones(1, 2)).view.count("operation") == 6


def test_query_key_and_value_are_not_repetitions_of_one_another() -> None:
    def attention(x: mg.Tensor) -> mg.Tensor:
        return (query(x) @ key(x).T) @ value(x)

    query, key, value = (nn.Linear(2, 2) for _ in range(3))
    assert mg.draw(attention, mg.ones(3, 2)).view.count("operation") == 6


def test_parallel_blocks_that_go_to_one_operation_are_folded() -> None:
    heads = [nn.Linear(2, 2) for _ in range(4)]
    view = mg.draw(lambda x: mg.cat([head(x) for head in heads], dim=1), mg.ones(3, 2)).view
    assert titles(view) == ["Linear", "Cat"]


def test_equal_modules_that_draw_lots_are_drawn_once() -> None:
    model = nn.Sequential(*(nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Dropout(0.5)) for _ in range(6))).train()
    assert titles(mg.draw(model, mg.ones(1, 2)).view) == ["Linear", "Relu", "Dropout"]


# -- recurrences ---------------------------------------------------------------------------------------------


class Steps(nn.Module):
    """A cell that is called once for each input."""

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, *inputs: mg.Tensor) -> mg.Tensor:
        state = None
        for x in inputs:
            state = self.cell(x, state)
        assert state is not None
        return state[0] if isinstance(state, tuple) else state


def back_edges(graph: Graph) -> list[tuple[str, str]]:
    return [
        (graph.nodes[edge.source].title, graph.nodes[edge.target].title) for edge in graph.edges if edge.is_next
    ]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (nn.RNNCell(3, 2), [("Tanh", "Linear")]),
        (nn.LSTMCell(3, 2), [("Mul", "Linear"), ("Add", "Mul")]),  # h, and c
    ],
)
def test_what_a_folded_recurrence_hands_on_goes_back_to_its_start(
    cell: nn.Module, expected: list[tuple[str, str]]
) -> None:
    drawing = mg.draw(Steps(cell), *(mg.ones(1, 3) for _ in range(6)))
    assert back_edges(drawing.view) == expected
    assert drawing.dot.count("label=next constraint=false") == len(expected)
    assert back_edges(drawing.graph) == back_edges(drawing.redraw(fold=False).view) == []


def test_the_inputs_of_later_steps_are_counted_on_that_of_the_first() -> None:
    view = mg.draw(Steps(nn.RNNCell(3, 2)), *(mg.ones(1, 3) for _ in range(6))).view
    notes = {node.shape: node.note for node in view.nodes if node.kind == "input"}
    assert notes == {(1, 3): "the first of 6, one for each block", (1, 2): ""}


def test_what_the_steps_share_stands_in_the_frame_of_the_first_and_says_so() -> None:
    view = mg.draw(Steps(nn.RNNCell(3, 2)), *(mg.ones(1, 3) for _ in range(6))).view
    frames = {node.cluster for node in view.nodes if node.kind in ("operation", "parameter")}
    assert [view.clusters[frame or 0].name for frame in frames] == ["cell, calls 1 to 6"]
    assert {node.note for node in view.nodes if node.kind == "parameter"} == {"the same in all 6"}


def test_layers_that_repeat_share_nothing() -> None:
    view = mg.draw(nn.Sequential(*(Block() for _ in range(12))), mg.ones(1, 2)).view
    assert {node.note for node in view.nodes if node.kind == "parameter"} == {""}


@pytest.mark.parametrize("parts", [lambda x: x.unbind(0), lambda x: (x[t] for t in range(6))])
def test_a_recurrence_over_parts_of_one_input_is_folded(parts: Callable[[mg.Tensor], Iterable[mg.Tensor]]) -> None:
    steps = Steps(nn.RNNCell(3, 2))
    view = mg.draw(lambda x: steps(*parts(x)), mg.ones(6, 1, 3)).view
    assert titles(view).count("Tanh") == 1
    assert back_edges(view) == [("Tanh", "Linear")]


def test_a_loop_with_operations_between_the_calls_is_folded_together_with_them() -> None:
    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, x: mg.Tensor) -> mg.Tensor:
            for _ in range(5):
                x = x + self.layer(x)
            return x

    view = mg.draw(Loop(), mg.ones(1, 2)).view
    assert titles(view) == ["Linear", "Add"]
    assert back_edges(view) == [("Add", "Linear"), ("Add", "Add")]


def test_layers_with_parameters_of_their_own_are_no_recurrence() -> None:
    view = mg.draw(nn.Sequential(*(Block() for _ in range(12))), mg.ones(1, 2)).view
    assert back_edges(view) == []


# -- too many nodes ------------------------------------------------------------------------------------------


def test_a_long_chain_is_folded_and_says_so() -> None:
    view = mg.draw(chain(1000), max_nodes=50).view
    assert len(view.nodes) == 5
    assert sum(node.count for node in view.nodes if node.kind == "operation") == 1000
    assert view.notes == ("folded from 2,001 nodes to 5; max_nodes=2001 draws them all",)


@pytest.mark.parametrize("max_nodes", [1, 5, 40])
def test_a_graph_without_structure_is_folded_into_max_nodes(max_nodes: int) -> None:
    pool = [mg.tensor(1.0, requires_grad=True)]
    for i in range(200):
        pool.append([pool[-1] * pool[i // 2], pool[-1] + pool[i // 3], pool[-1].tanh()][i * i % 3])
    view = mg.draw(pool[-1], max_nodes=max_nodes).view
    assert len(view.nodes) <= max(max_nodes, 3)
    assert sum(node.count for node in view.nodes if node.title) == 200
    assert all(edge.source != edge.target for edge in view.edges)


def test_a_deep_model_is_folded_by_its_modules_first() -> None:
    model = nn.Sequential(*(nn.Sequential(nn.Linear(n, n + 1), nn.Tanh()) for n in range(2, 12)))
    view = mg.draw(model, mg.ones(1, 2), max_nodes=12).view
    assert titles(view) == ["Sequential"] * 10


def test_without_folding_each_call_is_drawn_as_a_box_before_equal_ones_are_drawn_once() -> None:
    steps = mg.draw(Steps(nn.LSTMCell(3, 2)), *(mg.ones(1, 3) for _ in range(6)), fold=False, max_nodes=40)
    assert [(node.title, node.name) for node in steps.view.nodes if node.kind == "group"] == [
        ("LSTMCell", "cell" if i == 1 else f"cell, call {i}") for i in range(1, 7)
    ]


def test_a_graph_ten_times_as_large_takes_about_ten_times_as_long() -> None:
    def drawn(length: int) -> tuple[mg.Drawing, float]:
        y = chain(length)
        started = time.process_time()
        drawing = mg.draw(y)
        return drawing, time.process_time() - started

    drawn(100)  # reads docstrings, and compiles
    _, small = drawn(2_100)
    drawing, large = drawn(21_000)
    assert large < 30 * small
    assert len(drawing.view.nodes) == 5
    assert drawing.graph.notes == ("no values: this graph has more than 20,000 operations",)
