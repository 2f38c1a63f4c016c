"""PNG files, alone and inside of SVG, without a library of pictures."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


Color = tuple[int, int, int, int]
"""Red, green, blue and opacity, 0 to 255."""


def png(picture: np.ndarray) -> str:
    """Return a picture `[height, width, channels]` of bytes as an address that holds it: 1, 3 or 4 channels."""
    return _address(png_file(picture))


def png_file(picture: np.ndarray) -> bytes:
    """Return a picture `[height, width, channels]` of bytes as a file: 1, 3 or 4 channels."""
    height, width, channels = picture.shape
    kind = {1: 0, 3: 2, 4: 6}[channels]
    return _file(picture, _header(width, height, kind))


def shades_png(shades: np.ndarray, colors: Sequence[Color]) -> str:
    """Return a picture `[height, width]` of numbers of colours, at most 256."""
    height, width = shades.shape
    chunks = [
        (b"PLTE", bytes(value for color in colors for value in color[:3])),
        (b"tRNS", bytes(color[3] for color in colors)),
    ]
    return _address(_file(shades[..., None], _header(width, height, 3), chunks))


def _header(width: int, height: int, kind: int) -> bytes:
    return struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)


def _file(picture: np.ndarray, header: bytes, chunks: Iterable[tuple[bytes, bytes]] = ()) -> bytes:
    rows = b"".join(b"\0" + row.tobytes() for row in picture)
    every = ((b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    packed = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in every
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def _address(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"
