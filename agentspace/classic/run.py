"""Runs a program of the original Agent-Space as Python would, but for what ``import agentspace`` gives it."""

import atexit
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from types import CodeType, ModuleType
from typing import Final

from agentspace.agent.parent_process import die_with_parent, forget_safe_path
from agentspace.classic.agent import ClassicAgent
from agentspace.classic.facade import put_up
from agentspace.classic.program import Program, begin, others
from agentspace.classic.script import Script
from agentspace.classic.shadowed import give_way
from agentspace.errors import ProgramError
from agentspace.wire.address import Address

_INTERRUPTED: Final = 130
_FAILED: Final = 1


def run_program(
    script: Script,
    arguments: Sequence[str],
    address: Address,
    *,
    shares: bool,
    role: str | None = None,
    stop_timeout: float = 3.0,
) -> int:
    """Runs a program where its user stands, as Python does; for the main thread.

    Args:
        script: The program.
        arguments: Its arguments.
        address: Of the server, with the space if that is shared.
        shares: Whether it shares that space.
        role: The role of the program; None: by its name.
        stop_timeout: Seconds from the wish that it ends to its end, at most.

    Returns:
        The exit code, when its threads have ended.

    Raises:
        ProgramError: It cannot be read.
        AgentspaceError: No server is there.
    """
    die_with_parent()
    try:
        code = script.code()
    except (SyntaxError, ValueError) as error:
        if isinstance(error, ProgramError):
            raise
        _show(error.with_traceback(None))
        return _FAILED
    program = Program(script.file, address, shares=shares, role=role, stop_timeout=stop_timeout)
    begin(program)
    signal.signal(signal.SIGTERM, lambda *_: program.end())
    forget_safe_path()
    sys.argv = [script.name, *arguments]
    sys.path.insert(0, str(script.folder))
    put_up()
    give_way(script.folder)
    main = script.main_module()
    sys.modules["__main__"] = main
    return _wait(program, _execute(code, main, program))


def _execute(code: CodeType, main: ModuleType, program: Program) -> int:
    """The exit code of the main thread."""
    try:
        if main.__package__:
            import_module(main.__package__)
        exec(code, vars(main))  # noqa: S102  (it is what this is for)
    except SystemExit as end:
        return _code_of(end)
    except KeyboardInterrupt as error:
        if program.asked_to_end:
            return _end_agents()
        _show(error)
        return _INTERRUPTED
    except BaseException as error:
        _show(error)
        return _FAILED
    return 0


def _wait(program: Program, code: int) -> int:
    """Waits for the threads of the program, as Python does; Ctrl-C ends that."""
    try:
        for ends in reversed(threading._threading_atexits):  # type: ignore[attr-defined]  # of executors, say
            ends()
        while waits_for := others():
            for thread in waits_for:
                thread.join()
    except KeyboardInterrupt:
        if not program.asked_to_end:
            _leave_at_once(_INTERRUPTED)
        return _wait(program, _end_agents())
    except BaseException as error:  # of the program's own handler of a signal: it does not wait any longer
        if not isinstance(error, SystemExit):
            _show(error)
        _leave_at_once(code)
    return code


def _end_agents() -> int:
    with contextlib.suppress(Exception):  # of somebody's own `stop`
        ClassicAgent.stopAll()
    return 0


def _leave_at_once(code: int) -> None:
    """Ends the process whatever its threads do, and says so to whom it may concern."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.excepthook = lambda _: None  # that the space is closed is no news to anybody any more
    with contextlib.suppress(Exception):
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _code_of(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return (end.code or 0) & 0xFF
    sys.stderr.write(f"{end.code}\n")
    return _FAILED


def _show(error: BaseException) -> None:
    """Shows an error as Python does, without the frame that ran the program."""
    trace = error.__traceback__ and error.__traceback__.tb_next
    sys.excepthook(type(error), error.with_traceback(trace), trace)
