"""Claims about the documentation: what it shows happens, what it names exists, and nothing is left out."""

from __future__ import annotations

import ast
import dataclasses
import itertools
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import get_type_hints

import click
import pytest

import agentspace
from agentspace.cli import main
from agentspace.wire.format import Message
from tests.support.page import act_out, commands, fences
from tests.support.paths import ROOT

DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [ROOT / "README.md", *DOCS]
TEXTS = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
TUTORIAL = ROOT / "docs" / "tutorial" / "first_robot.md"
TESTED_ELSEWHERE = [ROOT / "docs" / "reference" / "launch.md", TUTORIAL]  # the first by test_documented.py
ELSEWHERE = {
    "docs/_build/html",
    "agents.other",
    "agentspace.py",
    "agentspace.Change",
    "agentspace.end",
    "agentspace.loss",
}
"""Names that pages need, and that are not in the repository."""
_ENDS = ("|", "||", "&&", "&", ";", ">", "2>/dev/null")  # of a command in a line of a shell
COMMANDS: dict[str, click.Command] = main.commands


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", [p for p in PAGES if p not in TESTED_ELSEWHERE], ids=name)
def test_what_a_page_shows_happens(page: Path) -> None:
    """Every example, from the top of the page to its end, gives what is printed below it."""
    act_out(page)


@pytest.mark.timeout(300)
def test_the_tutorial_happens_as_shown() -> None:
    """Every command of it is run, and says what the page says."""
    act_out(TUTORIAL)


def test_the_tutorial_is_read_and_typed_in_nine_minutes() -> None:
    """With the half minute in which its commands run, that is a first robot in ten minutes."""
    blocks = fences(TUTORIAL)
    prose = re.sub(r"^```.*?^```$", "", TUTORIAL.read_text(encoding="utf-8"), flags=re.M | re.S)
    samples = sum(len(block.text.split()) for block in blocks)
    read = 60 * (len(prose.split()) / 200 + samples / 300)  # words a minute
    files = sum(block.language in ("python", "yaml") for block in blocks)
    typed = sum(len(commands(block.text)) for block in blocks if block.language == "console")
    assert read + 10 * files + 5 * typed <= 540


def test_the_tutorial_begins_with_what_a_new_project_has() -> None:
    """Its first agent is that of the template, to the letter."""
    text = next(block.text for block in fences(TUTORIAL) if block.text.startswith("# agents/guard.py\n"))
    template = ROOT / "agentspace" / "template" / "agents" / "guard.py.in"
    assert text.removeprefix("# agents/guard.py\n") == template.read_text(encoding="utf-8")


def calls(page: Path) -> list[list[str]]:
    """The words of every agentspace command that a page names: in blocks, and in the text."""
    found = []
    text = page.read_text(encoding="utf-8")
    for fence in fences(page):
        if fence.language == "console":
            found += [command.line for command in commands(fence.text)]
        elif fence.language in ("sh", "text", "yaml"):
            found += re.findall(r"^(?:# +|\s*)?(agentspace .*)", fence.text, re.MULTILINE)
    found += re.findall(r"(?<!`)`(agentspace [^`]*)`(?!`)", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S))
    calls = [shlex.split(line.replace("'s ", " "), comments=True) for line in found]
    return [words for words in calls if words and words[0] == "agentspace"]


def options(command: click.Command) -> set[str]:
    context = click.Context(
        command, parent=click.Context(main, **main.context_settings), **command.context_settings
    )
    own = {name for item in command.get_params(context) for name in item.opts if name.startswith("-")}
    inner = command.commands.values() if isinstance(command, click.Group) and command is not main else ()
    return own.union(*map(options, inner))


@pytest.mark.parametrize("page", TEXTS, ids=name)
def test_commands_exist(page: Path) -> None:
    """Every command of agentspace that is named exists, and has the options with which it is named."""
    for call in calls(page):
        words = list(itertools.takewhile(lambda word: word not in _ENDS, call[1:]))
        used = {word.partition("=")[0] for word in words if re.match(r"--?[A-Za-z]", word)}
        command: click.Command = main
        if words and not words[0].startswith("-") and words[0] != "COMMAND":
            assert words[0] in COMMANDS, f"{name(page)}: agentspace {' '.join(words)}"
            command = COMMANDS[words[0]]
        known = options(command) | {"--help", "-h"}
        assert used <= known, f"{name(page)}: agentspace {' '.join(words)}"


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_no_option_is_left_out(command: str) -> None:
    """The reference has a section for every command, and in it every option."""
    text = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    section = re.search(rf"^## agentspace {command}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section is not None, command
    shown = set(re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", section[1]))
    assert options(COMMANDS[command]) - {"--help", "-h"} <= shown
    assert f"| `agentspace {command}` |" in text


def test_exit_codes() -> None:
    """The table of exit codes has those that the program itself explains."""
    text = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    told = {int(code) for code in re.findall(r"(?<!\S)(\d+)  [a-z]", main.help or "")}
    assert {0, 1, 2, 3, 4, 5, 130} <= told
    assert told <= {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}


def test_the_public_api_is_documented() -> None:
    """The page names each public name of the library, and no other as if it were one."""
    text = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    directive = r"^\.\. (?:autoclass|autofunction|py:data):: agentspace\.(\w+)(?:\(\))?$"
    elsewhere = {"AgentspaceError"}  # shown with the module of errors
    assert set(re.findall(directive, text, re.MULTILINE)) | elsewhere == set(agentspace.__all__)


def messages() -> dict[int, tuple[str, str]]:
    """The messages of the code: name and fields by number."""
    found = {}
    for kind in Message.__subclasses__():
        if "CODE" in vars(kind):
            hints = get_type_hints(kind)
            types = {field.name: hints[field.name] for field in dataclasses.fields(kind)}
            fields = ", ".join(f"{name}: {getattr(of, '__name__', of)}" for name, of in types.items())
            found[kind.CODE] = (kind.__name__, fields)
    return found


def test_messages() -> None:
    """The tables of the protocol have the messages of the code: numbers, names, fields and their types."""
    text = (ROOT / "docs" / "reference" / "protocol.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| ([A-Z]\w+) \| (?:`([^`]*)`)? ?\|", text, re.MULTILINE)
    assert {int(code): (kind, fields.replace("\\|", "|")) for code, kind, fields in rows} == messages()


def _template(node: ast.AST) -> str | None:
    """A text of the source; what is filled in is a NUL."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def texts() -> list[str]:
    """All texts of the programs: of their messages, too."""
    modules = [path for folder in ("agentspace", "agents", "models") for path in (ROOT / folder).rglob("*.py")]
    nodes = [node for path in modules for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    return [*filter(None, map(_template, nodes)), (ROOT / "Makefile").read_text(encoding="utf-8")]


def test_messages_that_are_explained_exist() -> None:
    """Each message in the tables of the troubleshooting page is one of the programs."""
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| (`+)(.+?)\1 \|", page, re.MULTILINE)
    patterns = {text: re.compile(".*".join(map(re.escape, text.split("...")))) for _, text in explained}
    known = texts()
    assert len(patterns) > 40
    assert [text for text, pattern in patterns.items() if not any(map(pattern.search, known))] == []


@pytest.mark.parametrize("page", TEXTS, ids=name)
def test_links(page: Path) -> None:
    """Every link to a file of the repository leads to one, and every link to a heading to one in that file."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith(("http://", "https://")):
            continue
        file, _, heading = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), f"{name(page)}: {link}"
        if heading:
            titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
            assert heading in anchors, f"{name(page)}: {link}"


def _is_named(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    steps = name.split(".")
    for end in range(len(steps), 0, -1):
        place = ROOT.joinpath(*steps[:end])
        file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if file.exists():
            return all(re.search(rf"\b{step}\b", file.read_text(encoding="utf-8")) for step in steps[end:])
    return False


@pytest.mark.parametrize("page", sorted({*TEXTS} - {TUTORIAL, ROOT / "CHANGELOG.md"}), ids=name)
def test_what_is_named_exists(page: Path) -> None:
    """Every file and every module of the repository that the text of a page names is there."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    files = set(re.findall(r"(?<![\w/.])(?:agentspace|agents|models|tests|launch|docs)/[\w./-]*[\w/]", text))
    names = set(re.findall(r"(?<![\w/.])(?:agentspace|agents|models|tests)(?:\.\w+)+", text))
    assert {
        file for file in files - ELSEWHERE if not (re.search("[A-Z]{4}", file) or (ROOT / file).exists())
    } == set()
    assert {name for name in names - ELSEWHERE if not _is_named(name)} == set()


WRONG = {
    "output of Python": "```python\n>>> 1 + 1\n3\n\n```\n",
    "error in Python": "```python\nassert 1 + 1 == 3\n```\n",
    "message of an error": "```python\n>>> int('x')\nTraceback (most recent call last):\nValueError: no\n\n```\n",
    "output of a command": "```console\n$ echo 2\n3\n```\n",
    "exit code of a command": "```console\n$ false\n```\n",
    "end of a command that stays": "```console\n$ agentspace server &\n$ false &\n$ agentspace stop --all\n```\n",
    "output of a command that stays": "```console stays\n$ agentspace server &\n$ agentspace ps\nnothing\n```\n",
    "file": "```python\n# a/b.py\nx = 1\n```\n```console\n$ grep -c z a/b.py\n```\n",
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_wrong_examples_are_noticed(tmp_path: Path, text: str) -> None:
    """An example that does not do what it shows fails the test of its page."""
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(AssertionError):
        act_out(page)


def test_notice() -> None:
    """Every package that the project needs is named, with its licence, in NOTICE."""
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["robot"]]
    needed += project["optional-dependencies"]["train"]
    names = {re.match(r"[\w-]+", requirement)[0] for requirement in needed}  # type: ignore[index]  # all begin so
    assert {package for package in names if package not in notice} == set()


def test_changelog() -> None:
    """The version of the project has its section in the changelog."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"## [{project['version']}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_builds_without_warnings(tmp_path: Path) -> None:
    """Sphinx builds the documentation, and every reference in it, without a warning."""
    command = [sys.executable, "-m", "sphinx", "-q", "-n", "-W", "--keep-going", "-b", "html"]
    done = subprocess.run(
        [*command, ROOT / "docs", tmp_path], capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr
    built = {page.relative_to(tmp_path).with_suffix(".md") for page in tmp_path.rglob("*.html")}
    assert {page.relative_to(ROOT / "docs") for page in DOCS} <= built
