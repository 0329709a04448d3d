"""The file of a store: what is kept comes back, and what is damaged is told, never taken for something else."""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from agentspace.core.durable.cuts import SavedSpace, SpaceCut
from agentspace.errors import StoreError
from agentspace.store import rows
from agentspace.store.file import StoreFile
from agentspace.wire.codec import encode
from tests.support.examples import examples
from tests.support.values import awkward
from tests.unit.core.any_values import VALUES
from tests.unit.store.records import everything, held, make, stored, told


def read(path: Path) -> tuple[dict[str, Any], list[str]]:
    """What a store has, and what of it is damaged."""
    file = StoreFile(path, create=False)
    try:
        contents = file.read()
    finally:
        file.close()
    return told(contents.spaces), contents.damage


def look(path: Path, good: dict[str, Any]) -> str:
    """What becomes of a file that is nearly a store."""
    try:
        found, damage = read(path)
    except StoreError:
        return "refused"
    return "damaged" if damage else "as it was" if found == good else "wrong"


def whole() -> dict[str, Any]:
    """What is in a store with one of everything."""
    return told({cut.space: _saved(cut) for cut in everything()})


def _saved(cut: SpaceCut[Any]) -> SavedSpace[Any]:
    queues: dict[str, list[Any]] = {}
    for key, change in cut.queued.items():
        queues.setdefault(key[0], []).append(change)
    return SavedSpace(cut.floors, [*cut.slots.values()], [*cut.roles.values()], queues)  # type: ignore[list-item]


def test_one_of_everything_comes_back(tmp_path: Path) -> None:
    """Values, holders, times, states, settings, letters, what waits, and numbers."""
    assert read(make(tmp_path / "store.db")) == (whole(), [])


@examples(50)
@given(VALUES)
def test_whatever_a_slot_holds_comes_back(value: Any) -> None:
    """As the bytes that it was."""
    record = held("d/a", value)
    assert rows.slot_of(rows.slot_row("DATA", "d/a", record), 0.0) == record._replace(
        change=record.change._replace(value=_same), value=_same
    )


class _Same:
    """Equal to any value that is stored."""

    def __eq__(self, other: object) -> bool:
        return hasattr(other, "data")

    __hash__ = None  # type: ignore[assignment]


_same: Any = _Same()


@pytest.mark.parametrize("name", awkward())
def test_awkward_values_come_back_byte_for_byte(name: str) -> None:
    """Those that other formats cannot carry."""
    value = awkward()[name]
    record = rows.slot_of(rows.slot_row("DATA", "d/a", held("d/a", value)), 0.0)
    assert record.value is not None
    assert record.value.data == encode(value)


def test_times_are_told_in_the_clock_of_now() -> None:
    """All of them, of slots and of what waits."""
    cut = everything()[0]
    record = cut.slots["d/b"]
    assert record is not None
    later = rows.slot_of(rows.slot_row("DATA", "d/b", record), -50.0)
    assert (later.change.at, later.change.valid_to, later.change.origin, later.valid_from) == (50, 140, 49.5, 60)


# --- damage


def test_flipped_bits_are_found_or_harmless(tmp_path: Path) -> None:
    """Wherever they are: what is read is what was written, or is told to be damaged."""
    data, dice, found = make(tmp_path / "store.db").read_bytes(), random.Random(1), set()
    for place in range(dice.randrange(197), len(data), 197):
        mutant = bytearray(data)
        mutant[place] ^= 1 << dice.randrange(8)
        path = tmp_path / "mutant.db"
        path.write_bytes(mutant)
        found.add(look(path, whole()))
    assert found <= {"as it was", "damaged", "refused"}


def test_files_that_were_cut_are_found(tmp_path: Path) -> None:
    """At any length but none; an empty file is an empty store."""
    data = make(tmp_path / "store.db").read_bytes()
    for length in range(100, len(data), 1777):
        path = tmp_path / "cut.db"
        path.write_bytes(data[:length])
        assert look(path, whole()) in ("damaged", "refused")


def test_a_log_that_was_cut_or_damaged_leaves_what_was_kept_at_one_moment(tmp_path: Path) -> None:
    """Of a host that was killed, the last cuts may be in the log alone."""
    path, moments = tmp_path / "store.db", [{}]
    file = StoreFile(path)
    for number in range(6):
        cut = everything()[0]
        file.keep([cut._replace(slots={"d/a": held("d/a", number)}, roles={}, queued={})])
        moments.append(told(file.read().spaces))
    copied = {end: (tmp_path / f"store.db{end}").read_bytes() for end in ("", "-wal")}
    file.close()
    log, dice = copied["-wal"], random.Random(2)
    for place in range(0, len(log), 4001):
        flipped = bytearray(log)
        flipped[place] ^= 1 << dice.randrange(8)
        for mutant in (log[:place], bytes(flipped)):
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(tmp_path / "copy")
            (tmp_path / "copy").mkdir()
            (tmp_path / "copy" / "store.db").write_bytes(copied[""])
            (tmp_path / "copy" / "store.db-wal").write_bytes(mutant)
            try:
                found, damage = read(tmp_path / "copy" / "store.db")
            except StoreError:
                continue
            assert damage or found in moments


_SLOT = ["written", 3, "thread", 0, 0.5, 100.0, 200.0, 99.5, 100.0, False]
_ROLE = [4, "running", {}, False, None, None, ["d/*"], {}, {"count": 0, "in_a_row": 0, "letters": []}]


def other(plain: list[Any], place: int, item: Any) -> list[Any]:
    """The list with another item at a place."""
    return [*plain[:place], item, *plain[place + 1 :]]


@pytest.mark.parametrize("place", range(len(_SLOT)))
@pytest.mark.parametrize("item", [None, "x", -1.5, [], {}, float("nan"), True, b"x"], ids=repr)
def test_a_slot_of_wrong_types_is_refused_or_harmless(place: int, item: Any) -> None:
    """Though its checksum is right: somebody else has made it."""
    row = rows.summed("slots", "DATA", "d/a", encode(other(_SLOT, place, item)), stored(1).data)
    with contextlib.suppress(StoreError, ValueError):
        record = rows.slot_of(row, 0.0)
        assert rows.slot_of(rows.slot_row("DATA", "d/a", record), 0.0).change[:3] == record.change[:3]


@pytest.mark.parametrize("place", range(len(_ROLE)))
@pytest.mark.parametrize("item", [None, "x", -1.5, [], {}, [1], ["a b"], {"count": 1}, True, b"x"], ids=repr)
def test_a_role_of_wrong_types_is_refused_or_harmless(place: int, item: Any) -> None:
    """The same."""
    row = rows.summed("roles", "DATA", "anne", encode(other(_ROLE, place, item)), None)
    with contextlib.suppress(StoreError):
        role = rows.role_of(row)
        assert rows.role_of(rows.role_row("DATA", role)) == role


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE queues SET role = 'bert'",
        "UPDATE queues SET number = 9 - number",
        "UPDATE queues SET revision = revision + 1",
        "UPDATE slots SET space = 'other'",
        "UPDATE slots SET name = 'd/z' WHERE name = 'd/a'",
        "UPDATE slots SET value = NULL",
        "UPDATE slots SET head = 'text'",
        "UPDATE roles SET value = 7",
        "UPDATE roles SET total = NULL",
        "UPDATE spaces SET revision = 1",
        "UPDATE spaces SET epoch = 'x'",
        "UPDATE meta SET value = 'x' WHERE key = 'wall'",
        "DELETE FROM spaces WHERE space = 'DATA'",
        "INSERT INTO slots SELECT space, 'd/y', head, value, total FROM slots LIMIT 1",
        "DROP TABLE meta",
    ],
)
def test_rows_that_were_changed_are_told(tmp_path: Path, change: str) -> None:
    """In whichever column."""
    path = make(tmp_path / "store.db")
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute(change)
    assert look(path, whole()) in ("damaged", "refused")


# --- files


@pytest.mark.parametrize(
    "name", [":memory:", "file:x?mode=memory", "a b%20?#", "ü\n", "-wal", b"\xff\xfe.db"], ids=repr
)
def test_a_store_may_have_any_name(tmp_path: Path, name: str | bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a file of that name, in the folder where one is."""
    monkeypatch.chdir(tmp_path)
    path = Path(name if isinstance(name, str) else name.decode(errors="surrogateescape"))
    make(path)
    assert (tmp_path / path).stat().st_size > 0
    assert read(path)[0] == whole()


def begin_and_end(path: Path) -> None:
    """A host that is killed while it makes its store."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")


def leave_empty(path: Path) -> None:
    """A host that is killed before."""
    path.touch()


@pytest.mark.parametrize("before", [begin_and_end, leave_empty])
def test_a_store_that_was_begun_is_finished(tmp_path: Path, before: Callable[[Path], None]) -> None:
    """Its host was killed while it made it."""
    path = tmp_path / "store.db"
    before(path)
    assert read(make(path)) == (whole(), [])


def test_what_is_no_store_is_refused_in_words(tmp_path: Path) -> None:
    """A database of somebody else's, a text, a folder, a name that none can have."""
    with contextlib.closing(sqlite3.connect(tmp_path / "foreign.db")) as database, database:
        database.execute("CREATE TABLE t (x)")
    (tmp_path / "text.db").write_text("this is a text " * 100)
    (tmp_path / "folder.db").mkdir()
    for name, words in (
        ("foreign.db", "no store of agentspace"),
        ("text.db", "damaged"),
        ("folder.db", "cannot open"),
        ("nul\0.db", "cannot open"),
    ):
        with pytest.raises(StoreError, match=words):
            StoreFile(tmp_path / name)


def test_a_cut_that_cannot_be_made_into_rows_is_not_half_kept(tmp_path: Path) -> None:
    """And the next one is kept."""
    file = StoreFile(make(tmp_path / "store.db"))
    cut = everything()[0]
    role = cut.roles["anne"]
    assert role is not None
    with pytest.raises(Exception, match="object"):
        file.keep(
            [cut._replace(slots={"d/a": held("d/a", "new")}, roles={"anne": role._replace(info={"x": object()})})]
        )
    assert told(file.read().spaces) == whole()
    file.keep([cut._replace(slots={"d/a": held("d/a", "newer")})])
    assert told(file.read().spaces) != whole()
    file.close()
