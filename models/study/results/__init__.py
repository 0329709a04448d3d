"""Results of a study: outcomes, tables, plots, pages."""
