"""What a program of the original says in another way than others, and how that is written."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agentspace.classic.translation import Channels, Words, translations
from agentspace.errors import ParameterError

SHAPES = st.sampled_from([(2, 3, 3), (2, 3, 4), (1, 2, 2, 3)])


@given(arrays(np.uint8, SHAPES))
def test_channels_are_exchanged_and_back(image: np.ndarray) -> None:
    """The first and the third, in a copy that can be painted on; transparency stays."""
    told = Channels().told(image)
    assert (told[..., 0] == image[..., 2]).all()
    assert (told[..., 2] == image[..., 0]).all()
    assert (told[..., 1] == image[..., 1]).all()
    assert (told[..., 3:] == image[..., 3:]).all()
    assert told.flags.writeable
    assert not np.shares_memory(told, image)
    assert (Channels().heard(told) == image).all()


@pytest.mark.parametrize("item", [None, 3, "text", [1, 2, 3], np.zeros((4, 4)), np.zeros(3), np.zeros((2, 2, 1))])
def test_what_has_no_channels_stays_as_it_is(item: object) -> None:
    """Also grey pictures, and vectors of three."""
    assert Channels().told(item) is item


@pytest.mark.parametrize("number", [1, True, 1.0, np.int64(1), np.float32(1), np.uint8(1)])
def test_a_number_of_any_type_is_its_word(number: object) -> None:
    """And the word is an int."""
    words = Words("mode", ["acquire", "use"])
    assert words.told(number) == "use"
    assert words.heard("use") == 1
    assert type(words.heard("acquire")) is int


@pytest.mark.parametrize("item", [2, -1, 0.5, "use", [0], np.zeros(2), 1j, object()])
def test_what_is_no_number_of_a_word_is_told_once(item: object, caplog: pytest.LogCaptureFixture) -> None:
    """It stays as it is; so does None, of which nothing is told."""
    words = Words("mode", ["acquire", "use"])
    assert words.told(None) is None
    assert not caplog.text
    assert words.told(item) is item
    assert words.heard("rest") == "rest"
    assert caplog.text.count("stays as it is; translated are 0 acquire, 1 use") == 1


def test_slots_are_named_as_the_program_names_them() -> None:
    """With spaces, and with '=' in the name."""
    assert sorted(translations(["wide camera=rgb", "a=b=no, yes"])) == ["a=b", "wide%20camera"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["camera"], "'camera' is no translation: give SLOT=HOW, where HOW is 'rgb', or two or more"),
        (["camera=bgr"], "'bgr' is no translation of 'camera'; valid: 'rgb', or two or more"),
        (["mode=acquire"], "'acquire' is no translation of 'mode'; valid"),
        (["mode=acquire,"], "'acquire,' is no translation"),
        (["mode=use,use"], "'use,use' is no translation"),
        (["mode="], "'' is no translation"),
        (["mode=a,b", "mode=rgb"], "the slot 'mode' has two translations; give one"),
    ],
)
def test_a_mistake_is_told_with_what_is_valid(given: list[str], message: str) -> None:
    """In one sentence."""
    with pytest.raises(ParameterError) as error:
        translations(given)
    assert str(error.value).startswith(message)
