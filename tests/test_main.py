"""python -m minigrad: facts for a bug report, and the compiled kernels on disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad as mg
from minigrad import __main__ as command

HERE = Path(mg.__file__).parent


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder with a copy of the package, without compiled kernels."""
    shutil.copytree(HERE, tmp_path / "minigrad", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def run(package: Path, *arguments: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(package)}
    ran = subprocess.run(
        [sys.executable, *arguments], env=environment, cwd=package, stdout=subprocess.PIPE, text=True, check=True
    )
    return ran.stdout


def test_info_tells_what_a_bug_report_needs(capsys: pytest.CaptureFixture[str]) -> None:
    command.main(["info"])
    facts = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert list(facts) == [
        "minigrad", "Python", "packages", "processor", "vectors", "threads", "memory", "kernels", "CUDA",
        "Graphviz",
    ]  # fmt: skip
    assert facts["minigrad"].startswith(mg.__version__)
    assert "numba 0." in facts["packages"]
    assert facts["threads"].startswith(f"{mg.get_num_threads()}, layers that can be loaded: ")


@pytest.mark.compiled
def test_the_cache_is_shown_and_cleared_and_an_edited_rule_makes_it_old(package: Path) -> None:
    assert run(package, "-m", "minigrad", "cache").startswith("0 compiled (0 of them from other sources), 0.0 MB")
    run(package, "-c", "import minigrad as mg; mg.ones(3).relu()")
    shown = run(package, "-m", "minigrad", "cache", "show").splitlines()
    assert len(shown) == 2
    assert "kB  relu." in shown[0]
    assert shown[1].startswith("1 compiled (0 of them from other sources)")

    with (package / "minigrad" / "kernels" / "rules.py").open("a") as rules:
        rules.write("# an edit\n")
    assert "(from other sources) relu." in run(package, "-m", "minigrad", "cache")
    assert run(package, "-m", "minigrad", "cache", "clear") == "1 compiled kernels deleted\n"
    assert not list(package.rglob("*.kernel"))


@pytest.mark.parametrize("arguments", [[], ["cash"], ["cache", "wipe"]])
def test_a_mistake_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        command.main(arguments)
    assert stopped.value.code == 2
    assert "usage: python -m minigrad" in capsys.readouterr().err
