"""Runs are named in any script, and found by what the screen shows."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest

from nnlab.cli.screen import Column, Screen
from nnlab.config.load import load_config
from nnlab.config.schema import NAME
from nnlab.names import MAX_NAME, MAX_NAME_BYTES, is_name, is_part, name_from
from nnlab.run import Run, list_runs, open_run

MINIMAL = "data: digits\nmodel: {hidden: [4]}\n"
COMPOSED, APART = unicodedata.normalize("NFC", "naïve"), unicodedata.normalize("NFD", "naïve")
HINDI = "हिन्दी"  # letters with marks


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("房价", "房价"),
        ("naïve", COMPOSED),
        (APART, COMPOSED),
        (HINDI, HINDI),
        ("модель_2.1", "модель_2.1"),
        ("نموذج", "نموذج"),
        ("first run (2)", "first-run-2"),
        ("_.-x-.", "x"),
        ("🎉", "experiment"),
        ("a\x1b[31m\u202eb", "a-31m-b"),
        ("價" * 90, "價" * 66),
    ],
)
def test_a_file_in_any_script_gives_its_run_a_name(tmp_path, stem, name):
    path = tmp_path / "config.yaml"
    path.write_text(MINIMAL)
    assert name_from(stem, default="experiment") == name
    if len(stem) < 80:
        path = path.rename(tmp_path / f"{stem}.yaml")
        assert load_config(path).experiment.name == name
    run = Run.new(tmp_path / "runs", name)
    run.create(config="", source="")
    run.write_info({"status": "completed"})
    for text in (name, unicodedata.normalize("NFD", name), run.path.name, run.path.name[-6:]):
        assert open_run(text, tmp_path / "runs") == run


def test_a_name_may_be_written_in_any_script_and_is_composed(config):
    assert config(f"name: 房价.{APART}-{HINDI}_2\n{MINIMAL}").experiment.name == f"房价.{COMPOSED}-{HINDI}_2"


@pytest.mark.parametrize("name", ["a b", "a/b", "-a", ".a", "a\u200fb", "🎉", "\u0301a", "價" * 90, "x" * 101, "a\\nb"])
def test_what_no_directory_should_be_called_is_refused(nnlab, tmp_path, name):
    (tmp_path / "config.yaml").write_text(MINIMAL)
    done = nnlab("validate", "config.yaml", "-S", f'name="{name}"')
    assert done.code == 2
    assert "cannot be a name" in done.err


def test_the_schema_refuses_no_name_that_may_be_given():
    for each in "aZ9._-房é\u0301١² /\\:\n\x1b\u202e\u200b🎉+'\"":
        assert is_name(f"a{each}") == is_part(each), each
        if is_part(each):
            assert re.search(NAME.schema["pattern"], f"a{each}"), each
    assert len(f"2026-01-01_00-00-00_{'x' * MAX_NAME_BYTES}_abcdef") < 255
    assert MAX_NAME <= MAX_NAME_BYTES


def write_run(path, **info: object) -> Run:
    path.mkdir(parents=True)
    run = Run(path)
    run.write_info({"status": "completed", **info})
    return run


def test_a_run_is_found_by_the_beginning_of_its_id_or_directory(tmp_path):
    first = write_run(tmp_path / "2026-01-01_00-00-00_one_ab1234")
    second = write_run(tmp_path / "2026-01-02_00-00-00_two_ab5678")
    for text in ("ab1", "2026-01-01", "2026-01-01_00-00-00_one"):
        assert open_run(text, tmp_path) == first
    with pytest.raises(Exception, match=r"several runs begin with `ab`: .*two.*one"):
        open_run("ab", tmp_path)
    assert list_runs(tmp_path) == [first, second]


def test_a_trial_is_found_by_the_id_that_its_table_shows(nnlab, tmp_path):
    search = write_run(tmp_path / "runs" / "2026-01-01_00-00-00_房价_ab1234", kind="search")
    trial = write_run(search.trials_path / "0003", name="0003")
    for outer in ("房价", "ab1234", search.path.name):
        assert open_run(f"{outer}/0003", tmp_path / "runs") == trial
    assert json.loads(nnlab("runs", "show", "房价/0003", "--json").out)["name"] == "0003"
    assert "there is no run `房价/0009`" in nnlab("runs", "show", "房价/0009").err


def test_every_word_of_runs_ls_finds_its_run(nnlab, tmp_path):
    runs = [write_run(tmp_path / "runs" / f"2026-01-0{i}_00-00-00_{name}_ab000{i}") for i, name in enumerate("x房я", 1)]
    shown = re.findall(r"2026-\S+", nnlab("runs", "ls").out)
    assert [open_run(text, tmp_path / "runs") for text in shown] == runs


def test_wide_letters_count_twice_in_a_table(tmp_path):
    from rich.cells import cell_len

    with (tmp_path / "out").open("w+", encoding="utf-8") as file:
        screen = Screen(file)
        screen.width = 40
        screen.show_table([Column("run", ["房" * 18], left=True), Column("loss", ["0.1"], rank=1)])
        file.seek(0)
        lines = file.read().splitlines()
    assert any("房" * 18 in line for line in lines)
    assert max(map(cell_len, lines)) <= 40
