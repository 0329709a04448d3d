"""A space that outlives its hosts in a file, on random histories beside a naive model."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agentspace.core.board import Floors
from agentspace.core.durable.cuts import SavedSpace, SpaceCut
from agentspace.store.file import StoreFile
from tests.support.examples import examples
from tests.unit.core.durable.history import BEGIN, END, OPS, Life, Op
from tests.unit.store.records import stored


class OneSpace:
    """A file that keeps one space; opened anew for each host."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.file = StoreFile(path)

    def keep(self, cut: SpaceCut[Any]) -> None:
        """Takes a cut in."""
        self.file.keep([cut])

    def read(self) -> SavedSpace[Any]:
        """All that is kept, as the next host finds it."""
        self.file.close()
        self.file = StoreFile(self._path)
        contents = self.file.read()
        assert contents.damage == []
        return contents.spaces.get("DATA", SavedSpace(Floors(), [], [], {}))


@examples(30)
@given(st.lists(OPS, max_size=60))
def test_a_space_comes_back_from_a_file_as_the_last_cut_that_was_kept(ops: list[Op]) -> None:
    """Slots, roles and queues, in order, through rows and a database."""
    with tempfile.TemporaryDirectory() as folder:
        store = OneSpace(Path(folder, "store.db"))
        life = Life(store, stored, lambda value: value.value(), shown=False)
        for op in (*BEGIN, *ops, END):
            life.do(op)
        store.file.close()
