"""Windows over time series: which rows they hold, and that none reaches over a border."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nnlab.config.data import DataConfig
from nnlab.config.window import WindowConfig
from nnlab.data import windows as windows_module
from nnlab.data.loading import load_data, load_source_rows
from nnlab.data.series import Series
from nnlab.data.splits import DataSpec, in_whole
from nnlab.data.windows import Windows
from nnlab.errors import ConfigError, DataError


def table(rows: int = 40, stations: tuple[str, ...] = ("a",)) -> pd.DataFrame:
    """Rows by the hour of each station; the values tell the row and the station."""
    return pd.concat(
        pd.DataFrame(
            {
                "time": pd.date_range("2024-01-01", periods=rows, freq="h"),
                "station": station,
                "heat": np.arange(rows) + 0.5 + 1000 * number,
                "load": np.arange(rows) * 2.0 + 1000 * number,
            }
        )
        for number, station in enumerate(stations)
    )


def config(tmp_path: Path, frame: pd.DataFrame, **section: Any) -> DataConfig:
    path = tmp_path / "series.csv"
    frame.to_csv(path, index=False)
    given: dict[str, Any] = {"source": "csv", "path": str(path), "target": "load"}
    return DataConfig.read({**given, "window": {"length": 4, "order": "time", "by": "station"}, **section})


def test_windows_are_rows_that_follow_one_another_and_the_target_comes_behind_them(tmp_path: Path) -> None:
    window = {"length": 4, "horizon": 3, "order": "time", "by": "station"}
    splits = load_data(config(tmp_path, table(), window=window, validation=8, test=8), seed=0)
    train = in_whole(splits.train)
    assert train.x[""].shape == (24 - 6, 4, 2)
    assert train.x[""][0].tolist() == [[0.5, 0.0], [1.5, 2.0], [2.5, 4.0], [3.5, 6.0]]
    assert train.y[""][0].tolist() == [12.0]
    assert splits.spec.feature_names == ("heat", "load")
    assert splits.spec.input_shapes == {"": (4, 2)}


def test_no_window_reaches_over_a_border_of_a_split_or_of_a_station(tmp_path: Path) -> None:
    given = config(tmp_path, table(40, ("a", "b")).sample(frac=1, random_state=0), validation=16, test=16)
    splits = load_data(given, seed=0)
    for name, hours in (("train", (0, 24)), ("validation", (24, 32)), ("test", (32, 40))):
        rows = in_whole(splits.present[name])
        heat, load = rows.x[""][..., 0], rows.y[""][:, 0]
        assert np.diff(heat, axis=1).tolist() == np.ones((2 * (hours[1] - hours[0] - 4), 3)).tolist()
        assert set((heat % 1000 - 0.5).astype(int).ravel()) == set(range(hours[0], hours[1] - 1))
        assert (load == (heat[:, -1] % 1000 + 0.5) * 2 + heat[:, 0] // 1000 * 1000).all()


@pytest.mark.tf
@pytest.mark.parametrize(
    ("length", "horizon", "stride", "rate", "steps"),
    [(5, 1, 1, 1, 1), (4, 3, 2, 1, 1), (3, 2, 3, 4, 1), (6, 1, 1, 2, 5)],
)
def test_windows_are_those_of_keras_bit_for_bit(
    tmp_path: Path, length: int, horizon: int, stride: int, rate: int, steps: int
) -> None:
    import keras

    random = np.random.default_rng(0)
    x, y = random.normal(size=(60, 3)).astype(np.float32), random.normal(size=60).astype(np.float32)
    np.savez(tmp_path / "series.npz", x=x, y=y)
    window = {"length": length, "horizon": horizon, "stride": stride, "sampling_rate": rate, "steps": steps}
    given = {"source": "npz", "path": str(tmp_path / "series.npz"), "window": window, "test": 0, "validation": 0}
    found = in_whole(load_data(DataConfig.read({**given, "task": "regression"}), seed=0).train)

    def of_keras(data: np.ndarray, targets: np.ndarray | None, length: int, rate: int) -> list[Any]:
        options = {"sequence_length": length, "sequence_stride": stride, "sampling_rate": rate, "batch_size": None}
        return list(keras.utils.timeseries_dataset_from_array(data, targets, **options))

    behind = (length - 1) * rate + horizon
    later = np.lib.stride_tricks.sliding_window_view(y[behind:], steps)
    pairs = of_keras(x, later, length, rate)
    assert found.count == len(pairs)
    assert np.array_equal(found.x["x"], np.stack([pair[0] for pair in pairs]))
    assert np.array_equal(found.y[""], np.stack([pair[1] for pair in pairs]).reshape(len(pairs), -1))


def test_the_scaling_knows_training_rows_alone_each_once(tmp_path: Path) -> None:
    frame = table()
    frame.loc[24:, ["heat", "load"]] = 1e6
    spec = load_data(config(tmp_path, frame, scale="standardize", validation=8, test=8), seed=0).spec
    scaling = spec.scalings[""]
    assert scaling is not None
    assert scaling.offset.tolist() == [12.0, 23.0]
    assert scaling.divisor == pytest.approx([np.arange(24).std(), np.arange(24).std() * 2])


def test_windows_that_are_gathered_are_those_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = config(tmp_path, table(40, ("a", "b")))
    in_memory = load_data(given, seed=0).train
    monkeypatch.setattr(windows_module, "_SMALL", 0)
    gathered = load_data(given, seed=0).train
    assert gathered.in_memory is None
    numbers = np.array([5, 0, 30, 5])
    for numbers_ in (numbers, slice(3, 9)):
        one, other = in_memory.take(numbers_), gathered.take(numbers_)
        assert np.array_equal(one.x[""], other.x[""])
        assert np.array_equal(one.y[""], other.y[""])


def test_several_rows_are_predicted_and_named_by_how_much_later_they_are(tmp_path: Path) -> None:
    window = {"length": 4, "horizon": 2, "steps": 3, "order": "time", "by": "station"}
    splits = load_data(config(tmp_path, table(), window=window, target=["load", "heat"], validation=10), seed=0)
    target = splits.spec.targets[""]
    assert target.names == ("load+2", "heat+2", "load+3", "heat+3", "load+4", "heat+4")
    assert target.of_row.names == ("load", "heat")
    assert in_whole(splits.train).y[""][0].tolist() == [10.0, 5.5, 12.0, 6.5, 14.0, 7.5]
    assert DataSpec.from_json(splits.spec.to_json()).window == splits.spec.window


def test_a_short_series_is_left_out_and_counted(tmp_path: Path) -> None:
    frame = pd.concat([table(40, ("a",)), table(3, ("b",))])
    notes = load_data(config(tmp_path, frame), seed=0).spec.notes
    assert (
        "1 of 2 series of `station` has too few training rows for a window of 5 and is left out there: `b`" in notes
    ), notes


def test_gaps_are_told(tmp_path: Path) -> None:
    frame = table(40).drop(index=[10, 11, 20])
    notes = load_data(config(tmp_path, frame), seed=0).spec.notes
    assert any("2 gaps" in note and "lacks 2 rows behind 2024-01-01 09:00" in note for note in notes), notes


def test_rows_without_a_target_break_the_series(tmp_path: Path) -> None:
    frame = table(40)
    frame.loc[10, "load"] = np.nan
    source, chosen = load_source_rows(config(tmp_path, frame, test=0, validation=0), seed=0)
    firsts = source.features(chosen.rows["train"])[""][source.windows(chosen.rows["train"]).inputs(slice(None))][
        :, :, 0
    ]
    assert (np.diff(firsts, axis=1) == 1).all()
    assert len(firsts) == (10 - 4) + (29 - 4)


@pytest.mark.parametrize(
    ("rows", "section", "message"),
    [
        (
            40,
            {"window": {"length": 50, "order": "time"}},
            r"takes 51 rows \(50 to look at, 1 ahead\), and the longest stretch of training rows has 25",
        ),
        (40, {"window": {"length": 6, "order": "time"}, "validation": 4}, "stretch of validation rows has 4"),
        (
            40,
            {"window": {"length": 30, "order": "time", "by": "station"}, "test": 0, "validation": 0, "limit": 20},
            "stretch of training rows of one `station` has 20",
        ),
        (40, {"window": {"length": 4, "order": "tim"}}, "unknown column `tim`"),
        (40, {"window": {"length": 4, "order": "station"}}, "neither a date nor a number"),
    ],
)
def test_what_gives_no_windows_is_refused_with_the_figures(
    tmp_path: Path, rows: int, section: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        load_data(config(tmp_path, table(rows), **section), seed=0)


def test_two_rows_of_one_time_are_refused(tmp_path: Path) -> None:
    frame = table(40, ("a", "b"))
    with pytest.raises(DataError, match="`2024-01-01 00:00:00` in two rows") as error:
        load_data(config(tmp_path, frame, window={"length": 4, "order": "time"}), seed=0)
    assert "window: {by: NAME}" in (error.value.problems[0].hint or "")
    assert error.value.problems[0].line == 42


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"split": "random"}, "deals rows of one window to several splits"),
        ({"split": {"by": "time", "column": "other"}}, "by one column of times"),
        ({"window": {"length": 4, "by": "station"}}, "no column says it"),
        ({"validation": {"fold": 1, "of": 3}}, "folds take turns"),
        ({"window": {"length": 0}}, "at least 1"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path: Path, section: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config(tmp_path, table(), **section)


def test_windows_count_from_the_beginning_of_each_run() -> None:
    series = Series.of(10, labels=np.array(["a"] * 6 + ["b"] * 4))
    found = Windows.of(series.taken(np.array([0, 1, 2, 4, 5, 6, 7, 8, 9])), WindowConfig.read({"length": 2}))
    assert found.rows[found.inputs(slice(None))].tolist() == [[0, 1], [5, 6], [6, 7]]
    assert found.counts(2).tolist() == [1, 2]


def test_windows_of_several_lengths_predict_the_same_rows_if_the_longest_is_known(tmp_path: Path) -> None:
    def answers(**window: int) -> list[float]:
        window_ = {"order": "time", "by": "station", "stride": 2, **window}
        given = config(tmp_path, table(), window=window_, validation=0, test=0)
        return in_whole(load_data(given, seed=0).train).y[""][:, 0].tolist()

    assert answers(length=3, longest=8) == answers(length=8, longest=8) == answers(length=8)
    assert answers(length=3) != answers(length=8)


def test_a_search_of_lengths_asks_for_the_longest(tmp_path: Path) -> None:
    from nnlab.config.load import load_config
    from nnlab.tune.space import read_space

    path = tmp_path / "search.yaml"
    space = "tune: {space: {data.window.length: {choice: [12, 24]}}}"
    path.write_text("data: {source: electricity, window: {length: 24, order: time}}\nmodel: {hidden: [4]}\n" + space)
    with pytest.raises(ConfigError, match="would not be judged on the same rows") as error:
        read_space(load_config(path))
    assert "longest: N" in (error.value.problems[0].hint or "")
    read_space(load_config(path, ["data.window.longest=24"]))
