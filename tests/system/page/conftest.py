"""A browser, a page in it, an inspector, and a server with an agent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from agentspace.client.space import RemoteSpace
from tests.support.paths import ROOT
from tests.support.server_process import ServerProcess
from tests.support.web.browser import chromium, opened
from tests.support.web.inspector_page import AGENTS, Inspector


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess() as made:
        made.client(AGENTS, "doubler").expect("ready")
        yield made


@pytest.fixture(scope="module")
def space(server: ServerProcess) -> Iterator[RemoteSpace]:
    with server.connect("writer") as made:
        yield made


@pytest.fixture(scope="module")
def inspector(server: ServerProcess) -> Iterator[Inspector]:
    with Inspector(server, "--project", str(ROOT)) as made:
        yield made
        assert made.end() == 0
        assert not made.errors


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture
def page(browser: Browser, inspector: Inspector) -> Iterator[Page]:
    with opened(browser, inspector.url) as made:
        yield made
