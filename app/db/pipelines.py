"""Statements that go to PostgreSQL together and are answered together: one round trip.

psycopg's own pipeline looks at the socket twice for each statement and sends each by itself. With
eight threads at work, each look lets another of them have Python's lock first. So this goes one
floor lower, to the libpq that psycopg wraps: all statements are sent at once and waited for once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from psycopg import Connection, Error, OperationalError
from psycopg.abc import PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.generators import fetch_many, send
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

Sent = tuple[bytes, Sequence[Any]]
"""A statement, and the values for its $1, $2, and so on."""

Found = list[tuple[Any, ...]]
"""The rows that a statement gave, as Python values."""

_OUTDATED = {"0A000", "26000"}
"""The server knows a prepared statement no more, or no more as it was: its table was changed."""


class Pipeline:
    """What goes over one connection.

    Args:
        keeps: whether the server keeps the statements prepared. They outlive a rollback, unlike
            those that psycopg prepares.
    """

    def __init__(self, driver: Connection[Any], *, keeps: bool) -> None:
        self._driver = driver
        self._keeps = keeps
        self._numbers = count()
        self._names: dict[bytes, bytes] = {}
        self._adapting = Transformer(driver)

    def exchange(self, asked: Sequence[Sent], *, and_commit: bool = False) -> list[Found]:
        """Send statements and wait until all of them are answered.

        They begin a transaction where none is under way; under autocommit they are one by
        themselves.

        Args:
            and_commit: let COMMIT follow them.

        Raises:
            psycopg.Error: the first that a statement met. The ones behind it were not run.
        """
        # Before anything is sent, so that a value that cannot be sent leaves nothing half sent.
        given = [(statement, self._dumped(values)) for statement, values in asked]
        naming = self._new_names(asked) if self._keeps else {}
        results = self._sent_and_awaited(given, naming, and_commit=and_commit)
        answers = results[len(results) - len(asked) - and_commit :]
        prepared = results[-len(answers) - len(naming) : -len(answers)]
        for (statement, name), result in zip(naming.items(), prepared, strict=True):
            # The server keeps it even if what came after it failed.
            if result.status == ExecStatus.COMMAND_OK:
                self._names[statement] = name
        self._raise_error(results)
        return [self._loaded(result) for result in answers[: len(asked)]]

    def _new_names(self, asked: Sequence[Sent]) -> dict[bytes, bytes]:
        """Give a name to each statement that is not kept yet."""
        new = dict.fromkeys(each for each, _ in asked if each not in self._names)
        return {statement: b"regulars_%d" % next(self._numbers) for statement in new}

    def _sent_and_awaited(
        self,
        given: Sequence[tuple[bytes, list[Any] | None]],
        naming: Mapping[bytes, bytes],
        *,
        and_commit: bool,
    ) -> list[PGresult]:
        """Give the results of everything that is sent, in order."""
        pgconn = self._driver.pgconn
        try:
            pgconn.enter_pipeline_mode()
            if not self._driver.autocommit and pgconn.transaction_status == TransactionStatus.IDLE:
                pgconn.send_query_params(self._beginning(), None)
            for statement, name in naming.items():
                pgconn.send_prepare(name, statement)
            for statement, values in given:
                kept = self._names.get(statement) or naming.get(statement)
                if kept is None:
                    pgconn.send_query_params(statement, values)
                else:
                    pgconn.send_query_prepared(kept, values)
            if and_commit:
                pgconn.send_query_params(b"COMMIT", None)
            pgconn.pipeline_sync()
            results = self._driver.wait(self._collecting())
            pgconn.exit_pipeline_mode()
        except BaseException:
            # Nobody knows what it would still answer, so nobody else may have it.
            self._driver.close()
            raise
        return results

    def _collecting(self) -> PQGen[list[PGresult]]:
        pgconn = self._driver.pgconn
        yield from send(pgconn)
        results: list[PGresult] = []
        while True:
            try:
                found = yield from fetch_many(pgconn)
            except Error:
                # What the server said before it went says more than that it went.
                self._raise_error(results)
                raise
            if not found:
                self._raise_error(results)
                raise OperationalError("the server stopped answering")
            if found[0].status == ExecStatus.PIPELINE_SYNC:
                return results
            results.append(found[0])

    def _raise_error(self, results: Sequence[PGresult]) -> None:
        for result in results:
            if result.status == ExecStatus.FATAL_ERROR:
                error = error_from_result(result, encoding=self._driver.info.encoding)
                if error.sqlstate in _OUTDATED:
                    self._names.clear()
                raise error

    def _beginning(self) -> bytes:
        words = ["BEGIN"]
        if self._driver.isolation_level is not None:
            words += ["ISOLATION LEVEL", self._driver.isolation_level.name.replace("_", " ")]
        if self._driver.read_only is not None:
            words.append("READ ONLY" if self._driver.read_only else "READ WRITE")
        return " ".join(words).encode()

    def _dumped(self, values: Sequence[Any]) -> list[Any] | None:
        # As text of no type: PostgreSQL takes the type from where the value stands, and one
        # prepared statement serves small and large numbers.
        if not values:
            return None
        return list(self._adapting.dump_sequence(values, [PyFormat.TEXT] * len(values)))

    def _loaded(self, result: PGresult) -> Found:
        if result.status != ExecStatus.TUPLES_OK:
            return []
        self._adapting.set_pgresult(result)
        return self._adapting.load_rows(0, result.ntuples, tuple)
