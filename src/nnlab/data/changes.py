"""What differs between the rows that a run was trained on and those that are there now."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from nnlab.data.record import UNUSED, DataRecord
from nnlab.wording import counted


def whole_hashes(rows: np.ndarray) -> np.ndarray:
    """Return a hash of features and target, uint64, of each of `[rows]` of `ROW`."""
    return np.asarray(rows["features"] + rows["target"].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))


def positions_of_splits(record: DataRecord, now: np.ndarray, *, own_test: bool) -> dict[str, np.ndarray] | None:
    """Find the rows of each split again where no row has changed.

    Args:
        record: the rows then.
        now: the rows that take part now, in the source's order; those of its own test set behind the others.
        own_test: whether the source has a test set of its own.

    Returns:
        The positions of each split's rows in `now`, in the split's order; `None` if rows have changed.
    """
    names = list(record.rows)
    then = np.concatenate([record.rows[name] for name in names])
    order = _source_order(record, own_test=own_test)
    if len(then) != len(now) or not np.array_equal(whole_hashes(then[order]), whole_hashes(now)):
        return None
    positions = np.empty(len(then), np.int64)
    positions[order] = np.arange(len(then))
    ends = np.cumsum([len(record.rows[name]) for name in names])
    return dict(zip(names, np.split(positions, ends[:-1]), strict=True))


def _source_order(record: DataRecord, *, own_test: bool) -> np.ndarray:
    """Return how the rows of all splits, one split behind the other, are put into the source's order."""
    then = np.concatenate(list(record.rows.values()))
    is_own_test = np.repeat([own_test and name == "test" for name in record.rows], [*map(len, record.rows.values())])
    return np.lexsort((then["row"], is_own_test))


def differences(record: DataRecord, now: np.ndarray, *, own_test: bool, have_places: bool = False) -> str:
    """Say in words how the rows have changed; see `positions_of_splits`.

    `have_places` says whether the target's hash has the place of a row in its series in it, too.
    """
    then = np.concatenate(list(record.rows.values()))[_source_order(record, own_test=own_test)]
    new, gone, rows = _missing_from(then, now), _missing_from(now, then), counted(len(now), "row")
    if not new and not gone:
        return f"the {len(now)} rows are the same, in another order"
    if len(then) == len(now):
        changed = np.flatnonzero(whole_hashes(then) != whole_hashes(now))
        have = "has" if len(changed) == 1 else "have"
        first = f"the first is row {now['row'][changed[0]]} (counted from 0)"
        if (then["features"] == now["features"]).all():
            what = "another target, or another place in its series" if have_places else "another target"
            return f"{len(changed)} of {rows} {have} {what}, {first}"
        if len(changed) == new:
            return f"{len(changed)} of {rows} {have} changed, {first}"
    parts = [
        f"{new} {'is' if new == 1 else 'are'} new" * bool(new),
        f"{gone} {'is' if gone == 1 else 'are'} gone" * bool(gone),
    ]
    total = f"{rows} there, {len(then)} then" if len(now) != len(then) else f"{rows}, as then"
    return f"{total}: {' and '.join(part for part in parts if part)}"


def _missing_from(some: np.ndarray, others: np.ndarray) -> int:
    """Count the rows of `others` that `some` does not have, or not as often."""
    values, counts = np.unique(whole_hashes(others), return_counts=True)
    found, found_counts = np.unique(whole_hashes(some), return_counts=True)
    there = dict(zip(found.tolist(), found_counts.tolist(), strict=True))
    return sum(
        max(0, count - there.get(value, 0)) for value, count in zip(values.tolist(), counts.tolist(), strict=True)
    )


@dataclass(frozen=True, slots=True, eq=False)
class Unseen:
    """Rows that a run was neither trained nor validated on.

    Args:
        positions: of the rows: first those of its test split, in its order, then new ones.
        counts: rows of the test split (`test`), `new` ones, and those left out, by the split that they were in.
    """

    positions: np.ndarray
    counts: Mapping[str, int]


def unseen_rows(record: DataRecord, now: np.ndarray) -> Unseen:
    """Choose the rows that the run was neither trained nor validated on.

    Rows of the test split are known by features and target; of equal rows as many are taken as the test split had, once
    those that were trained and validated on are set aside. Any other row is new unless its features are those of a row
    that was trained or validated on, whatever its target: the network has seen it.
    """
    others = {name: rows for name, rows in record.rows.items() if name != "test"}
    test = record.rows.get("test", np.empty(0, now.dtype))
    tested = np.array(list(_test_positions(whole_hashes(test), np.concatenate(list(others.values())), now)), np.int64)
    rest = np.ones(len(now), bool)
    rest[tested] = False
    counts = {"test": len(tested)}
    for name in ("train", "validation", UNUSED):
        is_known = rest & np.isin(now["features"], others[name]["features"]) if name in others else rest & False
        counts[name] = int(is_known.sum())
        rest &= ~is_known
    return Unseen(np.concatenate([tested, np.flatnonzero(rest)]), counts | {"new": int(rest.sum())})


def _test_positions(test: np.ndarray, others: np.ndarray, now: np.ndarray) -> Iterator[int]:
    """Yield where the rows of the test split stand now, in the split's order."""
    places: dict[int, deque[int]] = {}
    wanted = set(test.tolist())
    hashes = whole_hashes(now)
    for place in np.flatnonzero(np.isin(hashes, test)).tolist():
        places.setdefault(int(hashes[place]), deque()).append(place)
    for value in whole_hashes(others)[np.isin(whole_hashes(others), test)].tolist():
        if value in wanted and places.get(value):
            places[value].pop()
    for value in test.tolist():
        if places.get(value):
            yield places[value].popleft()


def count_seen(record: DataRecord, features: np.ndarray) -> dict[str, int]:
    """Count the rows whose features (hashes) were trained on, and of the others those that were validated on."""
    is_trained = np.isin(features, record.rows["train"]["features"])
    validated = record.rows["validation"]["features"] if "validation" in record.rows else features[:0]
    is_validated = np.isin(features, validated) & ~is_trained
    return {"train": int(is_trained.sum()), "validation": int(is_validated.sum())}
