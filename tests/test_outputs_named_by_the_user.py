"""Files that the user names keep what they are: devices, pipes, links, modes; read-only ones are refused."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from nnlab.errors import NnlabError
from nnlab.outputs import check_output, write_output

SCHEDULE = "optimizer: sgd\ndata: digits\nmodel: {hidden: [4]}\n"
CSV = "step,learning_rate\n0,0.01\n1,0.01\n2,0.01\n"


@pytest.fixture
def config(tmp_path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(SCHEDULE)
    return path


def in_shell(words: str, config: Path) -> subprocess.CompletedProcess[str]:
    command = f"{sys.executable} -m nnlab schedule {config} --steps 3 {words}"
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=config.parent)


def test_a_new_file_has_the_mode_that_every_new_file_has(tmp_path):
    write_output(tmp_path / "out.csv", "new\n")
    (tmp_path / "usual").touch()
    assert (tmp_path / "out.csv").read_text() == "new\n"
    assert (tmp_path / "out.csv").stat().st_mode == (tmp_path / "usual").stat().st_mode
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "usual"]


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o755, 0o200])
def test_a_file_keeps_its_mode_and_owner(tmp_path, mode):
    path = tmp_path / "out.csv"
    path.write_text("old, and longer than what comes\n")
    path.chmod(mode)
    if os.geteuid() == 0:
        os.chown(path, 1234, 4321)
    before = path.stat()
    write_output(path, b"new")
    after = path.stat()
    assert path.read_bytes() == b"new"
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


def test_a_link_stays_a_link_and_what_it_points_to_is_written(tmp_path):
    (tmp_path / "there").mkdir()
    target = tmp_path / "there" / "target.csv"
    link = tmp_path / "link.csv"
    link.symlink_to("there/target.csv")
    for content in ("first", "second"):  # at first it points to nothing
        write_output(link, content)
        assert link.is_symlink()
        assert target.read_text() == content


def test_a_file_of_two_names_keeps_both(tmp_path):
    (tmp_path / "one").write_text("old, and longer")
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    write_output(tmp_path / "two", "new")
    assert (tmp_path / "one").read_text() == "new"


def test_a_pipe_is_written_into(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_output(pipe, "through")
    reader.join(10)
    assert read == [b"through"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_device_stays_a_device():
    before = Path("/dev/null").stat()
    write_output(Path("/dev/null"), "away")
    assert Path("/dev/null").stat().st_ino == before.st_ino
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_read_only_file_is_refused_even_to_root(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("old")
    path.chmod(0o444)
    link = tmp_path / "link"
    link.symlink_to(path)
    for each in (path, link):
        with pytest.raises(NnlabError, match="it is read-only"):
            write_output(each, "new")
    assert path.read_text() == "old"


def test_what_cannot_be_a_file_is_refused_before_the_work(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("gone/out.csv")
    (tmp_path / "file").touch()
    for name, reason in {
        ".": "it is a folder",
        "gone/out.csv": "there is no folder",
        "dangling": f"there is no folder `{tmp_path}/gone`",
        "loop": "too many levels of symbolic links",
        "file/out.csv": "not a directory",
        "x" * 300: "file name too long",
    }.items():
        with pytest.raises(NnlabError, match=reason):
            check_output(tmp_path / name)


def test_stdout_as_a_file_gets_its_lines_and_stays_what_it_is(config):
    done = in_shell("--csv /dev/stdout", config)
    assert (done.returncode, done.stdout) == (0, CSV)
    done = in_shell("--csv /dev/stdout > out.csv; stat -c %F /dev/stdout", config)
    assert (config.parent / "out.csv").read_text() == CSV
    assert done.stdout == "symbolic link\n"
    (config.parent / "log").write_text("before\n")
    in_shell("--csv /dev/stdout >> log", config)
    assert (config.parent / "log").read_text() == f"before\n{CSV}"


def test_a_process_substitution_gets_the_lines(config):
    done = in_shell("--csv >(tr a-z A-Z; echo end) -q; sleep 0.5", config)
    assert done.stdout == f"{CSV.upper()}end\n"


def test_plots_go_where_tables_go(config):
    done = in_shell("--plot /dev/stdout", config)
    assert done.stdout.startswith("<?xml")
    (config.parent / "plot.svg").symlink_to("elsewhere.svg")
    assert in_shell("--plot plot.svg", config).returncode == 0
    assert (config.parent / "elsewhere.svg").read_text().startswith("<?xml")
    assert (config.parent / "plot.svg").is_symlink()
    (config.parent / "elsewhere.svg").chmod(0o444)
    refused = in_shell("--plot plot.svg", config)
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[0] == "cannot write `plot.svg`: it is read-only"


def test_a_learning_rate_is_not_written_into_a_read_only_config(nnlab, config):
    config.chmod(0o444)
    done = nnlab("find-lr", config, "--write")
    assert (done.code, done.err.splitlines()[0]) == (2, f"cannot write `{config}`: it is read-only")
