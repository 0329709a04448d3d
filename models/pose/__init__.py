"""Training of the network that sees where the arms of a person point."""
