"""What programs call themselves, as people know them."""

from deedbox.web.texts import text

#: The first that is found in a browser's name for itself; most name others too, so the order matters.
_BROWSERS = (
    ("Firefox/", "Firefox"), ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser/", "Samsung Internet"),
    ("Chrome/", "Chrome"), ("CriOS/", "Chrome"), ("Safari/", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
    ("Mac OS X", "Mac"), ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip
_LONGEST = 60


def client_words(client: str) -> str:
    """Return what people call this program and where it runs; its own name where that is not known."""
    browser = next((name for mark, name in _BROWSERS if mark in client), "")
    system = next((name for mark, name in _SYSTEMS if mark in client), "")
    if browser and system:
        return text("account.browser_on", browser=browser, system=system)
    return browser or client[:_LONGEST] or text("account.unknown_client")
