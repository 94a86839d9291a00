"""Roles, groups and what they let people do; the decision itself is in `deedbox.core.permissions`."""
