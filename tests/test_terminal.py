"""What commands look like in a terminal of 80 columns: no line is wider, every name and digit is whole."""

from __future__ import annotations

import csv
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.cells import cell_len

from nnlab.cli.screen import Column, Screen, wrapped
from nnlab.run import Run
from nnlab.wording import figure

SEVERAL = """
import sys
from nnlab.cli import main
if __name__ == "__main__":
    for line in open(sys.argv[1], encoding="utf-8").read().splitlines():
        print(f"@@ {line}", flush=True)
        try:
            main(line.split())
        except SystemExit as ended:
            assert (ended.code or 0) == int(sys.argv[2]), ended.code
"""
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")


def in_terminal(
    folder: Path, commands: Sequence[str], *, width: int = 80, code: int = 0, **environment: str
) -> dict[str, list[str]]:
    """Run commands in one process in a pseudo-terminal; return the lines of each, as a terminal gets them.

    Args:
        folder: where to run them.
        commands: without `nnlab`.
        width: columns of the terminal.
        code: what each exits with.
        environment: more of it.
    """
    (folder / "several.py").write_text(SEVERAL)
    (folder / "commands").write_text("\n".join(commands), encoding="utf-8")
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "several.py", "commands", str(code)], stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder,
        env={**inherited, "TERM": "xterm-256color", **environment},
    )  # fmt: skip
    os.close(theirs)
    said = b""
    try:
        while chunk := os.read(ours, 1 << 16):
            said += chunk
    except OSError:  # Linux's way to say that nobody writes any more
        pass
    finally:
        os.close(ours)
        process.wait()
    text = said.decode()
    assert process.returncode == 0, text
    parts = re.split(r"@@ (.*)\r\n", text)[1:]
    return {command: re.split(r"[\r\n]+", lines) for command, lines in zip(parts[::2], parts[1::2], strict=True)}


def plain(line: str) -> str:
    return ESCAPES.sub("", line)


def assert_fits(shown: dict[str, list[str]], width: int = 80) -> None:
    wide = [
        (command, plain(line)) for command, lines in shown.items() for line in lines if cell_len(plain(line)) > width
    ]
    assert not wide


def text_of(lines: Sequence[str]) -> str:
    return "\n".join(map(plain, lines))


def write_run(runs: Path, name: str, metrics: Sequence[str], **info: object) -> Run:
    run = Run(runs / f"2026-01-01_00-00-00_{name}_{len(name):06x}")
    run.path.mkdir(parents=True)
    run.write_info(
        {"status": "completed", "name": name, "epochs": 12, "seconds": 3725.25, "command": ["nnlab"], **info}
    )
    run.write_metrics(
        {split: dict.fromkeys(["loss", *metrics], 12345.6789) for split in ("train", "validation", "test")}
    )
    return run


METRICS = [f"main_root_mean_squared_error_{i}" for i in range(8)]


def test_runs_are_listed_with_whole_names_and_say_what_is_left_out(tmp_path):
    runs = [
        write_run(tmp_path / "runs", name, METRICS) for name in ("x", "房价-fashion-mlp", "a-rather-long-name-of-a-run")
    ]
    shown = in_terminal(
        tmp_path, ["runs ls", f"runs ls --sort val_{METRICS[5]}", "runs show x", "list layers", "list losses huber"]
    )
    assert_fits(shown)
    for command in list(shown)[:2]:
        text = text_of(shown[command])
        assert all(run.path.name in text for run in runs)
        assert text.count("12345.6789") >= len(runs)
    head = text.partition("not shown")[0]
    assert f"val_{METRICS[5]}" in head  # what they are sorted by has no room beside the names, and stands below them
    assert "not shown for lack of room: status, epochs, seconds" in text_of(shown["runs ls"]).replace("\n  ", " ")
    assert all(name in text_of(shown["runs show x"]) for name in METRICS)  # one line a metric


def test_names_that_leave_no_room_beside_them_stand_above_aligned_values(tmp_path):
    with (tmp_path / "out").open("w+", encoding="utf-8") as file:
        screen = Screen(file)
        screen.width = 31
        columns = [
            Column("run", ["房" * 14, "n" * 30], left=True),
            Column("status", ["completed", "failed"], rank=1, left=True),
            Column("seconds", ["1.0", "100.25"], rank=9),
            Column("val_loss", ["0.12345", "12.5"]),
        ]
        screen.show_table(columns, whole="`all`")
        file.seek(0)
        lines = file.read().splitlines()
    assert lines == [
        "run",
        "  status      val_loss",
        "─" * len("  status      val_loss"),
        "房" * 14,
        "  completed    0.12345",
        "n" * 30,
        "  failed          12.5",
        "not shown for lack of room:",
        "  seconds (`all` holds all)",
    ]


def test_the_metrics_of_most_runs_are_the_last_to_go(tmp_path):
    write_run(tmp_path / "runs", "x", ["rare_metric_of_one_run_alone", "accuracy"])
    write_run(tmp_path / "runs", "a-name", ["accuracy"])
    text = text_of(in_terminal(tmp_path, ["runs ls"])["runs ls"])
    assert text.count("12345.6789") == 4
    assert "val_accuracy" in text.partition("not shown")[0]


def test_mistakes_break_between_words_too(tmp_path):
    (tmp_path / "a-config-with-a-name-that-takes-room-on-its-line.yaml").write_text(
        "data: iris\nmodel: {hidden: [4]}\n"
    )
    command = "train a-config-with-a-name-that-takes-room-on-its-line.yaml --name (no)"
    shown = in_terminal(tmp_path, [command], code=2)[command]
    assert_fits({command: shown})
    words = text_of(shown).split()
    assert {"letters", "digits", "starting", "letter"} <= set(words)


@pytest.mark.parametrize("width", [20, 40, 200])
def test_other_widths_work_too(tmp_path, width):
    run = write_run(tmp_path / "runs", "name-of-a-run", METRICS[:2])
    shown = in_terminal(tmp_path, ["runs ls"], width=width)
    text = text_of(shown["runs ls"])
    assert run.path.name in text
    assert "12345.6789" in text
    if width == 200:
        assert_fits(shown, width)
        assert "not shown" not in text


def test_what_is_no_terminal_gets_everything(nnlab, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    run = write_run(tmp_path / "runs", "name", METRICS)
    out = nnlab("runs", "ls").out
    (line,) = [line for line in out.splitlines() if run.path.name in line]
    assert line.count("12345.6789") == len(METRICS) + 1
    assert all(f"val_{name}" in out for name in METRICS)


STRANGE = "a\x1b[31mb\x1b]0;title\x07\u202e\x9b2Jc\nd[red]e[/red][/x]"
SHOWN = r"a\x1b[31mb\x1b]0;title\x07\u202e\x9b2Jc\nd[red]e[/red][/x]"


def test_text_of_a_strangers_run_is_text(tmp_path):
    run = write_run(tmp_path / "runs", "name", [STRANGE], status=STRANGE, error={"message": STRANGE, "hint": STRANGE})
    run.write_info({**run.read_info(), "command": [STRANGE], "started": STRANGE, "versions": {"keras": STRANGE}})
    run.history_path.write_text("epoch,loss,val_loss\n1,1,1\n")
    shown = in_terminal(tmp_path, ["runs ls --sort loss", "runs show name", "runs show name --json"], width=400)
    for command, lines in shown.items():
        text = text_of(lines)
        assert (json.dumps(STRANGE)[1:-1] if "--json" in command else SHOWN) in text
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text.replace("\r", ""))


@pytest.mark.parametrize("word", ["--no-color", ""])
def test_without_colours_nothing_is_bold_either(tmp_path, word):
    run = write_run(tmp_path / "runs", "name", [])
    commands = [f"runs show name {word}", f"runs ls {word}", f"list optimizers sgd {word}"]
    shown = in_terminal(tmp_path, commands, **({} if word else {"NO_COLOR": "1"}))
    assert run.path.name in shown[commands[0]][0]
    assert not [line for lines in shown.values() for line in lines if "\x1b[" in line]
    assert "\x1b[" in "".join(in_terminal(tmp_path, ["runs show name"])["runs show name"])


def test_a_sentence_breaks_between_words_alone():
    path = "/a/long/path" * 9
    assert wrapped(f"run: {path} is there", 40, indent="  ") == ["  run:", f"    {path}", "    is there"]
    assert wrapped("  two blanks stay", 80) == ["  two blanks stay"]
    assert wrapped("房 " * 3, 5) == ["房 房", "  房"]
    assert wrapped("  hint: write it so", 12) == ["  hint:", "    write it", "    so"]
    assert wrapped("seed      0", 80) == ["seed      0"]
    assert wrapped("", 5) == [""]


def test_of_the_columns_the_needed_ones_stay(tmp_path):
    with (tmp_path / "out").open("w+") as file:
        screen = Screen(file)
        screen.width = 30
        columns = [Column(name, ["1234567"], rank=rank) for name, rank in (("a", 0), ("b", 2), ("c", 1), ("d", 2))]
        screen.show_table(columns, whole="`x.csv`")
        file.seek(0)
        head, *_, note = [line for line in file.read().splitlines() if line.strip()]
    assert head.split() == ["a", "b", "c"]
    assert note == "not shown for lack of room: d"[:30] or note.startswith("  ")


CONFIG = """
data: {source: iris, scale: standardize}
model: {hidden: [4], activation: relu}
schedule: cosine
training: {epochs: 2, batch_size: 32, metrics: [accuracy], tensorboard: false}
tune:
  algorithm: random
  seeds: 2
  space:
    optimizer.learning_rate: {float: [0.001, 0.3], sampling: log}
    model.hidden.0: {choice: [4, 8]}
    model.activation: {choice: [relu, tanh, leaky_relu]}
    training.batch_size: {choice: [16, 32]}
"""


@pytest.mark.tf
@pytest.mark.slow
def test_commands_that_train_fit_into_80_columns_with_whole_names_and_digits(tmp_path):
    (tmp_path / "房价.yaml").write_text(CONFIG)
    vary = "--vary model.activation=leaky_relu,hard_sigmoid --vary training.batch_size=16,32"
    commands = [
        "train 房价.yaml",
        f"compare 房价.yaml {vary} --seeds 2 --tuning-budget 2 --name comparison",
        "tune 房价.yaml --max-trials 12 --name search",
        "evaluate 房价",
        "find-lr 房价.yaml --steps 50",
        "check-gradients 房价.yaml",
        "activations relu tanh selu",
        "schedule 房价.yaml",
        "runs ls",
        "runs show 房价",
        "runs show comparison",
        "runs show search",
        "validate 房价.yaml",
        "doctor",
    ]
    shown = in_terminal(tmp_path, commands)
    assert_fits({command: lines for command, lines in shown.items() if command != "doctor"})
    runs = {path.name[20:-7]: path for path in (tmp_path / "runs").iterdir()}
    compared = json.loads((runs["comparison"] / "results.json").read_text())
    for command in (commands[1], "runs show comparison"):
        for row in compared["rows"]:
            assert row["variant"] in text_of(shown[command])
            assert figure(row["score_mean"]) in text_of(shown[command])
    searched = json.loads((runs["search"] / "results.json").read_text())
    for command in (commands[2], "runs show search"):
        for row in searched["rows"]:
            assert f" {row['trial']} " in text_of(shown[command])
            assert figure(row["score"]) in text_of(shown[command])
        assert "the best 10 of 12 trials (results.csv holds all)" in text_of(shown[command])
    with (runs["房价"] / "history.csv").open() as file:
        last = list(csv.DictReader(file))[-1]
    assert f"{float(last['val_loss']):.4f}" in text_of(shown["train 房价.yaml"])
    assert all(path.name in text_of(shown["runs ls"]) for path in runs.values())
