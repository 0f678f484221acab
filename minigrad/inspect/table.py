"""Tables: what the tools of this folder have found, as text, in colour in a terminal, as HTML in a notebook."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from html import escape
from typing import Any, TextIO

from minigrad.viz.text import count, name

LONGEST = 120  # characters of a cell

_COLOURS = {"error": "bold red", "warning": "yellow", "quiet": "dim"}


class Table:
    """Rows of text below a head; the columns in ``words`` are set to the left, the others are numbers.

    Args:
        head: the names of the columns; the first one's cells name the rows.
        words: the columns that hold words.
        rows: a cell for each column.
        title: what stands above it.
        notes: what stands below it, a paragraph each.
        marks: ``"error"``, ``"warning"`` or ``"quiet"`` for rows that are to look so, by their number.

    >>> print(Table(["layer", "FLOPs"], ["layer"], [["fc1", "1,024"], ["relu", "0"]], notes=["2 layers"]))
    layer  FLOPs
    fc1    1,024
    relu       0
    <BLANKLINE>
    2 layers
    """

    def __init__(
        self,
        head: Sequence[str],
        words: Collection[str],
        rows: Iterable[Sequence[str]],
        *,
        title: str = "",
        notes: Sequence[str] = (),
        marks: Mapping[int, str] | None = None,
    ) -> None:
        self.head, self.title, self.notes, self.marks = list(head), title, list(notes), dict(marks or {})
        self.is_word = [column in words for column in self.head]
        self.rows = [[name(cell, LONGEST) for cell in row] for row in rows]

    def lines(self) -> list[str]:
        """The head and the rows, a line each."""
        rows = [self.head, *self.rows]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return [
            "  ".join(
                cell.ljust(width) if is_word else cell.rjust(width)
                for cell, width, is_word in zip(row, widths, self.is_word, strict=True)
            ).rstrip()
            for row in rows
        ]

    def text(self, width: int | None = None) -> str:
        """The table as plain text; where a line would be longer than ``width``, a paragraph for each row."""
        lines = self.lines() if self.rows else []
        if lines and width is not None and max(map(len, lines)) > width:
            lines = [line for row in self.rows for line in self._paragraph(row, width)]
        parts = self.title, "\n".join(lines), "\n".join(self.notes)
        return "\n\n".join(part for part in parts if part)

    def _paragraph(self, row: Sequence[str], width: int) -> list[str]:
        """A row as its name, and beside it its cells with the names of their columns."""
        own = max(map(len, (row[0] for row in self.rows)))
        lines = [""]
        for column, cell in zip(self.head[1:], row[1:], strict=True):
            if cell.strip():
                piece = f"{column} {cell.strip()}"
                if lines[-1] and own + 2 + len(lines[-1]) + 2 + len(piece) > width:
                    lines.append("")
                lines[-1] += f"  {piece}" if lines[-1] else piece
        return [f"{row[0] if i == 0 else '':<{own}}  {line}".rstrip() for i, line in enumerate(lines)]

    def html(self) -> str:
        """The table as HTML, with nothing in it that a name could have smuggled in."""
        aligned = [
            f'style="text-align: {"left" if is_word else "right"}; white-space: pre"' for is_word in self.is_word
        ]

        def line(cells: Sequence[str], tag: str, style: str = "") -> str:
            inner = "".join(f"<{tag} {a}>{escape(c)}</{tag}>" for a, c in zip(aligned, cells, strict=True))
            return f"<tr{style}>{inner}</tr>"

        looks = {
            "error": "color: #c0392b; font-weight: bold",
            "warning": "color: #b7791f",
            "quiet": "opacity: 0.6",
        }
        rows = [
            line(row, "td", f' style="{looks[self.marks[i]]}"' if i in self.marks else "")
            for i, row in enumerate(self.rows)
        ]
        caption = f"<caption>{escape(self.title)}</caption>" if self.title else ""
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        return (
            f"<table>{caption}<thead>{line(self.head, 'th')}</thead><tbody>{''.join(rows)}</tbody></table>{notes}"
        )

    def __rich__(self) -> Any:
        """The table for rich, which sets it in colour."""
        from rich import box
        from rich.console import Group
        from rich.table import Table as RichTable
        from rich.text import Text

        table = RichTable(title=Text(self.title) if self.title else None, box=box.SIMPLE_HEAD, pad_edge=False)
        for column, is_word in zip(self.head, self.is_word, strict=True):
            table.add_column(Text(column), justify="left" if is_word else "right", no_wrap=True)
        for i, row in enumerate(self.rows):
            table.add_row(*[Text(cell) for cell in row], style=_COLOURS.get(self.marks.get(i, "")))
        return Group(table, *[Text(note) for note in self.notes])

    def __str__(self) -> str:
        return self.text()


class Report(ABC):
    """What a tool has found. Printed it is text; :meth:`show` is in colour; a notebook shows it as HTML."""

    @abstractmethod
    def as_table(self) -> Table:
        """The findings as a table."""

    def table(self, width: int | None = None) -> str:
        """The findings as text. Where a line would not fit into ``width`` columns, a row is a few short lines.

        ``width`` is the terminal's by default or that in the environment's COLUMNS, and unlimited where the
        output is no terminal.
        """
        if width is None and (sys.stdout.isatty() or "COLUMNS" in os.environ):
            width = shutil.get_terminal_size().columns
        return self.as_table().text(width)

    def show(self, file: TextIO | None = None) -> None:
        """Print the findings to ``file``, or to the standard output: in a terminal in colour, where rich is there.

        Plain text goes anywhere else, and to a terminal that is too narrow for the table.
        """
        file = file or sys.stdout
        table = self.as_table()
        width = shutil.get_terminal_size().columns
        needed = max(map(len, table.lines())) + len(table.head) + 1  # rich puts one more space between columns
        if file.isatty() and importlib.util.find_spec("rich") and needed <= width:
            from rich.console import Console

            Console(file=file, width=width).print(table)
        else:
            print(self.table(width if file.isatty() else None), file=file)

    def __rich__(self) -> Any:
        return self.as_table()

    def _repr_html_(self) -> str:
        return self.as_table().html()

    def __str__(self) -> str:
        return self.table()


def size(number: int) -> str:
    """A number of bytes, with three digits.

    >>> size(800), size(25_600)
    ('800 B', '25.6 kB')
    """
    return f"{count(number)}B"


def time(seconds: float) -> str:
    """A time, with three digits and the unit that suits it.

    >>> time(0.0000215), time(0.25), time(0)
    ('21.5 us', '250 ms', '0 us')
    """
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"
