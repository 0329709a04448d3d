"""How values and messages travel: addresses, messages, encoding, shared memory."""
