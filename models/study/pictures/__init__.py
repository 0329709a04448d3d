"""What the robots of a study see: scenes, drawn in a process of their own, and their features."""
