# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""A PIN from the reader's own keys: verified, changed, and all the ways in
which that ends otherwise; at every exchange level, over T=0 and T=1."""
import contextlib
import os
import signal
import subprocess
import sys
import time

import cases
from cases import deadline, lab
from cardserver import CardServer
from concurrent.futures import ThreadPoolExecutor
import part10
from part10 import CANCELLED, MISMATCH, NOTHING_KEYED, modify, verify
import pcsc
import pincard
from pincard import OK, PinCard
from station import PROTOCOL, READER, Station, fails_with, make_atr

LEVELS = ("tpdu", "short", "extended")
WAYS = [(level, protocol) for level in LEVELS for protocol in (0, 1)]
SOCKET = f"{lab.WORK}/card"
QUICK = 0.001           # of the time that a user may take
VERIFY = b"\x00\x20\x00\x81"
SELECT = b"\x00\xA4\x00\x00"
CHANGE = b"\x00\x24\x00\x81"
EMPTY_8 = bytes([8]) + b"\xFF" * 8
EMPTY_16 = bytes([16]) + b"\xFF" * 16
SECURE = "c69"
SECOND = 1000000


class Pad:
    """A reader with keys, a card that wants a PIN, and a client."""

    def __init__(self, station, card, handle, codes):
        self.station = station
        self.bench = station.bench
        self.card = card
        self.handle = handle
        self.codes = codes

    def keys(self, text):
        """What the user presses."""
        self.bench.control("keys", "r", text)

    def verify(self, keys, structure=None, **fields):
        """The answer to a PIN entry with these keys."""
        self.keys(keys or "none")
        return self.handle.control(
            self.codes[part10.VERIFY_PIN],
            structure or verify(VERIFY + EMPTY_8, **fields))

    def modify(self, keys, structure=None, **fields):
        """The same for a change."""
        self.keys(keys or "none")
        return self.handle.control(
            self.codes[part10.MODIFY_PIN],
            structure or modify(CHANGE + EMPTY_16, **fields))

    def heard(self, apdu):
        """It was the card's last. (At T=0 a card knows no Le: any is in.)"""
        assert self.card.apdus[-1] in (apdu, apdu + b"\0"), self.card.apdus

    def asks_nothing(self):
        """True if no PIN entry waits."""
        return self.bench.stats("r").get(SECURE, 0) == 0

    def secure(self):
        """The last Secure command as the reader understood it, in words."""
        lines = [line for line in self.bench.journal() if line[2] == "secure"]
        pairs = [word.split("=") for word in lines[-1][5:] if "=" in word]
        return {"operation": lines[-1][4], "apdu": lines[-1][-1],
                **dict(pairs)}

    def check_usable(self):
        """The card takes its PIN in clear; the tries are full again."""
        apdu = VERIFY + bytes([len(self.card.coding(self.card.pin))])
        apdu += self.card.coding(self.card.pin)
        assert self.handle.transmit(apdu) == OK
        assert self.card.tries == pincard.TRIES


@contextlib.contextmanager
def pad_of(station, level, protocol, coding=pincard.ascii_8, **options):
    """Plugs all of that together."""
    card = PinCard(make_atr([protocol]), coding=coding)
    server = CardServer(card, SOCKET)
    options.setdefault("pin", 3)
    options.setdefault("key_time", 1000)
    with station.reader(level, **options):
        station.insert("served", path=SOCKET)
        handle = station.connect(PROTOCOL[protocol])
        yield Pad(station, card, handle, part10.features(handle))
        with contextlib.suppress(pcsc.Error):
            handle.disconnect()
    server.close()


@contextlib.contextmanager
def pads(ways=None, **options):
    """One after the other, at each level over each protocol."""
    with Station() as station:
        yield (one_pad(station, way, options) for way in ways or WAYS)


def one_pad(station, way, options):
    """A context; told, so that a failure has a place."""
    print(f"{way[0]} level, T={way[1]}:")
    return pad_of(station, *way, **options)


def each(run, ways=None, **options):
    """Runs it with a pad of each kind."""
    with pads(ways, **options) as all_of_them:
        for context in all_of_them:
            with context as pad:
                run(pad)


# --- a PIN is given

def a_right_pin_is_verified_and_a_wrong_one_counted():
    def run(pad):
        assert pad.verify("1234v") == OK
        assert pad.verify("4321v") == b"\x63\xC2"
        assert pad.verify("43b4321v") == b"\x63\xC1"
        assert pad.card.tries == 1
        assert pad.verify("1234v") == OK
        assert pad.card.tries == pincard.TRIES
        pad.heard(VERIFY + b"\x08" + pincard.ascii_8("1234"))
        pad.check_usable()
    each(run)


def the_third_wrong_pin_blocks_the_card():
    def run(pad):
        answers = [pad.verify("9999v") for _ in range(4)]
        assert answers == [b"\x63\xC2", b"\x63\xC1", pincard.BLOCKED,
                           pincard.BLOCKED], answers
    each(run, [("short", 1)])


def numbers_may_come_in_either_byte_order():
    def run(pad):
        for order in "<>":
            assert pad.verify("1234v", order=order) == OK
            said = pad.secure()
            assert said["digits"] == "4-8", said
            assert said["language"] == "0409", said
            assert pad.modify("1234v5678v5678v", order=order) == OK
            assert pad.modify("5678v1234v1234v", order=order) == OK
            assert pad.secure()["digits"] == "4-8"
    each(run)


def every_field_reaches_the_reader():
    def run(pad):
        assert pad.verify("1234v", timeout=77, timeout_2=5, most=9, least=3,
                          condition=7, messages=0xFF, index=4,
                          language=0x0407) == OK
        said = pad.secure()
        wanted = {"operation": "verify", "timeout": "77",
                  "format": "82,08,00", "digits": "3-9", "condition": "7",
                  "messages": "ff", "language": "0407",
                  "indexes": "04,00,00/1", "apdu": (VERIFY + EMPTY_8).hex()}
        assert wanted.items() <= said.items(), said
        assert pad.modify("5678v5678v", timeout=33, confirm=1, messages=2,
                          indexes=(7, 8, 9)) != OK
        said = pad.secure()
        wanted = {"operation": "modify", "timeout": "33", "at": "0,8",
                  "confirm": "1", "messages": "02",
                  "indexes": "07,08,00/2"}
        assert wanted.items() <= said.items(), said
    each(run)


def the_block_of_t_1_is_announced_to_the_reader():
    def run(pad):
        size = len(VERIFY + EMPTY_8)
        for number in ("00", "40", "00"):
            assert pad.verify("1234v") == OK
            assert pad.secure()["prologue"] == f"00{number}{size:02x}"
        pad.check_usable()
        assert pad.verify("1234v") == OK
        assert pad.secure()["prologue"] == f"0000{size:02x}"
    each(run, [("tpdu", 1)])


CODINGS = (
    (pincard.ascii_8, EMPTY_8, {}),
    (pincard.plain, b"", {"block": 0}),
    (pincard.bcd_right, EMPTY_8, {"format_": 0x85, "block": 8}),
    # control nibble, length in the second, digits from bit 8 on
    (pincard.format_2, b"\x08\x20" + b"\xFF" * 7,
     {"format_": 0x41, "block": 0x47, "length": 0x04}),
)


def a_pin_is_coded_as_the_client_says():
    for coding, body, fields in CODINGS:
        print(coding.__name__)

        def run(pad, body=body, fields=fields):
            structure = verify(VERIFY + body, **fields)
            assert pad.verify("1234v", structure) == OK, pad.card.apdus
            assert pad.verify("4321v", structure) == b"\x63\xC2"
            pad.check_usable()
        each(run, coding=coding)


def an_entry_ends_as_the_client_says():
    def run(pad):
        by_count = verify(VERIFY + EMPTY_8, most=4, condition=1)
        assert pad.verify("1234", by_count) == OK
        by_time = verify(VERIFY + EMPTY_8, condition=4, timeout=1)
        assert pad.verify("1234", by_time) == OK
    each(run, pin_second=int(QUICK * 100 * SECOND))


def enter_slowly(station, milliseconds, **habits):
    """A PIN for the echo card, which takes its time and asks for it. The APDU
    has no data: the reader puts the PIN behind it."""
    with station.card("echo", atr=make_atr([1]), bwt=50000, **habits) as card:
        apdu = b"\x80\x12" + milliseconds.to_bytes(2, "big")
        station.bench.control("keys", "r", "1234v")
        answer = card.control(part10.features(card)[part10.VERIFY_PIN],
                              verify(apdu, block=0))
        assert answer == OK, answer
        assert card.transmit(SELECT) == OK
        stats = station.bench.stats("r")
        assert "complaints" not in stats, stats
        return stats


def a_card_may_ask_for_more_time_behind_an_entry():
    with Station() as station, station.reader("tpdu", pin=3):
        at_once = enter_slowly(station, 1)["c6f"]
        # one response more for each request of the card
        assert enter_slowly(station, 400)["c6f"] == at_once + 1
        assert enter_slowly(station, 400, ifs=40)["c6f"] == at_once + 2


# --- a PIN is changed

def a_pin_is_changed():
    def run(pad):
        assert pad.modify("1234v56789v56789v") == OK
        assert pad.card.pin == "56789"
        pad.heard(CHANGE + b"\x10" + pincard.ascii_8("1234") +
                  pincard.ascii_8("56789"))
        assert pad.modify("1234v4444v4444v") == b"\x63\xC2"
        assert pad.card.pin == "56789"
        pad.check_usable()
    each(run)


def a_pin_is_changed_with_any_number_of_messages():
    def run(pad):
        for messages, indexes in ((0, 1), (1, 2), (2, 2), (3, 3), (0xFF, 3)):
            assert pad.modify("1234v1234v1234v", messages=messages) == OK
            said = pad.secure()["indexes"]
            assert said.endswith(f"/{indexes}"), (messages, said)
    each(run)


def the_old_pin_may_be_left_out():
    def run(pad):
        assert pad.verify("1234v") == OK
        structure = modify(b"\x00\x24\x01\x81" + EMPTY_8, confirm=1, new_at=0,
                           messages=2)
        assert pad.modify("8765v8765v", structure) == OK
        assert pad.card.pin == "8765"
        structure = modify(b"\x00\x24\x01\x81" + EMPTY_8, confirm=0, new_at=0,
                           messages=1)
        assert pad.modify("1111v", structure) == OK
        assert pad.card.pin == "1111"
    each(run)


# --- no PIN is given

def a_user_may_cancel():
    def run(pad):
        before = len(pad.card.apdus)
        assert pad.verify("12c") == CANCELLED
        assert pad.modify("1234v5c") == CANCELLED
        assert len(pad.card.apdus) == before
        assert pad.verify("1234v") == OK
        pad.check_usable()
    each(run)


def a_user_may_do_nothing():
    def run(pad):
        before = len(pad.card.apdus)
        assert pad.verify("", timeout=20) == NOTHING_KEYED
        assert pad.verify("12", timeout=20) == NOTHING_KEYED
        assert pad.modify("1234v5678v", timeout=20) == NOTHING_KEYED
        assert len(pad.card.apdus) == before
        pad.check_usable()
    each(run, pin_second=int(QUICK * SECOND * 10))


def new_pins_that_differ_change_nothing():
    def run(pad):
        before = len(pad.card.apdus)
        assert pad.modify("1234v5678v8765v") == MISMATCH
        assert len(pad.card.apdus) == before
        assert pad.card.pin == "1234"
        assert pad.verify("1234v") == OK
        pad.check_usable()
    each(run)


def a_structure_that_is_wrong_is_refused_before_the_reader_hears_of_it():
    good = verify(VERIFY + EMPTY_8)
    wrong = [good[:-1], good + b"\0", good[:22], b"", good[:18],
             good[:15] + b"\xFF\xFF\xFF\xFF" + good[19:],
             good[:8] + b"\x04" + good[9:]]

    def run(pad):
        for structure in wrong:
            for code in (part10.VERIFY_PIN, part10.MODIFY_PIN):
                fails_with({0x80100022, pcsc.NOT_TRANSACTED, 0x8010001F},
                           pad.handle.control, pad.codes[code], structure)
        assert pad.asks_nothing()
        assert pad.verify("1234v") == OK
    each(run, [("short", 1), ("tpdu", 1)])


def a_reader_that_refuses_a_field_leaves_the_card_in_use():
    def run(pad):
        fails_with({pcsc.NOT_TRANSACTED, 0x80100022, 0x8010001F}, pad.verify,
                   "", verify(VERIFY + EMPTY_8, most=99))
        pad.check_usable()
        assert pad.verify("1234v") == OK
    each(run)


# --- what happens while the user is at the keys

@contextlib.contextmanager
def entry(pad, keys="12"):
    """An entry that goes on; a future for its answer."""
    before = pad.bench.stats("r").get(SECURE, 0)
    pad.keys(keys or "none")
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(pad.handle.control,
                             pad.codes[part10.VERIFY_PIN],
                             verify(VERIFY + EMPTY_8))
        pad.bench.wait("r", f"{SECURE}>={before + 1}")
        yield future


def ends_with(future, codes, limit):
    """It fails so, in seconds."""
    start = time.monotonic()
    fails_with(codes, future.result, deadline(10))
    took = time.monotonic() - start
    assert took < deadline(limit), took


def a_card_that_is_pulled_ends_the_entry():
    for removal in ("mute", "silent", "late"):
        print(removal)

        def run(pad):
            apdus = len(pad.card.apdus)
            with entry(pad) as future:
                pad.bench.remove("r")
                ends_with(future, pcsc.NOT_TRANSACTED, 3)
            pad.keys("34v")
            assert len(pad.card.apdus) == apdus
            pad.station.until(lambda state: state.empty)
        each(run, removal=removal)


def a_card_that_is_swapped_gets_no_pin():
    def run(pad):
        count = pad.station.watch.state.count
        with entry(pad) as future:
            pad.bench.swap("r", 0, "served", path=SOCKET)
            apdus = len(pad.card.apdus)
            pad.keys("34v")
            ends_with(future, {pcsc.NOT_TRANSACTED, pcsc.REMOVED_CARD,
                               pcsc.RESET_CARD}, 3)
        pad.station.until(lambda state: state.present and
                          state.count == count + 2)
        assert len(pad.card.apdus) == apdus
        again = pad.station.connect()
        pad.keys("none")
        pad.handle = again
        assert pad.verify("1234v") == OK
        again.disconnect()
    each(run)


def an_unplugged_reader_ends_the_entry():
    with Station() as station:
        for level, protocol in WAYS:
            card = PinCard(make_atr([protocol]))
            server = CardServer(card, SOCKET)
            station.bench.plug("r", level=level, features="0", pin=3)
            station.context.wait_for_readers(1)
            station.bench.insert("r", 0, "served", path=SOCKET)
            watch = pcsc.Watch(READER)
            watch.until(lambda state: state.present)
            handle = station.connect()
            pad = Pad(station, card, handle, part10.features(handle))
            with entry(pad) as future:
                station.bench.unplug("r")
                ends_with(future, {pcsc.READER_UNAVAILABLE,
                                   pcsc.NOT_TRANSACTED,
                                   pcsc.UNKNOWN_READER}, 4)
            watch.close()
            station.context.wait_for_readers(0)
            server.close()


def a_reader_may_ask_for_more_time_while_the_user_types():
    def run(pad):
        assert pad.verify("1234v") == OK
        replies = pad.bench.stats("r")["replies"]
        assert replies > 5, replies
        pad.check_usable()
    each(run, key_time=20000, extension_interval=5000)


def another_client_waits_for_the_end_of_the_entry():
    """And its reset comes behind the PIN, not in the middle of it."""
    def run(pad):
        other = pcsc.Context()
        card = other.connect(READER)
        with entry(pad, "") as future, ThreadPoolExecutor(1) as pool:
            reset = pool.submit(card.reconnect, what=pcsc.RESET)
            time.sleep(0.05)    # it must not get in, however long one waits
            assert not reset.done()
            pad.keys("1234v")
            assert future.result(deadline(10)) == OK
            reset.result(deadline(10))
        fails_with(pcsc.RESET_CARD, pad.handle.transmit, SELECT)
        pad.handle.reconnect()
        assert not pad.card.verified
        pad.keys("none")
        assert pad.verify("1234v") == OK
        card.disconnect()
        other.close()
    each(run)


CLIENT = """
import sys
sys.path[:0] = {path!r}
import pcsc
context = pcsc.Context()
context.connect({reader!r}).control({code}, bytes.fromhex({data!r}))
"""


def a_client_that_dies_leaves_the_reader_usable():
    """pcscd finds out at the end of the entry; the user can end it."""
    def run(pad):
        code = CLIENT.format(path=sys.path, reader=READER,
                             code=pad.codes[part10.VERIFY_PIN],
                             data=verify(VERIFY + EMPTY_8).hex())
        with subprocess.Popen([sys.executable, "-c", code]) as client:
            pad.bench.wait("r", f"{SECURE}>=1")
            os.kill(client.pid, signal.SIGKILL)
            client.wait()
        pad.keys("c")
        pad.bench.wait("r", "idle")
        assert pad.verify("1234v") == OK
    each(run)


def movements_between_entries_never_verify_another_card():
    """In a transaction: a PIN is right or there is an error, and each card
    gets only what was meant for it."""
    def run(pad):
        for _ in range(10):
            with contextlib.suppress(pcsc.Error):
                pad.handle.begin()
                pad.verify("1234v")
            pad.bench.swap("r", 0, "served", path=SOCKET)
            apdus = len(pad.card.apdus)
            # a new card has no PIN verified, whatever the old one had
            fails_with({pcsc.NOT_TRANSACTED, pcsc.REMOVED_CARD,
                        pcsc.RESET_CARD, pcsc.NO_SMARTCARD}, pad.verify,
                       "1234v")
            assert len(pad.card.apdus) == apdus, pad.card.apdus
            pad.keys("none")
            pad.station.until(lambda state: state.present)
            pad.handle = reconnected(pad)
    each(run, [("short", 1), ("tpdu", 0)])


def reconnected(pad):
    """A handle of the card that is in."""
    end = time.monotonic() + deadline(10)
    while True:
        try:
            return pad.station.connect()
        except pcsc.Error:
            if time.monotonic() > end:
                raise


if __name__ == "__main__":
    cases.main(
        a_right_pin_is_verified_and_a_wrong_one_counted,
        the_third_wrong_pin_blocks_the_card,
        numbers_may_come_in_either_byte_order,
        every_field_reaches_the_reader,
        the_block_of_t_1_is_announced_to_the_reader,
        a_pin_is_coded_as_the_client_says,
        an_entry_ends_as_the_client_says,
        a_card_may_ask_for_more_time_behind_an_entry,
        a_pin_is_changed,
        a_pin_is_changed_with_any_number_of_messages,
        the_old_pin_may_be_left_out,
        a_user_may_cancel,
        a_user_may_do_nothing,
        new_pins_that_differ_change_nothing,
        a_structure_that_is_wrong_is_refused_before_the_reader_hears_of_it,
        a_reader_that_refuses_a_field_leaves_the_card_in_use,
        a_card_that_is_pulled_ends_the_entry,
        a_card_that_is_swapped_gets_no_pin,
        an_unplugged_reader_ends_the_entry,
        a_reader_may_ask_for_more_time_while_the_user_types,
        another_client_waits_for_the_end_of_the_entry,
        a_client_that_dies_leaves_the_reader_usable,
        movements_between_entries_never_verify_another_card,
    )
