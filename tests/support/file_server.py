"""A web server with one file that behaves as a test wants: honest, forgetful, breaking off, without ranges."""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FileServer:
    """Serves `content` under every name.

    Attributes:
        content: of the file.
        tag: its ETag; "" for none.
        break_after: bytes after which the connection is closed; None for never.
        ranges: whether it understands ranges.
        status: answered to every request, if not 0.
        requests: the headers of each request, lower-case.
    """

    def __init__(self, content: bytes = b"") -> None:
        self.content = content
        self.tag = '"one"'
        self.break_after: int | None = None
        self.ranges = True
        self.status = 0
        self.requests: list[dict[str, str]] = []
        self.paths: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *args: Any) -> None:
                pass

        self._httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._httpd.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._httpd.server_address[1]}/"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.requests.append(headers)
        self.paths.append(handler.path)
        if self.status:
            handler.send_error(self.status)
            return
        match = re.fullmatch(r"bytes=(\d+)-", headers.get("range", ""))
        start = int(match[1]) if match and self.ranges and headers.get("if-range", self.tag) == self.tag else 0
        if start >= len(self.content) > 0:
            handler.send_error(416)
            return
        handler.send_response(206 if start else 200)
        body = self.content[start:]
        handler.send_header("Content-Length", str(len(body)))
        if self.tag:
            handler.send_header("ETag", self.tag)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        handler.end_headers()
        handler.wfile.write(body if self.break_after is None else body[: self.break_after])

    def close(self) -> None:
        self._httpd.shutdown()
        self._thread.join()
        self._httpd.server_close()
