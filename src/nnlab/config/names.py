"""One form for names and labels that look the same."""

from __future__ import annotations

import unicodedata

_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200e\u200f\u2060\ufeff\u202a\u202b\u202c\u202d\u202e"))
_JOINERS = "\u200c\u200d"


def canonical(text: str) -> str:
    """Return a column's name or a class label in the form in which names are compared.

    Letters with accents are composed (Unicode's NFC), characters that nobody sees are left out (marks of byte order and
    of direction, spaces without width, soft hyphens), every kind of space is a space, and there is none at either end.
    """
    if text.isascii():
        return text.strip()
    seen = unicodedata.normalize("NFC", text).translate(_INVISIBLE)
    return "".join(" " if unicodedata.category(letter) == "Zs" else letter for letter in seen).strip(
        f" \t\n\r\f\v{_JOINERS}"
    )
