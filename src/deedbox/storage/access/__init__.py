"""Roles, groups and group permissions as rows, and what they add up to for somebody."""
