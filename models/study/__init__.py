"""How well robots learn to imitate, measured without a running constellation; see `models.evaluate`."""
