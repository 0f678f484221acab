from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from minigrad.viz import render

SOURCE = "digraph { a -> b }"
BEGINNING = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}


@pytest.fixture
def no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)


def fake_dot(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """Put a program of that name alone on the PATH."""
    program = folder / "dot"
    program.write_text(f"#!{sys.executable}\nimport sys\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


@pytest.mark.parametrize("format", BEGINNING)
@pytest.mark.usefixtures("no_program")
def test_pygraphviz_renders_where_there_is_no_program(format: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert render.render(SOURCE, format).startswith(BEGINNING[format])
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("no_program")
def test_many_nodes_are_drawn_without_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    chain = " -> ".join(f"n{i}" for i in range(1100))
    assert render.render(f"digraph {{ {chain} }}", "svg").count(b'class="node"') == 1100
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("no_program")
def test_standard_error_is_given_back_after_rendering(capfd: pytest.CaptureFixture[str]) -> None:
    render.render(SOURCE, "svg")
    os.write(2, b"still here")
    assert capfd.readouterr().err == "still here"


@pytest.mark.usefixtures("no_program")
def test_dot_text_that_is_wrong_is_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="Graphviz failed"):
        render.render("digraph {", "svg")
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("no_program")
def test_without_any_graphviz_the_error_names_both_remedies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    with pytest.raises(ImportError, match=r"pip install pygraphviz .*or install it so that its program dot"):
        render.render(SOURCE, "svg")


@pytest.mark.skipif(os.name == "nt", reason="the fake program is a script with a #! line")
def test_the_program_is_preferred_and_gets_the_text_and_the_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_dot(tmp_path, monkeypatch, "print(sys.argv[1:], sys.stdin.read())")
    assert render.render(SOURCE, "svg") == f"['-Kdot', '-Tsvg'] {SOURCE}\n".encode()
    assert render.render(SOURCE, "png") == f"['-Kdot', '-Tpng', '-Gdpi={render.RESOLUTION}'] {SOURCE}\n".encode()


@pytest.mark.skipif(os.name == "nt", reason="the fake program is a script with a #! line")
def test_a_program_that_fails_is_an_error_with_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_dot(tmp_path, monkeypatch, "sys.exit('no such layout')")
    with pytest.raises(RuntimeError, match="dot failed: no such layout"):
        render.render(SOURCE, "svg")


@pytest.mark.skipif(os.name == "nt", reason="the fake program is a script with a #! line")
def test_warnings_of_the_program_are_not_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    fake_dot(tmp_path, monkeypatch, "print('<svg/>'); print('Warning', file=sys.stderr)")
    assert render.render(SOURCE, "svg") == b"<svg/>\n"
    assert capfd.readouterr() == ("", "")
