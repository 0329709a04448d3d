"""Measurements of how well robots learn to imitate, without a running constellation; see `models.evaluate`."""
