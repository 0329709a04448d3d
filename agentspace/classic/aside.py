"""A thread that asks the space for a signal handler: the thread that the signal came to may be asking itself.

It has its connection from the start, so it needs no lock that the interrupted thread may hold.
"""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class _Question:
    """A question, and its answer."""

    def __init__(self, ask: Callable[[], Any]) -> None:
        self.ask = ask
        self.answer: Any = None
        self.error: BaseException | None = None
        self.done = threading.Event()


class Aside:
    """Asks questions, one after the other.

    Args:
        begin: What its thread does first.
    """

    def __init__(self, begin: Callable[[], object]) -> None:
        self._questions: SimpleQueue[_Question] = SimpleQueue()
        first = _Question(begin)
        self._questions.put(first)
        threading.Thread(target=self._live, name="agentspace-aside", daemon=True).start()
        first.done.wait()

    def ask(self, question: Callable[[], T]) -> T:
        """The answer; an error is raised here."""
        asked = _Question(question)
        self._questions.put(asked)
        asked.done.wait()
        if asked.error is not None:
            raise asked.error
        answer: T = asked.answer
        return answer

    def _live(self) -> None:
        while True:
            asked = self._questions.get()
            try:
                asked.answer = asked.ask()
            except BaseException as error:
                asked.error = error
            asked.done.set()
