"""SIGTERM and a closed terminal end a command as Ctrl-C does: it tidies up first."""

import signal


def end_as_interrupted() -> None:
    """Have SIGTERM and SIGHUP raise KeyboardInterrupt from now on."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
