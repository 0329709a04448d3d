"""What an associator remembers, and how it is handed over."""
