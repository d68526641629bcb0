"""What Alembic runs: always on the connection that `acs.store.migrate` (or a test) hands over."""

from alembic import context

from acs.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
