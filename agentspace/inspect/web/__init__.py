"""The inspector in a browser: a page that follows a space, and a server for it."""
