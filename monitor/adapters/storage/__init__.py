"""The database: SQLite or PostgreSQL, by the same statements. All SQL of the program stands here."""
