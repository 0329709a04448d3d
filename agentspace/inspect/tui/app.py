"""The terminal dashboard."""

import contextlib
import time
from typing import Any, ClassVar, Final

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.css.query import NoMatches
from textual.widgets import DataTable, Footer, Input, TabbedContent, TabPane

from agentspace.inspect.attachment import Attachment
from agentspace.inspect.graph import Graph, graph_of
from agentspace.inspect.tui.actions import Actions
from agentspace.inspect.tui.agents import AgentsPane
from agentspace.inspect.tui.detail import Detail
from agentspace.inspect.tui.fading import STALE, FadingText
from agentspace.inspect.tui.graph import drawing
from agentspace.inspect.tui.head import Head
from agentspace.inspect.tui.log import LogPane, RefusalsPane
from agentspace.inspect.tui.pane import Pane, matches
from agentspace.inspect.tui.slots import SlotsPane
from agentspace.inspect.views import Snapshot
from agentspace.inspect.wording import is_stale

PERIOD: Final = 0.4  #: seconds between two looks at the model: most of what it costs is drawing
_GRAPH_PERIOD: Final = 3  #: looks between two drawings of the graph


class Inspector(Actions):
    """Shows a space, live.

    Args:
        source: Of snapshots.
        read_only: Forbids what changes something.
        commander: Carries out what is asked for; by default on the space of the source.
    """

    TITLE = "agentspace"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012  (as its base declares it)
    CSS = """
    Screen { layout: vertical; }
    #body { height: 1fr; }
    TabbedContent { width: 3fr; height: 1fr; }
    TabPane { padding: 0; }
    ContentTabs { height: 2; }
    #detail { width: 2fr; max-width: 72; border-left: solid $primary-background; display: none; }
    .-wide #detail { display: block; }
    .plain #detail { display: none; }
    .detailed #detail { display: block; width: 1fr; max-width: 100%; border-left: none; }
    .detailed TabbedContent { display: none; }
    #filter { display: none; height: 1; border: none; padding: 0 1; background: $boost; }
    #filter.open { display: block; }
    #drawing { width: auto; }
    Footer { height: 1; }
    .stale #body { opacity: 40%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "quit", "Quit", show=False, priority=True),
        Binding("q", "quit", "Quit"),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("o", "sort", "Sort"),
        Binding("O", "sort_reversed", "Other way", show=False),
        Binding("escape", "retreat", "Back", show=False),
        *(Binding(str(number), f"tab({number})", show=False) for number in range(1, 6)),
        *Actions.KEYS,
    ]

    def __init__(self, source: Attachment, read_only: bool = False, commander: Any = None) -> None:
        super().__init__(source, read_only, commander)
        self._shown: Snapshot | None = None
        self._count = 0
        self._drawn: Text | None = None

    def compose(self) -> ComposeResult:
        """Head, tabs, detail, filter, keys."""
        yield Head(str(self.source.address), self.read_only)
        with Horizontal(id="body"):
            with TabbedContent():
                with TabPane("1 Slots", id="tab-1"):
                    yield SlotsPane()
                with TabPane("2 Agents", id="tab-2"):
                    yield AgentsPane()
                with TabPane("3 Graph", id="tab-3"), VerticalScroll(id="graph"):
                    yield FadingText(id="drawing")
                with TabPane("4 Log", id="tab-4"):
                    yield LogPane()
                with TabPane("5 Refused", id="tab-5"):
                    yield RefusalsPane()
            yield Detail(id="detail")
        yield Input(placeholder="filter: a part of a name, or a glob such as arm/*", id="filter")
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Begins to look."""
        self.theme = "textual-dark"
        self.set_interval(PERIOD, self._look)
        self.query_one(SlotsPane).table.focus()
        self.call_after_refresh(self._look)

    # --- showing

    def _look(self) -> None:
        now = time.monotonic()
        self.seen(now)
        with contextlib.suppress(NoMatches):
            self.main.query_one(Head).show(self.snapshot, now)
            self.main.set_class(is_stale(self.snapshot, now), STALE)
        if self.snapshot is not self._shown and not self._closing:
            self._shown = self.snapshot
            self._count += 1
            self.show()

    def show(self) -> None:
        """Shows the newest snapshot."""
        snapshot = self.snapshot
        with contextlib.suppress(NoMatches):  # while it begins or ends, parts of it are not there
            if self.pane is not None:
                self.pane.show(snapshot)
            elif self._count % _GRAPH_PERIOD == 1 or self._drawn is None:
                self._draw(graph_of(snapshot))
            self._show_detail()

    def _draw(self, graph: Graph) -> None:
        wanted = self.main.query_one("#filter", Input).value
        names = frozenset(node.name for node in graph.nodes if matches(wanted, node.name)) if wanted else None
        self._drawn = drawing(graph, max(60, self.main.query_one("#graph").size.width - 2), names)
        self.main.query_one("#drawing", FadingText).update(self._drawn)

    def _show_detail(self) -> None:
        detail, pane = self.main.query_one(Detail), self.pane
        if isinstance(pane, AgentsPane):
            detail.show_role(role) if (role := self.role) else detail.show_nothing("no agent")
        elif isinstance(pane, SlotsPane):
            slot, snapshot = self.slot, self.snapshot
            if slot is None:
                detail.show_nothing(pane.chosen or "no slot")
            else:
                detail.show_slot(slot, snapshot.at, snapshot.at if snapshot.heard is None else snapshot.heard)
        else:
            detail.show_nothing("")

    # --- keys

    def action_tab(self, number: int) -> None:
        """Shows one of the tabs."""
        self.main.query_one(TabbedContent).active = f"tab-{number}"

    def action_filter(self) -> None:
        """Asks for a filter."""
        field = self.main.query_one("#filter", Input)
        field.add_class("open")
        field.focus()

    def action_sort(self) -> None:
        """Sorts by the next column."""
        if self.pane is not None:
            self.pane.sort_next()

    def action_sort_reversed(self) -> None:
        """Sorts the other way round."""
        if self.pane is not None:
            self.pane.sort_reversed()

    def action_retreat(self) -> None:
        """Closes the detail, or takes the filter away."""
        field = self.main.query_one("#filter", Input)
        if self.screen.has_class("detailed"):
            self.screen.remove_class("detailed")
        elif field.value or field.has_class("open"):
            field.value = ""
            field.remove_class("open")
        self._focus()

    @on(Input.Changed, "#filter")
    def _filtered(self, event: Input.Changed) -> None:
        for pane in self.main.query(Pane):
            pane.wanted = event.value
        self.show()

    @on(Input.Submitted, "#filter")
    def _filter_done(self, event: Input.Submitted) -> None:
        event.input.set_class(bool(event.value), "open")
        self._focus()

    @on(TabbedContent.TabActivated)
    def _tab_changed(self) -> None:
        self._drawn = None
        self.main.remove_class("detailed")
        self.main.set_class(not isinstance(self.pane, SlotsPane | AgentsPane), "plain")
        self.refresh_bindings()
        self.show()
        self.call_after_refresh(self.show)  # once the size is known
        self._focus()

    @on(DataTable.RowHighlighted)
    def _row_changed(self) -> None:
        self._show_detail()

    @on(DataTable.RowSelected)
    def _row_chosen(self) -> None:
        if isinstance(self.pane, SlotsPane | AgentsPane):
            self.screen.toggle_class("detailed")
            self.call_after_refresh(self.show)

    def on_resize(self) -> None:
        """Columns and drawings take the room that there is."""
        self._drawn = None
        self.call_after_refresh(self.show)

    def _focus(self) -> None:
        (self.main.query_one("#graph") if self.pane is None else self.pane.table).focus()
