"""What all commands share: exit codes, options, progress, tables."""
