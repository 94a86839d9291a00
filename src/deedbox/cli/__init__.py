"""The deedbox command: one file per command; what each imports is imported when it runs."""

import sys


def main() -> None:
    """Run the command that the arguments name. Exit codes: 0 done, 1 failed, 2 wrong usage or settings."""
    from deedbox.cli.serving import plain_options, run_server

    options = plain_options(sys.argv[1:])
    if options is not None:
        run_server(options)
        return
    from deedbox.cli.application import run

    run()
