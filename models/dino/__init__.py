"""Training of an extractor by self-distillation (DINO): ``python -m models.dino``."""
