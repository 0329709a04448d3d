"""Scripts: what can be done to a robot, as data, and YAML files with lists of that."""
