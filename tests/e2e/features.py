# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""What clients are told of a reader by SCardControl, and its Escape commands;
with a card, without one, and by the codes of Windows."""
import ctypes

import cases
from part10 import (CCID_ESCAPE, ESCAPE, FEATURE_REQUEST, MODIFY_PIN,
                    PIN_PROPERTIES, TLV_PROPERTIES, VERIFY_PIN,
                    WINDOWS_ESCAPE, WINDOWS_FEATURE_REQUEST, features, records)
import pcsc
from station import LEVELS, READER, Station, fails_with

UNSUPPORTED = {0x8010001F, 0x80100022}  # pcsc-lite has used both
SMALL_BUFFER = 0x80100008
ESCAPE_COMMAND = "c6b"
VERIFICATION, MODIFICATION = 1, 2
ALLOWED = {"CCIDTRACK_ifdDriverOptions": "0x0001"}
ALWAYS = {TLV_PROPERTIES}


def windows(code):
    """The same function in Windows' numbers."""
    return 0x00310000 + 4 * (code - 0x42000000)


def direct(station):
    """A client of the reader, not of the card."""
    return station.context.connect(READER, pcsc.DIRECT, 0)


def properties(card):
    """GET_TLV_PROPERTIES"""
    return records(card.control(features(card)[TLV_PROPERTIES]))


def what_is_listed_is_what_the_reader_has():
    wanted = {0: ALWAYS,
              VERIFICATION: ALWAYS | {VERIFY_PIN, PIN_PROPERTIES},
              MODIFICATION: ALWAYS | {MODIFY_PIN, PIN_PROPERTIES},
              3: ALWAYS | {VERIFY_PIN, MODIFY_PIN, PIN_PROPERTIES}}
    with Station() as station:
        for pin, tags in wanted.items():
            with station.reader("short", pin=pin):
                card = direct(station)
                assert set(features(card)) == tags, (pin, features(card))
                card.disconnect()
        with station.reader("character", pin=3):
            card = direct(station)
            assert set(features(card)) == ALWAYS, features(card)
            card.disconnect()


def what_is_not_listed_is_refused():
    with Station() as station, station.reader("short", pin=VERIFICATION):
        card = direct(station)
        codes = features(card)
        for code in (codes[VERIFY_PIN] + 1, codes[TLV_PROPERTIES] + 1, ESCAPE,
                     WINDOWS_ESCAPE, 0, 0xFFFFFFFF, FEATURE_REQUEST + 1,
                     WINDOWS_FEATURE_REQUEST + 1):
            fails_with(UNSUPPORTED, card.control, code, b"\x02")
        assert station.count(ESCAPE_COMMAND) == 0
        card.disconnect()


def windows_codes_do_the_same():
    with Station(**ALLOWED) as station, station.reader("short", pin=3):
        station.bench.control("escape", "r", "any", "echo")
        card = direct(station)
        codes = features(card)
        assert features(card, WINDOWS_FEATURE_REQUEST) == codes
        for tag in (PIN_PROPERTIES, TLV_PROPERTIES):
            assert card.control(windows(codes[tag])) == \
                card.control(codes[tag])
        for code in (WINDOWS_ESCAPE, windows(codes[CCID_ESCAPE])):
            assert card.control(code, b"hello") == b"hello"
        card.disconnect()


def every_property_has_its_size_and_value():
    with Station() as station:
        for level in LEVELS:
            with station.reader(level, pin=3, lcd="0210", version="1234"):
                card = direct(station)
                told = properties(card)
                assert told[1] == b"\x10\x02", told
                assert told[4] == b"\x10\x00" and told[5] == b"\x02\x00", told
                if level == "character":
                    assert 2 not in told and 3 not in told, told
                else:
                    assert told[2] == b"\x07" and told[3] == b"\x00", told
                assert told[8] == b"12.34", told
                assert told[9] == b"\x00", told
                longest = 256 if level == "short" else 65536
                assert told[10] == longest.to_bytes(4, "little"), told
                assert told[11] == b"\xE6\x04", told
                assert told[12] == b"\x16\x51", told
                assert set(told) <= set(range(1, 13)), told
                card.disconnect()


def a_reader_without_display_and_keys_tells_of_none():
    with Station() as station, station.reader("short"):
        card = direct(station)
        told = properties(card)
        assert told[1] == b"\0\0", told
        assert not set(told) & {2, 3, 4, 5, 6, 7}, told
        card.disconnect()


def pin_properties_tell_of_the_display():
    with Station() as station, station.reader("short", pin=3, lcd="0414"):
        card = direct(station)
        told = card.control(features(card)[PIN_PROPERTIES])
        assert told == b"\x14\x04\x07\x00", told
        card.disconnect()


def all_of_it_works_whatever_is_in_the_slot():
    with Station(**ALLOWED) as station, station.reader("short", pin=3):
        station.bench.control("escape", "r", "any", "echo")
        card = direct(station)
        empty = features(card), properties(card), card.control(ESCAPE, b"1")
        station.insert("echo")
        full = features(card), properties(card), card.control(ESCAPE, b"1")
        station.remove()
        again = features(card), properties(card), card.control(ESCAPE, b"1")
        assert empty == full == again
        station.insert("mute")
        mute = features(card), properties(card), card.control(ESCAPE, b"1")
        assert mute == empty
        card.disconnect()


def an_answer_that_does_not_fit_is_an_error_and_no_overrun():
    with Station(**ALLOWED) as station, station.reader("short", pin=3):
        station.bench.control("escape", "r", "any", "answer=" + "AA" * 200)
        card = direct(station)
        codes = features(card)
        for code in (FEATURE_REQUEST, codes[PIN_PROPERTIES],
                     codes[TLV_PROPERTIES], codes[CCID_ESCAPE]):
            assert len(card.control(code, b"x")) > 2
            assert small(card, code) == SMALL_BUFFER, hex(code)
        card.disconnect()


def small(card, code):
    """The code of an SCardControl with room for three bytes."""
    answer = ctypes.create_string_buffer(b"\x5A" * 8)
    size = ctypes.c_ulong()
    library = ctypes.CDLL("libpcsclite.so.1")
    library.SCardControl.restype = ctypes.c_long
    result = library.SCardControl(card.handle, ctypes.c_ulong(code), b"x",
                                  ctypes.c_ulong(1), answer, ctypes.c_ulong(3),
                                  ctypes.byref(size))
    assert answer.raw[3:8] == b"\x5A" * 5
    return result & 0xFFFFFFFF


# --- escape

def escapes_go_to_the_reader_and_back_unchanged():
    with Station(**ALLOWED) as station, station.reader("extended"):
        card = direct(station)
        code = features(card)[CCID_ESCAPE]
        assert code not in (ESCAPE, WINDOWS_ESCAPE)
        station.bench.control("escape", "r", "02", "answer=" + b"1.23".hex())
        station.bench.control("escape", "r", "any", "echo")
        assert card.control(code, b"\x02") == b"1.23"
        for size in (1, 53, 54, 55, 117, 118, 261):
            data = bytes(i & 0xFF for i in range(size))
            for one in (code, ESCAPE, WINDOWS_ESCAPE):
                assert card.control(one, b"\x55" + data[1:]) == \
                    b"\x55" + data[1:], size
        card.disconnect()


def an_escape_may_take_its_time():
    with Station(**ALLOWED) as station, station.reader(
            "short", extension_interval=200000):
        station.bench.control("escape", "r", "any", "echo", "time=1000000")
        card = direct(station)
        assert card.control(ESCAPE, b"slow") == b"slow"
        card.disconnect()


def an_escape_that_the_reader_does_not_know_is_an_error():
    with Station(**ALLOWED) as station, station.reader("short"):
        card = direct(station)
        fails_with(UNSUPPORTED, card.control, ESCAPE, b"\x99")
        station.bench.control("escape", "r", "any", "error=10")
        fails_with(pcsc.NOT_TRANSACTED, card.control, ESCAPE, b"\x99")
        assert station.count(ESCAPE_COMMAND) == 2
        card.disconnect()


def an_escape_longer_than_a_message_is_refused():
    with Station(**ALLOWED) as station, station.reader("short"):
        station.bench.control("escape", "r", "any", "echo")
        card = direct(station)
        before = station.count(ESCAPE_COMMAND)
        fails_with(pcsc.NOT_TRANSACTED, card.control, ESCAPE, bytes(262))
        fails_with(pcsc.NOT_TRANSACTED, card.control, ESCAPE, bytes(60000))
        assert station.count(ESCAPE_COMMAND) == before
        assert card.control(ESCAPE, bytes(261)) == bytes(261)
        card.disconnect()


if __name__ == "__main__":
    cases.main(
        what_is_listed_is_what_the_reader_has,
        what_is_not_listed_is_refused,
        windows_codes_do_the_same,
        every_property_has_its_size_and_value,
        a_reader_without_display_and_keys_tells_of_none,
        pin_properties_tell_of_the_display,
        all_of_it_works_whatever_is_in_the_slot,
        an_answer_that_does_not_fit_is_an_error_and_no_overrun,
        escapes_go_to_the_reader_and_back_unchanged,
        an_escape_may_take_its_time,
        an_escape_that_the_reader_does_not_know_is_an_error,
        an_escape_longer_than_a_message_is_refused,
    )
