import pytest
from hypothesis import given, strategies as st
from link_tools import cuts, feed, pieces_of

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.gdw376 import link_layer
from protocols.gdw376.frame import USER_SIZE_MAX, Frame, FrameReader, encode_frame
from protocols.gdw376.translate import translate
from protocols.links.base import Heartbeat, Held, Identified, LinkSettings, MeterBytes, Reply
from protocols.links.gdw376 import Gdw376Link
from protocols.links.notices import ForeignFrame, SaidGoodbye

# Terminal 0042 of area 3301, made with pencil and paper from the layout in the standard.
LOGIN = bytes.fromhex("683200320068c90133420000027300000100b516")
HEARTBEAT = bytes.fromhex("683200320068c90133420000027400000400b916")
LOGOUT = bytes.fromhex("683200320068c90133420000027500000200b816")
CONFIRM = bytes.fromhex("6832003200680b0133420000006300000100e516")
CONFIRM_EACH = bytes.fromhex("684a004a00680b0133420000006300000400020000010000eb16")
FORWARDED = bytes.fromhex("684a004a00688801334200001061000001001f0300aabbccc316")
FORWARD = bytes.fromhex(
    "6892009200684b01334200021061000001001f6b853202000102000000000000000000000000000000007b16"
)
NAME = Identified("33010042", "registration")


def link() -> Gdw376Link:
    return Gdw376Link(LinkSettings())


def opened() -> Gdw376Link:
    made = link()
    made.receive(LOGIN)
    return made


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 19, 99])
def test_a_login_is_confirmed_however_it_arrives(size: int) -> None:
    assert feed(link(), cuts(LOGIN, size)) == [NAME, Heartbeat(), Reply(CONFIRM)]


def test_the_confirmation_carries_the_number_of_the_request() -> None:
    said = opened().receive(HEARTBEAT)
    assert said[0] == Heartbeat()
    assert isinstance(said[1], Reply)
    frame = FrameReader().feed(said[1].data)[0]
    assert (frame.seq, frame.afn, frame.data) == (0x64, 0, bytes.fromhex("00000100"))


def test_a_logout_is_confirmed_and_ends_the_session() -> None:
    said = opened().receive(LOGOUT)
    assert said[0] == SaidGoodbye("the terminal logged out")
    assert isinstance(said[1], Reply)


def test_the_older_confirmation_names_each_unit() -> None:
    frame = FrameReader().feed(LOGIN)[0]
    assert encode_frame(link_layer.confirmation(frame, each=True)) == CONFIRM_EACH


def test_a_terminal_of_2005_is_answered_in_its_version() -> None:
    old = encode_frame(link_layer.link_request(bytes.fromhex("0133420000"), 1, 3, version=1))
    assert old[1] == 0x31
    said = link().receive(old)
    assert isinstance(said[-1], Reply)
    assert said[-1].data[1] & 3 == 1


def test_meter_bytes_travel_by_forwarding() -> None:
    made = opened()
    assert made.wrap(b"\x01\x02") == FORWARD
    assert made.receive(FORWARDED) == [MeterBytes(b"\xaa\xbb\xcc")]


def test_the_terminals_view_of_forwarding() -> None:
    request = FrameReader().feed(FORWARD)[0]
    assert link_layer.forwarded_request(request) == b"\x01\x02"
    answer = link_layer.forward_answer(request, b"\xaa\xbb\xcc")
    assert link_layer.forwarded_answer(answer) == b"\xaa\xbb\xcc"
    assert answer.terminal == "33010042"


def test_an_event_is_kept_and_confirmed() -> None:
    event = Frame(0xC4, bytes.fromhex("0133420000"), 0x0E, 0x75, bytes.fromhex("00000100ff"))
    said = opened().receive(encode_frame(event))
    assert said[0] == ForeignFrame("q/gdw-376.1", encode_frame(event))
    assert isinstance(said[1], Reply)


def test_data_before_a_login_name_the_terminal() -> None:
    assert link().receive(FORWARDED) == [NAME, MeterBytes(b"\xaa\xbb\xcc")]
    with pytest.raises(LocalProtocolError):
        link().wrap(b"1")


def test_another_terminal_on_the_same_connection_is_refused() -> None:
    other = encode_frame(link_layer.link_request(link_layer.address_of("33010043"), 1, 0))
    with pytest.raises(RemoteProtocolError, match="33010043"):
        opened().receive(other)


def test_our_own_echo_is_nothing() -> None:
    assert opened().receive(CONFIRM + FORWARD) == []


def test_a_length_that_lies_costs_no_frame_behind_it() -> None:
    liar = LOGIN[:-2] + b"\x31\x09\x14" + LOGIN[-2:]
    assert feed(link(), [liar + HEARTBEAT])[:2] == [NAME, Heartbeat()]


def test_a_frame_that_never_ends_is_given_up_in_a_pause() -> None:
    made = link()
    # What follows is inside the announced length: only the pause can tell.
    assert made.receive(bytes.fromhex("68fa03fa0368c9") + LOGIN) == [Held()]
    assert made.idle()[0] == NAME


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_noise_around_a_frame_does_not_hide_it(before: bytes, after: bytes) -> None:
    reader = FrameReader()
    frames = reader.feed(before + LOGIN + after) + reader.idle()
    assert "33010042" in [frame.terminal for frame in frames]


@given(st.data(), st.lists(st.sampled_from([LOGIN, HEARTBEAT, FORWARDED, b"\x68", b"\x16"])))
def test_the_same_however_it_is_cut(data: st.DataObject, frames: list[bytes]) -> None:
    stream = b"".join(frames)
    assert feed(link(), data.draw(pieces_of(stream))) == feed(link(), [stream])


@given(st.binary(max_size=600), st.integers(0, 19), st.integers(1, 255))
def test_garbage_and_damage_are_a_remote_error_or_nothing(raw: bytes, at: int, flip: int) -> None:
    damaged = LOGIN[:at] + bytes((LOGIN[at] ^ flip,)) + LOGIN[at + 1 :]
    reader = FrameReader()
    assert all(frame.terminal != "33010042" for frame in reader.feed(damaged) + reader.idle())
    made = link()
    try:
        made.receive(raw)
        made.idle()
    except RemoteProtocolError:
        pass


def test_limits() -> None:
    address = bytes.fromhex("0133420000")
    with pytest.raises(LocalProtocolError):
        encode_frame(Frame(0xC9, address, 2, 0x70, bytes(USER_SIZE_MAX)))
    with pytest.raises(LocalProtocolError):
        link_layer.address_of("123")
    with pytest.raises(LocalProtocolError):
        link_layer.forward_request(address, link_layer.SerialPort(), bytes(1025), 0)
    for short in ("00000100", "000001001f05", "000001001f0500aa"):
        with pytest.raises(RemoteProtocolError):
            link_layer.forwarded_answer(Frame(0x88, address, 0x10, 0x60, bytes.fromhex(short)))
    reader = FrameReader()
    reader.feed(bytes.fromhex("68fefffeff68") * 100)
    assert reader.left_over < 8


def test_functions_are_numbered_over_the_groups() -> None:
    assert link_layer.functions(bytes.fromhex("00000100")) == [1]
    assert link_layer.functions(bytes.fromhex("00000401")) == [11]
    assert link_layer.functions(link_layer.unit(29)) == [29]
    assert link_layer.functions(b"") == []


def test_the_translator_tells_the_parts_and_the_answer() -> None:
    told = translate({"chunks_hex": [b"xx".hex(), LOGIN.hex(), FORWARDED.hex()]})
    assert (told["addr"], told["fn"], told["pseq"], told["con"]) == ("33010042", 1, 3, True)
    assert (told["answer"], told["answer_each"]) == (CONFIRM.hex(), CONFIRM_EACH.hex())
    assert told["decoded"][1]["forwarded"] == "aabbcc"
    assert translate({"raw_hex": LOGIN[:-1].hex()})["error"] == "framing"
    assert translate({"raw_hex": (LOGIN[:-2] + b"\0\x16").hex()})["error"] == "checksum"


def test_the_translator_tells_a_forwarding_that_is_not_whole() -> None:
    short = Frame(0x88, bytes.fromhex("0133420000"), 0x10, 0x60, bytes.fromhex("000001001f05"))
    told = translate({"raw_hex": encode_frame(short).hex()})
    assert (told["ok"], told["forwarded"], "problem" in told) == (True, None, True)


def test_a_confirmation_from_a_terminal_is_nothing() -> None:
    said = Frame(0x80, bytes.fromhex("0133420000"), 0, 0x60, bytes.fromhex("00000100"))
    assert opened().receive(encode_frame(said)) == []
