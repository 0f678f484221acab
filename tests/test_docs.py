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


def test_nothing_is_to_be_installed_by_a_name_that_others_have_on_the_index() -> None:
    folders = (ROOT / "minigrad", ROOT / "examples", ROOT / "docs")
    files = [ROOT / "README.md", *(path for folder in folders for path in folder.rglob("*") if path.is_file())]
    files = [path for path in files if path.parent.name != "__pycache__"]
    said = re.compile(rb"pip install [^\n`]*(?<![\w.-])minigrad")
    assert [path for path in files if said.search(path.read_bytes())] == []


def test_the_numbers_in_the_changelog_and_the_readme_are_counted() -> None:
    changelog, readme = (
        " ".join((ROOT / page).read_text().split()) for page in ("docs/changelog.md", "README.md")
    )
    losses = [name for name in mg.nn.losses.__all__ if name.endswith("Loss") and name != "Loss"]
    assert (len(mg.nn.activations.__all__), len(losses)) == (26, 14)
    assert "twenty-six activations, fourteen losses" in changelog
    assert f"{len(mg.ops.__all__)} operations" in changelog
    lines = [len((ROOT / path).read_text().splitlines()) for path in re.findall(r"\((examples/\w+\.py)\)", readme)]
    assert f"a script of {min(lines)} to {max(lines)} lines" in readme
    assert (ROOT / "docs/lessons.md").read_text().count("```python") == 49
    assert "forty-nine pieces of them" in readme


def test_the_table_of_the_house_has_a_row_for_every_room() -> None:
    house = ROOT / "minigrad"
    rooms = [path.name for path in house.glob("*.py") if path.name != "__init__.py"]
    rooms += [f"{path.parent.relative_to(house).as_posix()}/" for path in house.rglob("*/__init__.py")]
    rows = [line for line in (ROOT / "docs/design.md").read_text().splitlines() if line.startswith("|")]
    missing = [room for room in rooms if not any(f"`{room}`" in row for row in rows)]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_line_of_text_is_wider_than_120_columns(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert [line for line in text.splitlines() if len(line) > 120 and line[:1] not in "|!"] == []
