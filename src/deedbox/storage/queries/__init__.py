"""Every SQL statement of Deedbox, by noun."""
