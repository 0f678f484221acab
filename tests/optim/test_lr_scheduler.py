"""Schedulers: PyTorch's numbers over a hundred steps, one after another and together, and states that carry on."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

import minigrad as mg
from minigrad.optim import lr_scheduler

Make = Callable[[Any, Any], Any]  # from the module of schedulers and an optimiser

SCHEDULES: dict[str, Make] = {
    "step": lambda of, o: of.StepLR(o, step_size=7, gamma=0.8),
    "multi step": lambda of, o: of.MultiStepLR(o, [3, 40, 40, 41], gamma=0.5),
    "multi step at once": lambda of, o: of.MultiStepLR(o, [0, 5]),
    "exponential": lambda of, o: of.ExponentialLR(o, 0.97),
    "cosine": lambda of, o: of.CosineAnnealingLR(o, T_max=30, eta_min=0.01),
    "cosine to zero and back": lambda of, o: of.CosineAnnealingLR(o, T_max=9),
    "cosine of one epoch": lambda of, o: of.CosineAnnealingLR(o, T_max=1),
    "one cycle": lambda of, o: of.OneCycleLR(o, max_lr=0.5, total_steps=100),
    "one cycle, linear": lambda of, o: of.OneCycleLR(o, [0.5, 2.0], epochs=10, steps_per_epoch=10,
                                                     anneal_strategy="linear", pct_start=0.25),
    "one cycle, three phases": lambda of, o: of.OneCycleLR(o, 0.5, 120, three_phase=True, div_factor=10,
                                                           final_div_factor=100.0, cycle_momentum=False),
    "one cycle, momentum": lambda of, o: of.OneCycleLR(o, 0.5, 100, base_momentum=[0.5, 0.6], max_momentum=0.9),
    "one cycle from its peak": lambda of, o: of.OneCycleLR(o, 0.5, 100, pct_start=0.0),
    "polynomial": lambda of, o: of.PolynomialLR(o),
    "polynomial, square": lambda of, o: of.PolynomialLR(o, total_iters=60, power=2.0),
    "restarts": lambda of, o: of.CosineAnnealingWarmRestarts(o, T_0=7, eta_min=0.01),
    "restarts, further apart": lambda of, o: of.CosineAnnealingWarmRestarts(o, 3, T_mult=2),
    "cycles": lambda of, o: of.CyclicLR(o, 0.01, 0.5, step_size_up=7),
    "cycles, lower and lower": lambda of, o: of.CyclicLR(
        o, [0.01, 0.1], [0.5, 0.2], 4, 9, mode="triangular2", base_momentum=[0.5, 0.6]
    ),
    "cycles, fading": lambda of, o: of.CyclicLR(o, 0.01, 0.5, 5, None, "exp_range", 0.97, cycle_momentum=False),
    "cycles by a function": lambda of, o: of.CyclicLR(o, 0.01, 0.5, 5, scale_fn=lambda n: 1 / (1 + n)),
    "cycles by steps": lambda of, o: of.CyclicLR(
        o, 0.01, 0.5, 5, scale_fn=lambda n: 0.99**n, scale_mode="iterations"
    ),
    "linear": lambda of, o: of.LinearLR(o),
    "linear down": lambda of, o: of.LinearLR(o, start_factor=1.0, end_factor=0.0, total_iters=50),
    "constant": lambda of, o: of.ConstantLR(o, factor=0.25, total_iters=20),
    "lambda": lambda of, o: of.LambdaLR(o, lambda epoch: 0.95**epoch),
    "two lambdas": lambda of, o: of.LambdaLR(o, [lambda epoch: epoch // 30, lambda epoch: 1 / (1 + epoch)]),
    "warm-up, then cosine": lambda of, o: of.SequentialLR(
        o, [of.LinearLR(o, 0.1, total_iters=10), of.CosineAnnealingLR(o, T_max=90)], milestones=[10]
    ),
    "three in a row": lambda of, o: of.SequentialLR(
        o, [of.ConstantLR(o, 0.5, 3), of.ExponentialLR(o, 0.9), of.StepLR(o, 5)], milestones=[4, 50]
    ),
    "none of the first": lambda of, o: of.SequentialLR(
        o, [of.ConstantLR(o, 0.5, 3), of.ExponentialLR(o, 0.9)], milestones=[0]
    ),
}  # fmt: skip


def optimiser(of: Any = mg, kind: str = "SGD") -> Any:
    """One with two groups of different rates."""
    p, q = of.zeros(2, requires_grad=True), of.zeros(3, requires_grad=True)
    options = {"momentum": 0.9} if kind == "SGD" else {}
    return getattr(of.optim, kind)([{"params": [p]}, {"params": [q], "lr": 0.02}], lr=0.1, **options)


def rates(optimizer: Any) -> list[tuple[float, float]]:
    """The rate and the momentum of each group."""
    return [(g["lr"], g["momentum"] if "momentum" in g else g["betas"][0]) for g in optimizer.param_groups]


def run(optimizer: Any, steps: int, *schedulers: Any) -> list[list[tuple[float, float]]]:
    found = [rates(optimizer)]
    for _ in range(steps):
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
        found.append(rates(optimizer))
    return found


def close(got: list[Any], wanted: list[Any]) -> None:
    assert len(got) == len(wanted)
    for ours, theirs in zip(got, wanted, strict=True):
        for group, peer in zip(ours, theirs, strict=True):
            assert group == pytest.approx(peer, rel=1e-12, abs=1e-16)


# -- against PyTorch ------------------------------------------------------------------------------------------


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore:To get the last learning rate")
@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_a_hundred_steps_are_pytorchs(name: str, kind: str) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = optimiser(kind=kind), optimiser(torch, kind)
    scheduler, peer = SCHEDULES[name](lr_scheduler, ours), SCHEDULES[name](torch.optim.lr_scheduler, theirs)
    close(run(ours, 100, scheduler), run(theirs, 100, peer))
    assert scheduler.get_last_lr() == pytest.approx(peer.get_last_lr(), rel=1e-12, abs=1e-16)
    assert scheduler.last_epoch == peer.last_epoch


@pytest.mark.peer
def test_schedulers_that_work_together_give_pytorchs_numbers() -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = optimiser(), optimiser(torch)
    close(*(
        run(o, 100, of.ExponentialLR(o, 0.98), of.LinearLR(o, total_iters=10), of.StepLR(o, 25))
        for of, o in ((lr_scheduler, ours), (torch.optim.lr_scheduler, theirs))
    ))  # fmt: skip


@pytest.mark.peer
@pytest.mark.parametrize("T_mult", [1, 2])
def test_restarts_go_to_fractions_of_epochs_as_in_pytorch(T_mult: int) -> None:
    torch = pytest.importorskip("torch")
    found = []
    for library, of in ((mg, lr_scheduler), (torch, torch.optim.lr_scheduler)):
        optimizer = optimiser(library)
        scheduler = of.CosineAnnealingWarmRestarts(optimizer, T_0=3, T_mult=T_mult)
        found.append([])
        for step in range(60):
            optimizer.step()
            scheduler.step(*[step / 4] * (step % 5 < 3))  # or go on from there
            found[-1].append([group["lr"] for group in optimizer.param_groups])
    close(*([[(lr, 0.0) for lr in lrs] for lrs in each] for each in found))


METRICS = [1 + math.cos(i / 5) / (1 + i / 20) for i in range(100)]
PLATEAUS: dict[str, dict[str, Any]] = {
    "default": {},
    "impatient": {"factor": 0.5, "patience": 0},
    "largest": {"mode": "max", "patience": 3},
    "absolute": {"threshold_mode": "abs", "threshold": 0.2, "patience": 2},
    "largest, absolute": {"mode": "max", "threshold_mode": "abs", "threshold": 0.2, "patience": 2},
    "cooldown": {"patience": 1, "cooldown": 4, "factor": 0.7},
    "bounds": {"patience": 0, "min_lr": [0.05, 0.001], "eps": 1e-3},
}


@pytest.mark.peer
@pytest.mark.parametrize("name", PLATEAUS)
def test_a_plateau_is_where_pytorch_finds_it(name: str) -> None:
    torch = pytest.importorskip("torch")
    found = []
    for of in (mg, torch):
        optimizer = optimiser(of)
        scheduler = of.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **PLATEAUS[name])
        found.append([])
        for metric in METRICS:
            scheduler.step(of.tensor(metric))
            found[-1].append(rates(optimizer))
    close(*found)
    assert found[0][0] != found[0][-1]  # it fell


# -- formulas -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("step", lambda t: 0.1 * 0.8 ** (t // 7)),
        ("multi step", lambda t: 0.1 * 0.5 ** ((t >= 3) + 2 * (t >= 40) + (t >= 41))),
        ("exponential", lambda t: 0.1 * 0.97**t),
        ("cosine", lambda t: 0.01 + 0.09 * (1 + math.cos(math.pi * t / 30)) / 2),
        ("linear", lambda t: 0.1 * (1 / 3 + min(t, 5) / 5 * 2 / 3)),
        ("constant", lambda t: 0.1 * (0.25 if t < 20 else 1)),
        ("lambda", lambda t: 0.1 * 0.95**t),
        ("warm-up, then cosine", lambda t: 0.1 * (
            0.1 + t / 10 * 0.9 if t < 10 else (1 + math.cos(math.pi * (t - 10) / 90)) / 2)),
    ],
)  # fmt: skip
def test_each_epoch_has_the_rate_of_the_formula(name: str, wanted: Callable[[int], float]) -> None:
    optimizer = optimiser()
    found = [lr for (lr, _), _ in run(optimizer, 100, SCHEDULES[name](lr_scheduler, optimizer))]
    assert found == pytest.approx([wanted(t) for t in range(101)], rel=1e-9, abs=1e-12)


def test_one_cycle_goes_up_then_down_and_the_momentum_the_other_way() -> None:
    optimizer = optimiser()
    first = run(optimizer, 99, SCHEDULES["one cycle"](lr_scheduler, optimizer))
    lrs, momenta = zip(*(groups[0] for groups in first), strict=True)
    assert (lrs[0], max(lrs), lrs[29], lrs[-1]) == pytest.approx((0.02, 0.5, 0.5, 2e-6))
    assert (momenta[0], momenta[29], momenta[-1]) == pytest.approx((0.95, 0.85, 0.95))
    assert list(lrs[:30]) == sorted(lrs[:30]) and list(lrs[29:]) == sorted(lrs[29:], reverse=True)


def test_a_plateau_is_waited_out_and_a_metric_that_is_nan_is_not_better() -> None:
    optimizer = optimiser()
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, patience=1, factor=0.5)
    seen = []
    for loss in (1.0, math.nan, math.nan, 0.5, 0.5):
        scheduler.step(loss)
        seen.append(scheduler.get_last_lr()[0])
    assert seen == [0.1, 0.1, 0.05, 0.05, 0.05]


# -- states ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_loaded_state_goes_on_where_the_other_was(name: str, tmp_path: Any) -> None:
    ours = optimiser()
    scheduler = SCHEDULES[name](lr_scheduler, ours)
    run(ours, 45, scheduler)
    mg.save({"optimizer": ours.state_dict(), "scheduler": scheduler.state_dict()}, tmp_path / "run")
    wanted = run(ours, 50, scheduler)
    again = optimiser()
    twin = SCHEDULES[name](lr_scheduler, again)
    saved = mg.load(tmp_path / "run")
    again.load_state_dict(saved["optimizer"])
    twin.load_state_dict(saved["scheduler"])
    assert run(again, 50, twin) == wanted
    assert twin.state_dict() == scheduler.state_dict()


def test_a_plateaus_state_goes_on_where_the_other_was() -> None:
    ours, again = optimiser(), optimiser()
    first, second = (lr_scheduler.ReduceLROnPlateau(o, patience=2, cooldown=2) for o in (ours, again))
    for metric in METRICS[:50]:
        first.step(metric)
    again.load_state_dict(ours.state_dict())
    second.load_state_dict(first.state_dict())
    for metric in METRICS[50:]:
        first.step(metric)
        second.step(metric)
        assert rates(ours) == rates(again)


def test_the_functions_are_not_in_the_state() -> None:
    state = lr_scheduler.LambdaLR(optimiser(), lambda epoch: 1.0).state_dict()
    assert sorted(state) == ["_last_lr", "base_lrs", "last_epoch"]


@pytest.mark.parametrize("state", [{}, {"gamma": 0.5}, None, {"step_size": 3, "last_epoch": 1}], ids=str)
def test_a_state_of_another_kind_is_refused_and_nothing_changes(state: Any) -> None:
    scheduler = SCHEDULES["three in a row"](lr_scheduler, optimiser())
    before = scheduler.state_dict()
    with pytest.raises(ValueError, match="SequentialLR: the state must have _last_lr, _schedulers, "):
        scheduler.load_state_dict(state)
    assert scheduler.state_dict() == before
    broken = {**before, "_schedulers": [*before["_schedulers"][:2], state]}
    with pytest.raises(ValueError, match="StepLR: the state must have _last_lr, "):
        scheduler.load_state_dict(broken)
    with pytest.raises(ValueError, match="SequentialLR: 3 schedulers here, 1 in the state"):
        scheduler.load_state_dict({**before, "_schedulers": before["_schedulers"][:1]})
    assert scheduler.state_dict() == before


@pytest.mark.parametrize("name", ["step", "exponential", "cosine", "linear", "lambda"])
def test_last_epoch_goes_on_from_the_rates_of_a_loaded_optimiser(name: str) -> None:
    ours = optimiser()
    scheduler = SCHEDULES[name](lr_scheduler, ours)
    run(ours, 7, scheduler)
    again = optimiser()
    with pytest.raises(ValueError, match="must have loaded the state of the earlier run: a group has no 'initial"):
        lr_scheduler.ExponentialLR(again, 0.5, last_epoch=6)
    again.load_state_dict(ours.state_dict())
    twin = type(scheduler).__new__(type(scheduler))
    vars(twin).update({k: v for k, v in vars(scheduler).items() if k in ("step_size", "gamma", "T_max", "eta_min",
                       "start_factor", "end_factor", "total_iters", "lr_lambdas")})  # fmt: skip
    lr_scheduler.LRScheduler.__init__(twin, again, last_epoch=6)
    assert run(again, 20, twin) == run(ours, 20, scheduler)


# -- arguments ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda o: lr_scheduler.StepLR(3, 1), TypeError, "StepLR expects an optimiser, got int"),
        (lambda o: lr_scheduler.StepLR(o, 0), ValueError, "StepLR: step_size must be at least 1, got 0"),
        (lambda o: lr_scheduler.StepLR(o, 1.5), TypeError, "StepLR: step_size must be an int, got 1.5"),
        (lambda o: lr_scheduler.StepLR(o, 1, gamma=-1), ValueError, r"gamma must be in \[0, inf\), got -1"),
        (lambda o: lr_scheduler.StepLR(o, 1, last_epoch=-2), ValueError, "last_epoch must be at least -1, got -2"),
        (lambda o: lr_scheduler.MultiStepLR(o, [-1]), ValueError, "a milestone must be at least 0, got -1"),
        (lambda o: lr_scheduler.ConstantLR(o, 0), ValueError, "factor must be above 0 and at most 1, got 0"),
        (lambda o: lr_scheduler.LinearLR(o, 1.5), ValueError, "start_factor must be above 0 and at most 1"),
        (lambda o: lr_scheduler.LinearLR(o, end_factor=2), ValueError, "end_factor must be at most 1, got 2"),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, 0), ValueError, "T_max must be at least 1, got 0"),
        (lambda o: lr_scheduler.LambdaLR(o, 0.5), TypeError, "LambdaLR expects functions of the epoch, got 0.5"),
        (lambda o: lr_scheduler.LambdaLR(o, [abs]), ValueError, "LambdaLR: lr_lambda: 1 values for 2 groups"),
        (lambda o: lr_scheduler.OneCycleLR(o, 1.0), ValueError, "needs total_steps, or epochs and steps_per"),
        (lambda o: lr_scheduler.OneCycleLR(o, 1.0, 0), ValueError, "total_steps must be at least 1, got 0"),
        (lambda o: lr_scheduler.OneCycleLR(o, [1.0], 9), ValueError, "max_lr: 1 values for 2 groups"),
        (lambda o: lr_scheduler.OneCycleLR(o, -1.0, 9), ValueError, r"max_lr must be in \[0, inf\), got -1.0"),
        (lambda o: lr_scheduler.OneCycleLR(o, 1.0, 9, pct_start=2), ValueError, "pct_start must be at most 1"),
        (lambda o: lr_scheduler.OneCycleLR(o, 1.0, 9, div_factor=0), ValueError, "div_factor must not be 0"),
        (
            lambda o: lr_scheduler.OneCycleLR(o, 1.0, 9, anneal_strategy="sine"),
            ValueError,
            "there is no anneal_strategy 'sine': use 'cos' or 'linear'",
        ),
        (
            lambda o: lr_scheduler.OneCycleLR(mg.optim.Adagrad(o.param_groups[0]["params"]), 1.0, 9),
            ValueError,
            "Adagrad has no momentum: use cycle_momentum=False",
        ),
        (lambda o: lr_scheduler.CyclicLR(o, 0.1, 1.0, mode="square"), ValueError, "no mode 'square': use"),
        (lambda o: lr_scheduler.CyclicLR(o, 0.1, 1.0, scale_mode="x"), ValueError, "there is no scale_mode 'x'"),
        (lambda o: lr_scheduler.CyclicLR(o, [0.1], 1.0), ValueError, "lr: 1 values for 2 groups"),
        (lambda o: lr_scheduler.CyclicLR(o, 0.1, -1.0), ValueError, "a bound of CyclicLR must be in"),
        (lambda o: lr_scheduler.CyclicLR(o, 0.1, 1.0, 0), ValueError, "step_size_up must be at least 1, got 0"),
        (
            lambda o: lr_scheduler.CyclicLR(mg.optim.Adagrad(o.param_groups[0]["params"]), 0.1, 1.0),
            ValueError,
            "Adagrad has no momentum: use cycle_momentum=False",
        ),
        (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 0), ValueError, "T_0 must be at least 1, got 0"),
        (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 2).step(-1), ValueError, "epoch must be in"),
        (lambda o: lr_scheduler.PolynomialLR(o, power=-1.0), ValueError, "power must be in"),
        (lambda o: lr_scheduler.SequentialLR(o, [], []), ValueError, "0 schedulers need 0 milestones"),
        (lambda o: lr_scheduler.SequentialLR(o, [3], []), TypeError, "SequentialLR expects schedulers, got int"),
        (
            lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.StepLR(optimiser(), 1)], []),
            ValueError,
            "SequentialLR: the StepLR has another optimiser",
        ),
        (
            lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.ReduceLROnPlateau(o)], []),
            ValueError,
            "SequentialLR has no metric to give to ReduceLROnPlateau",
        ),
        (
            lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.StepLR(o, 1) for _ in range(3)], [5, 3]),
            ValueError,
            r"3 schedulers need 2 milestones in increasing order, got \[5, 3\]",
        ),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, "low"), ValueError, "no mode 'low': use 'min' or 'max'"),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=1.0), ValueError, r"factor must be in \[0, 1\)"),
        (
            lambda o: lr_scheduler.ReduceLROnPlateau(o, threshold_mode="no"),
            ValueError,
            "no threshold_mode 'no': use 'rel' or 'abs'",
        ),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, min_lr=[0.1]), ValueError, "min_lr: 1 values for 2 groups"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(make: Any, error: type[Exception], message: str) -> None:
    optimizer = optimiser()
    with pytest.raises(error, match=message):
        make(optimizer)


def test_more_steps_than_a_cycle_has_are_refused() -> None:
    optimizer = optimiser()
    scheduler = lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=3)
    run(optimizer, 3, scheduler)
    with pytest.raises(ValueError, match="OneCycleLR: step 4 of a cycle of 3 steps"):
        scheduler.step()


def test_a_group_that_was_added_later_is_named_as_the_cause() -> None:
    optimizer = optimiser()
    schedulers = [
        lr_scheduler.LambdaLR(optimizer, abs),
        lr_scheduler.CosineAnnealingLR(optimizer, T_max=1),
        lr_scheduler.OneCycleLR(optimizer, 1.0, 10),
    ]
    multiplies = lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    optimizer.add_param_group({"params": mg.zeros(1, requires_grad=True), "lr": 1.0})
    schedulers[1].step()  # to the end, from where it goes on by its first rates
    for scheduler in schedulers:
        with pytest.raises(
            ValueError, match="2 learning rates for 3 groups: make the scheduler after the last grou"
        ):
            scheduler.step()
    optimizer.param_groups[2]["lr"] = 1.0
    multiplies.step()
    assert multiplies.get_last_lr()[2] == 0.5
