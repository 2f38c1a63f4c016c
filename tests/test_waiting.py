"""Progress of work besides trainings: nothing of what is short, a line that goes away of what is long."""

from __future__ import annotations

import pytest

from nnlab.cli import waiting
from nnlab.progress import tell


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(waiting.time, "monotonic", lambda: now[0])
    return now


def test_nothing_is_said_of_short_work_and_lines_where_none_can_be_written_over(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with waiting.shown_waiting():
        for done in range(30):
            clock[0] += 0.5
            tell("decoding pictures", done * 1000, 30_000)
        tell("decoding pictures", 30_000, 30_000)
    tell("decoding pictures", 1, 2)
    assert capsys.readouterr().err == "decoding pictures: 2,000 of 30,000\ndecoding pictures: 22,000 of 30,000\n"


def test_a_line_on_a_terminal_goes_away_also_when_the_work_fails(
    clock: list[float], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting.sys.stderr, "isatty", lambda: True, raising=False)

    def work() -> None:
        with waiting.shown_waiting():
            tell("reading rows", 0, 10)
            clock[0] += 2
            tell("reading rows", 5, 10)
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        work()
    assert capsys.readouterr().err == "\r\x1b[Kreading rows: 5 of 10\r\x1b[K"
