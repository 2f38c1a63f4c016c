"""Schedules without TensorFlow: formulas, durations, `nnlab schedule`."""

from __future__ import annotations

import csv
import math
from bisect import bisect_left, bisect_right
from itertools import pairwise

import pytest

from nnlab.config.durations import depends_on_data, schedule_in_steps
from nnlab.config.load import dump_config, load_config

RATE = 0.1
ROWS, BATCH, EPOCHS = 100, 32, 10  # 4 steps an epoch, 40 in all
CONFIG = """
data: {{source: digits, limit: 100}}
model: {{hidden: [4]}}
optimizer: {{SGD: {{learning_rate: 0.1}}}}
schedule: {schedule}
training: {{epochs: 10, batch_size: 32}}
"""


def one_cycle(t: float, *, run: float = 40, high: float = 0.5, low: float = 0.05, last: float = 5e-5) -> float:
    """Straight lines between the corners that the contract gives."""
    corners = [(0, low), (0.45 * run, high), (0.9 * run, low), (run, last)]
    for (t0, y0), (t1, y1) in pairwise(corners):
        if t <= t1:
            return y0 + (y1 - y0) * (t - t0) / (t1 - t0)
    return last


def restarts(t: float) -> float:
    """Count the falls off one by one: the first of 5 steps, each three times as long and half as high."""
    length, height = 5, 1.0
    while t >= length:
        t, length, height = t - length, 3 * length, height / 2
    return RATE * (0.1 + 0.9 * height * (1 + math.cos(math.pi * t / length)) / 2)


CASES = {
    "constant": lambda _: RATE,
    "{power: {decay_steps: 5}}": lambda t: RATE / (1 + t / 5),
    "{power: {decay_epochs: 2, power: 0.5}}": lambda t: RATE / math.sqrt(1 + t / 8),
    "{power: {decay_steps: 5, power: 2, staircase: true}}": lambda t: RATE / (1 + t // 5) ** 2,
    "{exponential: {decay_steps: 10, decay_rate: 0.9}}": lambda t: RATE * math.exp(math.log(0.9) * t / 10),
    "{exponential: {decay_epochs: 1.5, decay_rate: 0.1, staircase: true}}": lambda t: RATE * 0.1 ** (t // 6),
    "{piecewise: {boundaries_steps: [7, 20], values: [1, 0.5, 0.2]}}": lambda t: [1, 0.5, 0.2][bisect_left([7, 20], t)],
    "{piecewise: {boundaries_epochs: [1, 5], values: [1, 0.5, 0]}}": lambda t: [1, 0.5, 0][bisect_left([4, 20], t)],
    "{step: {step_steps: 6}}": lambda t: RATE / 10 ** (t // 6),
    "{step: {step_epochs: 2, gamma: 0.5}}": lambda t: RATE / 2 ** (t // 8),
    "{multi_step: {milestones_steps: [3, 30], gamma: 0.3}}": lambda t: RATE * 0.3 ** bisect_right([3, 30], t),
    "{multi_step: {milestones_epochs: [0.5, 2]}}": lambda t: RATE * 0.1 ** bisect_right([2, 8], t),
    "performance": lambda _: RATE,
    "{one_cycle: 0.5}": one_cycle,
    "{one_cycle: {max_learning_rate: 1, start_learning_rate: 0.2, last_learning_rate: 0}}": lambda t: one_cycle(
        t, high=1, low=0.2, last=0
    ),
    "cosine": lambda t: RATE * math.cos(math.pi * min(t, 40) / 80) ** 2,
    "{cosine: {decay_steps: 16, alpha: 0.2}}": lambda t: RATE * (0.2 + 0.8 * math.cos(math.pi * min(t, 16) / 32) ** 2),
    "{cosine_restarts: {first_decay_steps: 5, t_mul: 3, m_mul: 0.5, alpha: 0.1}}": restarts,
    "{cosine_restarts: {first_decay_epochs: 2, t_mul: 1}}": lambda t: RATE * (1 + math.cos(math.pi * (t % 8) / 8)) / 2,
    "polynomial": lambda t: 1e-4 + (RATE - 1e-4) * (1 - min(t, 40) / 40),
    "{polynomial: {decay_epochs: 4, power: 2, end_learning_rate: 0}}": lambda t: RATE * max(1 - t / 16, 0) ** 2,
    "{polynomial: {decay_steps: 16, end_learning_rate: 0, cycle: true}}": lambda t: (
        RATE * (1 - t / (16 * max(math.ceil(t / 16), 1)))
    ),
}
"""Schedules and their closed forms, written here anew."""


def planned(config, schedule: str):
    return schedule_in_steps(config(CONFIG.format(schedule=schedule)).experiment, ROWS)


@pytest.mark.parametrize("schedule", CASES)
def test_the_rate_at_every_step_is_the_closed_form(config, schedule):
    plan = planned(config, schedule)
    for step in range(60):
        assert plan.rate(step) == pytest.approx(CASES[schedule](step), rel=1e-13, abs=1e-17)


def test_published_numbers_of_exponential_decay(config):
    plan = planned(config, "{exponential: {decay_steps: 10, decay_rate: 0.9}}")
    expected = [0.1, 0.09895193, 0.09791484, 0.09688862]
    assert [plan.rate(step) for step in range(4)] == pytest.approx(expected, abs=5e-9)
    assert plan.rate(10) == pytest.approx(0.09)


def test_a_power_schedule_halves_then_thirds_the_rate(config):
    plan = planned(config, "{power: 1000}")
    assert [RATE / plan.rate(step) for step in (1000, 2000, 3000)] == pytest.approx([2, 3, 4])


def test_one_cycle_turns_at_nine_twentieths_and_at_nine_tenths_of_the_run(config):
    plan = planned(config, "{one_cycle: 0.5}")
    rates = [plan.rate(step) for step in (0, 18, 36, 40)]
    assert rates == pytest.approx([0.05, 0.5, 0.05, 0.00005], rel=1e-12)


def test_a_cosine_over_the_whole_run_ends_at_exactly_nothing(config):
    assert planned(config, "cosine").rate(40) == 0.0


WARM = {
    "{exponential: {decay_steps: 10, decay_rate: 0.5, warmup_steps: 4}}": lambda t: RATE * 0.5 ** (t / 10),
    "{cosine: {warmup_epochs: 1}}": lambda t: RATE * math.cos(math.pi * min(t, 36) / 72) ** 2,
    "{one_cycle: {max_learning_rate: 0.5, warmup_steps: 4}}": lambda t: one_cycle(t, run=36),
    "{multi_step: {milestones_steps: [5], warmup_epochs: 1}}": lambda t: RATE if t < 5 else RATE / 10,
    "{constant: {warmup_steps: 4}}": lambda _: RATE,
    "{performance: {warmup_epochs: 1}}": lambda _: RATE,
}
"""Schedules with 4 steps of warm-up, and what follows it."""


@pytest.mark.parametrize("schedule", WARM)
def test_warm_up_rises_linearly_to_where_the_schedule_then_begins(config, schedule):
    plan, after = planned(config, schedule), WARM[schedule]
    assert [plan.rate(step) for step in range(5)] == pytest.approx([after(0) * t / 4 for t in range(5)], abs=1e-17)
    assert [plan.rate(step) for step in range(4, 44)] == pytest.approx([after(t) for t in range(40)], rel=1e-12)


def test_every_schedule_is_held_to_its_closed_form():
    from nnlab import catalog

    assert {text.strip("{").partition(":")[0] for text in CASES} == set(catalog.entries("schedules"))


def test_restarts_are_where_they_belong_after_many_of_them(config):
    plan = planned(config, "{cosine_restarts: {first_decay_steps: 1, t_mul: 3}}")
    starts = [(3**n - 1) // 2 for n in range(1, 25)]
    assert [plan.rate(step) for step in starts] == pytest.approx([RATE] * 24)
    assert all(plan.rate(step - 1) < 0.03 for step in starts[2:])


def test_a_part_of_an_epoch_is_no_step_too_long(config):
    experiment = config(CONFIG.format(schedule="{multi_step: {milestones_epochs: [1.1]}}"), "training.batch_size=1")
    assert 1.1 * 100 > 110
    assert schedule_in_steps(experiment.experiment, ROWS).rate(110) == pytest.approx(RATE / 10)


def test_an_epoch_ends_with_a_batch_that_is_not_full(config):
    assert planned(config, "{step: {step_epochs: 1}}").parameters["step"] == 4.0  # 100 rows, 32 a batch


def test_only_epochs_and_the_whole_run_need_the_data(config):
    def needs(schedule: str) -> bool:
        return depends_on_data(config(CONFIG.format(schedule=schedule)).experiment)

    assert needs("cosine")
    assert needs("{one_cycle: 0.1}")
    assert needs("{constant: {warmup_epochs: 1}}")
    assert needs("{multi_step: {milestones_epochs: [1]}}")
    assert not needs("{cosine: {decay_steps: 10, warmup_steps: 3}}")
    assert not needs("{piecewise: {boundaries_steps: [5], values: [1, 2]}}")
    assert not needs("null")


@pytest.mark.parametrize("schedule", ["{cosine: {warmup_steps: 50}}", "{polynomial: {warmup_epochs: 10}}"])
def test_a_run_that_ends_with_its_warm_up_rises_all_the_time(config, schedule):
    plan = planned(config, schedule)
    length = plan.warmup_steps
    assert [plan.rate(step) for step in range(40)] == pytest.approx([RATE * step / length for step in range(40)])


@pytest.mark.parametrize("schedule", [*CASES, *WARM])
def test_a_resolved_config_has_the_same_schedule(config, tmp_path, schedule):
    experiment = config(CONFIG.format(schedule=schedule)).experiment
    (tmp_path / "dump.yaml").write_text(dump_config(experiment))
    assert load_config(tmp_path / "dump.yaml").experiment == experiment


def test_parameters_are_set_with_and_without_the_schedules_name(config):
    text = CONFIG.format(schedule="{exponential: {decay_steps: 10, decay_rate: 0.9}}")
    for path in ("schedule.decay_steps", "schedule.exponential.decay_steps"):
        assert config(text, f"{path}=5").experiment.schedule.get("decay_steps") == 5
    assert config(text, "schedule=cosine").experiment.schedule.name == "cosine"


def test_a_schedule_can_be_set_where_there_is_none(config):
    paths = ["schedule.exponential.decay_steps=5", "schedule.exponential.decay_rate=0.5"]
    schedule = config(CONFIG.format(schedule="null"), *paths).experiment.schedule
    assert (schedule.name, schedule.get("decay_steps"), schedule.get("decay_rate")) == ("exponential", 5, 0.5)


@pytest.fixture
def preview(nnlab, tmp_path):
    """Run `nnlab schedule` on schedules; return how it ended, and the rows of its CSV."""

    def run(*schedules: str, options: tuple[str, ...] = ()):
        names = [f"config{i}.yaml" for i in range(len(schedules))]
        for name, schedule in zip(names, schedules, strict=True):
            (tmp_path / name).write_text(CONFIG.format(schedule=schedule))
        done = nnlab("schedule", *names, "--csv", "out.csv", *options)
        with (tmp_path / "out.csv").open() as file:
            return done, list(csv.reader(file))

    return run


def test_the_preview_writes_every_step_of_the_run(preview):
    done, rows = preview("{exponential: {decay_epochs: 2.5, decay_rate: 0.9}}")
    assert (done.code, done.out, done.err) == (0, "", "written: out.csv\n")
    assert rows[0] == ["step", "learning_rate"]
    assert [int(step) for step, _ in rows[1:]] == list(range(40))
    assert [float(rate) for _, rate in rows[1:]] == pytest.approx([0.1 * 0.9 ** (t / 10) for t in range(40)])


def test_the_preview_of_so_many_steps_reads_no_data(preview):
    missing = "data={source: csv, path: missing.csv, target: y}"
    _, rows = preview("{power: 10}", options=("--steps", "3", "-S", missing))
    assert [float(rate) for _, rate in rows[1:]] == pytest.approx([0.1, 0.1 / 1.1, 0.1 / 1.2])


def test_several_previews_go_into_one_file(preview, tmp_path):
    done, rows = preview("constant", "cosine", options=("--plot", "both.svg", "--steps", "2"))
    assert rows[0] == ["step", "learning_rate", "config"]
    assert [row[2] for row in rows[1:]] == ["config0", "config0", "config1", "config1"]
    assert done.err == "written: out.csv, both.svg\n"
    assert (tmp_path / "both.svg").read_text().startswith("<?xml")


def test_the_preview_is_drawn_in_the_terminal(nnlab, tmp_path):
    (tmp_path / "config.yaml").write_text(CONFIG.format(schedule="{one_cycle: 0.5}"))
    lines = nnlab("schedule", "config.yaml").out.splitlines()
    assert lines.pop(0) == "config: 40 steps, 4 an epoch"
    assert lines[0] == "learning rate first 0.05, highest 0.5, last 0.01254"
    assert len(lines) == 14
    assert lines[1].strip().startswith("0.5 │")
    assert lines[-1].endswith("39")


def test_the_preview_says_that_performance_shows_in_training_only(preview):
    done, rows = preview("performance")
    assert "`performance` lowers the rate when `val_loss` no longer improves" in done.err
    assert {rate for _, rate in rows[1:]} == {"0.1"}


def test_the_preview_reports_all_broken_configs_at_once(nnlab, tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(CONFIG.format(schedule="exponential"))
    done = nnlab("schedule", "one.yaml", "two.yaml")
    assert done.code == 2
    assert done.err.count("needs `decay_steps` or `decay_epochs`") == 2


def test_a_rate_beyond_all_numbers_is_an_error(nnlab, tmp_path):
    schedule = "{exponential: {decay_steps: 5, decay_rate: 1.0e+300}}"
    (tmp_path / "config.yaml").write_text(CONFIG.format(schedule=schedule))
    done = nnlab("schedule", "config.yaml")
    assert done.code == 2
    assert "the learning rate is infinite from step 6 on" in done.err


def test_a_line_goes_down_within_a_column_of_the_chart():
    from nnlab.report.chart import line_chart

    lines = line_chart([1.0] * 50 + [0.0] * 50, width=30, height=3)
    assert lines == [
        "1 │⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⡇",
        "0 │             ⢸⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀",
        "  └0────────────────────────99",
    ]
