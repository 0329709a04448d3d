"""Vision Transformers: the network, its checkpoints, and what runs it."""
