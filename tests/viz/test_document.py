from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.viz import document, schema
from viz.models import Perceptron

DESCRIPTION = Path(__file__).parents[2] / "docs" / "graph-json.md"


def small() -> mg.Drawing:
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    return mg.draw((x * x).sum(), names={"x": x})


@pytest.mark.parametrize("options", [{}, {"all_gradients": True}, {"derivatives": True}, {"passes": "both"}])
def test_a_document_is_read_as_an_equal_graph(options: dict[str, Any]) -> None:
    drawing = mg.draw(Perceptron()(mg.ones(1, 2)).sum(), **options)
    assert document.read(drawing.json()) == drawing.graph


def test_what_is_not_finite_is_read_as_it_was() -> None:
    x = mg.tensor([np.nan, np.inf, -np.inf], requires_grad=True)
    drawing = mg.draw(x + 1)
    assert '"numbers": ["NaN", "Infinity", "-Infinity"]' in drawing.json()
    assert document.read(drawing.json()) == drawing.graph


@pytest.mark.parametrize("name", ["<script>", 'a"b', "{}", "a\nb\0", "🎉", "\u202e", "\ud800", "x" * 10_000])
def test_a_name_is_written_whole_and_in_ascii(name: str) -> None:
    x = mg.tensor(1.0, requires_grad=True)
    text = mg.draw(x.exp(), names={name: x}).json()
    assert text.isascii()
    assert document.read(text).nodes[1].symbol == name


def test_a_file_is_loaded_with_another_look(tmp_path: Path) -> None:
    drawing = small()
    drawing.save(tmp_path / "x.json")
    again = mg.Drawing.load(tmp_path / "x.json", theme="dark")
    assert again.graph == drawing.graph
    assert again.dot == drawing.redraw(theme="dark").dot


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(format="other"), 'it does not say "format": "minigrad graph"'),
        (lambda d: d.update(version=2), "this document has version 2, and this minigrad reads version 1"),
        (lambda d: d.pop("nodes"), "the document has no field 'nodes'"),
        (lambda d: d.update(more=1), "the document has a field 'more', which version 1 does not have"),
        (lambda d: d["nodes"][0].update(kind="box"), r"the document, nodes\[0\], kind cannot be 'box'"),
        (lambda d: d["nodes"][0].update(id=7), "the nodes must be numbered from 0"),
        (lambda d: d["nodes"][0].update(shape=["a"]), r"nodes\[0\], shape\[0\] cannot be 'a'"),
        (lambda d: d["nodes"][0].update(is_result=1), "is_result cannot be 1"),
        (lambda d: d["nodes"][0].update(settings=[["a"]]), "must have 2 entries, not 1"),
        (lambda d: d["nodes"][0].update(cluster=3), "there is no cluster 3"),
        (lambda d: d["edges"][0].update(source=9), "there is no node 9"),
        (lambda d: d.update(nodes={}), "the document, nodes must be a list"),
        (lambda d: d.update(nodes=[3]), r"the document, nodes\[0\] must be an object, not 3"),
        (lambda d: d["clusters"].append({"id": 0, "name": "", "parent": 0}), "cluster 0 comes before"),
    ],
)
def test_anything_else_is_refused(change: Any, message: str) -> None:
    contents = json.loads(small().json())
    change(contents)
    with pytest.raises(ValueError, match=message):
        document.read(json.dumps(contents))


@pytest.mark.parametrize("text", ["", "[]", "3", '{"format": NaN}', "{"])
def test_text_that_is_no_document_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="this is no"):
        document.read(text)


def test_every_field_is_described() -> None:
    described = set(re.findall(r"`(\w+)`", DESCRIPTION.read_text(encoding="utf-8")))
    parts = (schema.Graph, schema.Node, schema.Edge, schema.Cluster, schema.Value, schema.Summary, schema.Kept)
    for part in (*parts, schema.Line):
        missing = {field.name for field in dataclasses.fields(part)} - described
        assert not missing, part
