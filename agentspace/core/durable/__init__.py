"""Spaces that outlive their host: what is kept of them, and when."""
