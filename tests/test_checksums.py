"""Compiled programs on disk are used as they were written, or not at all."""

import pytest

from nnlab import environment
from nnlab.checksums import is_sound, seal
from nnlab.environment import remove_compiled, seal_compiled


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Three programs on disk, as TensorFlow leaves them."""
    monkeypatch.setattr(environment, "xla_cache", lambda: tmp_path)
    files = [tmp_path / f"{name}.pb" for name in "abc"]
    for file in files:
        file.write_bytes(file.name.encode() * 1000)
    return files


@pytest.mark.parametrize("place", [0, 2000, 3999])
def test_a_sealed_file_is_sound_until_a_bit_changes(tmp_path, place):
    file = tmp_path / "f"
    file.write_bytes(bytes(4000))
    assert not is_sound(file)
    seal(file)
    assert is_sound(file)
    content = bytearray(4000)
    content[place] = 1
    file.write_bytes(content)
    assert not is_sound(file)


def test_programs_that_are_damaged_or_were_never_sealed_are_deleted(programs):
    damaged, whole, late = programs
    late.unlink()
    seal_compiled()
    late.write_bytes(b"of a process that was killed")
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")
    remove_compiled(but=10)
    assert [file.exists() for file in programs] == [False, True, False]
    assert is_sound(whole)


def test_a_damaged_program_is_not_sealed_again(programs):
    seal_compiled()
    programs[0].write_bytes(b"damaged")
    seal_compiled()
    assert not is_sound(programs[0])


def test_the_oldest_programs_go_first_with_their_sums(programs, tmp_path):
    import os

    seal_compiled()
    for age, file in enumerate(programs):
        os.utime(file, (1000 - age, 1000 - age))
    remove_compiled(but=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pb", "a.pb.crc32"]
