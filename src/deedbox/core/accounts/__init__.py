"""Accounts of people beyond name and password: mail, sessions, further factors."""
