"""The only SQL of the product: SQLite by default, PostgreSQL for fleets."""
