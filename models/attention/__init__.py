"""One-shot association by attention: pairs of key and value, and what they answer to a query."""
