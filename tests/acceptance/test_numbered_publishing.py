"""The judge over messages that a crash may have lost sees each way in which a server can be wrong."""

from tests.acceptance.numbered_publishing import NumberedDevice, Verdict, judge


def _device(token: str, sent: int, acknowledged: set[int]) -> NumberedDevice:
    device = NumberedDevice(token, 16)
    device.sent, device.acknowledged = sent, acknowledged
    return device


async def test_what_was_acknowledged_and_is_stored_once_is_well() -> None:
    verdict = judge([_device("a", 3, {0, 1})], {"a": [0, 1, 2]})
    assert verdict == Verdict(acknowledged=2, lost=0, twice=0, invented=0, unheard=1)


async def test_each_way_of_being_wrong_is_counted() -> None:
    devices = [_device("a", 3, {0, 1, 2}), _device("b", 2, {0, 1})]
    verdict = judge(devices, {"a": [0, 2, 2], "b": [0, 1, 7]})
    assert verdict == Verdict(acknowledged=5, lost=1, twice=1, invented=1, unheard=1)


async def test_a_device_of_which_nothing_is_stored_lost_everything() -> None:
    assert judge([_device("a", 2, {0, 1})], {}).lost == 2
