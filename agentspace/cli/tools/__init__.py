"""Commands that look at a space as a whole: inspectors, recordings; and the one that begins a project."""
