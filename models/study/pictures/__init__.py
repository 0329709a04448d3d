"""Pictures for the robots of a study: scenes, drawn in a process of their own, and the cache that keeps them."""
