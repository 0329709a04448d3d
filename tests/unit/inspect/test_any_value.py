"""Any value that a slot can hold, in every viewer and in recordings."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from agentspace.core.change import Kind, Writer
from agentspace.core.space import Entry
from agentspace.core.values.shown import printable
from agentspace.inspect.observer import Observer
from agentspace.inspect.tui.detail import value_text
from agentspace.inspect.tui.slots import SlotsPane
from agentspace.inspect.web.picture import compressed, tiling
from agentspace.inspect.web.rows import Rows
from agentspace.inspect.web.values import saved, whole
from agentspace.inspect.wording import brief, preview
from agentspace.recording.packing import pack, unpack
from tests.support.values import awkward, same
from tests.unit.core.any_values import VALUES

AWKWARD = awkward()


def entry_of(value: object) -> Entry:
    """The change that wrote a value."""
    return Entry("slot", Kind.WRITTEN, value, 1, 0.0, Writer("anne", 1), 0.0, None, 0.0)


def strict(data: object) -> str:
    """Data as a browser gets it."""
    return json.dumps(data, allow_nan=False)


def check_inspectors(value: object) -> None:
    """The dashboard's cell and detail, the page's row and detail, and the file that it offers."""
    observer = Observer()
    observer.feed([entry_of(value)], 1.0)
    (slot,) = (snapshot := observer.snapshot(1.5)).slots
    for line in (preview(slot), brief(value), slot.type):
        assert printable(line) == line
        assert len(line) <= 400
    row = SlotsPane().row("slot", slot)
    assert all(printable(cell.plain) == cell.plain for cell in row.cells.values())
    # private: the pane puts it on the screen
    assert printable(value_text(slot, 60, 20).plain, lines=True) == value_text(slot, 60, 20).plain
    strict(Rows().tables(snapshot))
    strict(whole(slot))
    json.loads(saved(value, "json"))
    if tiling(value):
        assert compressed(value)


def check_recording(value: object) -> None:
    """A recording shows it to people in text that can be encoded, and gives it back bit by bit."""
    message, picture = pack(entry_of(value))
    assert type(message).FromString(message.SerializeToString()).kind == "written"
    assert same(unpack(message, picture and picture.data), value)


@given(VALUES)
def test_inspectors_show_whatever_a_slot_holds(value):
    """No value ends the dashboard or the page."""
    check_inspectors(value)


@given(VALUES)
def test_recordings_keep_whatever_a_slot_holds(value):
    """No value ends a recording."""
    check_recording(value)


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_values_are_shown_and_recorded(name):
    """Those that are hard to show, and that the strategy makes rarely or never."""
    check_inspectors(AWKWARD[name])
    check_recording(AWKWARD[name])
