# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""Readers that go, pcscd that ends, clients that leave: nothing hangs.

    ends.py [--count N] [--seed N] [--bundle DIRECTORY] [CASE...]

N unpluggings and N ends of pcscd, with cards moving around each.
"""
import contextlib
import random
import signal
import threading
import time

import cases
from cases import Lab, deadline, lab, options
import pcsc
from pcsc import Context, Watch

READER = "virtual reader 00 00"
LONG_APDU = bytes.fromhex("80122710")   # takes ten seconds
IDENTITY = bytes.fromhex("801400000C")
KEEP = bytes.fromhex("80160042")
KEPT = bytes.fromhex("8018000001")

# A reader that was unplugged is not listed any more after so many seconds: one
# is pcscd's own, who sleeps when a call tells it that the reader is gone.
GONE = 1
PCSCD_SLEEPS = 1
ENDED = 1               # pcscd lets go of all its readers
SOON = 1
GRACE = 5               # pcscd powers a card off so long after its last user

KINDS = ({}, {"slots": 2}, {"interrupt": False}, {"notify_merge": True},
         {"notify_delay": 5000}, {"slots": 4, "busy_slots": 2})
LEFTOVERS = 5           # readers of one name that pcscd has not dropped yet
LEFT_OVER = (pcsc.UNKNOWN_READER, pcsc.TIMEOUT)     # by what it shows
MOVES = 0.1             # seconds between two movements, at most

# A power-up waits until it is certain that the card is still the one that pcscd
# means, and a reader is asked at most eight times a second for long: in such a
# turmoil a slot may need one question more.
QUESTIONS = 8

cases.parser.add_argument("--count", type=int, default=8)
cases.parser.add_argument("--seed", type=int, default=1)


class Mover(threading.Thread):
    """Moves the cards of a reader until it is gone, or told to end."""

    def __init__(self, bench, name, slots=1):
        super().__init__(daemon=True)
        self.control = bench.another_control()
        self.name_of_reader = name
        self.slots = slots
        self.random = random.Random(f"{options.seed} {name}")
        self.ending = threading.Event()
        self.start()

    def move(self):
        """Something with one of the slots."""
        slot = self.random.randrange(self.slots)
        state = self.control("state", self.name_of_reader)
        words = [self.name_of_reader, slot]
        if f"card{slot}" not in state:
            self.control("insert", *words, "echo")
        elif self.random.random() < 0.5:
            self.control("remove", *words)
        else:
            self.control("swap", *words, "gap=0", "echo")

    def run(self):
        try:
            while not self.ending.wait(self.random.uniform(0, MOVES)):
                self.move()
        except lab.Failed:
            pass                # the reader is gone

    def end(self):
        """Returns when nothing moves any more."""
        self.ending.set()
        self.join()
        self.control.close()


class Call(threading.Thread):
    """A call that may take long: its outcome and when it came back."""

    def __init__(self, function, *arguments):
        super().__init__(daemon=True)
        self.function, self.arguments = function, arguments
        self.error = self.ended = None
        self.start()

    def run(self):
        try:
            self.function(*self.arguments)
        except pcsc.Error as error:
            self.error = error
        self.ended = time.monotonic()

    def wait(self, limit):
        """Waits for its end."""
        self.join(deadline(limit))
        assert self.ended, f"{self.function} hangs"


def unplug(bench, context, name, left=0):
    """Pulls a reader and waits until pcscd does not list it any more; the
    seconds that this took."""
    start = time.monotonic()
    bench.unplug(name)
    context.wait_for_readers(left, deadline(GONE + PCSCD_SLEEPS))
    return time.monotonic() - start


def check_listed(bench, context, name):
    """The reader that is listed sees a card, and the card answers."""
    reader, = context.wait_for_readers(1)
    watch = Watch(reader)
    if "card0" in bench.state(name):
        bench.remove(name)
    watch.until(lambda state: state.empty, deadline(SOON))
    serial = int(bench.insert(name)["serial"])
    watch.until(lambda state: state.present and not state.mute,
                deadline(SOON))
    card = context.connect(reader)
    assert int.from_bytes(card.transmit(IDENTITY)[:4], "big") == serial
    card.disconnect()
    watch.close()


def check_reader(bench, context, name):
    """A reader is listed that works. pcscd may list one of the same name first,
    which it is about to drop."""
    for left in reversed(range(LEFTOVERS)):
        try:
            return check_listed(bench, context, name)
        except pcsc.Error as error:
            if not left or error.code not in LEFT_OVER:
                raise


def check_end(bench, moving=0):
    """pcscd ends in time, with cards moving in so many slots."""
    took = bench.end_pcscd()
    assert took < deadline(ENDED + moving / QUESTIONS), took
    return took


def unplugging_with_cards_moving_never_hangs():
    chance = random.Random(options.seed)
    with Lab() as bench:
        bench.start_pcscd()
        context, times = Context(), []
        for _ in range(options.count):
            kind = chance.choice(KINDS)
            slots = kind.get("slots", 1)
            bench.plug("r", **kind)
            mover = Mover(bench, "r", slots)
            context.wait_for_readers(slots)
            time.sleep(chance.uniform(0, 0.2))
            times.append(unplug(bench, context, "r"))
            mover.end()
        bench.plug("r")
        check_reader(bench, context, "r")
        check_end(bench)
        print(f"gone after {max(times) * 1000:.0f} ms at most")


def ending_pcscd_with_cards_moving_never_hangs():
    chance = random.Random(options.seed)
    with Lab() as bench:
        times = []
        for _ in range(options.count):
            kinds = {"a": chance.choice(KINDS), "b": chance.choice(KINDS)}
            movers = []
            for name, kind in kinds.items():
                bench.plug(name, **kind)
                movers.append(Mover(bench, name, kind.get("slots", 1)))
            bench.start_pcscd()
            # Its own process: not every library outlives a pcscd.
            client = bench.start([lab.program("pcsc-watch"), "watch"])
            client.wait_for(" event ")
            time.sleep(chance.uniform(0, 0.2))
            times.append(check_end(bench, sum(mover.slots
                                              for mover in movers)))
            assert client.ends_within(deadline(SOON)), "a client hangs"
            for name, mover in zip(kinds, movers):
                mover.end()
                bench.unplug(name)
        print(f"ended after {max(times) * 1000:.0f} ms at most")


def pcscd_lets_go_of_sixteen_readers_at_once():
    with Lab() as bench:
        for number in range(16):
            bench.plug(f"r{number}", interrupt=number % 4 != 3)
            bench.insert(f"r{number}")
        bench.start_pcscd()
        context = Context()
        names = context.readers()
        assert len(names) == 16, names
        calls = [Call(Watch(name).next, deadline(cases.CASE_LIMIT))
                 for name in names]
        held = [context.connect(name) for name in names[:8]]
        assert all(card.transmit(IDENTITY) for card in held)
        print(f"ended after {check_end(bench) * 1000:.0f} ms")
        for call in calls:
            call.wait(SOON)
        for number in range(16):
            assert bench.state(f"r{number}")["claimed"] == "0"


def sixteen_readers_can_be_unplugged_together():
    with Lab() as bench:
        bench.start_pcscd()
        context = Context()
        for number in range(16):
            bench.plug(f"r{number}", interrupt=number % 4 != 3)
            bench.insert(f"r{number}")
        context.wait_for_readers(16)
        for number in range(15):
            bench.unplug(f"r{number}")
        unplug(bench, context, "r15")
        bench.plug("r")
        check_reader(bench, context, "r")
        check_end(bench)


def an_apdu_ends_when_its_reader_is_unplugged():
    with Lab() as bench:
        bench.plug("r")
        bench.insert("r")
        bench.start_pcscd()
        context = Context()
        card = context.connect(READER)
        call = Call(card.transmit, LONG_APDU)
        bench.wait("r", "busy")
        start = time.monotonic()
        unplug(bench, context, "r")
        call.wait(SOON + PCSCD_SLEEPS)
        assert call.error, "an answer of a card that is gone"
        print(f"{call.error} after {call.ended - start:.3f} s")
        bench.plug("r")
        check_reader(bench, Context(), "r")
        check_end(bench)


def an_apdu_ends_when_its_card_is_pulled():
    with Lab() as bench:
        bench.start_pcscd()
        context = Context()
        for removal in ("mute", "late", "silent"):
            bench.plug("r", removal=removal)
            reader, = context.wait_for_readers(1)
            bench.insert("r")
            watch = Watch(reader)
            watch.until(lambda state: state.present, deadline(SOON))
            call = Call(context.connect(reader).transmit, LONG_APDU)
            bench.wait("r", "busy")
            start = time.monotonic()
            bench.remove("r")
            call.wait(SOON)
            assert call.error, "an answer of a card that is gone"
            print(f"{removal}: after {call.ended - start:.3f} s")
            watch.until(lambda state: state.empty, deadline(SOON))
            bench.unplug("r")
            context.wait_for_readers(0)


def a_power_up_ends_when_its_reader_is_unplugged():
    with Lab() as bench:
        bench.plug("r", power_time=10000000)
        bench.start_pcscd()
        context = Context()
        bench.insert("r")
        bench.wait("r", "busy")
        unplug(bench, context, "r")
        bench.plug("r")
        check_reader(bench, context, "r")
        check_end(bench)


def a_pcscd_that_was_killed_leaves_no_card_in_use():
    """The next one begins with a card that remembers nothing."""
    with Lab() as bench:
        bench.plug("r")
        bench.start_pcscd()
        serial = bench.insert("r")["serial"]
        Watch(READER).until(lambda state: state.atr, deadline(SOON))
        card = Context().connect(READER)
        card.transmit(KEEP)
        offs = bench.stats("r").get("c63", 0)
        bench.stop_pcscd(signal.SIGKILL)
        assert bench.stats("r").get("c63", 0) == offs
        bench.start_pcscd()
        Watch(READER).until(lambda state: state.atr, deadline(SOON))
        assert bench.stats("r").get("c63", 0) == offs + 1
        card = Context().connect(READER)
        assert card.transmit(KEPT) == bytes.fromhex("009000")
        assert card.transmit(IDENTITY)[:4] == int(serial).to_bytes(4, "big")


def a_reader_can_be_unplugged_while_it_is_opened():
    with Lab() as bench:
        bench.start_pcscd()
        context = Context()
        for slots in (1, 2, 4):
            for slow in range(slots):
                bench.plug("r", slots=slots)
                bench.fault("r", "hang", command="status", slot=slow)
                bench.wait("r", f"c65>={slow + 1}")
                unplug(bench, context, "r")
        bench.plug("r")
        check_reader(bench, context, "r")
        check_end(bench)


def a_reader_may_go_at_any_moment_after_it_came():
    chance = random.Random(options.seed)
    with Lab() as bench:
        bench.start_pcscd()
        context = Context()
        for _ in range(3 * options.count):
            bench.plug("r", **chance.choice(KINDS))
            bench.insert("r")
            time.sleep(chance.uniform(0, 0.015))
            bench.unplug("r")
        bench.plug("r")
        check_reader(bench, context, "r")
        check_end(bench)


def a_loose_contact_leaves_a_reader_that_works():
    with Lab() as bench:
        bench.plug("r")
        bench.start_pcscd()
        context = Context()
        for _ in range(10):
            bench.unplug("r")
            time.sleep(0.06)
            bench.plug("r")
            time.sleep(0.06)
        check_reader(bench, context, "r")
        check_end(bench)


def a_reader_comes_back_while_a_client_is_still_in_a_call():
    with Lab() as bench:
        bench.plug("r")
        bench.insert("r")
        bench.start_pcscd()
        context = Context()
        for _ in range(3):
            reader, = context.wait_for_readers(1)
            watch = Watch(reader)
            watch.until(lambda state: state.present, deadline(SOON))
            call = Call(Context().connect(reader).transmit, LONG_APDU)
            bench.wait("r", "busy")
            bench.unplug("r")
            bench.plug("r")
            bench.insert("r")
            call.wait(SOON + 2 * PCSCD_SLEEPS)
            assert call.error, "an answer of a card that is gone"
            watch.close()
        check_reader(bench, context, "r")
        check_end(bench)


def use(seconds, seed):
    """A client that connects and leaves, again and again."""
    chance = random.Random(seed)
    context = Context()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(chance.uniform(0, 0.01))
        try:
            card = context.connect(READER)
        except pcsc.Error:
            continue            # the card may have moved
        if chance.random() < 0.5:
            with contextlib.suppress(pcsc.Error):
                card.transmit(IDENTITY)
        with contextlib.suppress(pcsc.Error):
            card.disconnect()


def a_card_is_powered_off_soon_after_its_last_user_has_left():
    with Lab() as bench:
        bench.plug("r")
        bench.insert("r")
        bench.start_pcscd()
        mover = Mover(bench, "r")
        users = [Call(use, 2, f"{options.seed} {number}")
                 for number in range(4)]
        for user in users:
            user.wait(10)
        mover.end()
        if "card0" in bench.state("r"):
            bench.remove("r")
        watch = Watch(READER)
        watch.until(lambda state: state.empty, deadline(SOON))
        bench.insert("r")
        watch.until(lambda state: state.present, deadline(SOON))
        # The last of many stops must not be lost ...
        for _ in range(20):
            watch.context.connect(READER).disconnect()
        before = bench.stats("r").get("c63", 0)
        start = time.monotonic()
        bench.wait("r", f"c63>={before + 1}", GRACE + SOON)
        # ... and none be left over, which would end the grace early.
        assert time.monotonic() - start > GRACE - SOON
        check_end(bench)


if __name__ == "__main__":
    cases.main(
        ending_pcscd_with_cards_moving_never_hangs,
        a_card_is_powered_off_soon_after_its_last_user_has_left,
        unplugging_with_cards_moving_never_hangs,
        pcscd_lets_go_of_sixteen_readers_at_once,
        sixteen_readers_can_be_unplugged_together,
        an_apdu_ends_when_its_reader_is_unplugged,
        an_apdu_ends_when_its_card_is_pulled,
        a_power_up_ends_when_its_reader_is_unplugged,
        a_pcscd_that_was_killed_leaves_no_card_in_use,
        a_reader_can_be_unplugged_while_it_is_opened,
        a_reader_may_go_at_any_moment_after_it_came,
        a_loose_contact_leaves_a_reader_that_works,
        a_reader_comes_back_while_a_client_is_still_in_a_call,
    )
