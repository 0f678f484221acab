"""Tables: as text in any width, in a terminal's colours, as HTML."""

from __future__ import annotations

import builtins
import io
from typing import Any

import pytest

from minigrad.inspect.table import Report, Table


class Found(Report):
    def as_table(self) -> Table:
        rows = [["fc1", "z = x W^T + b", "1,024"], ["a<b>&[red]x[/red]", "a = max(z, 0)", "0"]]
        return Table(
            ["layer", "formula", "FLOPs"],
            ["layer", "formula"],
            rows,
            title="A net",
            notes=["2 <layers>"],
            marks={1: "error"},
        )


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_words_stand_to_the_left_and_numbers_to_the_right_below_the_title() -> None:
    assert Found().as_table().text().splitlines() == [
        "A net",
        "",
        "layer              formula        FLOPs",
        "fc1                z = x W^T + b  1,024",
        "a<b>&[red]x[/red]  a = max(z, 0)      0",
        "",
        "2 <layers>",
    ]


def test_a_row_that_does_not_fit_is_a_paragraph_with_the_columns_names() -> None:
    assert Found().table(width=38).splitlines()[2:-2] == [
        "fc1                formula z = x W^T + b",
        "                   FLOPs 1,024",
        "a<b>&[red]x[/red]  formula a = max(z, 0)",
        "                   FLOPs 0",
    ]


def test_a_table_without_rows_has_its_notes_alone() -> None:
    assert Table(["a", "b"], ["a"], [], notes=["nothing"]).text() == "nothing"


def test_control_characters_in_a_name_do_not_reach_the_terminal_and_long_ones_are_cut() -> None:
    text = Table(["name"], ["name"], [["\x1b[31mred\n"], ["x" * 500]]).text()
    assert "\x1b" not in text
    assert len(text.splitlines()) == 3
    assert max(map(len, text.splitlines())) == 120


def test_html_escapes_every_cell_and_note_and_marks_rows() -> None:
    html = Found()._repr_html_()
    assert '<td style="text-align: left; white-space: pre">a&lt;b&gt;&amp;[red]x[/red]</td>' in html
    assert "<p>2 &lt;layers&gt;</p>" in html
    assert "<caption>A net</caption>" in html
    assert html.count("font-weight: bold") == 1
    assert "<b>" not in html


def test_piped_it_is_plain_text() -> None:
    piped = io.StringIO()
    Found().show(piped)
    assert piped.getvalue() == str(Found().as_table()) + "\n"


def test_in_a_terminal_rich_sets_it_in_colour_and_takes_no_markup_from_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("rich")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal = Terminal()
    Found().show(terminal)
    shown = terminal.getvalue()
    assert type(Found().__rich__()) is Table  # for rich.print
    assert "\x1b[1;31m" in shown
    assert "[red]x[/red]" in shown
    assert "2 <layers>" in shown


@pytest.mark.parametrize("width", range(38, 52))
def test_in_a_terminal_no_cell_is_cut_in_any_width(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm-256color")
    terminal = Terminal()
    Found().show(terminal)
    shown = terminal.getvalue()
    assert "a<b>&[red]x[/red]" in shown
    assert "z = x W^T + b" in shown
    assert "1,024" in shown


def test_a_terminal_that_is_too_narrow_gets_paragraphs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    terminal = Terminal()
    Found().show(terminal)
    assert "FLOPs 1,024" in terminal.getvalue()
    assert "\x1b" not in terminal.getvalue()


def test_without_rich_a_terminal_gets_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    plain = builtins.__import__

    def without_rich(name: str, *args: Any, **named: Any) -> Any:
        assert not name.startswith("rich")
        return plain(name, *args, **named)

    monkeypatch.setattr(builtins, "__import__", without_rich)
    terminal = Terminal()
    Found().show(terminal)
    assert terminal.getvalue() == Found().table(width=100) + "\n"


def test_printing_takes_the_width_in_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert str(Found()) == Found().as_table().text()
    monkeypatch.setenv("COLUMNS", "30")
    assert str(Found()) == Found().table(width=30)
