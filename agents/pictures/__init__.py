"""Sources of pictures, how they are shown, and how often."""
