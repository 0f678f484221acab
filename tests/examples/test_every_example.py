"""What all examples have in common: their help, and how they refuse what they cannot do."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad as mg

FOLDER = Path(mg.__file__).parents[1] / "examples"
EXAMPLES = sorted(path.stem for path in FOLDER.glob("*.py") if "\ndef main(" in path.read_text(encoding="utf-8"))
TRAINING = [name for name in EXAMPLES if name != "mlp_forward"]


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refusal(capsys: pytest.CaptureFixture[str], example: str, *arguments: str) -> str:
    """What an example says where it stops, which must be one line, with nothing else printed or written."""
    before = sorted(Path().iterdir())
    with pytest.raises(SystemExit) as stopped, mg.use_kernels("numba"):
        importlib.import_module(example).main(list(arguments))
    out, err = capsys.readouterr()
    assert (stopped.value.code, out, len(err.splitlines())) == (2, "", 1)
    assert sorted(Path().iterdir()) == before
    return err


def as_program(*options: str) -> subprocess.Popen[bytes]:
    path = os.pathsep.join([str(FOLDER.parent), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, *options],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_help_lists_the_options(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        importlib.import_module(example).main(["--help"])
    assert stopped.value.code == 0
    options = ["--kernels", "--draw", "--play", *(["--device", "--seed", "--plot"] if example in TRAINING else [])]
    out = capsys.readouterr().out
    assert [option for option in options if option not in out] == []


@pytest.mark.parametrize("example", EXAMPLES)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--kernels", "fortran"], "--kernels: invalid choice: 'fortran'"),
        (["--colour"], "unrecognized arguments: --colour"),
        (["--draw", "picture.jpg"], "--draw: must be a file of .svg .png .pdf .dot .json .html in a folder"),
        (["--draw", "right.svg", "no/such/folder.svg"], "that can be written to, not no/such/folder.svg"),
        (["--draw", "/dev/null/picture.svg"], "not /dev/null/picture.svg"),
        (["--play", "page.svg"], "--play: must be a file of .html in a folder"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    example: str, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    needed = ["--out", "w.safetensors"] if example == "train_mlp" else []
    assert message in refusal(capsys, example, *needed, *arguments)


@pytest.mark.parametrize("example", TRAINING)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seed", "x"], "--seed: invalid seed value: 'x'"),
        (["--seed", "-1"], "--seed: must not be negative, not -1"),
        (["--device", "gpu"], "--device: invalid choice: 'gpu'"),
        (["--plot", "plot.gif"], "--plot: must be a file of .png .svg .pdf in a folder"),
    ],
)
def test_a_mistake_about_training_is_one_line(
    example: str, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in refusal(capsys, example, *arguments)


@pytest.mark.parametrize("example", TRAINING)
def test_a_gpu_that_there_is_not_is_one_line(
    example: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mg.cuda, "missing", lambda: "driver: this machine has no NVIDIA driver")
    needed = ["--out", "w.safetensors"] if example == "train_mlp" else []
    said = refusal(capsys, example, *needed, "--device", "cuda")
    assert "--device: cuda cannot be used here; what is missing is the driver" in said


@pytest.mark.parametrize("name", ["epochs", "batch", "lr"])
@pytest.mark.parametrize("value", ["0", "-1", "inf", "x"])
def test_a_number_that_trains_nothing_is_refused(
    name: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"argument --{name}: " in refusal(capsys, "train_mlp", f"--{name}", value)


def test_a_folder_in_the_place_of_a_picture_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    Path("x.svg").mkdir()
    assert "--draw: must be" in refusal(capsys, "mlp_forward", "--draw", "x.svg")


def test_a_folder_that_cannot_be_written_to_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    assert "in a folder that can be written to" in refusal(capsys, "mlp_forward", "--draw", "x.svg")


def test_a_plot_without_matplotlib_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "needs matplotlib" in refusal(capsys, "train_mlp", "--plot", "x.png")


def test_the_forward_example_needs_neither_matplotlib_nor_tqdm() -> None:
    code = "import sys; sys.modules |= {'matplotlib': None, 'tqdm': None}; import mlp_forward"
    program = subprocess.run([sys.executable, "-c", code], cwd=FOLDER, capture_output=True, text=True)
    assert (program.returncode, program.stderr) == (0, "")


def test_a_reader_that_stops_ends_the_script_quietly() -> None:
    program = as_program(str(FOLDER / "mlp_forward.py"), "--kernels", "reference")
    assert program.stdout
    assert program.stderr
    program.stdout.close()
    assert program.stderr.read() == b""
    assert program.wait() == 0
    program.stderr.close()


def test_the_help_needs_no_docstrings() -> None:
    out, err = as_program("-OO", str(FOLDER / "mlp_forward.py"), "--help").communicate()
    assert b"a handwritten digit goes" in out
    assert err == b""
