"""Everything about one slot or one role."""

from typing import Final

import numpy as np
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll

from agentspace.client.reports import SlotTurns
from agentspace.core.values.shown import in_full, in_words, number, printable
from agentspace.core.values.value import Value
from agentspace.inspect.blocks import bar, curve, picture, profile
from agentspace.inspect.tui.agents import STATES
from agentspace.inspect.tui.fading import FadingText
from agentspace.inspect.views import RoleView, SlotView, timeline
from agentspace.inspect.wording import amount, duration, frequency, preview, time_left

_LINES: Final = 200  #: of a value that are shown
_LABEL: Final = 10


class Detail(VerticalScroll):
    """Shows a slot or a role, live."""

    DEFAULT_CSS = """
    Detail { padding: 0 1; scrollbar-size-vertical: 1; }
    Detail > FadingText { height: auto; }
    Detail > .curve { margin: 1 0 0 0; color: $primary; }
    """

    def compose(self) -> ComposeResult:
        """Head, history, value, facts."""
        yield FadingText(classes="head")
        yield FadingText(classes="curve")
        yield FadingText(classes="span")
        yield FadingText(classes="value")
        yield FadingText(classes="facts")

    def show_slot(self, slot: SlotView, now: float, heard: float) -> None:
        """Shows a slot, at a time (s), with what was heard of the space at another, perhaps long before."""
        head = Text.assemble((slot.name, "bold"), "  ", (slot.type if slot.readable else preview(slot), "dim"))
        self._put("head", head)
        self._show_history(slot, now, heard)
        width = max(10, self.size.width - 3)
        self._put("value", value_text(slot, width, max(6, self.size.height * 3 // 5)))
        self._put("facts", _facts(_slot_facts(slot)))

    def show_role(self, role: RoleView) -> None:
        """Shows a role."""
        state = (role.state, STATES.get(role.state, "dim"))
        self._put("head", Text.assemble((role.name, "bold"), "  ", state, ("  " + role.spec, "dim")))
        self.set_class(False, "numeric")
        self._put("curve", Text())
        self._put("span", Text())
        self._put(
            "value",
            Text("\n" + printable(role.error.strip(), lines=True), "red")
            if role.error and not role.filled
            else Text(),
        )
        self._put("facts", _facts(_role_facts(role)))

    def show_nothing(self, why: str) -> None:
        """Says why there is nothing to show."""
        self.set_class(False, "numeric")
        for part in ("curve", "span", "value", "facts"):
            self._put(part, Text())
        self._put("head", Text(why, "dim"))

    def _put(self, part: str, text: Text) -> None:
        place = self.query_one(f".{part}", FadingText)
        place.update(text)
        place.display = bool(text)

    def _show_history(self, slot: SlotView, now: float, heard: float) -> None:
        numeric = [sample for sample in slot.history if sample.numbers]
        vectors = [sample.numbers for sample in numeric]
        shown = [each[0] if len(each) == 1 else float(np.linalg.norm(each)) for each in vectors]
        self.set_class(len(shown) > 1, "numeric")
        if len(shown) < 2:
            self._put("span", Text())
            self._put("curve", Text())
            return
        columns = timeline(slot.history, now, max(10, self.size.width - 3), heard)
        self._put("curve", Text(curve(columns), no_wrap=True))
        vector = len(numeric[-1].numbers) > 1
        several = slot.image or vector or isinstance(slot.value, np.ndarray)
        what = "mean of pixels" if slot.image else "length of the vector" if vector else "mean"
        span = now - slot.history[0].at
        limits = f"{number(min(shown))} … {number(max(shown))}, last {duration(span)}"
        self._put("span", Text(limits + (f" ({what})" if several else ""), "dim"))


def value_text(slot: SlotView, width: int, height: int) -> Text:
    """The value of a slot as its detail shows it: a picture, numbers, or text; empty if it cannot be read."""
    if not slot.readable:
        return Text()
    text = Text("\n")
    if slot.image:
        return text.append_text(picture(slot.value, width, height))
    if isinstance(slot.value, np.ndarray) and slot.value.dtype.kind in "biuf" and slot.value.size:
        shown = _bars if slot.value.ndim == 1 and slot.value.size <= height - 4 else _summary
        return text.append_text(shown(slot.value, width))
    return text.append(in_full(slot.value, _LINES * width, width))


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
    text = Text()
    with np.errstate(all="ignore"):  # NaNs that signal, sums beyond all floats
        flat = np.asarray(value, dtype=np.float64).reshape(-1)
        finite = flat[np.isfinite(flat)]
        if finite.size:
            parts = np.array_split(finite, min(width, finite.size))
            text.append(profile([float(part.mean()) for part in parts]) + "\n", "cyan")
            words = {"min": finite.min(), "max": finite.max(), "mean": finite.mean(), "std": finite.std()}
            text.append("  ".join(f"{name} {number(float(item))}" for name, item in words.items()) + "\n\n", "dim")
    return text.append(in_full(value, _LINES * width, width))


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
        "in turns": _turns(slot.turns),
        "wakes": ", ".join(slot.triggers) or "nobody",
        "read by": ", ".join(slot.readers),
    }


def _turns(turns: SlotTurns | None) -> str:
    return f"{', '.join(turns.writers)}: {turns.rate:g} Hz, equal priority" if turns and turns.rate else ""


def _times(median: float | None, p99: float | None) -> str:
    return "" if median is None else f"{median:.2f} ms  p99 {p99 or 0:.2f} ms"


def _role_facts(role: RoleView) -> dict[str, str]:
    usage = "" if role.cpu is None else f"{role.cpu:.0f} %  {amount(role.memory or 0)}"
    return {
        "process": f"{role.pid or ''} on {role.host}" if role.host else str(role.pid or ""),
        "epoch": str(role.epoch),
        "uses": usage,
        "handled": f"{role.handled}  {frequency(role.rate)} Hz" if role.rate else str(role.handled),
        "handler": _times(role.handler_ms, role.handler_ms_p99),
        "by timer": _times(role.timer_ms, role.timer_ms_p99),
        "pending": f"{role.pending}  lag {duration(role.lag)}" if role.pending and role.lag else "",
        "lost": f"{role.overflow} changes" if role.overflow else "",
        "missed": f"{role.missed} ticks" if role.missed else "",
        "refused": str(role.refused or ""),
        "restarts": "" if role.restarts is None else str(role.restarts),
        "supervisor": role.reason,
        "woken by": ", ".join(mask + ("" if kind == "normal" else f" ({kind})") for mask, kind in role.triggers),
        "code": _code(role),
        "settings": ", ".join(f"{name}={in_words(value)}" for name, value in role.settings.items()),
    }


def _code(role: RoleView) -> str:
    if not role.code or role.disk is None:
        return role.code and f"{role.code}  the disk of its machine cannot be seen"
    disk = role.disk
    others = [*disk.changed, *(f"{file} (not there)" for file in disk.missing)]
    return role.code + (f"*  the disk has {disk.code}: {', '.join(others)}" if others else "  as on the disk")


def _facts(facts: dict[str, str]) -> Text:
    text = Text("\n")
    for name, fact in facts.items():
        if fact:
            text.append(f"{name:<{_LABEL}} ", "dim").append(fact + "\n")
    return text
