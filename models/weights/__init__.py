"""Weights that come with agentspace (see README.md here), and the command that fetches others."""
