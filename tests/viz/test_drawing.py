from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import minigrad as mg
from minigrad.viz import drawing as module
from viz.models import Perceptron

BEGINNING = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF", "dot": b"digraph", "gv": b"digraph"}


def small() -> mg.Drawing:
    return mg.draw(mg.tensor(1.0, requires_grad=True).exp())


@pytest.mark.parametrize("suffix", [*BEGINNING, "SVG"])
def test_the_suffix_names_the_format(suffix: str, tmp_path: Path) -> None:
    small().save(tmp_path / f"x.{suffix}")
    assert (tmp_path / f"x.{suffix}").read_bytes().startswith(BEGINNING[suffix.lower()])
    assert [path.name for path in tmp_path.iterdir()] == [f"x.{suffix}"]


@pytest.mark.parametrize("name", ["x.bmp", "x", "svg"])
def test_another_suffix_is_refused_and_nothing_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot draw into .*: the suffix must be one of \.svg, \.png, \.pdf"):
        small().save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_picture_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bytes:
        raise RuntimeError("no picture")

    path = tmp_path / "x.svg"
    path.write_text("old")
    monkeypatch.setattr(module, "render", fail)
    with pytest.raises(RuntimeError, match="no picture"):
        small().save(path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.svg"]


def test_a_file_that_cannot_take_its_place_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "x.svg").mkdir()
    with pytest.raises(OSError, match=r"cannot write a picture: .*x\.svg'$"):
        small().save(tmp_path / "x.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["x.svg"]


def test_a_folder_that_is_not_there_is_an_error_with_the_path_that_was_given(tmp_path: Path) -> None:
    path = tmp_path / "none" / "x.dot"
    with pytest.raises(FileNotFoundError) as raised:
        small().save(path)
    assert raised.value.filename == str(path)
    assert "part" not in str(raised.value).replace(str(tmp_path), "")


def test_a_notebook_shows_the_svg() -> None:
    picture = small()
    assert picture._repr_svg_() == picture.svg()
    assert "<svg" in picture.svg()


def test_the_repr_counts_nodes_and_edges() -> None:
    assert repr(small()) == "<Drawing of Exp: 2 nodes, 1 edges>"
    assert repr(mg.draw(Perceptron()(mg.ones(1, 2)))) == "<Drawing of Perceptron: 9 nodes, 8 edges>"


def test_a_trace_draws_what_it_recorded() -> None:
    model, x = Perceptron(), mg.tensor([[0.5, -2.0]])
    assert mg.draw(mg.trace(model, x)).dot == mg.draw(model(x)).dot


def test_a_trace_of_a_function_draws_what_it_recorded() -> None:
    x = mg.tensor(1.0, requires_grad=True)
    assert repr(mg.draw(mg.trace(lambda t: t.exp(), x))) == "<Drawing of Exp: 2 nodes, 1 edges>"


# -- errors --------------------------------------------------------------------------------------------------


def test_a_leaf_has_no_graph() -> None:
    with pytest.raises(ValueError, match=r"shape \(2,\) has no graph to draw; it is a leaf"):
        mg.draw(mg.ones(2, requires_grad=True))


def test_a_tensor_made_under_no_grad_has_no_graph() -> None:
    x = mg.tensor(1.0, requires_grad=True)
    with mg.no_grad():
        y = x.exp()
    for tensor in (y, x.exp().detach()):
        with pytest.raises(ValueError, match=r"made under no_grad\(\), detached, or .* requires_grad=True"):
            mg.draw(tensor)


def test_a_tensor_made_in_inference_mode_has_no_graph() -> None:
    with mg.inference_mode():
        y = mg.ones(2).exp()
    with pytest.raises(ValueError, match=r"made in inference_mode\(\), which records nothing"):
        mg.draw(y)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"direction": "BT"}, ValueError, "there is no direction 'BT': use 'LR' or 'TB'"),
        ({"theme": "blue"}, ValueError, "there is no theme 'blue': use 'light' or 'dark' or 'print'"),
        ({"kept": True}, ValueError, "there is no kept True: use 'no' or 'beside' or 'nodes'"),
        ({"max_values": -1}, ValueError, "max_values must be at least 0, got -1"),
        ({"max_values": "a"}, TypeError, "max_values must be an int, got str"),
        ({"max_nodes": 1.5}, TypeError, "max_nodes must be an int, got float"),
        ({"max_nodes": 0}, ValueError, "max_nodes must be at least 1, got 0"),
        ({"width": 0}, ValueError, "width must be at least 1, got 0"),
        ({"width": "page"}, TypeError, "width must be an int, got str"),
        ({"depth": -1}, ValueError, "depth must be at least 0, got -1"),
        ({"depth": True}, TypeError, "depth must be an int, got bool"),
        ({"flops": 1}, TypeError, "flops must be True or False, got 1"),
        ({"passes": "back"}, ValueError, "there is no pass 'back': use 'forward', 'backward' or 'both'"),
        ({"stages": {"a": 3}}, TypeError, "stages: 'a' must end with a tensor that has a graph, got 3"),
        ({"stages": 3}, TypeError, "stages must be like {'forward': y, 'backward': dy}, got int"),
        ({"values": "no"}, TypeError, "values must be True or False, got 'no'"),
        ({"all_gradients": 1}, TypeError, "all_gradients must be True or False, got 1"),
        ({"before": 3}, TypeError, "before must be a Drawing, got int"),
        ({"colour": "red"}, TypeError, r"draw\(\) has no switch 'colour'; there are direction, width,"),
        ({"names": {1: mg.ones(1)}}, TypeError, "names: 1 is no name for a tensor; it must be a str"),
        ({"names": 3}, TypeError, r"names must be like {'x': x, 'loss': loss} or locals\(\), got int"),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        mg.draw(mg.tensor(1.0, requires_grad=True).exp(), **options)


@pytest.mark.parametrize("what", [([1.0],), (3,), (mg.ones(1), 3), (ValueError(), 3)])
def test_only_tensors_traces_models_and_errors_are_drawn(what: tuple[Any, ...]) -> None:
    with pytest.raises(
        TypeError, match=r"draw\(\) expects tensors, a Trace, a model with its inputs, or an exception"
    ):
        mg.draw(*what)


def test_a_model_that_does_nothing_has_no_graph() -> None:
    with pytest.raises(ValueError, match="nothing to draw: the model ran no operation"):
        mg.draw(lambda x: x, mg.ones(2))


def test_draw_of_nothing_is_refused() -> None:
    with pytest.raises(TypeError, match=r"draw\(\) expects tensors"):
        mg.draw()
