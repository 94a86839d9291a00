"""The tests of Deedbox: a folder per layer, as in src, and folders for what crosses them."""
