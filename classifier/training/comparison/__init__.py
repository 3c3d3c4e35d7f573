"""Several settings on the same test rows: their scores, one table, and a page to read."""
