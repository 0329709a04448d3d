"""Parameters and slot names of agents: how they are declared, set, checked and described."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspace.agent.parameter import Parameter, SlotName, configure, declarations
from agentspace.errors import ParameterError, SlotNameError


class Camera:
    """One parameter of each type."""

    image = SlotName("camera", "the picture")
    rate = Parameter(30.0, "frames per second", minimum=0.1, maximum=1000)
    width = Parameter(640, "pixels", minimum=1)
    mode = Parameter("fast", "how", choices=["fast", "good"])
    mirror = Parameter(False, "flip the picture")
    crop = Parameter([0, 0], "where")
    options = Parameter({"a": 1}, "what else")
    device = Parameter(None, "which", type=str)
    gain = Parameter(None, "how much", type=float, minimum=0)


def made(**values: Any) -> Camera:
    """A camera with these values."""
    camera = Camera()
    configure(camera, values)
    return camera


def test_default_is_read_until_a_value_is_set():
    """A parameter reads as its default; a set value belongs to one instance; the class gives the declaration."""
    one, other = made(rate=5.0, image="view"), made()
    assert (one.rate, one.image) == (5.0, "view")
    assert (other.rate, other.image) == (30.0, "camera")
    assert isinstance(Camera.rate, Parameter)
    assert isinstance(Camera.image, SlotName)
    one.rate = 6
    assert (one.rate, type(one.rate)) == (6.0, float)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("rate", "12.5", 12.5),
        ("rate", 12, 12.0),
        ("width", "320", 320),
        ("mode", "good", "good"),
        ("mirror", "yes", True),
        ("mirror", "ON", True),
        ("mirror", " true ", True),
        ("mirror", "0", False),
        ("mirror", "off", False),
        ("mirror", True, True),
        ("crop", "[1, 2]", [1, 2]),
        ("crop", [3], [3]),
        ("options", '{"b": [1]}', {"b": [1]}),
        ("device", "0", "0"),
        ("device", None, None),
        ("gain", "1", 1.0),
        ("gain", None, None),
    ],
)
def test_texts_are_read_as_on_a_command_line(name, value, expected):
    """Numbers, truth words and JSON are read from texts; values of the right type are taken as they are."""
    got = getattr(made(**{name: value}), name)
    assert got == expected
    assert type(got) is type(expected)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("rate", "fast", ["'rate'", "'fast'", "float"]),
        ("rate", 0.05, ["'rate'", "0.05", "at least 0.1 and at most 1000"]),
        ("rate", 1000.5, ["at most 1000"]),
        ("rate", math.nan, ["nan", "at least"]),
        ("rate", "nan", ["nan"]),
        ("rate", math.inf, ["inf", "at most 1000"]),
        ("rate", True, ["True", "float"]),
        ("rate", None, ["None", "float"]),
        ("rate", 10**400, ["float"]),
        ("rate", [1], ["[1]", "float"]),
        ("gain", -1, ["'gain'", "at least 0"]),
        ("width", 1.5, ["1.5", "an int"]),
        ("width", "1.5", ["'1.5'", "an int"]),
        ("width", True, ["True", "an int"]),
        ("width", 0, ["at least 1"]),
        ("width", "", ["''", "an int"]),
        ("mode", "slow", ["'slow'", "fast, good"]),
        ("mode", 1, ["1", "a str"]),
        ("mirror", "maybe", ["'maybe'", "a bool"]),
        ("mirror", 1, ["1", "a bool"]),
        ("crop", "[1", ["'[1'", "a list"]),
        ("crop", "{}", ["'{}'", "a list"]),
        ("crop", (1, 2), ["(1, 2)", "a list"]),
        ("crop", "[" * 100_000, ["a list"]),
        ("options", "[]", ["'[]'", "a dict"]),
        ("device", 0, ["0", "a str"]),
        ("image", "no name", ["slot 'image'", "'no name'"]),
        ("image", 5, ["slot 'image'", "5"]),
        ("image", "", ["slot 'image'"]),
        ("ratio", 1, ["Camera", "'ratio'", "did you mean 'rate'", "mirror"]),
    ],
)
def test_bad_values_are_refused_with_what_is_valid(name, value, words):
    """The error names the parameter, the value and the valid ones, and nothing is set."""
    with pytest.raises(ParameterError) as caught:
        made(**{name: value})
    for word in words:
        assert word in str(caught.value)


def test_nothing_bad_can_be_set_later():
    """An attribute of an agent is checked when it is assigned, too."""
    camera = made()
    with pytest.raises(ParameterError):
        camera.width = "wide"
    with pytest.raises(ParameterError):
        camera.image = "*"
    assert (camera.width, camera.image) == (640, "camera")


@given(
    st.sampled_from(sorted(declarations(Camera))),
    st.text() | st.integers() | st.floats() | st.none() | st.binary(),
)
def test_any_value_is_taken_or_refused_as_a_parameter(name, value):
    """Whatever is given, the answer is a value of the declared type or a ParameterError."""
    try:
        camera = made(**{name: value})
    except ParameterError:
        return
    got, declared = getattr(camera, name), declarations(Camera)[name]
    if isinstance(declared, Parameter):
        assert got is None or type(got) is declared.type
    else:
        assert got == value


@given(st.floats(allow_nan=False), st.integers(), st.booleans())
def test_values_survive_being_written_as_texts(number, whole, truth):
    """What a launch file or a shell writes as text is read back as the same value."""

    class Plain:
        number_ = Parameter(0.0)
        whole_ = Parameter(0)
        truth_ = Parameter(False)
        many = Parameter([])

    plain = Plain()
    many = [whole, truth, "x", None]
    configure(
        plain, {"number_": repr(number), "whole_": str(whole), "truth_": str(truth), "many": json.dumps(many)}
    )
    assert (plain.number_, plain.whole_, plain.truth_, plain.many) == (number, whole, truth, many)


@pytest.mark.parametrize("default", [object(), (1, 2), b"x", None, 1j])
def test_type_of_a_parameter_is_one_of_few(default):
    """A default of a type that no launch file can write is an error where it is declared."""
    with pytest.raises(ParameterError, match="bool, int, float, str, list, dict"):
        Parameter(default)


def test_default_has_to_be_valid_itself():
    """A default out of its own range or choices is found when the class is made; whole numbers become floats."""
    with pytest.raises(ParameterError, match="at least 10"):
        Parameter(5.0, minimum=10)
    with pytest.raises(ParameterError, match="a, b"):
        Parameter("c", choices=["a", "b"])
    assert type(Parameter(1, type=float).default) is float


def test_lists_and_dicts_belong_to_one_agent():
    """Changing a default list in one agent changes it in no other."""
    one, other = made(), made()
    one.crop.append(7)
    one.options["b"] = 2
    assert one.crop == [0, 0, 7]
    assert (other.crop, other.options) == ([0, 0], {"a": 1})
    assert Camera.crop.default == [0, 0]


def test_slot_name_is_checked_where_it_is_declared():
    """A default that is no slot name is found when the class is made."""
    with pytest.raises(SlotNameError):
        SlotName("not a name")


def test_declarations_are_inherited_and_replaced():
    """A subclass has its bases' settings first; it may declare one anew, or make it a plain constant."""

    class Webcam(Camera):
        width = Parameter(320, "fewer pixels")
        extra = Parameter(1)
        mode = "good"

    found = declarations(Webcam)
    assert next(iter(found)) == "image"
    assert "mode" not in found
    assert found["width"].default == 320
    assert found["extra"].name == "extra"
    with pytest.raises(ParameterError, match="no parameter 'mode'"):
        configure(Webcam(), {"mode": "fast"})
    assert Webcam().mode == "good"


def test_description_is_plain_data():
    """Declarations can be written as JSON, for help texts and for checking launch files."""
    described = {name: item.describe() for name, item in declarations(Camera).items()}
    assert json.loads(json.dumps(described)) == described
    assert described["rate"] == {
        "type": "float",
        "default": 30.0,
        "help": "frames per second",
        "choices": None,
        "minimum": 0.1,
        "maximum": 1000,
    }
    assert described["mode"]["choices"] == ["fast", "good"]
    assert described["device"]["type"] == "str"
    assert described["image"] == {"default": "camera", "help": "the picture"}
