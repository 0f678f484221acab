"""Run the program in ``docs/inspect.md``, block by block, and write what it prints below each block:

    python tests/inspect/rewrite_page.py

Times differ from run to run; everything else is the same on every machine, but for the last digit of a number.
"""

from __future__ import annotations

import contextlib
import io
import linecache
import os
import re
import tempfile
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "inspect.md"
BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)
FILE = "clinical.py"  # the name of the program in what it prints


def run(text: str) -> list[str]:
    """What each block of the page's program prints."""
    space: dict[str, object] = {}
    source, printed = "", []
    for code, _ in BLOCK.findall(text):
        above = source.count("\n")
        source += code
        linecache.cache[FILE] = (len(source), None, source.splitlines(keepends=True), FILE)
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile("\n" * above + code, FILE, "exec"), space)
        printed.append(out.getvalue())
    return printed


def rewrite(text: str) -> str:
    """The page with what its program prints now."""
    printed = iter(run(text))

    def block(found: re.Match[str]) -> str:
        out = next(printed)
        return f"```python\n{found[1]}```\n" + (f"\n```text\n{out.rstrip()}\n```\n" if out else "")

    return BLOCK.sub(block, text)


if __name__ == "__main__":
    page = PAGE.read_text()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):  # for the files that it saves
        os.environ.pop("COLUMNS", None)
        page = rewrite(page)
    PAGE.write_text(page)
