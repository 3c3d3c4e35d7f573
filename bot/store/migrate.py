"""Bring a database file up to the schema of this version, or refuse a file that is not ours to touch."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from bot.errors import StoreDamaged, StoreTooNew


def refuse_foreign(connection: Connection, path: Path) -> None:
    """Raise StoreTooNew for a schema that this version does not know, StoreDamaged for another program's database.

    Only reads, so that a refused file stays as it is.
    """
    heads = MigrationContext.configure(connection).get_current_heads()
    script = ScriptDirectory.from_config(_config())
    unknown = set(heads) - {step.revision for step in script.walk_revisions()}
    if unknown:
        raise StoreTooNew(
            f"{path} has schema {', '.join(sorted(unknown))}, which this version of Referee does not know. "
            "Upgrade Referee, or name another file."
        )
    if not heads and inspect(connection).get_table_names():
        raise StoreDamaged(f"{path} is a database of another program. Name another file for Referee.")


def upgrade(connection: Connection) -> None:
    """Run the migrations that the database lacks, inside the connection's transaction: all of them or none."""
    config = _config()
    if MigrationContext.configure(connection).get_current_heads() == (
        ScriptDirectory.from_config(config).get_current_head(),
    ):
        return
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "bot.store:migrations")
    config.set_main_option("path_separator", "os")
    return config
