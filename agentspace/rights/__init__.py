"""Rights: what the holder of a key may do in a space."""
