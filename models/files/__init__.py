"""Files of models: where they lie, how they are written, checked and fetched."""
