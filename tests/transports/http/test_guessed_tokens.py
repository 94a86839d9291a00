"""An address that tries many tokens over HTTP is told to wait."""

from deedbox.transports.login_guesses import LoginGuesses
from deedbox.transports.settings import DeviceLoginSettings
from tests.transports.device_site import TOKEN
from tests.transports.http.device_bench import DeviceBench


async def test_whoever_tries_many_tokens_waits(bench: DeviceBench) -> None:
    """Attacks A01: 429 for wrong and right ones alike, with the time to wait, and never the token."""
    bench.use_guesses(LoginGuesses(DeviceLoginSettings(attempts_per_address=2, attempts_window_s=60)))
    for token in ("one", "one", "two", "one"):
        assert (await bench.post("telemetry", {"a": 1}, token=token)).status_code == 401
    for token in ("three", TOKEN):
        answer = await bench.post("telemetry", {"a": 1}, token=token)
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
        assert 0 < int(answer.headers["retry-after"]) <= 60
        assert token not in answer.text
    bench.sqlite.now_ms += 60_000
    assert (await bench.post("telemetry", {"a": 1})).status_code == 200
