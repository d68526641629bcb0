"""The revisions of the schema, in order; `acs.store.migrate` runs them."""
