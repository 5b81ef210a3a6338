"""${message}"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op
from monitor.adapters.storage.tables import UtcDateTime
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Go up."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Come down."""
    ${downgrades if downgrades else "pass"}
