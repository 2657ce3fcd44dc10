from signaling.client.receiver import StreamReceiver

MS = 1_000_000


def receiving(*numbers: int) -> StreamReceiver:
    receiver = StreamReceiver(5, 90_000)
    for at, number in enumerate(numbers):
        receiver.received_packet(number & 0xFFFF, 3000 * at, 20 * MS * at)
    return receiver


def test_a_hole_is_asked_for_at_once_then_every_110_ms_then_given_up() -> None:
    receiver = receiving(10, 11, 14)
    now = 40 * MS
    assert receiver.due_nacks(now) == [12, 13]
    assert receiver.due_nacks(now + 109 * MS) == []
    assert receiver.due_nacks(now + 110 * MS) == [12, 13]
    receiver.received_packet(13, 0, now + 120 * MS)
    assert receiver.due_nacks(now + 230 * MS) == [12]
    assert receiver.given_up == 0
    assert receiver.due_nacks(now + 1500 * MS) == []
    assert (receiver.given_up, receiver.waiting) == (1, False)


def test_a_hole_over_the_wrap_is_asked_for_with_16_bit_numbers() -> None:
    assert receiving(65534, 65538).due_nacks(MS) == [65535, 0, 1]


def test_a_long_interruption_is_not_asked_for() -> None:
    receiver = receiving(1, 2000)
    assert not receiver.waiting
    assert receiver.given_up == 1998


def test_the_report_tells_the_loss_since_the_last_report() -> None:
    receiver = receiving(*range(100), *range(125, 150))
    first = receiver.report_block(0)
    assert (first.lost, first.fraction_lost, first.highest) == (25, 25 * 256 // 150, 149)
    for number in range(150, 200):
        receiver.received_packet(number, 0, 0)
    assert receiver.report_block(0).fraction_lost == 0


def test_the_report_says_how_long_ago_the_sender_reported() -> None:
    receiver = receiving(1)
    receiver.sender_report(0x11112222_33334444, 1000 * MS)
    block = receiver.report_block(1500 * MS)
    assert (block.last_sr, block.delay_since_sr) == (0x22223333, 32768)
