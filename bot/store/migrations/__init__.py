"""The migrations of the incident database, run by Alembic from inside the package."""
