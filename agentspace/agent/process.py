"""A process that fills a role: finds the agent's class, connects, runs it, and ends cleanly on a signal."""

import contextlib
import faulthandler
import importlib
import importlib.util
import logging
import math
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from agentspace.agent.agent import Agent
from agentspace.agent.code import PROJECT_VARIABLE, sources
from agentspace.agent.origin import check_origin
from agentspace.agent.parameter import configure, introduction
from agentspace.agent.parent_process import die_with_parent, forget_safe_path, in_place, shadow
from agentspace.agent.review import review
from agentspace.agent.runner import Runner, tolerance
from agentspace.client.account import SpaceAccount
from agentspace.client.space import connect
from agentspace.core.role import USUAL, Beginning
from agentspace.core.values.code import code_of
from agentspace.core.values.names import check_role, why_long
from agentspace.core.values.value import flaw, valid_text
from agentspace.errors import AgentNotFoundError, AgentspaceError, ParameterError, SwapError, suggest
from agentspace.wire.address import Address

EXIT_OVERDUE: Final = 124  #: a handler or `init` was still running when the time to stop was over
EXIT_INTERRUPTED: Final = 130  #: Ctrl-C came twice
STOP_TIMEOUT: Final = 5.0  #: seconds between a signal and the end, at most
_DEEPEST: Final = 12  #: frames that are told of one that did not stop
CONNECT_TIMEOUT: Final = 10.0  #: seconds to wait for the server
_STDERR: Final = 2
NO_VALUES: Mapping[str, Any] = MappingProxyType({})


def load(spec: str, project: Path, packages: Collection[str] | None = None) -> type[Agent]:
    """The agent class that a spec such as ``agents.camera:Camera`` names, as it is on the disk now.

    Args:
        spec: Module and class.
        project: The folder from which it is imported.
        packages: If not None, it must be of the project, or of one of these.

    Raises:
        AgentNotFoundError: There is no such module or class, or importing fails; lists the module's agents.
        SwapError: It is from elsewhere; nothing of it was imported.
    """
    module_name, _, class_name = spec.partition(":")
    if not (module_name and class_name):
        raise AgentNotFoundError(f"{spec!r} is not an agent: write MODULE:CLASS, such as agents.camera:Camera")
    if why := why_long(spec):
        raise AgentNotFoundError(why)
    folder = str(project)
    if folder not in sys.path[:1]:
        sys.path.insert(0, folder)
    sources.follow(project)
    importlib.invalidate_caches()
    if packages is not None:
        check_origin(spec, project, packages)
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        place = _place(error, project)
        raise AgentNotFoundError(f"cannot import {module_name!r} from {project}: {place}{error}") from error
    except Exception as error:
        raise AgentNotFoundError(
            f"{module_name!r} fails when it is imported: {_place(error, project)}{type(error).__name__}: {error}"
        ) from error
    found = getattr(module, class_name, None)
    if not (isinstance(found, type) and issubclass(found, Agent)):
        what = "no class" if found is None else "no subclass of Agent"
        raise AgentNotFoundError(
            f"{module_name} has {what} {class_name!r}: {suggest(class_name, agents_of(module))}"
        )
    return found


def _place(error: Exception, project: Path) -> str:
    """The line of the project that an import failed in, as "file:line: "; nothing if it did not get that far."""
    frames = [(frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename is not None:
        frames.append((error.filename, error.lineno or 0))
    mine = [(Path(file), line) for file, line in frames if Path(file).is_relative_to(project)]
    return "".join(f"{file.relative_to(project)}:{line}: " for file, line in mine[-1:])


def examined(found: type[Agent], project: Path) -> type[Agent]:
    """The class, unless it has mistakes; what may be one is told to the log.

    Raises:
        AgentNotFoundError: It has; each is told with its place.
    """
    problems, doubts = review(found, project)
    if problems:
        raise AgentNotFoundError("\n".join(problems))
    file = shadow(project)
    for doubt in (*doubts, *([f"{file}:1: {in_place(file)}"] if file else [])):
        logging.getLogger("agentspace").warning("%s", doubt)
    return found


def agents_of(module: object) -> list[str]:
    """The names of the agent classes that a module defines."""
    return sorted(
        name
        for name, item in vars(module).items()
        if isinstance(item, type)
        and issubclass(item, Agent)
        and item.__module__ == getattr(module, "__name__", "")
    )


def settings(pairs: Sequence[str]) -> dict[str, str]:
    """The ``name=value`` pairs of a command line.

    Raises:
        ParameterError: One has no ``=``, or a name comes twice.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ParameterError(f"{pair!r} is not a setting: write name=value")
        if name in found:
            raise ParameterError(f"{name!r} is set twice: to {found[name]!r} and to {value!r}")
        found[name] = value
    return found


def run(
    spec: str,
    role: str | None = None,
    space: str | Address = "",
    values: Mapping[str, Any] = NO_VALUES,
    *,
    project: Path | None = None,
    swap: int | None = None,
    offers: Mapping[str, Any] = NO_VALUES,
    packages: Collection[str] | None = None,
    stop_timeout: float = STOP_TIMEOUT,
    how: Beginning = USUAL,
) -> int:
    """Runs an agent in this process until it is stopped; for the main thread.

    It ends with SIGTERM, with SIGINT, and with the launch that started this process, if one did.

    Args:
        spec: Module and class, such as ``agents.camera:Camera``.
        role: The role that it fills; by default the class's name in lower case.
        space: Where; by default the local space of this user.
        values: Parameters and slot names.
        project: The folder of the user's project, from which the class is imported; by default this one.
        swap: The number of the swap in which it takes its role over from a predecessor; 0 for one of its own;
            None to fill a role that nobody fills.
        offers: Further values, of its predecessor: used if the class has them and they are valid for it.
        packages: Besides modules of the project, the class may be from these; None: from anywhere.
        stop_timeout: Seconds between SIGTERM or SIGINT and the end, at most.
        how: What it takes over of those before it.

    Returns:
        The exit code: 0 if it ended well, 1 if not.

    Raises:
        AgentspaceError: It could not begin; a swap is rolled back.
    """
    die_with_parent()
    with contextlib.suppress(OSError, ValueError):  # there is no stderr
        faulthandler.enable(_STDERR)
    forget_safe_path()
    role, project = role or default_role(spec), project or Path.cwd()
    if why := flaw(str(project)):  # each agent tells the space where its project is
        raise AgentspaceError(f"no agent can run from this folder: its path {why}; rename it")
    if not role:
        load(spec, project)  # says that the spec names no class
    check_role(role)
    agent = examined(load(spec, project), project)(**values) if swap is None else None
    with connect(space, role, timeout=CONNECT_TIMEOUT, patience=math.inf) as there:
        if agent is not None:
            session = there.join(role, _introduction(spec, project, agent), how=how)
        else:
            launch = None if swap else SpaceAccount.of(there).launch_of(role)
            if launch is not None:  # it would take the end of its process for the end of the role
                raise SwapError(
                    f"role {role!r} is supervised by launch {launch!r}: use agentspace swap {role} {spec}"
                )
            session = there.join(role, {"class": spec}, swap, how)
            try:
                found = examined(load(spec, project, packages), project)
                agent, left_out = _accept(found, values, offers)
            except BaseException as error:
                session.leave("failed", f"failed: {valid_text(str(error))}")  # its requester is to know why
                raise
            session.info = {**_introduction(spec, project, agent), "left_out": left_out}
        runner = Runner(agent, session, project, code=lambda: _code(project))
        with _stopped_by_signals(runner, stop_timeout):
            return 0 if runner.run() else 1


def lend_to_children(project: Path) -> None:
    """Lets processes that `multiprocessing` starts anew compile the modules of a project from their source too.

    They run the main module of their parent first. That of an agent has nothing to offer, so they get another.
    """
    os.environ[PROJECT_VARIABLE] = str(project)
    sys.modules["__main__"].__spec__ = importlib.util.find_spec("agentspace.agent.spawned")


def default_role(spec: str) -> str:
    """The role that a class fills if nobody says otherwise."""
    return spec.partition(":")[2].lower()


def _accept(found: type[Agent], values: Mapping[str, Any], offers: Mapping[str, Any]) -> tuple[Agent, list[str]]:
    """The agent with its values and those of the offers that it can use; and the names of the others."""
    agent = found(**values)
    left_out = []
    for name, value in offers.items():
        if name in values:
            continue
        try:
            configure(agent, {name: value})
        except ParameterError:
            left_out.append(name)
    return agent, left_out


def _introduction(spec: str, project: Path, agent: Agent) -> dict[str, Any]:
    """The incarnation's introduction of itself."""
    told = {"class": spec, "host": os.uname().nodename, "project": str(project), **introduction(agent)}
    return {**told, **_code(project), **tolerance(agent)}


def _code(project: Path) -> dict[str, Any]:
    """The code that this process runs, as far as it has imported it."""
    found = sources.of(project)
    return {"code": code_of(found), "sources": found}


@contextlib.contextmanager
def _stopped_by_signals(runner: Runner, stop_timeout: float) -> Iterator[None]:
    """SIGTERM and SIGINT ask the agent to end, and make sure that it does.

    They are heard by a thread: a handler that hangs inside of C never lets Python handle a signal.
    """
    ear, mouth = socket.socketpair()
    mouth.setblocking(False)
    listener = threading.Thread(target=_listen, args=(ear, runner, stop_timeout), name="signals", daemon=True)
    listener.start()
    wakeup = signal.set_wakeup_fd(mouth.fileno())
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup)
        mouth.close()
        listener.join()
        ear.close()


def _listen(ear: socket.socket, runner: Runner, stop_timeout: float) -> None:
    """A second Ctrl-C ends it at once. A second SIGTERM does not: several may come when a supervisor dies."""
    asked = interrupted = False
    while heard := ear.recv(1):
        if interrupted and heard[0] == signal.SIGINT:
            os._exit(EXIT_INTERRUPTED)
        if heard[0] not in (signal.SIGTERM, signal.SIGINT):
            continue
        interrupted |= heard[0] == signal.SIGINT
        if not asked:
            asked = True
            runner.stop(heard[0])
            deadline = threading.Timer(stop_timeout, _overdue, [stop_timeout])
            deadline.daemon = True
            deadline.start()


def _overdue(stop_timeout: float) -> None:
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    where = "".join(traceback.format_stack(frame, _DEEPEST)) if frame else ""
    logging.getLogger("agentspace").error("did not stop within %g s: ended; it was in\n%s", stop_timeout, where)
    logging.shutdown()
    os._exit(EXIT_OVERDUE)
