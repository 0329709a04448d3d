"""Autoencoders of postures, their data and training: ``python -m models.postures``."""
