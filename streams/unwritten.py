"""What a batch concluded and has not written yet, and the index rows that change with it.

Written all at once: to the log, what is new there to the books, and all of it to the index. When that is done changes only how
much is written at a time.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from streams.batch_parts import Concluded, counted, documents_of, key_of, postable, record, session_of
from streams.log import Stream
from streams.session_rows import with_conclusion
from streams.states import SessionRow
from streams.unit import Unit, Verbs
from vocabulary.billing import InvoiceIssued
from vocabulary.codec import Conclusion
from vocabulary.identity import Position, SessionId, StationId
from vocabulary.sessions import Progress


class Unwritten:
    """`rows`: those that changed. `tally` counts what was written."""

    def __init__(self, unit: Unit, verbs: Verbs, tally: Counter[str]) -> None:
        self._unit, self._verbs, self._tally = unit, verbs, tally
        self.rows: dict[SessionId, SessionRow] = {}
        self._concluded: list[Concluded] = []

    def row(self, session: SessionId) -> SessionRow:
        """Of a session that has one. What is concluded and not written yet comes on top of it."""
        return self.rows.get(session) or self._unit.states.rows([session])[session]

    def note(
        self, conclusions: Iterable[Conclusion], station: StationId, cause: Position, recorded_at: datetime | None
    ) -> None:
        """Conclusions about a session of a station; of documents there is none."""
        self._concluded += [Concluded(each, station, cause, recorded_at) for each in conclusions]

    def write(self) -> None:
        """Write what was concluded: to the log, what is new there to the books, and all of it to the index.

        A finding may come back that the log has had before: a session waits for a tariff, then for a token, then again.
        """
        found, self._concluded = [postable(each, self._verbs) for each in self._concluded], []
        concluded = [each.concluded for each in found]
        records = [record(c.conclusion, key_of(c.conclusion), c.cause) for c in concluded]
        appended = self._unit.log.append(Stream.CONCLUSIONS, records)
        new = [(each, position) for each, (position, is_new) in zip(found, appended, strict=True) if is_new]
        self._unit.books.post([entry for each, _ in new for entry in each.entries])
        self._tally.update(counted(each.concluded.conclusion) for each, _ in new)
        known = self._unit.states.rows([s for c in concluded if (s := session_of(c.conclusion)) and s not in self.rows])
        for c, (position, _) in zip(concluded, appended, strict=True):
            self._index(c, position, known)
        self._unit.states.put_rows(self.rows.values())
        self._unit.states.put_documents(documents_of(new))
        self.rows = {}

    def _index(self, concluded: Concluded, position: Position, known: dict[SessionId, SessionRow]) -> None:
        drawn = concluded.conclusion
        session = session_of(drawn)
        if session is None or isinstance(drawn, InvoiceIssued):
            return
        row = self.rows.get(session) or known.get(session) or SessionRow(session, concluded.station, Progress.FLAGGED)
        self.rows[session] = with_conclusion(row, drawn, position)
