"""The deedbox command."""
