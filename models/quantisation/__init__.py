"""Networks of bytes: what a network of floats becomes for processors that multiply bytes faster."""
