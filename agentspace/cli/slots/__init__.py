"""Commands about slots."""
