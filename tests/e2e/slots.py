# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""One reader, up to eight slots: commands run in parallel where it lets them,
and each slot moves on its own while others work."""
import contextlib
from concurrent.futures import ThreadPoolExecutor
import time

import cases
from cases import Lab, deadline
import part10
import pcsc
from station import IDENTITY, OK, fails_with, wait_ms

BUSY_MS = 200
READY = "virtual reader 00 %02X"
SOON = 10


class Slots:
    """A reader of so many slots, a card and a client in each."""

    def __init__(self, bench, number):
        self.bench = bench
        self.names = [READY % slot for slot in range(number)]
        self.contexts = [pcsc.Context() for _ in self.names]
        self.cards = []

    def fill(self):
        """Cards into all of them, and clients."""
        self.contexts[0].wait_for_readers(len(self.names))
        for slot, name in enumerate(self.names):
            self.bench.insert("r", slot, "echo", serial=100 + slot)
            watch = pcsc.Watch(name)
            watch.until(lambda state: state.present and state.atr,
                        deadline(SOON))
            watch.close()
        self.cards = [context.connect(name) for context, name
                      in zip(self.contexts, self.names)]

    def work(self, slot, milliseconds=BUSY_MS):
        """The serial number of the card that was busy as long."""
        answer = self.cards[slot].transmit(wait_ms(milliseconds))
        assert answer[-2:] == OK, answer
        return int.from_bytes(answer[:4], "big")

    def all_at_once(self):
        """Milliseconds that it takes all cards to be busy once."""
        numbers = range(len(self.cards))
        with ThreadPoolExecutor(len(self.cards)) as pool:
            list(pool.map(self.ask, numbers))       # the threads are there
            start = time.monotonic()
            serials = list(pool.map(self.work, numbers))
        took = (time.monotonic() - start) * 1000
        assert serials == [100 + slot for slot in numbers], serials
        return took

    def ask(self, slot):
        """The serial number of the slot's card."""
        return int.from_bytes(self.cards[slot].transmit(IDENTITY)[:4], "big")


@contextlib.contextmanager
def slots(number, busy, **options):
    """All of it, under pcscd."""
    with Lab() as bench:
        bench.start_pcscd()
        bench.plug("r", slots=number, busy_slots=busy,
                   extension_interval=50000, **options)
        its = Slots(bench, number)
        its.fill()
        yield its


def print_time(number, busy, took, ideal):
    """One row."""
    print(f"{number} slots, {busy} at a time, each busy {BUSY_MS} ms: "
          f"{took:.0f} ms (ideally {ideal})")


def check_time(number, busy):
    """No commands in a row where they can run beside each other; and never
    more at a time than the reader takes. The limits are orders of magnitude:
    what the machine adds is its own."""
    with slots(number, busy) as its:
        took = min(its.all_at_once() for _ in range(3))
        rounds = -(-number // busy)
        print_time(number, busy, took, rounds * BUSY_MS)
        assert took >= rounds * BUSY_MS - 1, took
        if rounds < number:
            limit = (rounds + number) / 2 * BUSY_MS
            assert took < deadline(limit), took


def slots_of_a_reader_that_takes_all_at_a_time_work_in_parallel():
    for number in (1, 2, 4, 8):
        check_time(number, number)


def slots_of_a_reader_that_takes_one_at_a_time_work_in_turn():
    for number in (2, 4):
        check_time(number, 1)


def a_reader_that_takes_some_at_a_time_is_given_some():
    check_time(4, 2)
    check_time(8, 4)


def a_reader_that_tells_no_number_is_given_one_at_a_time():
    with slots(2, 0) as its:
        took = its.all_at_once()
        print_time(2, 0, took, 2 * BUSY_MS)
        assert took >= 2 * BUSY_MS - 1, took


def a_slot_moves_while_the_others_work():
    for busy in (1, 4):
        with slots(4, busy) as its, ThreadPoolExecutor(3) as pool:
            watch = pcsc.Watch(its.names[3])
            before = watch.state.count
            work = [pool.submit(its.work, slot, 2000) for slot in range(3)]
            its.bench.wait("r", "busy")
            start = time.monotonic()
            its.bench.remove("r", 3)
            watch.until(lambda state: state.empty, deadline(SOON))
            told = time.monotonic() - start
            assert not all(one.done() for one in work)
            print(f"{busy} at a time: removal told in {told * 1000:.1f} ms "
                  "while three slots work")
            if busy == 4:
                its.bench.insert("r", 3, "echo", serial=77)
                watch.until(lambda state, count=before: state.present and
                            state.count == count + 2, deadline(SOON))
                assert not any(one.done() for one in work)
            assert [one.result() for one in work] == [100, 101, 102]
            watch.close()


def a_removal_ends_the_command_of_its_slot_and_no_other():
    with slots(4, 4) as its, ThreadPoolExecutor(4) as pool:
        start = time.monotonic()
        work = [pool.submit(its.work, slot, 1000) for slot in range(4)]
        while int(its.bench.stats("r").get("apdus", 0)) < 4:
            assert time.monotonic() < start + deadline(SOON)
        its.bench.remove("r", 2)
        fails_with({pcsc.NO_SMARTCARD, pcsc.REMOVED_CARD}, work[2].result,
                   deadline(SOON))
        for slot in (0, 1, 3):
            assert work[slot].result(deadline(SOON)) == 100 + slot


def an_entry_of_a_pin_keeps_no_other_slot_waiting():
    with slots(2, 2, pin=3) as its, ThreadPoolExecutor(1) as pool:
        code = part10.features(its.cards[0])[part10.VERIFY_PIN]
        entry = pool.submit(its.cards[0].control, code, part10.verify(
            b"\x80\x10\x00\x00\x08" + b"\xFF" * 8 + b"\0"))
        its.bench.wait("r", "c69>=1")
        for _ in range(100):
            assert its.ask(1) == 101
        assert not entry.done()
        its.bench.control("keys", "r", "1234v")
        assert entry.result(deadline(SOON)) == b"1234\xFF\xFF\xFF\xFF" + OK


def slots_may_be_unplugged_while_all_of_them_work():
    with slots(8, 8) as its, ThreadPoolExecutor(8) as pool:
        start = time.monotonic()
        work = [pool.submit(its.work, slot, 5000) for slot in range(8)]
        while int(its.bench.stats("r").get("apdus", 0)) < 8:
            assert time.monotonic() < start + deadline(SOON)
        its.bench.unplug("r")
        for one in work:
            fails_with({pcsc.READER_UNAVAILABLE, pcsc.NOT_TRANSACTED,
                        pcsc.UNKNOWN_READER, pcsc.REMOVED_CARD},
                       one.result, deadline(SOON))
        its.contexts[0].wait_for_readers(0, deadline(SOON))
        its.bench.plug("r", slots=8, busy_slots=8)
        its.contexts[0].wait_for_readers(8, deadline(SOON))


if __name__ == "__main__":
    cases.main(
        slots_of_a_reader_that_takes_all_at_a_time_work_in_parallel,
        slots_of_a_reader_that_takes_one_at_a_time_work_in_turn,
        a_reader_that_takes_some_at_a_time_is_given_some,
        a_reader_that_tells_no_number_is_given_one_at_a_time,
        a_slot_moves_while_the_others_work,
        a_removal_ends_the_command_of_its_slot_and_no_other,
        an_entry_of_a_pin_keeps_no_other_slot_waiting,
        slots_may_be_unplugged_while_all_of_them_work,
    )
