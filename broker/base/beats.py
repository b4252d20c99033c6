"""Signs of life of the processes that have no other: a worker that is silent is seen by people before it is missed."""

from datetime import datetime

from sqlalchemy import String, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from broker.base.db import Base
from broker.base.unit import Unit


class Beat(Base):
    """When a named part of Portunus last did its round."""

    __tablename__ = "beat"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    at: Mapped[datetime]


def beat(work: Unit, name: str) -> None:
    """This part just did its round."""
    insert = postgresql.insert if work.db.get_bind().dialect.name == "postgresql" else sqlite.insert
    new = insert(Beat).values(name=name, at=work.clock.now())
    work.db.execute(new.on_conflict_do_update(index_elements=[Beat.name], set_={"at": new.excluded.at}))


def beats(work: Unit) -> dict[str, datetime]:
    """The last round of every part that ever did one."""
    return {row.name: row.at for row in work.db.scalars(select(Beat))}
