import pytest

from pytest_synthgate.files.stamps import RACY_NS, FileStamp


@pytest.mark.parametrize(("age_ns", "settled"), [(RACY_NS, True), (RACY_NS - 1, False), (-1, False)])
def test_a_stamp_stands_for_the_content_two_seconds_after_the_last_change(age_ns: int, settled: bool) -> None:
    assert FileStamp("/a", 1, 10**18).settled(10**18 + age_ns) is settled
