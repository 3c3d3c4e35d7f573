"""The Discord front end: the client, how it is put together, and how it is run."""
