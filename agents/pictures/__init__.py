"""Where pictures come from and where they are shown."""
