"""Tables whose changes are numbered: a browser that says which number it saw last gets what changed since.

They serve any number of browsers: a browser is one number, so one that went away costs nothing.
"""

from collections.abc import Mapping
from typing import Any, Final

Row = Any  #: what JSON can say
TOMBSTONES: Final = 1024  #: removed rows that are remembered; a browser that missed more gets everything anew


class NumberedTables:
    """Named tables of rows, each with the number of its last change."""

    def __init__(self) -> None:
        self.number = 0
        self._rows: dict[str, dict[str, tuple[int, Row]]] = {}
        self._gone: dict[tuple[str, str], int] = {}
        self._floor = 0  # removals up to this number are forgotten

    def replace(self, table: str, rows: Mapping[str, Row]) -> None:
        """Makes a table that of `rows`; only rows that differ count as changed."""
        present = self._rows.setdefault(table, {})
        for key in [key for key in present if key not in rows]:
            del present[key]
            self.number += 1
            self._gone[table, key] = self.number
        while len(self._gone) > TOMBSTONES:
            oldest = next(iter(self._gone))
            self._floor = max(self._floor, self._gone.pop(oldest))
        for key, row in rows.items():
            if key not in present or present[key][1] != row:
                self.number += 1
                present[key] = (self.number, row)
                self._gone.pop((table, key), None)

    def since(self, number: int) -> dict[str, Any] | None:
        """The changes after `number`: ``all`` (whether it is everything), ``set`` and ``gone`` by table, or None.

        A number of 0, or one from before what is remembered of removals, gives everything.
        """
        everything = number == 0 or number < self._floor or number > self.number
        if not everything and number == self.number:
            return None
        after = 0 if everything else number
        changed = {
            table: {key: row for key, (at, row) in rows.items() if at > after}
            for table, rows in self._rows.items()
        }
        gone: dict[str, list[str]] = {}
        if not everything:
            for (table, key), at in self._gone.items():
                if at > number:
                    gone.setdefault(table, []).append(key)
        return {"all": everything, "set": {table: rows for table, rows in changed.items() if rows}, "gone": gone}
