"""The memories of an associator, and how they are handed over."""
