"""Line plots."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab.errors import NnlabError
from nnlab.report.plot import Panel, Series, _columns, write_plot

pytest.importorskip("matplotlib")

RATES = np.geomspace(1e-4, 1, 50)
PANELS = [
    Panel([Series(RATES, RATES**2, "loss"), Series([0.1, 0.1], [0, 1], "suggestion", 1, 1)], "range test", log_x=True),
    Panel([Series([1], [0.5], "loss")], "one epoch", "a note", x_label="epoch", y_label="loss", y_limits=(0, 1)),
]


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_the_same_panels_give_the_same_bytes(tmp_path, suffix):
    for name in ("a", "b"):
        write_plot(tmp_path / f"{name}{suffix}", PANELS)
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a{suffix}", f"b{suffix}"]


def test_a_picture_does_not_depend_on_the_users_style(tmp_path):
    import matplotlib as mpl

    write_plot(tmp_path / "a.svg", PANELS)
    with mpl.rc_context({"lines.linewidth": 9, "axes.facecolor": "black"}):
        write_plot(tmp_path / "b.svg", PANELS, legend="top")
    assert (tmp_path / "a.svg").read_text() == (tmp_path / "b.svg").read_text()


def test_a_file_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(NnlabError, match=r"cannot write `.*folder\.svg`"):
        write_plot(tmp_path / "folder.svg", PANELS)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.svg"]


@pytest.mark.parametrize(
    ("panels", "columns"), [(1, 1), (2, 2), (3, 3), (4, 2), (6, 3), (9, 3), (12, 4), (30, 6), (39, 8)]
)
def test_panels_fill_their_rows(panels, columns):
    assert _columns(panels) == columns
