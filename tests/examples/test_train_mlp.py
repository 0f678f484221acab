"""examples/train_mlp.py: a short run learns, and writes weights that the forward example takes."""

from __future__ import annotations

from pathlib import Path

import pytest

import minigrad as mg
import mlp_forward
import train_mlp


def run(main: object, *arguments: str) -> None:
    with mg.use_kernels("numba"):
        main(list(arguments))  # type: ignore[operator]


@pytest.mark.parametrize(("net", "epochs", "least"), [("zero-or-one", 30, 99), ("ten", 8, 95)])
def test_a_short_run_learns(
    net: str,
    epochs: int,
    least: float,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    run(train_mlp.main, "--net", net, "--epochs", str(epochs), "--out", "new.safetensors")
    out, err = capsys.readouterr()
    held_out = float(out.split("trained on, ")[1].split("%")[0])
    assert held_out >= least
    assert f"epoch {epochs}/{epochs}: 100%" in err  # the progress bar went to its end
    run(mlp_forward.main, "--net", net, "--weights", "new.safetensors")
    assert f"{held_out:.2f}% of" in capsys.readouterr().out


def test_it_draws_the_loss_of_one_image_forward_and_backward(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "loss.dot"
    run(train_mlp.main, "--epochs", "1", "--out", str(tmp_path / "a.safetensors"), "--draw", str(picture))
    assert f"is in {picture}" in capsys.readouterr().out
    dot = picture.read_text(encoding="utf-8")
    assert "ZeroOrOne, forward and backward" in dot
    assert "layer1.weight" in dot and "<b>dW₁</b>" in dot


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    for name in ("a", "b"):
        run(train_mlp.main, "--epochs", "2", "--out", str(tmp_path / f"{name}.safetensors"))
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


@pytest.mark.parametrize(
    "arguments",
    [["--epochs", "0"], ["--lr", "-1"], ["--out", "weights.bin"], ["--out", "no/such/folder.safetensors"]],
)
def test_a_mistake_is_one_line_and_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(train_mlp.main, "--out", "w.safetensors", *arguments)
    assert stopped.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_loss_of_one_image_is_played_where_it_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "x.html"
    run(train_mlp.main, "--epochs", "1", "--out", str(tmp_path / "w.safetensors"), "--play", str(page))
    assert str(page) in capsys.readouterr().out
    assert '"backward": [{"node"' in page.read_text(encoding="utf-8")


def test_weights_that_cannot_be_written_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(state: object, path: Path) -> None:
        raise ValueError(f"cannot write weights to {path}: no room")

    monkeypatch.setattr(mg, "save", fail)
    with pytest.raises(SystemExit) as stopped:
        run(train_mlp.main, "--epochs", "1", "--out", str(tmp_path / "w.safetensors"))
    assert stopped.value.code == 2
    assert "no room" in capsys.readouterr().err.splitlines()[-1]
