"""Outgoing mail: words, layout, and the way to the mail server."""
