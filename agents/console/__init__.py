"""The operator's console in a terminal: what is seen, what is done, and the screen for both."""
