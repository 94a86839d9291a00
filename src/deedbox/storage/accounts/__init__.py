"""Accounts of people as rows: mail that waits, sessions, further factors."""
