"""Charts of characters: what they show at 80 columns, with Braille and without, and of histories with holes."""

from __future__ import annotations

import io
import math

import pytest

from nnlab.cli.screen import Screen
from nnlab.report.chart import Curve, Frame, draw, line_chart, text_of
from nnlab.report.history_chart import Look, history_charts, metrics_of
from nnlab.report.svg import CLASS_COLORS
from nnlab.run import Run
from test_terminal import assert_fits, in_terminal, plain
from test_terminal import text_of as lines_of

HISTORY = [
    {
        "epoch": float(epoch),
        "learning_rate": 0.01,
        "loss": 2.0 / epoch,
        "accuracy": 1 - 1 / epoch,
        "val_loss": 2.0 / epoch + 0.02 * epoch,
        "val_accuracy": 1 - 1.2 / (epoch + 1),
        "seconds": 0.5,
        "val_seconds": 0.1,
    }
    for epoch in range(1, 21)
]


def shown(history, names, look: Look, **more: int) -> list[str]:
    return [text_of(row) for row in history_charts(history, names, look, **more)]


def test_loss_and_metrics_stand_beside_one_another_at_80_columns():
    lines = shown(HISTORY, ["loss", "accuracy"], Look(), best=10)
    assert lines == [
        "loss                                     accuracy",
        "╌╌ train 0.1000  ── val 0.5000           ╌╌ train 0.9500  ── val 0.9429",
        "2.02 │ ⠻⡀                                 0.95 │         ⢀⢀⣤⣀⡤⠤⠤⠤⠶⠔⠒⠒⠒⠒⠒⠒⠛⠒⠛⠉⠉⠉⠉",
        "     │ ⠘⡇                                      │     ⢀⠤⠖⠒⠉⠁",
        "     │  ⢳                                      │   ⣠⠎⠁",
        "1.06 │  ⠛⡄                               0.475 │  ⣰⠅",
        "     │  ⠈⠓⡄                                    │ ⠰⡅",
        "     │   ⠈⠊⠢⢄                                  │  ⡄",
        "     │     ⠑ ⠭⠒⣒⠒⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠔⠒⠒⠒⠒⠒⠒⠒        │ ⢠",
        " 0.1 │           ⠑ ⠒ ⠒ ⠤ ⠤ ⠤ ⠤ ⣀ ⣀ ⣀ ⣀       0 │ ⡄",
        "     └────────────────▲────────────────        └────────────────▲───────────────",
        "      0            best 10           20         0            best 10          20",
    ]
    assert max(map(len, lines)) <= 80


def test_plain_characters_say_the_same():
    lines = shown(HISTORY, ["loss", "accuracy"], Look(is_plain=True), best=10)
    assert lines == [
        "loss                                     accuracy",
        ". train 0.1000  o val 0.5000             . train 0.9500  o val 0.9429",
        "2.02 | .o                                 0.95 |             ..o.o.o.o.o.o.o.o.o",
        "     | .o                                      |     ..o.o.o.oo",
        "     |  .                                      |   ..o",
        "1.06 |  .o                               0.475 |  .o",
        "     |  .oo                                    |  .",
        "     |    .oo                                  |  .",
        "     |     ..o.o.o.oooooooooooooooooooo        | .",
        " 0.1 |              ..................       0 | .",
        "     +----------------^----------------        +----------------^---------------",
        "      0            best 10           20         0            best 10          20",
    ]
    assert all(line.isascii() for line in lines)


def test_figures_of_training_stand_half_an_epoch_before_those_of_validation():
    rows = [{"epoch": epoch, "loss": 1.0, "val_loss": 0.0} for epoch in (1.0, 2.0)]
    lines = shown(rows, ["loss"], Look(width=3 + 2 + 41, is_plain=True))  # 40 steps of 0.05 epochs
    assert lines[2].partition("|")[2] == " " * 10 + "." * 21  # from the middle of the first epoch to that of the second
    assert lines[-2].partition("|")[2] == " " * 20 + "o" * 21  # from end to end


def test_one_epoch_and_holes_are_drawn():
    (title, _, *lines) = shown(HISTORY[:1], ["loss"], Look(width=60))
    assert title == "loss"
    assert sum(line.count("•") for line in lines) == 1
    assert sum(line.count("◦") for line in lines) == 1
    holes = [{**row, "loss": math.nan if row["epoch"] in (3, 20) else row["loss"]} for row in HISTORY]
    lines = shown(holes, ["loss"], Look(width=60))
    assert "train nan" in lines[1]
    nothing = [{"epoch": 1.0, "loss": math.inf}]
    assert all(not line.partition("│")[2] for line in shown(nothing, ["loss"], Look(width=60))[2:-1])


def test_a_loss_that_falls_a_thousandfold_is_drawn_by_factors():
    rows = [{"epoch": float(i + 1), "loss": 10.0**-i} for i in range(5)]
    lines = shown(rows, ["loss"], Look(width=60, height=11))
    assert lines[0] == "loss (log)"
    assert [line.split()[0] for line in (lines[2], lines[5], lines[9])] == ["1", "0.01", "0.0001"]


def test_the_names_of_metrics_are_those_of_training_rows():
    assert metrics_of(HISTORY) == ["loss", "accuracy"]
    assert metrics_of([{"epoch": 1.0, "loss": 1.0, "val_x": 1.0}]) == ["loss", "val_x"]
    assert metrics_of([]) == []


@pytest.mark.parametrize("at", [0, 1, 10, 19, 20])
def test_the_mark_never_leaves_the_axis(at):
    rows = draw([Curve([0, 20], [0, 1])], Frame(width=30, height=6, ends=("0", "20"), mark=(at, f"best {at}")))
    axis, labels = map(text_of, rows[-2:])
    assert len(axis) == len(labels) == 30
    assert axis.count("▲") == 1
    column = axis.index("▲") - axis.index("└") - 1
    assert column == round(at / 20 * (2 * 27 - 1)) // 2
    assert labels.split() == ["0", "best", str(at), "20"]


def test_a_chart_of_zeros_and_of_one_point_has_room_above_and_below():
    lines = line_chart([0.0], height=3)
    assert lines[0].startswith(" 1 │") or lines[0].startswith("0")
    rows = draw([Curve([1.0, 2.0], [5.0, 5.0])], Frame(width=40, height=9))
    assert [text_of(rows[i]).split()[0] for i in (0, 3, 7)] == ["7.5", "5", "2.5"]


class Latin(io.StringIO):
    encoding = "latin-1"


def test_a_screen_that_cannot_write_braille_is_plain():
    assert Screen(Latin()).is_plain
    assert not Screen(io.StringIO()).is_plain


def write_history(runs, rows) -> Run:
    run = Run(runs / "2026-01-01_00-00-00_name_0000aa")
    run.path.mkdir(parents=True)
    run.write_info({"status": "completed", "name": "name", "best_epoch": 10, "monitor": "val_loss", "best_value": 0.4})
    run.write_history(rows)
    return run


def test_runs_show_draws_on_a_terminal_and_elsewhere_where_it_is_asked_to(nnlab, tmp_path):
    write_history(tmp_path / "runs", HISTORY)
    assert "└──" not in nnlab("runs", "show", "name").out
    drawn = nnlab("runs", "show", "name", "--chart").out
    assert "└──" in drawn
    assert max(map(len, drawn[drawn.index("loss") :].splitlines())) <= 80
    assert nnlab("runs", "show", "name", "--chart", "--json").code == 2
    commands = ["runs show name", "runs show name --no-chart"]
    on_terminal = in_terminal(tmp_path, commands)
    assert_fits(on_terminal)
    assert "best 10" in lines_of(on_terminal[commands[0]])
    assert "▲" in lines_of(on_terminal[commands[0]])
    assert "└──" not in lines_of(on_terminal[commands[1]])
    assert any(plain(line) != line for line in on_terminal[commands[0]] if "└" not in line)
    ascii_alone = in_terminal(tmp_path, ["runs show name --no-color"], width=60, PYTHONIOENCODING="ascii")
    assert_fits(ascii_alone, 60)
    assert "-^-" in lines_of(ascii_alone["runs show name --no-color"])


def test_commands_that_draw_do_so_in_ascii_too(tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("data: iris\nmodel: {hidden: [4]}\noptimizer: sgd\nschedule: {power: {decay_steps: 10}}\n")
    command = f"schedule {config} --steps 50"
    drawn = in_terminal(tmp_path, [command], PYTHONIOENCODING="ascii")[command]
    assert "+0---" in lines_of(drawn)


def surface(columns: int = 1, *, are_probabilities: bool = True):
    """Return a network that tells right from left, with a row in each quarter; of several classes by columns."""
    import numpy as np

    from nnlab.report.surface_chart import Surface

    values = np.zeros((columns, 64, 64), np.float32)
    for i in range(columns):
        values[i, :, (i * 64 // columns if columns > 1 else 32) : ((i + 1) * 64 // columns)] = 1.0
    x = np.array([[-0.5, -0.5], [-0.5, 0.5], [0.5, -0.5], [0.5, 0.5]])
    y = np.array([0.0, 0.0, 1.0, 0.0])  # the last one stands in the other's ground
    axes = np.array([[-1.0, 1.0], [-1.0, 1.0]])
    return Surface(axes, values, are_probabilities, x, y, ("no", "yes", "maybe")[: max(columns, 2)])


def ground(shown, *, is_plain: bool = True, height: int = 8) -> list[str]:
    from nnlab.report.surface_chart import surface_chart

    look = Look(60, height, is_plain=is_plain)
    return [text_of(row) for row in surface_chart(shown, look, has_colors=False)]


def test_the_ground_of_two_inputs_without_colours():
    assert ground(surface()) == [
        "         o no  x yes",
        "      1 |      ######",
        "        |   o  ###o##",
        "        |      ######",
        "        |      ######",
        "        |   o  ###x##",
        "     -1 |      ######",
        "        +-1---------1",
    ]
    assert ground(surface(), is_plain=False)[1] == "      1 │      ▓▓▓▓▓▓"
    assert ground(surface(columns=3))[1:4] == [
        "      1 |aaaabbbbcccc",
        "        |aaaAbbbbcAcc",
        "        |aaaabbbbcccc",
    ]
    numbers = ground(surface(are_probabilities=False))
    assert numbers[0] == "         0 blank, 1 dark"
    assert numbers[2] == "        |   0  ###0##"


def test_the_ground_has_the_colour_of_its_class_and_rows_a_darker_one():
    import numpy as np

    from nnlab.report.surface_chart import surface_chart

    rows = surface_chart(surface(), Look(60, 8), has_colors=True)
    first = [style for text, style in rows[1] if text == "▀"]
    assert len(first) == 12
    assert len(set(first[:6])) == len(set(first[6:])) == 1  # two grounds, left and right
    assert first[0] != first[6]
    orange, blue, left, right = (
        np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) for color in (*CLASS_COLORS[:2], first[0], first[6])
    )
    assert np.allclose(left, 0.4 * 255 + 0.6 * orange, atol=1)
    assert np.allclose(right, 0.4 * 255 + 0.6 * blue, atol=1)
    pixels = [color for row in rows for _, style in row for color in style.split(" on ") if color.startswith("#")]
    darker = [
        f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in np.rint(0.7 * np.array([orange, blue])).astype(int)
    ]
    assert [pixels.count(color) for color in darker] == [3, 1]


def test_one_input_is_a_line_with_rows():
    import numpy as np

    from nnlab.report.surface_chart import Surface, surface_chart

    x = np.linspace(-1, 1, 5)[:, None]
    line = Surface(np.array([[-1.0, 1.0]]), np.linspace(-2, 2, 256)[None], False, x, 2 * x[:, 0])
    shown = [text_of(row) for row in surface_chart(line, Look(40, 8, is_plain=True), has_colors=False)]
    assert shown[0] == "fitted curve  o rows"
    assert sum(row.count("o") for row in shown[1:]) == 5
    assert [row.split()[0] for row in (shown[1], shown[6])] == ["2", "-2"]
    classes = Surface(
        line.axes, np.stack([line.values[0] / 4 + 0.5]), True, x, np.array([0, 0, 0, 1, 1]), ("no", "yes")
    )
    assert text_of(surface_chart(classes, Look(40, 8), has_colors=False)[0]) == "probability of yes  o rows"


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("height", [6, 18, 34])
@pytest.mark.parametrize("inputs", [0, 1, 2])
def test_the_picture_of_a_training_has_room_in_every_terminal(width, height, inputs):
    import numpy as np

    from nnlab.report.surface_chart import Surface
    from nnlab.report.training_chart import Room, training_chart

    x = np.linspace(-1, 1, 5)[:, None]
    line = Surface(np.array([[-1.0, 1.0]]), np.linspace(-2, 2, 256)[None], False, x, 2 * x[:, 0])
    shown = {0: None, 1: line, 2: surface()}[inputs]
    rows = training_chart(HISTORY, shown, Room(width, height), epochs=30, best=10)
    assert max(len(text_of(row)) for row in rows) <= width
    assert len(rows) <= max(height, 12)
