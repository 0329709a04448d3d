"""Launch files: from YAML to a frozen, completely checked plan. Nothing is started here."""
