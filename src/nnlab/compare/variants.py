"""The variants of an experiment that a comparison is about: what the user wrote -> configs that hold."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from nnlab import catalog
from nnlab.config.load import LoadedConfig, load_config, resolved
from nnlab.config.named_code import resolve_code
from nnlab.config.nodes import Node, place, read_text
from nnlab.config.overrides import Override, parse_override, parse_path
from nnlab.errors import ConfigError, Problem
from nnlab.wording import exact_text

OPTIMIZERS = ("SGD", "momentum", "nesterov", "Adagrad", "RMSprop", "Adam", "Adamax", "Nadam", "AdamW")
"""What `nnlab compare-optimizers` compares if it is not told otherwise."""

MOST_VARIANTS = 1000

NOT_VARIED = {
    "seed": "the comparison sets the seeds itself: say how many with `--seeds`",
    "name": "the trainings are named by their variants",
    "compare": "vary a value of the experiment itself",
}


class Change(NamedTuple):
    """A value for a path, as one variant has it."""

    path: str
    value: Node
    origin: str

    def override(self) -> Override:
        """Return what `load_config` takes."""
        value = copy.deepcopy(self.value)  # each config gets a tree of its own, which later changes may go into
        return Override(parse_path(self.path, self.origin), value, self.origin)


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the things that are compared.

    Args:
        name: what tables call it.
        changes: its values, the command line's that they depend on included.
        config: the experiment with them.
    """

    name: str
    changes: tuple[Change, ...]
    config: LoadedConfig

    def written(self) -> dict[str, Any]:
        """Return its values by path, as a `compare` section holds them; files by their absolute paths."""
        return {change.path: self._settled(change).plain() for change in self.changes}

    def _settled(self, change: Change) -> Node:
        """Return the value as loading has left it, where it stands in a section."""
        node = self.config.root
        for part in change.path.split("."):
            if not isinstance(node.value, dict) or part not in node.value:
                settled = change.value.copy()
                resolve_code(settled)
                return settled
            node = node.value[part]
        return node


Named = tuple[str, tuple[Change, ...]]


def from_options(vary: Sequence[str], variants: Sequence[str]) -> list[Named]:
    """Read what `--vary PATH=V1,V2` and `--variant NAME:PATH=V,PATH=V` say.

    Raises:
        ConfigError: with everything that cannot be read.
    """
    read: list[Callable[[], Any]] = [partial(_axis, text) for text in vary]
    read += [partial(_by_hand, text) for text in variants]
    found = ConfigError.of_each(lambda each: each(), read)
    return [*_grid(found[: len(vary)]), *found[len(vary) :]]


def from_section(config: LoadedConfig) -> list[Named]:
    """Read the variants of a config's `compare` section, each value with its place in the file."""
    section = _children(config.root).get("compare")
    given = _children(section) if section is not None else {}
    axes = [
        [Change(path, value, f"compare.vary {path}={exact_text(value.plain())}") for value in _items(values)]
        for path, values in _children(given.get("vary")).items()
    ]
    named = [
        (name, tuple(Change(path, value, f"compare.variants.{name} {path}") for path, value in _children(node).items()))
        for name, node in _children(given.get("variants")).items()
    ]
    return [*_grid(axes), *named]


def from_optimizers(config: LoadedConfig, optimizers: str | None) -> list[Named]:
    """Make a variant of each optimizer; the config's own takes part as it is configured.

    Args:
        config: the experiment.
        optimizers: what `--optimizers` says: names, or names with parameters; default: `OPTIMIZERS`.

    Raises:
        ConfigError: with everything that is no optimizer.
    """
    origin = f"--optimizers {optimizers}" if optimizers is not None else "compare-optimizers"
    values = [read_text(text, origin, located=False) for text in _split(optimizers or ", ".join(OPTIMIZERS))]
    own = config.experiment.optimizer
    names: list[Named] = []
    for value in values:
        plain = value.plain()
        entry = catalog.find("optimizers", plain) if isinstance(plain, str) else None
        is_own = entry is not None and entry.key == own.name
        names.append((exact_text(plain), () if is_own else (Change("optimizer", value, origin),)))
    if optimizers is None and own.name not in OPTIMIZERS:
        names.append((own.name, ()))
    return names


def load_variants(
    path: Path, base: Sequence[Override | str], named: Sequence[Named], *, fewest: int = 2
) -> list[Variant]:
    """Load the config of each variant.

    Args:
        path: the config file.
        base: changes that hold for all variants.
        named: the variants' names and changes.
        fewest: how many there must be.

    Raises:
        ConfigError: with the problems of all variants; also if there are too few, or two are the same.
    """
    if len(named) < fewest:
        hint = (
            "write `--vary model.activation=relu,tanh`, or `vary: {model.activation: [relu, tanh]}` under `compare:`; "
            "one config alone is cross-validated with `--folds 5`"
        )
        received = "only one is given" if named else "none is given"
        raise ConfigError(Problem(f"a comparison needs at least two variants, and {received}", hint))
    if len(named) > MOST_VARIANTS:
        raise ConfigError(Problem(f"{len(named)} variants are more than {MOST_VARIANTS}", "vary less"))
    overrides = [parse_override(item) if isinstance(item, str) else item for item in base]

    def load(each: Named) -> Variant:
        name, own = each
        changes = (*own, *_below(overrides, own))
        try:
            _refuse(own)
            config = load_config(path, [*overrides, *(change.override() for change in changes)])
        except ConfigError as error:
            raise ConfigError([_placed(problem, own) for problem in error.problems]) from None
        return Variant(name, changes, config)

    variants = ConfigError.of_each(load, named)
    check_different(variants)
    return variants


def _axis(text: str) -> list[Change]:
    path, equals, values = text.partition("=")
    origin = f"--vary {text}"
    if not equals or not path.strip() or not values.strip():
        problem = Problem("expected `PATH=V1,V2`", "such as `--vary model.activation=relu,tanh`", file=origin)
        raise ConfigError(problem)
    parse_path(path, origin)
    return [Change(path.strip(), read_text(value, origin, located=False), origin) for value in _split(values)]


def _by_hand(text: str) -> Named:
    name, _, changes = text.partition(":")
    origin = f"--variant {text}"
    if not name.strip() or "=" in name or not all("=" in change for change in _split(changes)):
        hint = "such as `--variant wide:model.hidden=[500],optimizer=adam`; `--variant as-it-is:` changes nothing"
        raise ConfigError(Problem("expected `NAME:PATH=VALUE,PATH=VALUE`", hint, file=origin))
    parsed = [parse_override(change, option="--variant") for change in _split(changes)]
    paths = [change.partition("=")[0].strip() for change in _split(changes)]
    return name.strip(), tuple(Change(path, item.value, origin) for path, item in zip(paths, parsed, strict=True))


def _grid(axes: Sequence[Sequence[Change]]) -> Iterator[Named]:
    """Combine the values of all paths; a variant is named by those that tell it from others."""
    if not axes:
        return
    telling = [i for i, axis in enumerate(axes) if len(axis) > 1] or [0]
    for changes in itertools.product(*axes):
        told = [changes[i] for i in telling]
        yield " ".join(_told(change) if len(told) > 1 else exact_text(change.value.plain()) for change in told), changes


def _told(change: Change) -> str:
    """Name one of several values of a variant: a word speaks for itself, a number does not."""
    value = change.value.plain()
    text = exact_text(value)
    return text if isinstance(value, (str, dict)) else f"{change.path.rpartition('.')[2]}={text}"


def _below(overrides: Sequence[Override], changes: Sequence[Change]) -> Iterator[Change]:
    """Yield the command line's changes of what a variant puts in: they hold for it, too."""
    tops = [change.override().path for change in changes]
    for item in overrides:
        if any(len(item.path) > len(top) and item.path[: len(top)] == top for top in tops):
            yield Change(".".join(map(str, item.path)), item.value, item.origin)


def _placed(problem: Problem, changes: Sequence[Change]) -> Problem:
    """Give a problem with a path that a file holds its place there."""
    mark = next((change.value.mark for change in changes if change.origin == problem.file), None)
    return problem if mark is None or mark.line is None else place(problem, mark)


def _refuse(changes: Sequence[Change]) -> None:
    ConfigError.raise_any(
        place(Problem(f"`{change.path}` cannot be compared", NOT_VARIED[top]), change.value.mark)
        for change in changes
        if (top := change.path.partition(".")[0]) in NOT_VARIED
    )


def check_different(variants: Sequence[Variant], *, but: str = "") -> None:
    """Refuse variants of one name, and those that would train the same.

    Args:
        variants: what is compared.
        but: how those that are the same may have been meant to differ, for the message.

    Raises:
        ConfigError: with all of them.
    """
    names: set[str] = set()
    contents: list[tuple[dict[str, Any], str]] = []
    problems: list[Problem] = []
    for variant in variants:
        plain = resolved(variant.config.experiment)
        content = {key: value for key, value in plain.items() if key not in ("name", "compare")}
        same = next((name for known, name in contents if known == content), None)
        if variant.name in names:
            problems.append(Problem(f"two variants are named `{variant.name}`", "leave one out, or rename it"))
        elif same is not None:
            message = f"the variants `{same}` and `{variant.name}` are the same experiment{but}"
            problems.append(Problem(message, "leave one of them out"))
        names.add(variant.name)
        contents.append((content, variant.name))
    ConfigError.raise_any(problems)


def _split(text: str) -> list[str]:
    """Split at the commas that stand outside brackets and quotes."""
    parts, depth, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "[{(":
            depth += 1
        elif character in ")}]":
            depth -= 1
        if character == "," and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def _children(node: Node | None) -> dict[str, Node]:
    return node.value if node is not None and isinstance(node.value, dict) else {}


def _items(node: Node) -> list[Node]:
    return node.value if isinstance(node.value, list) else [node]
