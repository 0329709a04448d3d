"""A space behind a server, as a client process sees it."""
