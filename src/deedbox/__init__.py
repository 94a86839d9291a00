"""Deedbox: the open server where devices are claimed by the people who own them."""

__version__ = "0.1.0"
