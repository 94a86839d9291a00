"""A device's label as JSON."""

from deedbox.api.shapes.entities import Wire
from deedbox.core.label_keys import LabelKeys
from deedbox.core.labels import link


class LabelShape(Wire):
    """What is printed: `link` is the text of the QR code, `shortCode` for people who can't scan it."""

    device_name: str
    qr_key: str
    short_code: str
    link: str
    expires_at: int


def label_shape(device_name: str, keys: LabelKeys, page: str) -> LabelShape:
    """Return the wire form of a label; `page` is the claim page's address."""
    return LabelShape(
        device_name=device_name,
        qr_key=keys.qr_key,
        short_code=keys.short_code,
        link=link(page, device_name, keys.qr_key),
        expires_at=keys.expires_at,
    )
