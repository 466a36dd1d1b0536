"""What kind of trouble an error is: decides whether Airflow tries again."""

from __future__ import annotations


class BadInputError(Exception):
    """The input or the standards say no; trying again changes nothing until a person does something."""
