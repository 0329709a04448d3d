"""Rights: verbs over masks, and when one mask covers another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspace.core.values.masks import Mask
from agentspace.errors import RightsError, SlotNameError
from agentspace.rights.right import Need, Right, Rights, Verb, covers, full_rights
from tests.support.examples import examples

TEXTS = st.text("ab_/*?[]!-", min_size=1, max_size=8)
NAMES = st.text("ab_/!-", min_size=1, max_size=8)


def mask_of(text: str) -> Mask | None:
    """The mask, if the text is one."""
    try:
        return Mask(text)
    except SlotNameError:
        return None


@examples(2000)
@given(TEXTS, TEXTS, NAMES)
def test_a_mask_covers_no_more_than_it_matches(granted, asked, name):
    """If one covers another, it matches each name that the other matches."""
    mask = mask_of(asked)
    if mask is not None and covers(granted, asked) and mask.matches(name):
        assert Mask(granted).matches(name), (granted, asked, name)


@examples(1000)
@given(TEXTS, NAMES)
def test_a_name_is_covered_as_it_is_matched(granted, name):
    """For a plain name, to cover is to match."""
    mask = mask_of(granted)
    assert covers(granted, name) == (mask is not None and mask.matches(name))


@examples(500)
@given(TEXTS)
def test_a_mask_covers_itself(text):
    """Whoever may read a mask may ask for it."""
    assert covers(text, text)


@pytest.mark.parametrize(
    ("granted", "asked", "yes"),
    [
        ("*", "camera", True),
        ("*", "arm/*", True),
        ("*", "_/roles/eye", False),
        ("_/*", "_/roles/*", True),
        ("arm/*", "arm/*/left", True),
        ("arm/*", "arm*", False),
        ("arm/*", "*", False),
        ("arm/?", "arm/[ab]", True),
        ("arm/[ab]", "arm/a", True),
        ("arm/[ab]", "arm/?", False),
        ("arm/*/x", "arm/*/y/x", True),
        ("camera", "camera/left", False),
        ("*", "", False),
        ("*", "x" * 256, False),
        ("[!a]", "b", True),
        ("[!a]", "a", False),
    ],
)
def test_covering(granted, asked, yes):
    """Stars take anything, the space's own slots need a mask of their own, what is no name is not covered."""
    assert covers(granted, asked) is yes


def test_a_right_without_a_mask_is_for_everything():
    """The own slots too, and what has no target; one with a mask is not."""
    assert Right(Verb.READ).covers(Need(Verb.READ, "_/roles/eye"))
    assert Right(Verb.STOP).covers(Need(Verb.STOP, None))
    assert not Right(Verb.STOP, "*").covers(Need(Verb.STOP, None))
    assert not Right(Verb.READ).covers(Need(Verb.WRITE, "x"))


@pytest.mark.parametrize("text", ["read", "write:arm/*", "act:eye", "operate:_/x"])
def test_a_right_is_written_as_it_is_read(text):
    """There and back."""
    assert str(Right.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "what"),
    [("", "read, write"), ("fly", "operate"), ("read:", "mask"), ("read:a b", "mask"), ("READ", "read")],
)
def test_what_is_no_right_is_told(text, what):
    """With the verbs that there are, or what is wrong with the mask."""
    with pytest.raises(RightsError, match=what):
        Right.parse(text)


def test_a_refusal_names_key_verb_and_mask():
    """And what the key has instead."""
    rights = Rights("anna", (Right(Verb.WRITE, "arm/*"),))
    assert rights.why_not(Need(Verb.WRITE, "leg")) == (
        "key 'anna' may not write 'leg': it needs write:leg, and has write:arm/*"
    )
    assert "needs stop, and has no right to stop" in rights.why_not(Need(Verb.STOP, None))


def test_full_rights_are_all():
    """Of each verb, without a mask."""
    assert full_rights("x").full
    assert not Rights("x", full_rights("x").all[:-1]).full
