"""What a study found: outcomes, tables, plots, pages."""
