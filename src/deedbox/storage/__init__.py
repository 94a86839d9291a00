"""Keeps what the rules decide: stores over SQLite and PostgreSQL, and their migrations."""
