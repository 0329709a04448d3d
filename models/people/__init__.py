"""Simulated people, in rooms, as a camera sees them."""
