"""The register of document numbers of each cell."""

from collections.abc import Sequence

from sqlalchemy import Connection, func, insert, select

from server.store.tables import document_number


def assign(
    conn: Connection, session_id: str, cell_id: str, year: int, kinds: Sequence[str]
) -> tuple[tuple[str, int], ...]:
    """The session's numbers: those it has, or the next of each kind. Asked again, the same.

    The primary key decides between two writers; who comes second asks again.
    """
    table = document_number
    had = conn.execute(
        select(table.c.kind, table.c.number).where(table.c.session_id == session_id)
    ).all()
    if had:
        by_kind = {row.kind: row.number for row in had}
        return tuple((kind, by_kind[kind]) for kind in kinds if kind in by_kind)
    found = []
    for kind in kinds:
        last = conn.execute(
            select(func.max(table.c.number)).where(
                table.c.cell_id == cell_id, table.c.year == year, table.c.kind == kind
            )
        ).scalar()
        number = int(last or 0) + 1
        values = {"cell_id": cell_id, "year": year, "kind": kind, "number": number}
        conn.execute(insert(table).values(**values, session_id=session_id))
        found.append((kind, number))
    return tuple(found)
