"""What of a role's settings can be changed while it runs, and what becomes of it."""

import pytest

from agentspace.core.adjusting import Adjustments
from agentspace.errors import ParameterError


def _info(**more: object) -> dict[str, object]:
    live = {"rate": {"type": "float", "default": 1.0, "maximum": 9.0}, "fast": {"type": "bool", "default": False}}
    return {"settings": {"rate": 1.0, "fast": False, "device": "0"}, "live": live, **more}


def test_a_change_is_shown_when_it_was_taken_up():
    """Not before; then it is held for the next incarnation."""
    info, changes = _info(), Adjustments()
    assert changes.ask("r", info, {"rate": "2", "fast": "yes"}) == 1
    assert info["settings"] == _info()["settings"]
    changes.answer(1, None, info)
    assert info["settings"] == {"rate": 2.0, "fast": True, "device": "0"}
    assert changes.told() == {"values": {"rate": 2.0, "fast": True}, "asked": 1, "answered": 1, "refused": []}
    changes.give(following := _info())
    assert changes.given == {"rate": 2.0, "fast": True}
    assert following["settings"] == {"rate": 2.0, "fast": True, "device": "0"}


def test_one_invalid_value_refuses_all():
    """Nothing is asked of the incarnation, and nothing is counted."""
    changes = Adjustments()
    for settings in ({"rate": 2.0, "fast": 3}, {"rate": 10}, {"rate": 2.0, "device": "1"}, {"speed": 1}, {}):
        with pytest.raises(ParameterError):
            changes.ask("r", _info(), settings)
    assert (changes.asked, changes.pending) == (0, {})


def test_what_was_refused_or_never_answered_is_told():
    """By its number; an answer that comes late, or twice, is of no account."""
    info, changes = _info(), Adjustments()
    changes.ask("r", info, {"rate": 2.0})
    changes.answer(1, "too loud", info)
    assert changes.refusals == {1: "too loud"}
    changes.ask("r", info, {"rate": 3.0})
    changes.ask("r", info, {"fast": True})
    changes.drop("it died")
    assert (changes.answered, changes.refusals) == (3, {1: "too loud", 2: "it died", 3: "it died"})
    for number in (1, 2, 3, 4):
        changes.answer(number, None, info)
    assert (info["settings"], changes.held) == (_info()["settings"], {})


def test_a_swap_that_sets_a_parameter_itself_has_its_way():
    """A successor is given what was set, but for that; if it stays, what it was not given is over."""
    info, changes = _info(), Adjustments()
    changes.ask("r", info, {"rate": 2.0, "fast": True})
    changes.answer(1, None, info)
    changes.give(_info(), {"rate"})
    assert (changes.given, changes.held) == ({"fast": True}, {"rate": 2.0, "fast": True})
    changes.settle()
    assert changes.held == {"fast": True}


@pytest.mark.parametrize("live", [None, 3, {"rate": 3}, {"rate": {"type": "complex"}}, {"fast": {"type": "bool"}}])
def test_what_the_next_one_does_not_declare_it_is_not_given(live):
    """Another class, an older one, one in another language."""
    info, changes = _info(), Adjustments()
    changes.ask("r", info, {"rate": 2.0})
    changes.answer(1, None, info)
    changes.give({"live": live})
    assert changes.given == {}
