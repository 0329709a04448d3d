"""The inspector in a browser: one page, served on this machine, that follows a space and acts on it by slots alone."""
