"""What kind of trouble an error is: decides whether Airflow tries again."""

from __future__ import annotations


class BadInputError(Exception):
    """The input or the standards say no; trying again changes nothing until a person does something."""


class CredentialsError(BadInputError):
    """A source system refused the login, or no connection is defined; the message names the connection."""


class UnreachableError(Exception):
    """A source system did not answer, answered with an error of its own, or the line broke: try again later."""
