"""The database: opening it, its schema, its transactions, and its errors in our words."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import alembic.command
import alembic.config
import alembic.script
import sqlalchemy as sa
from alembic.migration import MigrationContext
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from monitor.errors import SchemaError, SettingsError, StorageError

BUSY_TIMEOUT_SECONDS = 10
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}


def migrations_folder() -> Path:
    """Find the Alembic scripts: inside the installed package, or beside it in a checkout."""
    packaged = Path(__file__).parent / "migrations"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "alembic"


def parse_url(text: str) -> URL:
    """Read a database URL. Raises SettingsError for anything but SQLite files and PostgreSQL."""
    try:
        url = make_url(text)
        driver = _DRIVERS[url.get_backend_name()]
    except (ArgumentError, KeyError) as error:
        raise SettingsError(
            "MONITOR_DATABASE_URL must be sqlite:///path/to/file.db or postgresql://user:password@host/name,"
            f" not {text.rsplit('@', maxsplit=1)[-1]!r}"
        ) from error
    return url.set(drivername=driver)


def _connect_sqlite(connection: Any, _: Any) -> None:
    """Prepare a new SQLite connection: foreign keys, readers beside the writer, a patient lock."""
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={BUSY_TIMEOUT_SECONDS * 1000}", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def explain(error: Exception, url: URL) -> StorageError:
    """Say in our words what a database error means and what to do about it."""
    shown = url.render_as_string(hide_password=True).replace("+aiosqlite", "").replace("+psycopg", "")
    cause = str(getattr(error, "orig", None) or error)
    first_line = cause.splitlines()[0] if cause else type(error).__name__
    remedies = {
        "unable to open database file": "create its folder, or choose another path in MONITOR_DATABASE_URL",
        "readonly database": "make the file and its folder writable for this user",
        "database is locked": "another program holds it; stop that program and try again",
        "file is not a database": "this is no SQLite file; choose another path or restore a backup",
        "malformed": "the file is damaged; restore a backup",
        "disk is full": "free some space",
        "disk I/O error": "check the disk and the file's permissions",
        "no such table": "run `monitor db upgrade`",
        "does not exist": "run `monitor db upgrade`, or create the database that the URL names",
    }
    remedy = next(
        (text for sign, text in remedies.items() if sign in cause), "check MONITOR_DATABASE_URL and the server"
    )
    return StorageError(f"database {shown}: {first_line}; {remedy}")


class Database:
    """An open database. Readers and the writer each take a connection from the pool for one transaction."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._writer = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls, url_text: str) -> AsyncIterator[Database]:
        """Open a database whose schema is current. Raises StorageError or SchemaError otherwise."""
        database = cls(_engine(parse_url(url_text)))
        try:
            await database.check_schema()
            yield database
        finally:
            await database.engine.dispose()

    @property
    def is_sqlite(self) -> bool:
        """Whether this is an SQLite file."""
        return self.engine.dialect.name == "sqlite"

    def insert(self, table: sa.Table) -> Any:
        """Begin an INSERT that can say what happens on a conflict, alike on both databases."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection for reading."""
        try:
            async with self.engine.connect() as connection:
                yield connection
        except (DBAPIError, OSError, sqlite3.Error) as error:
            raise explain(error, self.engine.url) from error

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection in a transaction that is committed at the end, rolled back on an error.

        SQLite has one writer at a time: this process queues here instead of in the file's lock.
        """
        try:
            if not self.is_sqlite:
                async with self.engine.begin() as connection:
                    yield connection
                return
            async with self._writer, self.engine.connect() as connection:
                await connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
                await connection.commit()
        except (DBAPIError, OSError, sqlite3.Error) as error:
            raise explain(error, self.engine.url) from error

    async def check_schema(self) -> None:
        """Raise SchemaError unless the schema is exactly the one this program knows."""
        async with self.reading() as connection:
            found = await connection.run_sync(_revision)
        script = alembic.script.ScriptDirectory(str(migrations_folder()))
        head = script.get_current_head()
        if found == head:
            return
        if found is None:
            raise SchemaError("the database has no schema yet; run `monitor db upgrade`")
        if found in {revision.revision for revision in script.walk_revisions()}:
            raise SchemaError(
                f"the database's schema is revision {found}, this program needs {head}; run `monitor db upgrade`"
            )
        raise SchemaError(
            f"the database's schema is revision {found}, which this program does not know: a newer program made it;"
            " install that version, or restore a backup made by this one"
        )


def _engine(url: URL) -> AsyncEngine:
    """Make the engine; SQLite connections get their pragmas and leave transactions to us."""
    if url.get_backend_name() != "sqlite":
        return create_async_engine(url, pool_pre_ping=True)
    engine = create_async_engine(
        url, poolclass=AsyncAdaptedQueuePool, pool_size=4, connect_args={"timeout": BUSY_TIMEOUT_SECONDS}
    )
    sa.event.listen(engine.sync_engine, "connect", _connect_sqlite)
    return engine


def _revision(connection: sa.Connection) -> str | None:
    """Read the schema's revision; None in an empty database."""
    return MigrationContext.configure(connection).get_current_revision()


def _upgrade(connection: sa.Connection, revision: str) -> None:
    """Run Alembic's scripts on an open connection."""
    config = alembic.config.Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.attributes["connection"] = connection
    if revision == "base":
        alembic.command.downgrade(config, revision)
    else:
        alembic.command.upgrade(config, revision)


async def upgrade(url_text: str, *, revision: str = "head") -> None:
    """Bring a database's schema to a revision, creating an SQLite file (readable by its owner alone) if need be.

    Raises SchemaError for a schema that a newer program made, StorageError when it cannot be opened.
    """
    url = parse_url(url_text)
    engine = _engine(url)
    try:
        async with engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                await connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            found = await connection.run_sync(_revision)
            known = {r.revision for r in alembic.script.ScriptDirectory(str(migrations_folder())).walk_revisions()}
            if found is not None and found not in known:
                raise SchemaError(
                    f"the database's schema is revision {found}, which this program does not know: a newer program"
                    " made it; install that version, or restore a backup made by this one"
                )
            await connection.run_sync(_upgrade, revision)
            await connection.commit()
    except (OperationalError, DBAPIError, OSError, sqlite3.Error, NoSuchModuleError) as error:
        raise explain(error, url) from error
    finally:
        await engine.dispose()
