# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""Several clients of a card that wants a PIN, while cards come and go: what one
of them was let to do holds for no other card."""
import contextlib
from concurrent.futures import ThreadPoolExecutor
import random
import threading
import time

import cases
from cases import deadline, options
from part10 import VERIFY_PIN, verify
import pcsc
from pincard import OK, TRIES
import pinpad
from pinpad import EMPTY_8, SELECT, VERIFY, pad_of
from station import PROTOCOL, READER, Station, fails_with

SHARING_VIOLATION = 0x8010000B
LEFT = {pcsc.REMOVED_CARD, pcsc.NO_SMARTCARD, pcsc.NOT_TRANSACTED,
        pcsc.RESET_CARD, pcsc.UNPOWERED_CARD}
# What a connect meets beside a movement: mute, or no ATR yet
UNRESPONSIVE, MISMATCH = 0x80100066, 0x8010000F
NOT_YET = 0.1           # seconds in which something must not happen
WAYS = (("tpdu", 0), ("tpdu", 1), ("short", 1))
CLIENTS = 3
SOON = 10

cases.parser.add_argument("--movements", type=int, default=40)
cases.parser.add_argument("--seed", type=int, default=1)


@contextlib.contextmanager
def station_of(way):
    """pcscd and a pad."""
    with Station() as station, pad_of(station, *way) as pad:
        yield station, pad


@contextlib.contextmanager
def client(protocol):
    """A further client, in a context of its own."""
    context = pcsc.Context()
    card = context.connect(READER, pcsc.SHARED, PROTOCOL[protocol])
    yield card
    with contextlib.suppress(pcsc.Error):
        card.disconnect()
    context.close()


def swap(station, pad):
    """Another card, seen by pcscd."""
    count = station.watch.look().count
    station.bench.swap("r", 0, "served", path=pinpad.SOCKET)
    station.until(lambda state: state.present and state.count == count + 2)
    assert pad.card.tries == TRIES


def a_client_that_has_the_card_alone_keeps_others_out():
    with station_of(("short", 1)) as (station, pad):
        pad.handle.reconnect(pcsc.EXCLUSIVE)
        assert pad.verify("1234v") == OK
        other = pcsc.Context()
        fails_with(SHARING_VIOLATION, other.connect, READER)
        fails_with(SHARING_VIOLATION, other.connect, READER, pcsc.EXCLUSIVE)
        swap(station, pad)
        fails_with(LEFT, pad.handle.transmit, SELECT)
        pad.handle.disconnect()
        card = other.connect(READER)
        assert card.transmit(VERIFY) == b"\x63\xC3"     # nobody's PIN yet
        card.disconnect()
        other.close()


def a_transaction_keeps_the_keys_for_its_client():
    for way in WAYS:
        with station_of(way) as (_, pad), client(way[1]) as other, \
                ThreadPoolExecutor(1) as pool:
            pad.handle.begin()
            waiting = pool.submit(other.begin)
            assert pad.verify("1234v") == OK
            assert pad.handle.transmit(VERIFY) == OK
            time.sleep(NOT_YET)
            assert not waiting.done()
            pad.handle.end()
            waiting.result(deadline(SOON))
            assert other.transmit(VERIFY) == OK     # the card is the same
            other.end(pcsc.RESET)
            fails_with(pcsc.RESET_CARD, pad.handle.transmit, VERIFY)
            pad.handle.reconnect()
            assert pad.handle.transmit(VERIFY) == b"\x63\xC3"


def a_swap_ends_the_transaction_and_what_was_verified():
    for way in WAYS:
        with station_of(way) as (station, pad), client(way[1]) as other, \
                ThreadPoolExecutor(1) as pool:
            pad.handle.begin()
            assert pad.verify("1234v") == OK
            waiting = pool.submit(other.begin)
            swap(station, pad)
            fails_with(LEFT, pad.handle.transmit, VERIFY)
            with contextlib.suppress(pcsc.Error):
                waiting.result(deadline(SOON))
            fails_with(LEFT, other.transmit, VERIFY)
            with client(way[1]) as new:
                assert new.transmit(VERIFY) == b"\x63\xC3"


# --- at random

class Storm:
    """Clients that verify and look in transactions, and a hand at the slot."""

    def __init__(self, station, pad, protocol):
        self.station = station
        self.pad = pad
        self.protocol = protocol
        self.over = threading.Event()
        self.good = self.ended = 0
        self.lock = threading.Lock()

    def count(self, good):
        """One transaction more."""
        with self.lock:
            self.good += good
            self.ended += not good

    def transaction(self, card, bench):
        """Once it was right it stays so, to the end or to an error."""
        card.begin()
        try:
            bench("keys", "r", "none")
            bench("keys", "r", "1234v")
            answer = card.control(self.pad.codes[VERIFY_PIN],
                                  verify(VERIFY + EMPTY_8))
            assert answer == OK, answer.hex()
            for _ in range(3):
                answer = card.transmit(VERIFY)
                assert answer == OK, ("another card", answer.hex())
        finally:
            with contextlib.suppress(pcsc.Error):
                card.end(random.choice((pcsc.LEAVE, pcsc.RESET)))

    def run_client(self):
        """Comes back until the storm is over."""
        bench = self.station.bench.another_control()
        context, watch = pcsc.Context(), pcsc.Watch(READER)
        while not self.over.is_set():
            watch.look()
            with contextlib.suppress(pcsc.Error):   # TIMEOUT: look again
                watch.until(lambda state: state.present, NOT_YET)
            try:
                self.visit(context, bench)
            except pcsc.Error as error:
                self.count(False)
                if error.code not in LEFT | {UNRESPONSIVE, MISMATCH}:
                    raise
        watch.close()
        context.close()
        bench.close()

    def visit(self, context, bench):
        """A client of the card, until the card leaves it."""
        card = context.connect(READER, pcsc.SHARED, PROTOCOL[self.protocol])
        try:
            while not self.over.is_set():
                self.transaction(card, bench)
                self.count(True)
        finally:
            with contextlib.suppress(pcsc.Error):
                card.disconnect()

    def move(self, chance):
        """A swap, or a card that is away for a while; at any moment."""
        bench = self.station.bench
        time.sleep(chance.random() * 0.1)
        if chance.random() < 0.5:
            bench.swap("r", 0, "served", gap=chance.randint(0, 20000),
                       path=pinpad.SOCKET)
            return
        bench.remove("r")
        time.sleep(chance.random() * 0.02)
        bench.insert("r", 0, "served", path=pinpad.SOCKET)

    def run(self):
        """All of it."""
        chance = random.Random(options.seed)
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(self.run_client) for _ in range(CLIENTS)]
            try:
                for _ in range(options.movements):
                    self.settle()
                    self.move(chance)
            finally:
                self.over.set()
            for one in clients:
                one.result(deadline(SOON))

    def settle(self):
        """Waits until the last card is in."""
        end = time.monotonic() + deadline(SOON)
        while self.station.bench.state("r")["slot0"] == "absent":
            assert time.monotonic() < end


def no_client_works_with_a_card_that_it_has_not_met():
    for way in WAYS:
        with station_of(way) as (station, pad):
            pad.handle.disconnect()
            storm = Storm(station, pad, way[1])
            storm.run()
            print(f"{way[0]}, T={way[1]}: {options.movements} movements, "
                  f"{storm.good} transactions right, {storm.ended} ended")
            assert storm.good and pad.card.tries == TRIES
            station.until(lambda state: state.present and not state.mute)
            pad.handle = pinpad.reconnected(pad)
            pad.keys("none")
            assert pad.verify("1234v") == OK


if __name__ == "__main__":
    cases.main(
        a_client_that_has_the_card_alone_keeps_others_out,
        a_transaction_keeps_the_keys_for_its_client,
        a_swap_ends_the_transaction_and_what_was_verified,
        no_client_works_with_a_card_that_it_has_not_met,
    )
