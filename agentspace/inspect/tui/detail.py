"""Everything about one slot or one role."""

import pprint
from typing import Final

import numpy as np
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Sparkline, Static

from agentspace.core.value import Value
from agentspace.inspect.blocks import bar, picture, profile
from agentspace.inspect.tui.agents import STATES
from agentspace.inspect.views import RoleView, SlotView
from agentspace.inspect.wording import amount, duration, frequency, number, preview, time_left

_LINES: Final = 200  #: of a value that are shown
_LABEL: Final = 10


class Detail(VerticalScroll):
    """Shows a slot or a role, live."""

    DEFAULT_CSS = """
    Detail { padding: 0 1; scrollbar-size-vertical: 1; }
    Detail > Static { height: auto; }
    Detail > Sparkline { height: 3; margin: 1 0 0 0; display: none; }
    Detail.numeric > Sparkline { display: block; }
    Detail > Sparkline > .sparkline--max-color { color: $primary; }
    Detail > Sparkline > .sparkline--min-color { color: $primary-darken-2; }
    """

    def compose(self) -> ComposeResult:
        """Head, history, value, facts."""
        yield Static(classes="head")
        yield Sparkline(summary_function=lambda part: part[-1])
        yield Static(classes="span")
        yield Static(classes="value")
        yield Static(classes="facts")

    def show_slot(self, slot: SlotView) -> None:
        """Shows a slot."""
        head = Text.assemble((slot.name, "bold"), "  ", (slot.type if slot.readable else preview(slot), "dim"))
        self._put("head", head)
        self._show_history(slot)
        width = max(10, self.size.width - 3)
        self._put("value", _value_text(slot, width, max(6, self.size.height * 3 // 5)))
        self._put("facts", _facts(_slot_facts(slot)))

    def show_role(self, role: RoleView) -> None:
        """Shows a role."""
        state = (role.state, STATES.get(role.state, "dim"))
        self._put("head", Text.assemble((role.name, "bold"), "  ", state, ("  " + role.spec, "dim")))
        self.set_class(False, "numeric")
        self._put("span", Text())
        self._put("value", Text("\n" + role.error.strip(), "red") if role.error and not role.filled else Text())
        self._put("facts", _facts(_role_facts(role)))

    def show_nothing(self, why: str) -> None:
        """Says why there is nothing to show."""
        self.set_class(False, "numeric")
        for part in ("span", "value", "facts"):
            self._put(part, Text())
        self._put("head", Text(why, "dim"))

    def _put(self, part: str, text: Text) -> None:
        place = self.query_one(f".{part}", Static)
        place.update(text)
        place.display = bool(text)

    def _show_history(self, slot: SlotView) -> None:
        numeric = [sample for sample in slot.history if sample.numbers]
        shown = [each[0] if len(each) == 1 else float(np.linalg.norm(each)) for _, _, each in numeric]
        self.set_class(len(shown) > 1, "numeric")
        if len(shown) < 2:
            self._put("span", Text())
            return
        self.query_one(Sparkline).data = shown
        vector = len(numeric[-1].numbers) > 1
        several = slot.image or vector or isinstance(slot.value, np.ndarray)
        what = "mean of pixels" if slot.image else "length of the vector" if vector else "mean"
        span = numeric[-1].at - numeric[0].at
        limits = f"{number(min(shown))} … {number(max(shown))}, last {duration(span)}"
        self._put("span", Text(limits + (f" ({what})" if several else ""), "dim"))


def _value_text(slot: SlotView, width: int, height: int) -> Text:
    if not slot.readable:
        return Text()
    text = Text("\n")
    if slot.image:
        return text.append_text(picture(slot.value, width, height))
    if isinstance(slot.value, np.ndarray) and slot.value.dtype.kind in "biuf" and slot.value.size:
        shown = _bars if slot.value.ndim == 1 and slot.value.size <= height - 4 else _summary
        return text.append_text(shown(slot.value, width))
    return text.append(_whole(slot.value, width))


def _bars(value: Value, width: int) -> Text:
    numbers = np.asarray(value).tolist()
    limit = max((abs(item) for item in numbers if np.isfinite(item)), default=0.0)
    text = Text()
    for place, item in enumerate(numbers):
        drawn = bar(item if np.isfinite(item) else 0.0, limit, max(5, width - 16))
        text.append(f"{place:>3} ", "dim").append(drawn, "cyan").append(f" {number(item):>9}\n")
    return text


def _summary(value: Value, width: int) -> Text:
    """A large array: its profile, its range, its first and last numbers."""
    flat = np.asarray(value, dtype=np.float64).reshape(-1)
    finite = flat[np.isfinite(flat)]
    text = Text()
    if finite.size:
        parts = np.array_split(finite, min(width, finite.size))
        text.append(profile([float(part.mean()) for part in parts]) + "\n", "cyan")
        words = {"min": finite.min(), "max": finite.max(), "mean": finite.mean(), "std": finite.std()}
        text.append("  ".join(f"{name} {number(float(item))}" for name, item in words.items()) + "\n\n", "dim")
    return text.append(_whole(value, width))


def _whole(value: Value, width: int) -> str:
    if isinstance(value, str):
        return value[: _LINES * width]
    if isinstance(value, np.ndarray):
        return np.array2string(value, max_line_width=width, precision=4, threshold=40)
    lines = pprint.pformat(value, width=width, compact=True).splitlines()
    return "\n".join(lines[:_LINES] + (["…"] if len(lines) > _LINES else []))


def _slot_facts(slot: SlotView) -> dict[str, str]:
    return {
        "holder": slot.holder,
        "priority": f"{slot.priority:g}",
        "time left": time_left(slot),
        "age": f"{duration(slot.age)} ({slot.kind})",
        "latency": duration(slot.latency) if slot.latency else "",
        "revision": str(slot.revision),
        "rate": f"{frequency(slot.rate)} Hz  {amount(slot.bandwidth)}/s" if slot.rate else "",
        "refused": str(slot.refused or ""),
        "written by": ", ".join(slot.writers),
        "wakes": ", ".join(slot.triggers) or "nobody",
        "read by": ", ".join(slot.readers),
    }


def _role_facts(role: RoleView) -> dict[str, str]:
    usage = "" if role.cpu is None else f"{role.cpu:.0f} %  {amount(role.memory or 0)}"
    times = "" if role.handler_ms is None else f"{role.handler_ms:.2f} ms  p99 {role.handler_ms_p99 or 0:.2f} ms"
    return {
        "process": f"{role.pid or ''} on {role.host}" if role.host else str(role.pid or ""),
        "epoch": str(role.epoch),
        "uses": usage,
        "handled": f"{role.handled}  {frequency(role.rate)} Hz" if role.rate else str(role.handled),
        "handler": times,
        "pending": f"{role.pending}  lag {duration(role.lag)}" if role.pending and role.lag else "",
        "lost": f"{role.overflow} changes, {role.missed} ticks" if role.overflow or role.missed else "",
        "refused": str(role.refused or ""),
        "restarts": "" if role.restarts is None else str(role.restarts),
        "supervisor": role.reason,
        "woken by": ", ".join(mask + ("" if kind == "normal" else f" ({kind})") for mask, kind in role.triggers),
        "settings": ", ".join(f"{name}={value}" for name, value in role.settings.items()),
    }


def _facts(facts: dict[str, str]) -> Text:
    text = Text("\n")
    for name, fact in facts.items():
        if fact:
            text.append(f"{name:<{_LABEL}} ", "dim").append(fact + "\n")
    return text
