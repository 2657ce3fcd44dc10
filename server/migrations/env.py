"""Alembic's environment: runs on the connection that `server.store.schema` gives it."""

from alembic import context

from server.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
    transactional_ddl=True,  # on SQLite too, since we begin transactions ourselves
)
with context.begin_transaction():
    context.run_migrations()
