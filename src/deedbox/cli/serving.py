"""The short way into `deedbox serve`: a server is read from its options without the library for commands.

That library, and what it and others would bring along, costs a fifth of a second at every start and fifteen
megabytes as long as the server runs. Help, mistakes and all other commands go the long way.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from deedbox.cli.failing import failing

#: Options of `serve` and the settings that they set; `--config` names the file instead.
SETTING_OF = {
    "--data": "data.folder",
    "--workers": "serve.workers",
    "--http": "http.listen",
    "--https": "https.listen",
    "--mqtt": "mqtt.listen",
    "--mqtts": "mqtts.listen",
    "--coap": "coap.listen",
    "--coaps": "coaps.listen",
    "--tls-certificate": "tls.certificate_file",
    "--tls-key": "tls.key_file",
    "--database-url": "database.url",
    "--nats-url": "nats.url",
}
CONFIG = "--config"
#: Others import these where they are installed; the server uses nothing of them.
_LEFT_OUT = ("pydantic", "rich")


def plain_options(arguments: Sequence[str]) -> Mapping[str, str] | None:
    """Return the values by option of `serve --option value ...`; None for anything else."""
    if not arguments or arguments[0] != "serve":
        return None
    words = [part for word in arguments[1:] for part in _split(word)]
    options = dict(zip(words[::2], words[1::2], strict=False))
    known = all(name in SETTING_OF or name == CONFIG for name in options)
    fits = len(words) == 2 * len(options) and not any(value.startswith("-") for value in options.values())
    return options if known and fits else None


def run_server(options: Mapping[str, str]) -> None:
    """Run the server; `options` are values by option. Exits with 1 or 2 when it can't start."""
    for name in _LEFT_OUT:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # None: "not to be had"
    from deedbox.cli.settings import loaded

    with failing():
        given = {setting: (name, options.get(name)) for name, setting in SETTING_OF.items()}
        settings = loaded(given, Path(options[CONFIG]) if CONFIG in options else None).settings
        from deedbox.main.running import serve

        serve(settings)


def _split(word: str) -> list[str]:
    return word.split("=", 1) if word.startswith("--") and "=" in word else [word]
