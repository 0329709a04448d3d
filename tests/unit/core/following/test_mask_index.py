"""The index of masks finds what a walk through all masks finds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentspace.core.values.mask_index import MaskIndex
from agentspace.core.values.masks import Mask
from agentspace.errors import SlotNameError
from tests.support.examples import examples

SIGNS = ["a", "b", "_", "/", "*", "?", "[ab]", "[!a]", "[*?]", "[/]"]
_PARTS = st.text("ab_", min_size=1, max_size=3)
NAMES = st.lists(_PARTS, min_size=1, max_size=4).map("/".join)


def is_mask(text: str) -> bool:
    try:
        Mask(text)
    except SlotNameError:
        return False
    return True


MASKS = st.one_of(
    NAMES,
    st.text("ab_/*?", min_size=1, max_size=8),
    st.lists(st.sampled_from(SIGNS), min_size=1).map("".join),
).filter(is_mask)


@examples(200)
@given(masks=st.lists(MASKS, unique=True, max_size=30), names=st.lists(NAMES, max_size=20), data=st.data())
def test_the_index_finds_what_the_masks_cover(masks, names, data):
    """Of whatever masks, before and after some have gone; each once."""
    index: MaskIndex[str] = MaskIndex()
    for text in masks:
        index.add(Mask(text), text)
    gone = set(data.draw(st.lists(st.sampled_from(masks), unique=True))) if masks else set()
    for left in (set(masks), set(masks) - gone):
        for name in names:
            found = index.find(name)
            assert sorted(found) == sorted(text for text in left if Mask(text).matches(name))
        if len(index) == len(masks):
            for text in gone:
                index.remove(Mask(text))
    assert len(index) == len(masks) - len(gone)
    for text in set(masks) - gone:
        assert index.get(Mask(text)) == text
        index.remove(Mask(text))
    assert len(index) == 0
    assert not any(index.find(name) for name in names)
    assert (index._names, index._globs) == ({}, {})  # private: what is left behind is seen nowhere else


@examples(200)
@given(mask=MASKS, name=NAMES)
def test_what_a_mask_says_of_its_names_is_true(mask, name):
    """Each name that it covers begins, ends and lies where it says."""
    made = Mask(mask)
    if made.matches(name):
        assert name.startswith(made.beginning)
        assert name.endswith(made.end)
        assert not made.folder or name.startswith(f"{made.folder}/")
