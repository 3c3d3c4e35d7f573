"""Bring a database up to the schema of this version, or refuse one that is not ours to touch."""

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from bot.errors import StoreDamaged, StoreTooNew


def refuse_foreign(connection: Connection, label: str) -> None:
    """Raise StoreTooNew for a schema that this version does not know, StoreDamaged for another program's database.

    Only reads, so that a refused database stays as it is.
    """
    heads = MigrationContext.configure(connection).get_current_heads()
    script = ScriptDirectory.from_config(_config())
    unknown = set(heads) - {step.revision for step in script.walk_revisions()}
    if unknown:
        raise StoreTooNew(
            f"{label} has schema {', '.join(sorted(unknown))}, which this version of Referee does not know. "
            "Upgrade Referee, or name another database."
        )
    if not heads and inspect(connection).get_table_names():
        raise StoreDamaged(f"{label} is a database of another program. Name another one for Referee.")


def newest_schema() -> str:
    """Return the schema that this version uses."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def known_schemas() -> frozenset[str]:
    """Return every schema that was ever released."""
    return frozenset(step.revision for step in ScriptDirectory.from_config(_config()).walk_revisions())


def upgrade(connection: Connection, schema: str = "head") -> None:
    """Run the migrations that the database lacks, inside the connection's transaction: all of them or none.

    `schema` is how far they go, for a copy of an older database.
    """
    config = _config()
    if MigrationContext.configure(connection).get_current_heads() == (
        ScriptDirectory.from_config(config).get_current_head(),
    ):
        return
    config.attributes["connection"] = connection
    command.upgrade(config, schema)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "bot.store:migrations")
    config.set_main_option("path_separator", "os")
    return config
