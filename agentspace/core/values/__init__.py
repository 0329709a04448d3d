"""Values: what a slot may hold, and how it is shown."""
