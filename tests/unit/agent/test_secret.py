"""Secret parameters: given by file or variable, read by their agent, shown to nobody."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from agentspace import Agent, Parameter
from agentspace.agent.parameter import check_shown, introduction
from agentspace.core.setting import HIDDEN, Setting
from agentspace.errors import ParameterError

SECRET = "hunter2-€"


class Speaker(Agent):
    """Has a password."""

    token = Parameter("", "for the service", secret=True)
    rate = Parameter(1.0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Holds the secret."""
    path = tmp_path / "token"
    path.write_text(SECRET + "\n", encoding="utf-8")
    path.chmod(0o600)
    return path


def test_it_is_read_from_a_file_or_a_variable(file, monkeypatch):
    """As data of a launch file, or as JSON on a command line; the end of the line is not a part of it."""
    monkeypatch.setenv("TOKEN", SECRET)
    for where in ({"file": str(file)}, {"env": "TOKEN"}):
        for given in (where, json.dumps(where)):
            assert Speaker(token=given).token == SECRET
    assert Speaker(token=SECRET).token == SECRET
    assert Speaker().token == ""


def test_it_is_told_to_nobody(file, caplog):
    """Not in what its role says of itself, and not in a warning that it stands there plainly."""
    with caplog.at_level(logging.DEBUG):
        told = introduction(Speaker(token=SECRET))
        assert "plain text" in caplog.text
        assert SECRET not in caplog.text
        caplog.clear()
        introduction(Speaker(token={"file": str(file)}))
        assert caplog.text == ""
    assert told == {"settings": {"token": HIDDEN, "rate": 1.0}, "secrets": ["token"]}
    assert introduction(Speaker())["settings"]["token"] == ""


def test_a_default_is_not_described():
    """`agentspace describe`, `--help` and the launch file's check get a mark of it."""

    class Bad(Agent):
        token = Parameter(SECRET, secret=True)

    described = Bad.describe()["parameters"]["token"]
    assert (described["default"], described["secret"]) == (HIDDEN, True)
    assert SECRET not in json.dumps(Bad.describe(), ensure_ascii=False)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o606])
def test_a_file_that_others_may_read_is_refused(file, mode):
    """The remedy is told, and nothing of the secret."""
    file.chmod(mode)
    with pytest.raises(ParameterError, match=f"chmod 600 {file}") as caught:
        Speaker(token={"file": str(file)})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"file": "/no/where"}, "cannot read /no/where"),
        ({"env": "NO_SUCH_TOKEN"}, "no environment variable 'NO_SUCH_TOKEN'"),
        ({"file": "a", "env": "b"}, "dict"),
        ({"url": "a"}, ""),
        (17, ""),
        ([SECRET], ""),
    ],
)
def test_mistakes_are_told_without_it(given, what):
    """Whatever was written in its place."""
    with pytest.raises(ParameterError, match="token") as caught:
        Speaker(token=given)
    assert SECRET not in str(caught.value)
    assert not what or what in str(caught.value) or HIDDEN in str(caught.value)


def test_what_would_be_shown_cannot_be_secret():
    """Live settings and choices are, and so are numbers that are too great."""
    for wrong in ({"live": True}, {"choices": ["a"]}):
        with pytest.raises(ParameterError, match="secret"):
            Parameter("a", secret=True, **wrong)
    with pytest.raises(ParameterError, match="secret"):
        Parameter(1, secret=True)


def test_a_command_line_takes_no_secret():
    """Everybody sees it in `ps`; where it is may stand there."""
    check_shown(Speaker, {"token": '{"env": "TOKEN"}', "rate": "2"})
    with pytest.raises(ParameterError, match="command line is shown to all") as caught:
        check_shown(Speaker, {"token": SECRET})
    assert SECRET not in str(caught.value)


def test_a_launch_file_may_give_either():
    """What its check knows of the class is enough for that; errors do not show it."""
    setting = Setting.from_dict("token", Speaker.describe()["parameters"]["token"])
    assert setting.check({"file": "x"}) == {"file": "x"}
    assert setting.check("plain") == "plain"
    with pytest.raises(ParameterError, match=r"\*\*\*"):
        setting.check([SECRET])
    plain = Setting.from_dict("rate", Speaker.describe()["parameters"]["rate"])
    with pytest.raises(ParameterError):
        plain.check({"file": "x"})
