"""The documentation is true: its code runs and prints what it says, its links lead somewhere."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad as mg

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("**/*.md")])


def public() -> dict[str, object]:
    """Everything that minigrad offers at the top level, in autograd, nn, optim and data."""
    from minigrad.nn import functional, init, utils
    from minigrad.optim import lr_scheduler

    found = {}
    for module in (mg, mg.autograd, mg.nn, functional, init, utils, utils.rnn, mg.optim, lr_scheduler, mg.data):
        for name, thing in vars(module).items():
            is_ours = str(getattr(thing, "__module__", "")).startswith("minigrad")
            if is_ours and not name.startswith("_") and (inspect.isclass(thing) or inspect.isfunction(thing)):
                found[f"{module.__name__}.{name}"] = thing
    return found


def test_the_readmes_thirty_lines_print_what_they_say(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    promised = re.findall(r"print\(.*\)  # (.*)", code)
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == promised
    assert (tmp_path / "loss.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_that_exist(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text())
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert broken == []


@pytest.mark.parametrize("name", public())
def test_whatever_is_public_says_what_it_does(name: str) -> None:
    text = inspect.getdoc(public()[name])
    assert text
    assert text[0].isupper() or text[0] in "`:0123456789" or " = " in text.split("\n")[0]
