"""What to say about a key that a section does not have: what was meant, or where it belongs."""

from __future__ import annotations

from typing import Any

from nnlab import catalog
from nnlab.config.faults import Report
from nnlab.config.remedies import says_none, says_yes, stray_key_remedy
from nnlab.config.synonyms import key_meant
from nnlab.errors import ConfigPath, did_you_mean, nearest
from nnlab.wording import listed, named

_ANYWHERE = ("name", "type", "path", "from")
"""Keys that say too little about where they belong."""


def refuse_key(section: Any, key: str, value: Any, report: Report) -> tuple[str, ...]:
    """Report a key that cannot stand in the section that is read, and return the keys that may have been meant."""
    hint, meant = (None, ()) if report.is_full else _meaning(section, key, value, report)
    report.at(key).fault(f"unknown key {named(key)}", hint, at_key=True)
    return meant


def _meaning(section: Any, key: str, value: Any, report: Report) -> tuple[str, tuple[str, ...]]:
    """Return what to do about an unknown key, and the keys that may have been meant."""
    if (stray := stray_key_remedy(key, value)) is not None:
        return stray, ()
    if (inside := section.belongs_inside(key, value)) is not None:
        return inside[1], (inside[0],)
    known = key_meant(key) or _home(key.rsplit(".")[-1], section, report.root or section)
    if known is not None:
        return known, ()
    near = tuple(nearest(key, section.keys()))
    is_whole = not report.path
    owner = section.called or ("a config" if is_whole else f"`{report.path[-1]}`")
    return did_you_mean(key, section.keys()) or f"{owner} may hold {_listed_keys(section, is_whole=is_whole)}", near


def section_remedy(section: Any, value: Any, path: ConfigPath) -> str:
    """Say what to write instead of a value that stands in the place of a section."""
    if path and not any(key.required for key in section.keys().values()):
        if says_yes(value):
            return f"write `{path[-1]}: {{}}` for its defaults"
        if says_none(value):
            return f"write `{path[-1]}: null` for none"
    return f"it may hold {_listed_keys(section, is_whole=not path)}"


def _listed_keys(section: Any, *, is_whole: bool) -> str:
    """List what a section may hold, without what is not built yet."""
    built = [name for name, key in section.keys().items() if key.about]
    return listed([*built, "extends"] if is_whole else built, most=20)


def _home(key: str, section: Any, root: Any) -> str | None:
    """Say where a key belongs that is known in another section."""
    if key in _ANYWHERE:
        return None
    path = section_of(key, section, root)
    if path is not None and (path[:1] != ("tune",) or section is root):  # `alpha` of a model is no search's
        return f"it belongs under `{'.'.join(path)}`" if path else "it belongs at the top of the config"
    for name in ("Adam", "SGD", *catalog.entries("optimizers")):
        if key in catalog.entries("optimizers")[name].parameters:
            return f"it belongs to the optimizer: `optimizer: {{{name}: {{{key}: ...}}}}`"
    return None


def section_of(key: str, section: Any, root: Any) -> tuple[str, ...] | None:
    """Return the path of another section that has a key, those with the shortest paths first, a search's last."""
    sections = _sections_below(root, ())
    for path in sorted(sections, key=lambda path: (path[:1] == ("tune",), len(path))):
        other = sections[path]
        if other is not section and (key in other.keys() or (key == "extends" and not path)):  # noqa: SIM118
            return path
    return None


def path_of_option(word: str, root: Any) -> str | None:
    """Return the path of the value that somebody may mean by an option such as `--epochs` or `--lr`."""
    key = word.lstrip("-").replace("-", "_")
    if key not in _ANYWHERE and (section := section_of(key, None, root)) is not None:
        return ".".join((*section, key))
    parameters = {name for entry in catalog.entries("optimizers").values() for name in entry.parameters}
    named_so = [name for name in nearest(key, parameters) if key in (name, "lr")]
    return f"optimizer.{named_so[0]}" if named_so else None


def _sections_below(section: Any, path: tuple[str, ...]) -> dict[tuple[str, ...], Any]:
    """Return a section and those inside it, by path."""
    found = {path: section}
    for name, key in section.keys().items():
        inside = getattr(key.shape, "section", None)
        if inside is not None:
            found |= _sections_below(inside, (*path, name))
    return found
