"""The deedbox command: one file per command; what each imports is imported when it runs."""


def main() -> None:
    """Run the command that the arguments name. Exit codes: 0 done, 1 failed, 2 wrong usage or settings."""
    from deedbox.cli.application import run

    run()
