"""The runs whose events lie in one database of PostgreSQL."""

from pipeline.store.address import StoreAddress
from pipeline.store.database import Database

_SCHEMAS = """
SELECT n.nspname FROM pg_namespace n
WHERE EXISTS (SELECT 1 FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = 'readers')
AND EXISTS (SELECT 1 FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = 'meta')
ORDER BY 1
"""


def runs_in(address: StoreAddress) -> list[str]:
    """Names of their schemas. Raises ``CannotStart`` and ``StoreError``."""
    database = Database.connect(address)
    try:
        with database.reading() as connection:
            return list(connection.exec_driver_sql(_SCHEMAS).scalars())
    finally:
        database.close()
