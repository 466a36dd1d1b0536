"""Expectations that Great Expectations does not have; one module each, named as its snake-case type.

Importing a module registers its expectation. They import Great Expectations, which takes seconds.
"""
