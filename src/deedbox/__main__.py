"""`python -m deedbox`: the same as the command `deedbox`."""

from deedbox.cli import main

if __name__ == "__main__":
    main()
