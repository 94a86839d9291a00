"""Benchmarks: each file answers one question and prints a table; none of them asserts a time."""
