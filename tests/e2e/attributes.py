# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""Every attribute that SCardGetAttrib knows, in every state of a card: its
type, its value, and nothing where nothing is known."""
import contextlib
import sys

import cases
from cases import deadline
import pcsc
from station import (KINDS, PROTOCOL, READER, SOON, Station, ask, fails_with,
                     make_atr, read)

UNKNOWN = {0x8010001F, 0x80100022}      # pcsc-lite has used both
AUTO_CLOCK, NEGOTIATES, PPS, IFSD = 0x30, 0x40, 0x80, 0x400
IDLE = 10                               # seconds; pcscd waits for five
REMOVED = {pcsc.READER_UNAVAILABLE, pcsc.UNKNOWN_READER, 0x80100003,
           0x80100011}


def number(value):
    """A DWORD on the wire"""
    return value.to_bytes(4, sys.byteorder)


def text(value):
    """A text"""
    return value.encode() + b"\0"


PLUGGED = {"manufacturer": "A maker", "product": "A reader",
           "version": "1234", "clock": 4800, "max_clock": 8000,
           "rate": 12903, "max_rate": 500000, "ifsd": 250,
           "message_size": 300, "features": "0"}

# What a reader is, whatever is in it
READERS_OWN = {
    0x00010100: text("A maker"), 0x00010101: text("A reader"),
    0x00010102: number(0x12340000), 0x00010103: b"",
    0x00030120: number(3), 0x00030121: number(4800),
    0x00030122: number(8000), 0x00030123: number(12903),
    0x00030124: number(500000), 0x00030125: number(250),
    0x00030126: number(0), 0x00040131: number(1), 0x00050140: number(0),
    0x00050142: number(0), 0x00060150: number(0),
    0x0007A007: number(290),
}

# What pcscd knows better, or nobody
LEFT_OUT = (0x0007A000, 0x0007A003, 0x0007A005, 0x0008020C,
            0x00090302, 0x7FFF0001, 0x7FFF0002, 0x7FFF0007)
PRESENCE, STATUS, ATR, KIND = 0x00090300, 0x00090301, 0x00090303, 0x00090304
EXCHANGE = (0x00080201, 0x00080202, 0x00080203, 0x00080204, 0x00080205,
            0x00080206, 0x00080207, 0x00080208, 0x00080209, 0x0008020A,
            0x0008020B)
CHANNEL = 0x00020110


def check(card, values, missing=()):
    """The attributes have these values, and others have none."""
    for tag, value in values.items():
        got = card.attribute(tag)
        assert got == value, (hex(tag), got.hex(), value.hex())
    for tag in missing:
        fails_with(UNKNOWN, card.attribute, tag)


@contextlib.contextmanager
def direct(station, name=READER):
    """A client of the reader, not of the card. (It has to come back for the
    next card: pcscd ends what it knows of the one before.)"""
    card = station.context.connect(name, pcsc.DIRECT, 0)
    yield card
    card.disconnect()


def wait_for_empty(station):
    """pcscd knows the one reader, and that it is empty; its name."""
    name, = station.context.wait_for_readers(1)
    watch = pcsc.Watch(name)
    watch.until(lambda state: state.empty, deadline(SOON))
    watch.close()
    return name


def check_reader(station, values, missing=()):
    """The same for whoever comes now."""
    with direct(station) as card:
        check(card, values, missing)


def a_reader_tells_of_itself_whatever_is_in_it():
    with Station() as station, station.reader("tpdu", **PLUGGED):
        for move in (None, lambda: station.insert("echo"), station.remove,
                     lambda: station.insert("mute")):
            if move:
                move()
            check_reader(station, READERS_OWN, LEFT_OUT)
            with direct(station) as card:
                channel = card.attribute(CHANNEL)
            channel = int.from_bytes(channel, sys.byteorder)
            assert channel >> 16 == 0x20 and channel & 0xFF00 == 0x100, channel


def a_serial_number_is_told_as_it_is():
    with Station() as station:
        station.bench.plug("r", serial="S-42")
        name = wait_for_empty(station)
        with direct(station, name) as card:
            check(card, {0x00010103: text("S-42")})


def an_attribute_that_no_string_tells_is_empty():
    with Station() as station, station.reader("short", manufacturer="",
                                              product="", serial=""):
        check_reader(station, {tag: b"" for tag in (0x00010100, 0x00010101,
                                                    0x00010103)})


def a_long_string_is_told_to_its_end():
    with Station() as station, station.reader("short", product="P" * 63):
        check_reader(station, {0x00010101: text("P" * 63)})


def numbers_that_the_reader_does_not_tell_are_not_told():
    with Station() as station, station.reader("short", clock=0, max_clock=0,
                                              rate=0, max_rate=0,
                                              protocols=0):
        check_reader(station, {0x00030120: number(3)},
                     (0x00030121, 0x00030122, 0x00030123, 0x00030124))


def an_empty_slot_tells_of_no_card():
    empty = {PRESENCE: b"\0", STATUS: b"\0", ATR: b"", KIND: b"\0"}
    with Station() as station, station.reader("tpdu"):
        check_reader(station, empty, EXCHANGE)
        station.insert("echo")
        station.remove()
        check_reader(station, empty, EXCHANGE)


def a_card_that_pcscd_has_powered_up_is_active():
    with Station() as station, station.reader("tpdu"):
        state = station.insert("echo")
        check_reader(station, {PRESENCE: b"\2", STATUS: b"\1",
                               ATR: state.atr, KIND: b"\1"}, EXCHANGE)


def a_mute_card_is_there_and_without_power():
    with Station() as station, station.reader("tpdu"):
        station.insert("mute")
        check_reader(station, {PRESENCE: b"\2", STATUS: b"\0", ATR: b"",
                               KIND: b"\0"}, EXCHANGE)


def an_unused_card_is_told_as_without_power_as_soon_as_it_is():
    with Station() as station, station.reader("tpdu"):
        station.insert("echo")
        station.bench.wait("r", "c63>=1", IDLE)     # pcscd's patience
        station.bench.wait("r", "idle")
        check_reader(station, {PRESENCE: b"\2", STATUS: b"\0", ATR: b"",
                               KIND: b"\0"}, EXCHANGE)


def power_follows_what_a_client_does_to_the_card():
    with Station() as station, station.reader("tpdu"):
        state = station.insert("echo")
        card = station.connect()
        check(card, {STATUS: b"\1", ATR: state.atr})
        card.reconnect(what=pcsc.UNPOWER)
        check(card, {STATUS: b"\1", ATR: state.atr})    # up again for us
        card.reconnect(pcsc.DIRECT, 0, pcsc.UNPOWER)
        card.disconnect(pcsc.UNPOWER)
        assert station.bench.state("r")["slot0"] == "inactive"
        check_reader(station, {PRESENCE: b"\2", STATUS: b"\0"}, EXCHANGE)


# --- as agreed

def agreed(level, protocol, plugged, atr, values, missing=(), apdu=False):
    """What holds once a client has connected, or has sent something."""
    with Station() as station, station.reader(level, **plugged):
        station.insert(KINDS[protocol], atr=atr)
        card = station.connect(PROTOCOL[protocol])
        if apdu:
            ask(card, read(0, 4))
        check(card, values, missing)
        card.disconnect()


def t_0_tells_speed_and_waiting_time():
    atr = make_atr([0], fidi=0x95)
    for level in ("character", "tpdu"):
        agreed(level, 0, PLUGGED, atr,
               {0x00080201: number(1), 0x00080202: number(4800),
                0x00080203: number(512), 0x00080204: number(16),
                0x00080205: number(0), 0x00080206: number(10)},
               (0x00080207, 0x00080208, 0x00080209, 0x0008020A, 0x0008020B))


def t_1_tells_sizes_and_waiting_times():
    atr = make_atr([1], fidi=0x95, ifsc=120, crc=True)
    for level in ("character", "tpdu"):
        agreed(level, 1, PLUGGED, atr,
               {0x00080201: number(2), 0x00080202: number(4800),
                0x00080203: number(512), 0x00080204: number(16),
                0x00080205: number(0), 0x00080207: number(120),
                0x00080208: number(250), 0x00080209: number(4),
                0x0008020A: number(13), 0x0008020B: number(1)},
               (0x00080206,), apdu=True)


def a_slow_reader_is_told_as_it_is():
    slow = {**PLUGGED, "max_rate": 12903}
    agreed("tpdu", 0, slow, make_atr([0], fidi=0x95),
           {0x00080203: number(372), 0x00080204: number(1)})


def a_reader_that_negotiates_keeps_the_speed_to_itself():
    plugged = {**PLUGGED, "features": f"{AUTO_CLOCK | NEGOTIATES:x}"}
    for level in ("tpdu", "short", "extended"):
        agreed(level, 1, plugged, make_atr([1], fidi=0x95, ifsc=120),
               {0x00080201: number(2), 0x00080207: number(120)},
               (0x00080202, 0x00080203, 0x00080204))


def a_reader_that_offers_ifsd_offers_its_own():
    plugged = {**PLUGGED, "features": f"{IFSD:x}"}
    agreed("tpdu", 1, plugged, make_atr([1], ifsc=120),
           {0x00080208: number(250), 0x0008020B: number(0)}, apdu=True)


def all_that_was_agreed_ends_with_the_card():
    with Station() as station, station.reader("tpdu", **PLUGGED):
        station.insert("echo", atr=make_atr([1], fidi=0x95))
        card = station.connect()
        check(card, {0x00080201: number(2)})
        station.bench.swap("r", 0, "echo-t0", atr=make_atr([0], fidi=0x96))
        station.until(lambda state: state.present and state.count >= 3)
        check_reader(station, {PRESENCE: b"\2"}, EXCHANGE)
        again = station.connect()
        check(again, {0x00080201: number(1), 0x00080204: number(32)})
        station.bench.remove("r")
        station.until(lambda state: state.empty)
        check_reader(station, {PRESENCE: b"\0", STATUS: b"\0"}, EXCHANGE)
        for handle in (card, again):
            handle.disconnect()


def a_look_at_the_presence_takes_no_movement_away():
    """Clients that ask all the time, and a watch that misses nothing."""
    with Station() as station, station.reader("tpdu"):
        station.insert("echo")
        for _ in range(10):
            before = station.watch.look().count
            station.bench.swap("r", 0, "echo")
            for _ in range(20):
                with direct(station) as reader, \
                        contextlib.suppress(pcsc.Error):
                    reader.attribute(PRESENCE)
            station.until(lambda state, count=before:
                          state.present and state.count == count + 2)


def a_reader_that_is_gone_tells_nothing():
    with Station() as station:
        station.bench.plug("r", level="tpdu")
        wait_for_empty(station)
        card = station.context.connect(READER, pcsc.DIRECT, 0)
        station.bench.unplug("r")
        station.context.wait_for_readers(0)
        for tag in (PRESENCE, CHANNEL, 0x00010100):
            fails_with(REMOVED, card.attribute, tag)


def nothing_of_pcscds_own_can_be_asked_for():
    with Station() as station, station.reader("tpdu"):
        check_reader(station, {}, (0x0FB2, 0x0FB3, 0x0180, 0, 0xFFFFFFFF))


if __name__ == "__main__":
    cases.main(
        a_reader_tells_of_itself_whatever_is_in_it,
        a_serial_number_is_told_as_it_is,
        an_attribute_that_no_string_tells_is_empty,
        a_long_string_is_told_to_its_end,
        numbers_that_the_reader_does_not_tell_are_not_told,
        an_empty_slot_tells_of_no_card,
        a_card_that_pcscd_has_powered_up_is_active,
        a_mute_card_is_there_and_without_power,
        an_unused_card_is_told_as_without_power_as_soon_as_it_is,
        power_follows_what_a_client_does_to_the_card,
        t_0_tells_speed_and_waiting_time,
        t_1_tells_sizes_and_waiting_times,
        a_slow_reader_is_told_as_it_is,
        a_reader_that_negotiates_keeps_the_speed_to_itself,
        a_reader_that_offers_ifsd_offers_its_own,
        all_that_was_agreed_ends_with_the_card,
        a_look_at_the_presence_takes_no_movement_away,
        a_reader_that_is_gone_tells_nothing,
        nothing_of_pcscds_own_can_be_asked_for,
    )
