"""Extractors, image -> features, by name; each is a module."""
