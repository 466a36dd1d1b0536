"""The query of a database entity: one statement that only reads, with or without {from} and {until}."""

from __future__ import annotations

import re
from collections.abc import Callable

DIALECTS = {"postgres": "PostgreSQL", "mysql": "MySQL"}
PLACEHOLDERS = ("{from}", "{until}")

_PLACEHOLDER = re.compile(r"\{(from|until)\}")
_MARK = "yardstick_"


class QueryError(ValueError):
    """A query cannot be used; the message says why and what to write."""


def placeholders(query: str) -> set[str]:
    """Which of ``{from}`` and ``{until}`` stand in a query."""
    return {match[0] for match in _PLACEHOLDER.finditer(query)}


def check(query: str, dialect: str) -> str:
    """Refuse everything but one statement that only reads.

    The guard that counts is the read-only session; this finds a mistake before anything is connected.

    Args:
        query: as written in the site file.
        dialect: ``postgres`` or ``mysql``.

    Returns:
        The statement without a semicolon at its end.

    Raises:
        QueryError: saying what is wrong with it.
    """
    import sqlglot  # takes a third of a second
    from sqlglot import exp
    from sqlglot.errors import ParseError, SqlglotError
    from sqlglot.tokens import TokenType

    statement = query.strip().rstrip(";").rstrip()
    marked = _PLACEHOLDER.sub(rf"{_MARK}\1", statement)
    try:
        tokens = sqlglot.tokenize(marked, read=dialect)
        kinds = [token.token_type for token in tokens]
        if not kinds or kinds[0] not in (TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN):
            raise QueryError("must be one SELECT (or WITH … SELECT). Write what is to be read, nothing else.")
        if TokenType.SEMICOLON in kinds:
            raise QueryError("holds more than one statement. Write one, and nothing behind its semicolon.")
        if TokenType.L_BRACE in kinds:
            raise QueryError("holds a { that is no placeholder. Only {from} and {until} are known.")
        bound = sum(token.token_type == TokenType.VAR and token.text.startswith(_MARK) for token in tokens)
        if bound != len(_PLACEHOLDER.findall(statement)):
            raise QueryError(
                "has {from} or {until} inside quotation marks or a comment. They stand for a value of the "
                "right type: write them bare."
            )
        if any(comment.startswith(("!", "M!")) for token in tokens for comment in token.comments):
            raise QueryError("holds a comment /*! … */ that the server would execute. Remove it.")
        tree = sqlglot.parse_one(marked, read=dialect)
    except ParseError as error:
        first = error.errors[0] if error.errors else {}
        place = f"line {first.get('line')}, column {first.get('col')}: " if first else ""
        near = f" near {first['highlight']!r}" if first.get("highlight") else ""
        raise QueryError(
            f"cannot be read as {DIALECTS[dialect]}: {place}{first.get('description', error)}{near}. "
            "Correct it, or let the database's administrator make it a view."
        ) from None
    except SqlglotError as error:
        raise QueryError(f"cannot be read as {DIALECTS[dialect]}: {error}. Correct it.") from None
    if not isinstance(tree, exp.Query):
        raise QueryError("must be one SELECT (or WITH … SELECT). Write what is to be read, nothing else.")
    for node in tree.find_all(exp.DML, exp.DDL, exp.Into, exp.Lock, exp.Command):
        if not isinstance(node, exp.Query):
            word = "FOR UPDATE or FOR SHARE" if isinstance(node, exp.Lock) else node.key.upper()
            raise QueryError(f"holds {word}, which writes or locks. A pull only reads: remove it.")
    return statement


def check_any(query: str) -> None:
    """Refuse what no dialect takes: which one it is stands in the connection, not in the site file.

    Raises:
        QueryError: saying what is wrong with it.
    """
    told = []
    for dialect in DIALECTS:
        try:
            check(query, dialect)
        except QueryError as error:
            told.append(str(error))
        else:
            return
    raise QueryError(" ".join(dict.fromkeys(told)))


def bind(statement: str, render: Callable[[str], str]) -> str:
    """A checked statement with its placeholders replaced.

    Args:
        statement: from ``check``.
        render: the literal of ``from`` or ``until`` in the database's own notation.
    """
    return _PLACEHOLDER.sub(lambda match: render(match[1]), statement)
