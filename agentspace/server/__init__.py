"""The server: who is connected, what it knows, what it does with each message."""
