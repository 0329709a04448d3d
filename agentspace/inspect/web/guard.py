"""Access to the inspector: with its token, under its own name, from its own page.

The token comes once in the URL and then as a cookie that scripts cannot read. The name (header Host) is compared,
so that a foreign page that lets its own name point here learns nothing; and so is the page (header Origin).
"""

import hmac
import ipaddress
import secrets
import socket
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """Checks each request, and gives each answer its security headers.

    Args:
        host: To which the inspector is bound.

    Attributes:
        token: What a user must know; another one at each start.
    """

    def __init__(self, host: str) -> None:
        self.token = secrets.token_urlsafe(24)
        self._names = {"localhost", "127.0.0.1", "::1", host, socket.gethostname().lower()}
        self._anywhere = host in ("0.0.0.0", "::")  # noqa: S104  (compared, not bound)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuses strangers with 403."""
        try:
            self.check(request)
            response = await handler(request)
        except web.HTTPException as error:
            error.headers.update(HEADERS)
            raise
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    def check(self, request: web.Request) -> None:
        """Lets a request pass, or not.

        Raises:
            web.HTTPForbidden: It has not the token, or comes under another name or from another page.
        """
        if not self.knows_name(request.host):
            raise web.HTTPForbidden(text=f"this inspector is not called {request.host!r}\n")
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            raise web.HTTPForbidden(text=f"{origin!r} is not a page of this inspector\n")
        given = request.query.get("token") or request.cookies.get(self.cookie(request), "")
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            raise web.HTTPForbidden(
                text="This inspector opens with its token only: use the whole address that "
                "`agentspace inspect --web` printed.\n"
            )

    def knows_name(self, host: str) -> bool:
        """Whether the header Host names this inspector."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self._names or (self._anywhere and _is_address(name))

    def admit(self, request: web.Request, response: web.StreamResponse) -> None:
        """Gives a browser the cookie that stands for the token from now on."""
        response.set_cookie(self.cookie(request), self.token, httponly=True, samesite="Strict", path="/")

    @staticmethod
    def cookie(request: web.Request) -> str:
        """The cookie's name: browsers keep cookies by host, and each inspector of a host has a port of its own."""
        return f"agentspace-{urlsplit(f'//{request.host}').port or 80}"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
