"""How quick a database of many incidents is to list, search, purge, copy and open."""
