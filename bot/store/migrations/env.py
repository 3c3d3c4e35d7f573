"""Run the migrations over the connection that `bot.store.migrate` hands in; Alembic executes this file."""

from alembic import context

from bot.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
