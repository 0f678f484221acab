"""Lessons written for PyTorch run on minigrad with their imports changed, and give the same numbers.

The pieces of lessons are those of ``docs/lessons.md``, which also says what is to be changed.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "lessons.md").read_text(encoding="utf-8")
CHANGES = re.findall(r"^\| `(torch[\w.]*)` \| `(minigrad[\w.]*)` \|$", PAGE, re.MULTILINE)
PIECES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|inf|nan)(?![\w])")


def changed(lesson: str) -> str:
    """The lesson for minigrad."""
    for theirs, ours in [*CHANGES, ("torch", "minigrad")]:
        lesson = re.sub(rf"\b{re.escape(theirs)}\b", ours, lesson)
    return lesson


def ran(lesson: str, library: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, dict[str, Any]]:
    """What a lesson prints, and the names it leaves behind."""
    torch = importlib.import_module(library)

    def fill(model: Any) -> None:
        with torch.no_grad():
            for i, parameter in enumerate(model.parameters()):
                shape = tuple(parameter.shape)
                values = 0.7 * np.sin(1.7 * np.arange(int(np.prod(shape)), dtype=np.float32) + i)
                parameter.copy_(torch.tensor(values.astype(np.float32)).reshape(shape))

    folder.mkdir()
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {"__name__": "lesson", "fill": fill}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(lesson, f"<a lesson for {library}>", "exec"), names)
    return printed.getvalue(), names


def words_and_numbers(printed: str) -> tuple[list[str], list[float]]:
    """What was printed, without spaces and without what each library says in its own way; its numbers apart."""
    plain = re.sub(r"torch\.Size\(\[([^]]*)\]\)", r"(\1)", printed)
    plain = re.sub(r", (?:grad_fn=<\w+>|dtype=[\w.]+)|torch\.return_types\.\w+|values=|indices=", "", plain)
    numbers = [float(number) for number in NUMBER.findall(plain)]
    return NUMBER.sub("#", plain).split(), numbers


def leaves(name: str, value: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Every number in a value that a lesson leaves behind, tensors and those of modules included."""
    if isinstance(value, (type, ModuleType)) or name.startswith("random"):
        return
    if isinstance(value, (bool, int, float, np.ndarray)):
        yield name, np.asarray(value)
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(f"{name}[{key!r}]", part)
    elif isinstance(value, (list, tuple)):
        for i, part in enumerate(value):
            yield from leaves(f"{name}[{i}]", part)
    elif hasattr(value, "named_parameters"):
        yield from leaves(name, dict(value.state_dict()))
    elif hasattr(value, "detach"):
        yield name, value.detach().numpy()
        if value.is_leaf and value.grad is not None:
            yield f"{name}.grad", value.grad.numpy()


def title(lesson: str) -> str:
    """The section of the page that a lesson stands in, and its number."""
    section = re.findall(r"^## (.*)$", PAGE[: PAGE.index(lesson)], re.MULTILINE)[-1]
    return f"{PIECES.index(lesson)}: {section}"


def test_there_are_thirty_lessons_and_each_is_another_one() -> None:
    assert len(set(PIECES)) == len(PIECES) >= 30
    assert len(CHANGES) == 2


@pytest.mark.peer
@pytest.mark.parametrize("lesson", PIECES, ids=title)
def test_a_lesson_gives_the_same_numbers_with_the_import_changed(
    lesson: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    printed, names = ran(changed(lesson), "minigrad", tmp_path / "ours", monkeypatch)
    their_print, their_names = ran(lesson, "torch", tmp_path / "theirs", monkeypatch)
    (words, numbers), (their_words, their_numbers) = words_and_numbers(printed), words_and_numbers(their_print)
    assert words == their_words
    np.testing.assert_allclose(numbers, their_numbers, rtol=1e-5, atol=2e-4)  # PyTorch prints four digits
    ours, theirs = (dict(leaf for pair in n.items() for leaf in leaves(*pair)) for n in (names, their_names))
    assert list(ours) == list(theirs)
    for name, value in ours.items():
        np.testing.assert_allclose(value, theirs[name], rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("lesson", PIECES, ids=title)
def test_a_lesson_runs_with_the_import_changed(
    lesson: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed, _ = ran(changed(lesson), "minigrad", tmp_path / "ours", monkeypatch)
    assert printed
