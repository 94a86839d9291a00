"""Fakes and conformance suites for authors of stores, transports and buses."""
