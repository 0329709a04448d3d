"""Looking at a running space: a model of it, its graph, what may be wrong with it, and the terminal dashboard."""
