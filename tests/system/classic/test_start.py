"""How a program is named and begins: beside plain Python, which it must not be told from."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.server_process import ServerProcess
from tests.system.classic.conftest import written
from tests.system.classic.doubles import NEWEST, SECOND

TELLS = """
import os, sys
from agentspace import Agent, space
space["said"] = open("data/said.txt").read()
print(sys.argv, os.getcwd(), sys.path[0], __name__, __file__, __package__, getattr(__spec__, "name", None))
print(space["said"])
open(sys.argv[-1], "w").write("done")
"""
PYTHON = (sys.executable,)
CLASSIC = (sys.executable, "-P", "-m", "agentspace", "classic", "--log-level", "error")


def run(board: ServerProcess, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command in a folder, to its end."""
    environment = {"PATH": "/usr/bin:/bin", **board.environment, "PYTHONPATH": ":".join(filter(None, sys.path))}
    return subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def both(board: ServerProcess, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What a program says by itself, which is what it says on the server, with the same code."""
    here = {**board.environment, "PYTHONPATH": ""}
    alone = subprocess.run(
        (sys.executable, *words), cwd=folder, env=here, capture_output=True, text=True, check=False, timeout=60
    )
    served = run(board, folder, *CLASSIC, *words)
    assert (served.stdout, served.returncode) == (alone.stdout, alone.returncode), served.stderr
    assert served.stderr == alone.stderr
    return served


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A user's folder, with data and a program in a folder of its own."""
    written(tmp_path / "robot", TELLS, SECOND, "demo.py")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "said.txt").write_text("here")
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [("robot/demo.py",), ("robot/../robot/demo.py",), ("linked.py", "--verbose")],
    ids=["of another folder", "with a detour", "a link"],
)
def test_a_program_runs_where_its_user_is(board: ServerProcess, elsewhere: Path, words: tuple[str, ...]) -> None:
    """What it opens and writes by relative names, and its arguments, are meant from there."""
    (elsewhere / "linked.py").symlink_to("robot/demo.py")
    both(board, elsewhere, *words, "result.txt")
    assert (elsewhere / "result.txt").read_text() == "done"


def test_the_folder_of_a_program_stands_for_it(board: ServerProcess, elsewhere: Path) -> None:
    """Its `__main__.py`, as for Python; else its `main.py`, which most programs have."""
    (elsewhere / "robot" / "main.py").write_text(TELLS)
    done = run(board, elsewhere, *CLASSIC, "robot/", "result.txt")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{elsewhere} {elsewhere / 'robot'} __main__ {elsewhere / 'robot' / 'main.py'}" in done.stdout
    (elsewhere / "robot" / "__main__.py").write_text("print('mine', __name__)")
    both(board, elsewhere, "robot")


@pytest.mark.parametrize("name", ["robot.demo", "robot.deep", "plain"])
def test_a_module_is_a_program(board: ServerProcess, elsewhere: Path, name: str) -> None:
    """As for ``python -m``: of a package, with what that imports; a package by its `__main__`; one alone."""
    (elsewhere / "agentspace.py").write_text(SECOND)
    (elsewhere / "robot" / "__init__.py").write_text("from agentspace import space\nspace['begun'] = 1\n")
    (elsewhere / "robot" / "deep").mkdir()
    (elsewhere / "robot" / "deep" / "__init__.py").write_text("")
    (elsewhere / "robot" / "deep" / "__main__.py").write_text(
        TELLS + "from ..beside import BESIDE\nprint(BESIDE, space['begun'])"
    )
    (elsewhere / "robot" / "beside.py").write_text("BESIDE = 'beside'")
    (elsewhere / "plain.py").write_text(TELLS)
    both(board, elsewhere, "-m", name, "-m", "result.txt")


@pytest.mark.parametrize("name", ["classic", "launch"])
def test_a_copy_on_the_path_takes_nobodys_place(tmp_path: Path, name: str) -> None:
    """PYTHONPATH leads to a folder of the original's programs: the command and its children find the library."""
    written(tmp_path / "path", "", SECOND)
    (tmp_path / "path" / "main.py").rename(tmp_path / "path" / "beside.py")
    file = written(
        tmp_path / "duck", "from agentspace import space\nspace['x'] = 5\nprint('wrote', space['x'])", SECOND
    )
    if name == "classic":
        file.write_text("import beside\n" + file.read_text())
    (tmp_path / "robot.yaml").write_text("version: 1\nagents:\n  duck: {program: duck/main.py}\n")
    begin = "import sys; sys.argv[0] = '/bin/agentspace'; import agentspace_command; agentspace_command.main()"
    with tempfile.TemporaryDirectory(prefix="as-") as folder:
        given = {"AGENTSPACE_RUN": folder, "AGENTSPACE_SPACE": "mine", "XDG_CONFIG_HOME": folder}
        done = subprocess.run(
            [sys.executable, "-c", begin, name, "duck/main.py" if name == "classic" else "robot.yaml"],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", **given, "PYTHONPATH": f"{tmp_path / 'path'}:{ROOT}"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    assert "wrote 5" in done.stdout + done.stderr


NAMES = (
    "click",
    "msgpack",
    "psutil",
    "rich",
    "yaml",
    "zmq",
    "calendar",
    "json",
    "queue",
    "random",
    "select",
    "token",
)
OWN = tuple(name for name in NAMES if name not in sys.builtin_module_names)  # which no folder comes before


def test_a_program_has_modules_of_its_own(board: ServerProcess, tmp_path: Path) -> None:
    """With names of those that the library uses: it finds its own, and the library goes on with the others."""
    code = (
        "import importlib, time\nfrom agentspace import Agent, space\n"
        f"print([importlib.import_module(name).WHOSE for name in {OWN}])\n"
        "from json.decoder import DECODER\nprint(DECODER)\n"
        "import signal\nprint(signal.SIGINT)\n"
        "class EyeAgent(Agent):\n"
        "    def init(self): space.attach_trigger('go', self); self.attach_timer(0.01); self.n = 0\n"
        "    def senseSelectAct(self):\n"
        "        self.n += 1; space['seen'] = (self.n, 'x', [1.5], {'set': True}); space['odd'] = {1, 2}\n"
        "        if self.n > 4: space(validity=9, priority=3)['end'] = bytes(300000); self.stop()\n"
        "eye = EyeAgent(); space['go'] = True\n"
        "while space['end'] is None: time.sleep(0.01)\n"
        "eye.t.join(); print(space['seen'][1:], space['odd'], len(space['end']))\n"
    )
    file = written(tmp_path / "owner", code, SECOND)
    for name in OWN:
        (file.parent / f"{name}.py").write_text("WHOSE = 'mine'")
    (file.parent / "json.py").rename(file.parent / "json.txt")
    (file.parent / "json").mkdir()
    (file.parent / "json" / "__init__.py").write_text("WHOSE = 'mine'")
    (file.parent / "json" / "decoder.py").write_text("DECODER = 'mine'")
    for name in ("signal", "numpy"):  # no packages: the ones that are installed come first
        (file.parent / name).mkdir()
    done = run(board, tmp_path, *CLASSIC, "owner/main.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        str(["mine"] * len(OWN)),
        "mine",
        "2",
        "('x', [1.5], {'set': True}) {1, 2} 300000",
    ]


@pytest.mark.parametrize(
    "code",
    [
        "def f(:\n    pass\n",
        "x = 'never ends\n",
        "if True:\nprint()\n",
        "import sys\nsys.excepthook = lambda *error: print('caught', error[1])\n1 / 0\n",
        "def f(): return 1 / 0\ndef g(): return f()\ng()\n",
        "raise SystemExit('over')\n",
        "try: {}['a']\nexcept KeyError as e: raise ValueError('b') from e\n",
        "import there_is_none\n",
    ],
    ids=["syntax", "text", "indentation", "hook", "nested", "exit", "cause", "import"],
)
def test_errors_are_shown_as_python_shows_them(board: ServerProcess, tmp_path: Path, code: str) -> None:
    """Letter by letter: no line of it names this library."""
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "main.py").write_text(code)
    both(board, tmp_path, "wrong/main.py")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("none.py",), "there is no 'none.py' in {here}; name a program as for python: a file, its folder, or -m"),
        (("empty/",), "there is no __main__.py and no main.py in the folder empty: name the file"),
        (("robot.yaml",), "a launch file is run with `agentspace launch robot.yaml`"),
        (("picture.png",), "is no Python program, but bytes that no text has"),
        (("agents.camera:Camera",), "an agent of this library is run with `agentspace agent MODULE:CLASS`"),
        (("-m", "none.at.all"), "there is no module 'none.at.all' that can be run, neither in {here} nor on"),
        (("-m", "empty"), "there is no module 'empty' that can be run"),
    ],
)
def test_what_is_no_program_is_told_in_one_line(
    board: ServerProcess, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    """With what to do; code 2."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "robot.yaml").write_text("version: 1\n")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    done = run(board, tmp_path, *CLASSIC, *words)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert said.format(here=tmp_path) in line


TICKS = """
from agentspace import *
class Ticks(Agent):
    def init(self): self.attach_timer(0.05)
    def senseSelectAct(self):
        print(self.triggered())
        self.stop()
Ticks().t.join()
"""


@pytest.mark.parametrize("place", ["beside", "package", "appended", "inserted"])
def test_a_copy_tells_its_habits_wherever_it_is_found(board: ServerProcess, tmp_path: Path, place: str) -> None:
    """Beside the program, as a file or a package; in a folder that the program puts on its path first."""
    program, library = tmp_path / "robot", tmp_path / "lib"
    folder = {"beside": program, "package": program / "agentspace"}.get(place, library)
    written(folder, "", NEWEST)
    if place == "package":
        (folder / "agentspace.py").rename(folder / "__init__.py")
    add = {"appended": f"sys.path.append({str(library)!r})", "inserted": f"sys.path.insert(0, {str(library)!r})"}
    program.mkdir(exist_ok=True)
    (program / "demo.py").write_text(f"import sys\n{add.get(place, '')}\n{TICKS}")
    assert "__timer__" in both(board, tmp_path, "robot/demo.py").stdout


@pytest.mark.parametrize(
    "ends", ["sys.stdout.close()", "sys.stdout = open('log', 'w'); sys.stdout.close()", "sys.stdout = None"]
)
def test_a_program_may_close_what_it_prints_to(board: ServerProcess, elsewhere: Path, ends: str) -> None:
    """It ends as it did: nobody prints there after it."""
    written(
        elsewhere / "robot",
        f"import sys\nfrom agentspace import space\nprint(space['a'])\n{ends}",
        SECOND,
        "demo.py",
    )
    assert both(board, elsewhere, "robot/demo.py").returncode == 0


def test_who_runs_new_agents_as_a_program_is_told(board: ServerProcess, tmp_path: Path) -> None:
    """Nothing happens in such a file; the command that runs its agents is named."""
    written(
        tmp_path, "from agentspace import Agent\nclass Eye(Agent):\n    def sense_select_act(self): pass\n", SECOND
    )
    words = ("-P", "-m", "agentspace", "classic", "main.py")
    assert "`agentspace agent main:Eye` runs it" in run(board, tmp_path, sys.executable, *words).stderr
