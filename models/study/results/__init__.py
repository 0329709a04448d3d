"""Results of a study: the session that makes them, tables, plots, pages."""
