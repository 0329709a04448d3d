"""Wrong words, help, addresses and completion: what all commands do alike."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.commands import lines_of
from tests.support.program import Program


@pytest.mark.parametrize(
    "words",
    [
        ["slots"],
        ["ps"],
        ["read", "x"],
        ["write", "x", "1"],
        ["delete", "x"],
        ["watch"],
        ["stop", "--all"],
        ["read", "x", "--space", "tcp://127.0.0.1:9"],
    ],
    ids=" ".join,
)
def test_no_server_is_code_3(cli, tmp_path, words):
    """Every command says that no server answers, and how to get one."""
    result = cli(*words, AGENTSPACE_RUN=str(tmp_path / "empty"), XDG_CONFIG_HOME=str(tmp_path))
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("agentspace: ")
    assert "agentspace server" in result.stderr or "space.key" in result.stderr


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["write", "x"], "VALUE"),
        (["write", "x", "1", "--file", __file__], "VALUE"),
        (["write", "x", "--file", __file__], "is no value"),
        (["write", "x", "--file", "/no/such.npy"], "/no/such.npy"),
        (["write", "a b", "1"], "'a b' is not a slot name"),
        (["write", "n\udcff", "1"], "it should be UTF-8"),  # so Python hands over bytes that are none
        (["write", "_/server", "1"], "the space's own"),
        (["write", "x", "1", "-v", "-1"], "validity"),
        (["write", "x", "1", "-d", "-1"], "delay"),
        (["write", "x", "1", "-p", "nan"], "priority"),
        (["write", "x", "1", "-p", "high"], "high"),
        (["write", "x", "1", "-a", "no_dtype"], "no_dtype"),
        (["write", "x", "1", "-a", "object"], "fixed size"),
        (["read", "a*"], "'a*' is not a slot name"),
        (["watch", "a b"], "mask"),
        (["watch", "arm/[ab"], "'arm/[ab' is not a mask: [ and ] enclose a set of characters"),
        (["watch", "-n", "0"], "0"),
        (["delete", ""], "''"),
        (["stop"], "ROLES"),
        (["stop", "a", "--all"], "ROLES"),
        (["stop", "nobody"], "no role 'nobody'"),
        (["slots", "--space", "a b"], "'a b' is not an address"),
        (["slots", "--space", "test#a b"], "name of a space"),
        (["slots", "--unknown"], "--unknown"),
        (["unknown"], "unknown"),
        (["completion", "tcsh"], "tcsh"),
    ],
    ids=lambda item: " ".join(item) if isinstance(item, list) else "",
)
def test_wrong_usage_is_code_2_and_names_what_is_wrong(cli, words, what):
    """The bad word is named, on stderr, without a traceback."""
    result = cli(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert what in result.stderr


def test_output_that_does_not_fit_is_code_2(cli, space, tmp_path):
    """An ending that does not fit the value is told with those that do; a folder that is missing, too."""
    space.write("words", "abc")
    for name in ("x.npy", "x.png", "x.jpg", "x"):
        result = cli("read", "words", "-o", tmp_path / name)
        assert (result.exit_code, ".json" in result.stderr) == (2, True)
    result = cli("read", "words", "-o", tmp_path / "no" / "x.json")
    assert (result.exit_code, "x.json" in result.stderr) == (2, True)


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["--version"], ["write", "-h"], ["agent", "--help"]])
def test_help_is_code_0(cli, words):
    """Help and version work without a server."""
    assert cli(*words, AGENTSPACE_RUN="/nonexistent").exit_code == 0


def test_named_spaces_are_reached(cli, server):
    """By #NAME, in an option or in the environment; they know nothing of each other."""
    assert cli("write", "n", "1", "-s", "#LEFT").exit_code == 0
    assert cli("write", "n", "2", "-s", f"{server.address}#RIGHT").exit_code == 0
    assert lines_of(cli("read", "n", "-s", "test#LEFT")) == ["1"]
    assert lines_of(cli("read", "n", AGENTSPACE_SPACE="test#RIGHT")) == ["2"]
    assert cli("read", "n").exit_code == 5


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(cli, shell):
    """Each shell gets its script."""
    assert "_AGENTSPACE_COMPLETE" in cli("completion", shell).stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("agentspace wr", {"write"}),
        ("agentspace read done/", {"done/a", "done/b"}),
        ("agentspace read _/serv", {"_/server"}),
        ("agentspace stop don", {"donna"}),
        ("agentspace agent agents.", {"agents.left_arm:LeftArm"}),
        ("agentspace read --space nowhere done/", set()),
    ],
)
def test_completion_knows_commands_slots_and_roles(cli, space, tmp_path, monkeypatch, words, expected):
    """Completion asks the server, and stays silent if there is none."""
    space.write("done/a", 1)
    space.write("done/b", 1)
    if "_/roles/donna" not in space.snapshot("_/roles/*"):
        space.join("donna").leave("stopped")
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "left_arm.py").write_text(
        "class LeftArm(Agent):\n    pass\n\n\nclass Plain:\n    pass\n"
    )
    (tmp_path / "agents" / "broken.py").write_text("class (")
    monkeypatch.chdir(tmp_path)
    asked = {
        "_AGENTSPACE_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    told = cli(**asked)
    assert (told.exit_code, told.stderr) == (0, "")
    assert {line.partition(",")[2] for line in told.stdout.splitlines()} - {""} == expected


def test_completion_works_in_a_shell(server, space):
    """The installed program answers the shell's question."""
    asked = {"_AGENTSPACE_COMPLETE": "bash_complete", "COMP_WORDS": "agentspace wri", "COMP_CWORD": "1"}
    program = Path(sys.executable).with_name("agentspace")
    with Program([program], environment={**server.environment, **asked}) as completion:
        assert completion.wait() == 0
        assert completion.lines == ["plain,write"]
