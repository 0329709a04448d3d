"""The way of values and messages: addresses, messages, encoding, shared memory."""
