"""A training that goes on from a file, and a process that is killed while it writes one."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.data import DataLoader, TensorDataset

SCHEDULERS = {
    "SGD": lambda o: mg.optim.lr_scheduler.OneCycleLR(o, 0.1, total_steps=50),
    "NAdam": lambda o: mg.optim.lr_scheduler.PolynomialLR(o, 30),
    "RAdam": lambda o: mg.optim.lr_scheduler.CosineAnnealingWarmRestarts(o, 2, 2),
    "RMSprop": lambda o: mg.optim.lr_scheduler.StepLR(o, 2, gamma=0.5),
    "Adagrad": lambda o: mg.optim.lr_scheduler.ExponentialLR(o, 0.9),
    "Adam": lambda o: mg.optim.lr_scheduler.SequentialLR(
        o, [mg.optim.lr_scheduler.LinearLR(o), mg.optim.lr_scheduler.CosineAnnealingLR(o, 20)], [3]
    ),
    "AdamW": lambda o: mg.optim.lr_scheduler.OneCycleLR(o, 0.01, total_steps=50),
}


class Run:
    """A small training with all that has a state: model, optimiser, scheduler, random numbers, epoch."""

    def __init__(self, name: str, seed: int) -> None:
        mg.manual_seed(seed)
        self.model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
        options = {"momentum": 0.9} if name in ("SGD", "RMSprop") else {}
        self.optimizer = getattr(mg.optim, name)(self.model.parameters(), lr=0.01, **options)
        self.scheduler = SCHEDULERS[name](self.optimizer)
        self.epoch = 0
        self.losses: list[float] = []

    def train(self, epochs: int) -> None:
        x = np.random.default_rng(0).normal(size=(32, 4)).astype(np.float32)
        data = TensorDataset(mg.from_numpy(x), mg.from_numpy(x.sum(axis=1, keepdims=True)))
        for _ in range(epochs):
            for batch, target in DataLoader(data, batch_size=8, shuffle=True):
                self.optimizer.zero_grad()
                noisy = batch + mg.randn_like(batch) * 0.1
                loss = nn.functional.mse_loss(self.model(noisy), target)
                loss.backward()
                self.optimizer.step()
                self.losses.append(loss.item())
            self.scheduler.step()
            self.epoch += 1

    def save(self, path: Path) -> None:
        parts = {name: getattr(self, name).state_dict() for name in ("model", "optimizer", "scheduler")}
        mg.save({**parts, "epoch": self.epoch, "losses": self.losses, "random": mg.get_rng_state()}, path)

    def load(self, path: Path) -> None:
        state = mg.load(path)
        for name in ("model", "optimizer", "scheduler"):
            getattr(self, name).load_state_dict(state[name])
        self.epoch, self.losses = state["epoch"], state["losses"]
        mg.set_rng_state(state["random"])


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_training_resumed_from_a_file_goes_on_bit_for_bit(name: str, tmp_path: Path) -> None:
    whole = Run(name, seed=1)
    whole.train(8)
    after = mg.get_rng_state()
    half = Run(name, seed=1)
    half.train(4)
    half.save(tmp_path / "run.safetensors")
    mg.rand(100)
    again = Run(name, seed=2)  # other weights, other random numbers, until it has loaded
    again.load(tmp_path / "run.safetensors")
    again.train(4)
    assert again.losses == whole.losses and again.epoch == whole.epoch == 8
    assert len(set(whole.losses)) == 32 and not any(map(math.isnan, whole.losses))
    for ours, wanted in zip(again.model.parameters(), whole.model.parameters(), strict=True):
        assert ours.array.tobytes() == wanted.array.tobytes()
    assert str(again.optimizer.state_dict()) == str(whole.optimizer.state_dict())
    assert again.scheduler.state_dict() == whole.scheduler.state_dict()
    assert mg.get_rng_state() == after


@pytest.mark.peer
def test_the_weights_in_a_checkpoint_load_into_pytorch_by_name(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    run = Run("Adam", seed=1)
    run.train(2)
    run.save(tmp_path / "run.safetensors")
    found = load_file(tmp_path / "run.safetensors")
    theirs = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    theirs.load_state_dict({n.removeprefix("model."): t for n, t in found.items() if n.startswith("model.")})
    for p, q in zip(run.model.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())
    assert found["optimizer.state.0.exp_avg"].shape == (8, 4)


# A process without threads forks one child after another, which saves again and again until it is killed.
KILLED = """
import os, random, signal, sys, time
import minigrad as mg
mg.use_kernels("reference")  # which starts no thread, and compiles nothing
path, kills = sys.argv[1], int(sys.argv[2])

def state(n):
    return {"model": {"w": mg.full((50_000,), float(n)), "b": mg.full((n % 7,), n)}, "epoch": n}

def check():
    found = mg.load(path)
    n = found["epoch"]
    assert bool((found["model"]["w"] == n).all()) and found["model"]["b"].tolist() == [n] * (n % 7), n
    return n

random.seed(0)
mg.save(state(0), path)
n, seen = 0, set()
for _ in range(kills):
    child = os.fork()
    if child == 0:
        while True:
            n += 1
            mg.save(state(n), path)
    time.sleep(random.uniform(0, 0.02))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    n = check()
    seen.add(n)
print(len(seen), n)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="forks, and kills with SIGKILL")
def test_a_process_killed_at_200_random_moments_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    ran = subprocess.run([sys.executable, "-c", KILLED, path, "200"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    states, saves = map(int, ran.stdout.split())
    assert states > 50 and saves > 100  # it got on between the kills
    unfinished = list(tmp_path.glob(".run.safetensors.*"))
    assert len(unfinished) > 20  # and was killed in the middle of writing

    def whole(file: Path) -> bool:
        try:
            mg.load(file)
        except mg.WeightFileError:
            return False
        return True

    assert not all(map(whole, unfinished))


def test_the_random_state_goes_on_and_a_wrong_one_is_refused() -> None:
    mg.manual_seed(3)
    mg.randint(5, size=(3,))  # leaves half of a 64-bit number for the next
    state = mg.get_rng_state()
    wanted: list[Any] = [mg.randint(5, size=(3,)).tolist(), mg.randn(2).tolist()]
    mg.set_rng_state(state)
    assert [mg.randint(5, size=(3,)).tolist(), mg.randn(2).tolist()] == wanted
    mg.set_rng_state(state)
    for wrong in ({}, {**state, "bit_generator": "MT19937"}, {**state, "state": {"state": -1, "inc": 1}}):
        with pytest.raises(ValueError, match="this is not the state of a generator"):
            mg.set_rng_state(wrong)
    assert [mg.randint(5, size=(3,)).tolist(), mg.randn(2).tolist()] == wanted
