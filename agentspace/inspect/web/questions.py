"""The questions of a page: the history of a slot, the graph, the log of a role, the parameters of its class."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from agentspace.core.life import LAUNCHES
from agentspace.errors import AgentspaceError
from agentspace.inspect.views import RoleView
from agentspace.inspect.web.chart import Chart, GraphWish
from agentspace.inspect.web.page_state import PageState

KINDS: Final = ("history", "graph", "log", "describe")
TAIL: Final = 32 << 10  #: bytes of a log that are sent at once
_PATIENCE: Final = 60.0  #: seconds for importing a class
_HOST: Final = os.uname().nodename


class QuestionError(AgentspaceError, ValueError):
    """There is no answer; says why."""


class Questions:
    """Answers what pages ask; may take long.

    Args:
        state: The newest snapshot.
    """

    def __init__(self, state: PageState) -> None:
        self._state = state
        self._chart = Chart()

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The answer: ``ok``, and what was asked for or a ``message`` for people."""
        try:
            match asked["do"]:
                case "history":
                    return self._state.history(str(asked.get("slot")))
                case "graph":
                    return {"ok": True, "drawing": self._chart.draw(self._state.snapshot, GraphWish.of(asked))}
                case "log":
                    return {"ok": True, **self._log(self._role(asked), asked.get("file"), asked.get("at"))}
                case _:
                    return {"ok": True, **_described(self._role(asked), str(asked.get("spec") or ""))}
        except (AgentspaceError, OSError, ValueError, TypeError) as error:
            return {"ok": False, "message": str(error)}

    def _role(self, asked: dict[str, Any]) -> RoleView:
        name = str(asked.get("role"))
        found = next((role for role in self._state.snapshot.roles if role.name == name), None)
        if found is None:
            raise QuestionError(f"there is no role {name!r}")
        return found

    def _log(self, role: RoleView, known: Any, at: Any) -> dict[str, Any]:
        """The end of the log that its launch writes, or what came since: after byte `at` of the file `known`."""
        path = self._log_file(role)
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            mark = f"{path}:{os.fstat(file.fileno()).st_ino}"
            goes_on = mark == known and isinstance(at, int) and 0 <= at <= size
            begin = max(size - TAIL, at if goes_on else 0)
            file.seek(begin)
            data = file.read(TAIL)
        told = {"file": mark, "path": str(path), "at": begin + len(data), "new": not goes_on or begin > at}
        return {**told, "text": data.decode("utf-8", errors="replace")}

    def _log_file(self, role: RoleView) -> Path:
        for launch in self._state.under(LAUNCHES):
            told = launch.value if isinstance(launch.value, dict) else {}
            if role.name in told.get("roles", ()) and (folder := told.get("logs")):
                path = Path(folder, f"{role.name}.log")
                if not path.is_file() or Path(folder).resolve() not in path.resolve().parents:
                    raise QuestionError(f"there is no {path} here: the role has said nothing, or runs elsewhere")
                return path
        raise QuestionError("no launch keeps a log of it")


def _described(role: RoleView, spec: str) -> dict[str, Any]:
    """The parameters and slot names of its class, or of another one of its project, as that is on the disk now."""
    if role.host != _HOST or not role.project:
        raise QuestionError(f"its class can be asked on its own machine only, {role.host or 'which is not known'}")
    spec = spec or role.spec
    command = [sys.executable, "-m", "agentspace", "describe", "--project", role.project, spec]
    try:
        done = subprocess.run(
            command, cwd=role.project, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=_PATIENCE, check=False,
        )  # fmt: skip
        told: dict[str, Any] = json.loads(done.stdout.strip().rpartition("\n")[2])[spec]
    except subprocess.TimeoutExpired:
        raise QuestionError(f"importing {spec} took more than {_PATIENCE:g} s") from None
    except (ValueError, KeyError):
        raise QuestionError(f"{spec} cannot be asked: {done.stderr.strip()[-300:]}") from None
    if told.get("error"):
        raise QuestionError(str(told["error"]))
    return {"spec": spec, **told}
