"""The page as text: what is in it, and that nothing from outside is markup."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
import types
from pathlib import Path
from typing import Any

import pytest

import minigrad as mg
from graphs import scalar
from minigrad.viz import page
from minigrad.viz.page.source import sources

HOSTILE = "</script><script>alert(1)</script><!-- ]]> &lt; ' \" \u2028 \0"


def data(text: str) -> dict[str, Any]:
    """The document inside a page."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found
    parsed: dict[str, Any] = json.loads(found[1])
    return parsed


def test_a_drawing_is_saved_as_a_page_of_the_forward_pass(tmp_path: Path) -> None:
    x = scalar(3.0)
    mg.draw(x * x, names={"x": x}).save(tmp_path / "x.html")
    found = data((tmp_path / "x.html").read_text(encoding="utf-8"))
    assert found["backward"] == []
    assert [node["title"] for node in found["graph"]["nodes"] if "title" in node] == ["Mul"]


def test_a_play_is_saved_with_its_walk_and_each_value_once(tmp_path: Path) -> None:
    x, y = scalar(3.0), scalar(4.0)
    mg.play(x + y).save(tmp_path / "x.html")
    found = data((tmp_path / "x.html").read_text(encoding="utf-8"))
    assert found["backward"] == [
        {"node": 0, "gives": [[None, 0, 0, 0]]},
        {"node": 0, "gives": [[0, 1, 0, 0], [1, 2, 0, 0]]},
    ]
    assert found["values"] == [{"shape": [], "numbers": [1.0], "summary": None}]


def test_the_page_asks_for_nothing_from_outside() -> None:
    text = mg.play(scalar(3.0).exp()).html()
    without_namespace = text.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|//cdn|@import|url\(|<link|<img|<iframe", without_namespace)
    assert not re.search(r"""\son\w+\s*=|javascript:|innerHTML|eval\(|new Function""", text)


def test_the_policy_lets_run_what_is_in_the_page_and_nothing_else() -> None:
    text = mg.play(scalar(3.0).exp()).html()
    found = re.search(r'http-equiv="Content-Security-Policy" content="(.*?)"', text)
    assert found
    policy = dict(part.split(" ", 1) for part in found[1].split("; "))
    assert policy["default-src"] == "'none'"
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)

    def digest(content: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"

    assert policy["script-src"].split() == [digest(script) for script in scripts]
    assert policy["style-src"].split() == [digest(style) for style in styles]
    assert len(scripts) == len(page.SCRIPTS)
    assert "unsafe" not in found[1]


def test_names_cannot_end_the_element_that_they_stand_in() -> None:
    x = scalar(3.0)
    result = x * x
    harmless = mg.play(result, names={"x": x, "y": result}).html()
    text = mg.play(result, names={HOSTILE: x, HOSTILE + "2": result}).html()
    for mark in ("<script", "</script", "<!--", "<title"):
        assert text.count(mark) == harmless.count(mark)
    assert HOSTILE in {node["symbol"] for node in data(text)["graph"]["nodes"]}
    assert "\u2028" not in text


def test_the_source_of_each_operation_is_there_as_it_stands_in_minigrad() -> None:
    code = data(mg.play(scalar(0.5).tanh()).html())["code"]
    assert list(code) == ["minigrad.ops.activation.Tanh"]
    lines = Path(mg.ops.activation.__file__).read_text(encoding="utf-8")
    for rule in ("forward", "backward"):
        for line in code["minigrad.ops.activation.Tanh"][rule].splitlines():
            assert line.strip() in lines
    assert code["minigrad.ops.activation.Tanh"]["forward"].startswith("def forward(self")


def test_a_class_without_source_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("typed_in")
    exec(  # as at a prompt
        "import minigrad as mg\nclass Same(mg.Op):\n  def forward(self, kernels, x): return x.copy()\n",
        vars(module),
    )
    monkeypatch.setitem(sys.modules, "typed_in", module)
    assert sources(["typed_in.Same", "typed_in.Other", "nowhere.Op", "os.path.join", "Op"]) == {}


def test_a_document_cannot_have_a_module_imported() -> None:
    sys.modules.pop("antigravity", None)
    assert sources(["antigravity.Op"]) == {}
    assert "antigravity" not in sys.modules


def test_the_page_of_a_loaded_document_is_the_same(tmp_path: Path) -> None:
    x = scalar(3.0)
    drawing = mg.draw((x * x).exp(), names={"x": x})
    drawing.save(tmp_path / "x.json")
    assert page.html(mg.Drawing.load(tmp_path / "x.json")) == page.html(drawing)


def test_a_very_large_graph_is_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    x = mg.ones(2, requires_grad=True)
    drawing = mg.draw(mg.nn.Sequential(*[mg.nn.Linear(2, 2) for _ in range(9)])(x), depth=0)
    nodes = len(data(page.html(drawing))["graph"]["nodes"])
    monkeypatch.setattr(page, "MOST_NODES", 5)
    assert len(data(page.html(drawing))["graph"]["nodes"]) < nodes


def test_a_very_large_play_is_the_forward_pass_alone_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    x = scalar(3.0)
    play = mg.play((x * x).exp())
    monkeypatch.setattr(page, "MOST_NODES", 2)
    found = data(play.html())
    assert found["backward"] == []
    assert found["graph"]["notes"] == ["the walk back is not played: too many nodes"]
