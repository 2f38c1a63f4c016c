"""Files of text as people have them: in one of several encodings, and perhaps packed."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, TextIO

from nnlab.data.packing import packing_of, unpacked
from nnlab.errors import DataError, Problem
from nnlab.memory import require_memory
from nnlab.progress import tell
from nnlab.wording import named, show, size_text

UTF_8: Final = "utf-8"
WITH_MARK: Final = "utf-8-sig"
_WESTERN: Final = "cp1252"
_MARKS = {  # the longer ones first, as one begins with another
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: WITH_MARK,
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_CALLED = {_WESTERN: "Windows-1252 (Western European)"}
_BEGINNING = 4096
_CHUNK = 1 << 22
_BETWEEN_LOOKS = 1 << 28
_LONGEST_LINE = 1 << 28
_WORD = re.compile(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")
_NONE_OF_WESTERN = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_ONLY_WINDOWS = re.compile(rb"[\x80-\x9f]")
_ENOUGH_WORDS = 10_000


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file of text that was looked through once: it can be unpacked and decoded.

    Args:
        file: where it is.
        packing: see `packing_of`.
        encoding: as Python calls it.
        size: bytes of the text, unpacked.
        notes: what was found out of its encoding, if that is not plainly UTF-8.
    """

    file: Path
    packing: str | None
    encoding: str
    size: int
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, file: Path, encoding: str | None = None) -> TextFile:
        """Find out how a file is packed and encoded; `encoding` is what the config says.

        Raises:
            DataError: it is damaged, no text, or text in an encoding that cannot be told.
        """
        packing = packing_of(file)
        with unpacked(file, packing) as stream:
            beginning = stream.read(_BEGINNING)
        found, why = (encoding, "") if encoding is not None else _encoding_at(beginning)
        of_utf_8 = _Decoding(UTF_8)
        decoding = of_utf_8 if found == UTF_8 else _Decoding(found)
        size = _look_through(file, packing, [decoding, of_utf_8])
        if decoding.bad is not None and (encoding is not None or found != UTF_8):
            raise _not_of(file, packing, decoding, is_given=encoding is not None)
        if decoding.bad is not None:
            found, why = _of_one_byte(file, packing)
        elif encoding is not None and decoding is not of_utf_8 and of_utf_8.bad is None and of_utf_8.has_decoded:
            message = f"the file is UTF-8 text, and `encoding` says {encoding}"
            raise DataError(Problem(message, "remove `encoding`", path=("data", "source"), file=str(file)))
        return cls(file, packing, found, size, (f"{named(file.name)} {why}",) if why else ())

    @property
    def is_plain(self) -> bool:
        """Whether it is not packed, and UTF-8."""
        return self.packing is None and self.encoding in (UTF_8, WITH_MARK)

    @property
    def found(self) -> dict[str, Any]:
        """What the config has to say to have it read so again; nothing of UTF-8."""
        return {} if self.encoding in (UTF_8, WITH_MARK) else {"encoding": self.encoding}

    @contextmanager
    def bytes(self) -> Iterator[IO[bytes]]:
        """Open it unpacked."""
        with unpacked(self.file, self.packing) as stream:
            yield stream

    @contextmanager
    def text(self) -> Iterator[TextIO]:
        """Open it unpacked and decoded, with its line ends as they are."""
        with self.bytes() as stream, io.TextIOWrapper(stream, encoding=self.encoding, newline="") as text:
            yield text


@dataclass(slots=True)
class _Decoding:
    """Whether bytes are text of an encoding.

    Args:
        encoding: as Python calls it.
        bad: the number of the first byte that is not.
        has_decoded: whether anything was decoded; ASCII is passed over.
    """

    encoding: str
    bad: int | None = None
    has_decoded: bool = False
    _done: int = 0
    _decoder: Any = field(init=False)

    def __post_init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder(self.encoding)()

    def take(self, chunk: bytes, *, is_last: bool = False) -> None:
        """Decode what comes next."""
        waiting = b"" if self.encoding != UTF_8 else self._decoder.getstate()[0]
        is_ascii = self.encoding == UTF_8 and not waiting and chunk.isascii()
        if self.bad is None and not is_ascii:
            self.has_decoded = True
            try:
                self._decoder.decode(chunk, is_last)
            except UnicodeError as error:
                self.bad = max(0, self._done - len(waiting) + getattr(error, "start", 0))
        self._done += len(chunk)


def _look_through(file: Path, packing: str | None, decodings: list[_Decoding]) -> int:
    """Read a file once, without keeping it, and return how many bytes of text it holds.

    Raises:
        DataError: it has a line that no table has, or is more than fits into memory once it is unpacked.
    """
    size, lines = 0, _LineLengths()
    stored = file.stat().st_size
    what = f"looking through {file.name}, bytes"
    with unpacked(file, packing) as stream:
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            lines.take(chunk)
            for decoding in decodings[: 1 if decodings[0] is decodings[1] else 2]:
                decoding.take(chunk)
            if packing is None:
                tell(what, min(size, stored - 1), stored)
            elif size % _BETWEEN_LOOKS < _CHUNK:
                require_memory(size, file)
    tell(what, stored, stored)
    for decoding in decodings:
        decoding.take(b"", is_last=True)
    if lines.longest > _LONGEST_LINE:
        most = size_text(_LONGEST_LINE)
        message = f"a line is {size_text(lines.longest)} long, and one of a table has at most {most}"
        raise DataError(Problem(message, "write one line a row", file=str(file)))
    return size


@dataclass(slots=True)
class _LineLengths:
    """How long the longest line is, where it is longer than a chunk."""

    longest: int = 0
    _open: int = 0

    def take(self, chunk: bytes) -> None:
        """Look at what comes next."""
        end = b"\n" if b"\n" in chunk else b"\r"
        first = chunk.find(end)
        if first < 0:
            self._open += len(chunk)
        else:
            self.longest = max(self.longest, self._open + first)
            self._open = len(chunk) - chunk.rfind(end) - 1
        self.longest = max(self.longest, self._open)


def _encoding_at(beginning: bytes) -> tuple[str, str]:
    """Return the encoding that the first bytes of a file tell, and why; UTF-8 if they tell nothing."""
    for mark, encoding in _MARKS.items():
        if beginning.startswith(mark) and encoding == WITH_MARK:
            return encoding, "begins with a byte order mark, which is left out"
        if beginning.startswith(mark):
            return encoding, f"is read as {_called(encoding)} text, as its byte order mark says"
    even, odd = beginning[::2], beginning[1::2]
    for encoding, zeros, others in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if zeros and 2 * zeros.count(0) > len(zeros) and 2 * others.count(0) < len(others):
            return encoding, f"is read as {_called(encoding)} text, as every second byte is 0"
    return UTF_8, ""


def _of_one_byte(file: Path, packing: str | None) -> tuple[str, str]:
    """Return the encoding of text that is not UTF-8, and why.

    Raises:
        DataError: it cannot be told.
    """
    words: list[bytes] = []
    of_utf_8 = bad = 0
    is_windows = False
    with unpacked(file, packing) as stream:
        for number, line in enumerate(stream, 1):
            if line.isascii():
                continue
            try:
                line.decode(UTF_8)
                of_utf_8 += 1
            except UnicodeDecodeError:
                bad = bad or number
            found = _NONE_OF_WESTERN.search(line)
            if found is not None:
                what = f"no UTF-8, and {show(f'0x{found[0][0]:02X}')} is no character of Windows-1252"
                raise _unknown(file, number, what)
            is_windows = is_windows or _ONLY_WINDOWS.search(line) is not None
            words += _WORD.findall(line) if len(words) < _ENOUGH_WORDS else []
    if of_utf_8:
        raise _unknown(file, bad, "this line is no UTF-8, and others are")
    high = sum(len(re.findall(rb"[\x80-\xff]", word)) for word in words)
    if 2 * high > sum(map(len, words)) and sum(map(len, words)) > 2 * len(words):
        raise _unknown(file, bad, "no UTF-8, and its words are none of Western Europe")
    example = max(words, key=lambda word: (1 < len(word) < 20, len(word))).decode(_WESTERN)
    also = "" if is_windows else ", here the same as Latin-1"
    return _WESTERN, (
        f"is no UTF-8, and read as {_called(_WESTERN)} text{also}: `{example}`; the `encoding` of `csv` says another"
    )


def _not_of(file: Path, packing: str | None, decoding: _Decoding, *, is_given: bool) -> DataError:
    """Return the error for bytes that are no text of the encoding that they should be of."""
    assert decoding.bad is not None
    left = decoding.bad
    line = 1
    with unpacked(file, packing) as stream:
        while left > 0 and (chunk := stream.read(min(_CHUNK, left))):
            left -= len(chunk)
            line += chunk.count(b"\n")
        byte = stream.read(1)
    what = f"{show(f'0x{byte[0]:02X}')} is no character here" if byte else "the last character is cut off"
    hint = "correct or remove `encoding`" if is_given else "the file is damaged: fetch or write it again"
    return DataError(Problem(f"not {_called(decoding.encoding)} text: {what}", hint, file=str(file), line=line))


def _unknown(file: Path, line: int, what: str) -> DataError:
    hint = "save it as UTF-8, or say which it is: `source: {csv: {encoding: cp1250}}`"
    return DataError(Problem(f"the encoding cannot be told: {what}", hint, file=str(file), line=line))


def _called(encoding: str) -> str:
    return _CALLED.get(encoding, encoding.upper())
