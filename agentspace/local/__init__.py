"""A space in the memory of one process, for threads: tests, notebooks, small scripts."""
