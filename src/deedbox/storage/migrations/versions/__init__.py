"""One file per schema revision, named by its number."""
