# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""Swaps of a card at random moments: none is missed, no card stays hidden, and
no client gets another card's answer.

    swaps.py [--count N] [--seed N] [--bundle DIRECTORY] [CASE...]

Each of the N rounds goes through every gap and every kind of use, in random
order, in each slot. A bundle other than ours is measured, not judged.
"""
import os
import random
import signal
import statistics
import threading
import time

import cases
from cases import Lab, deadline, options
import pcsc
from pcsc import Context, Watch

# Microseconds from the removal to the insertion
GAPS = ((0, 0), (0, 1000), (1000, 10000), (10000, 50000), (50000, 200000),
        (200000, 500000))
GAP_NAMES = ("0", "0-1", "1-10", "10-50", "50-200", "200-500")

IDS = {(0x04E6, 0x5101): "one", (0x04E6, 0x5102): "two",
       (0x04E6, 0x5103): "alone"}

# A swap is told within this many seconds: a reader may be busy with the command
# of another slot for some, and be asked every two after a quiet time.
TOLD = 6
TOLD_COMPARED = 3       # the time for drivers that are only measured
PROMPT = 1              # time for a swap and its arrival in most cases
MOMENT = 0.15           # a swap comes up to so many seconds after the last one
# One notification for both movements looks like the habit of some readers, to
# notify after power-offs. If it comes so soon after them time after time, it is
# taken for that habit, and a swap that shows by nothing else is missed.
HABIT = 0.5

POWER_TIME = 60000      # microseconds that a power-up takes, where it matters
OWN_POWER_OFF = 15      # pcscd powers an unused card off within these seconds
RECOVERIES = 5
WORKING = 0.8           # of the time limit; then it is said what hangs
ROUNDS_ALONE = 2

IDENTITY = bytes.fromhex("801400000C")
# What a reader says of a command whose card was pulled. One that is silent must
# have announced the removal, or the command waits as long as any other; with
# drivers that do not cut it short, the others would have no time.
REMOVALS = ("mute", "late", "silent")
REMOVALS_UNTOLD = ("mute", "late")

# Readers by the way they announce movements: options of plug
AT_ONCE = {}
LATE = {"notify_delay": 10000}
MERGED = {"notify_merge": True, "notify_delay": 10000}
NEVER = {"interrupt": False}

OUTCOMES = ("told", "missed", "hidden")

cases.parser.add_argument("--count", type=int, default=1)
cases.parser.add_argument("--seed", type=int, default=1)
cases.parser.set_defaults(jobs=4)


def long_apdu(milliseconds):
    """A command that takes so long; its answer begins as that of IDENTITY."""
    return bytes.fromhex("8012") + milliseconds.to_bytes(2, "big") + b"\x0C"


class Tally:
    """What became of the swaps, by any key."""

    def __init__(self):
        self.lock = threading.Lock()
        self.rows = {}
        self.delays = {}

    def add(self, key, name, number=1):
        """One more."""
        with self.lock:
            row = self.rows.setdefault(key, {})
            row[name] = row.get(name, 0) + number

    def add_delay(self, key, seconds):
        """From the second movement to its arrival at the client."""
        with self.lock:
            self.delays.setdefault(key, []).append(seconds)

    def total(self, name):
        """Of all rows that begin with a reader."""
        return sum(row.get(name, 0) for key, row in self.rows.items()
                   if key[0] == "reader")

    def print(self):
        """The table."""
        names = (*OUTCOMES, "extra", "wrong")
        print(f"{'':24}" + "".join(f"{name:>8}" for name in names),
              "  median ms  max ms")
        for key in sorted(self.rows):
            row = self.rows[key]
            line = f"{key[0]:8}{key[-1]:16}"
            line += "".join(f"{row.get(name, 0):8}" for name in names)
            delays = self.delays.get(key)
            if delays:
                line += f"{statistics.median(delays) * 1000:12.1f}"
                line += f"{max(delays) * 1000:8.0f}"
            print(line)


class Serials:
    """Every card of a run has its own number."""

    def __init__(self):
        self.lock = threading.Lock()
        self.last = 0

    def next(self):
        """Another one."""
        with self.lock:
            self.last += 1
            return self.last


def serial_in(atr):
    """The number in a card's ATR, None if it has none."""
    place = atr.find(b"card ")
    return int(atr[place + 5:place + 13], 16) if place >= 0 else None


class Broken(Exception):
    """The slot cannot be used any more."""


class Slot:
    """A slot, the card in it, and a client that follows it."""

    def __init__(self, bench, ways, tally, serials, place):
        self.name, self.number, reader, self.label = place
        self.ways = ways
        self.random = random.Random(f"{options.seed} {self.label}")
        self.bench = bench
        self.control = bench.another_control()
        self.tally = tally
        self.serials = serials
        self.watch = Watch(reader)
        self.context = Context()
        self.serial = None
        self.count = 0
        self.keys = []          # the rows that the swap is counted in
        self.seen = False
        self.recover()

    # --- cards

    def recover(self):
        """Another card is in and known, with an event counter that is not 0."""
        for _ in range(RECOVERIES):
            try:
                if f"card{self.number}" in self.control("state", self.name):
                    self.control("remove", self.name, self.number)
                self.watch.until(lambda state: state.empty, deadline(TOLD))
                self.insert()
                self.watch.until(self.is_known, deadline(TOLD))
                self.count = self.watch.state.count
                return
            except pcsc.Error as error:
                if error.code != pcsc.TIMEOUT:
                    raise
        raise Broken(f"{self.label}: no card is seen any more")

    def insert(self):
        """Puts a new card in."""
        self.serial = self.serials.next()
        self.control("insert", self.name, self.number, "echo",
                     f"serial={self.serial}")

    def is_known(self, state):
        """pcscd tells of the card that is in."""
        return (state.present and not state.mute and
                serial_in(state.atr) == self.serial)

    def is_told(self, state):
        """... and of the other's removal. While it works pcscd shows the ATR
        before the rest of it."""
        return self.is_known(state) and self.steps(state) >= 2

    def steps(self, state):
        """Movements that pcscd has told of since the swap before."""
        return state.count - self.count & 0xFFFF

    def swap_words(self, gap):
        """The command that puts a new card in place of the old one."""
        low, high = GAPS[gap]
        self.serial = self.serials.next()
        return ("swap", self.name, self.number,
                f"gap={self.random.randint(low, high)}", "echo",
                f"serial={self.serial}")

    def swap(self, gap):
        """Does it; when the new card comes, in nanoseconds."""
        words = self.swap_words(gap)
        return (self.control(*words)["time"] +
                int(words[3].removeprefix("gap=")) * 1000)

    def choose_removal(self):
        """How the reader answers for a card that was pulled."""
        told = judged() and self.ways in (AT_ONCE, LATE)
        ways = REMOVALS if told else REMOVALS_UNTOLD
        self.control("set", self.name, f"removal={self.random.choice(ways)}")

    def swap_on(self, gap, command, after):
        """Does it so many microseconds after the reader got the command."""
        self.control("on", self.name, command, f"slot={self.number}",
                     f"after={after}", "do", *self.swap_words(gap))

    # --- clients

    def ask(self, handle, command=IDENTITY):
        """Who answers to a handle that the old card was connected by? Nobody
        should; the old card may if the swap came after it."""
        try:
            answer = handle.transmit(command)
        except pcsc.Error:
            return
        if int.from_bytes(answer[:4], "big") == self.serial:
            self.note("wrong")

    def connect(self):
        """Connects to the card that is known. A swap that was told late may be
        told twice, and the card is away for that moment."""
        end = time.monotonic() + deadline(TOLD)
        while True:
            try:
                return self.context.connect(self.watch.reader)
            except pcsc.Error:
                if time.monotonic() > end:
                    raise
            self.watch.until(self.is_known, deadline(TOLD))

    def let_go(self, handle, what=pcsc.LEAVE):
        """Disconnects; where the card is gone this may fail."""
        try:
            handle.disconnect(what)
        except pcsc.Error:
            pass

    # --- swaps that wait for a command

    def see_to_swap(self, handle):
        """What comes late of the swap before can end a client's command before
        it reaches the reader: then the swap that waits for it comes with
        another one, by another client."""
        try:
            self.watch.until(self.is_told, PROMPT)
        except pcsc.Error as error:
            if error.code != pcsc.TIMEOUT:
                raise
            inside = self.control("state", self.name).get(f"card{self.number}")
            if inside and int(inside) != self.serial:
                self.let_go(handle)
                self.command_again()

    def command_again(self):
        """One of each kind that a swap can wait for."""
        try:
            handle = self.context.connect(self.watch.reader)
            handle.transmit(IDENTITY)
            handle.reconnect(what=pcsc.RESET)
            handle.disconnect()
        except pcsc.Error:
            pass

    # --- ways to use a card while it is swapped

    def nobody(self, gap):
        """The card is powered, or not, and nobody is connected."""
        # No reader could show a swap of a card without power between two
        # questions; pcscd's own power-off sees to that, a client's does not.
        if self.random.random() < 0.5 and not self.ways is NEVER:
            self.connect().disconnect(pcsc.UNPOWER)
            self.wait_for_habits()
        self.wait_a_moment()
        return self.swap(gap)

    def connected(self, gap):
        """A client is connected and asks as soon as it can."""
        handle = self.connect()
        self.wait_a_moment()
        when = self.swap(gap)
        self.ask(handle)
        self.see(when)
        self.ask(handle)
        self.let_go(handle)
        return when

    def transaction(self, gap):
        """An APDU is under way, or has just ended, in a transaction."""
        handle = self.connect()
        handle.begin()
        takes = self.random.randint(20, 200)
        self.choose_removal()
        self.swap_on(gap, "xfr", self.random.randint(0, 1200 * takes))
        self.ask(handle, long_apdu(takes))
        self.ask(handle)
        self.see_to_swap(handle)
        self.see()
        self.ask(handle)
        self.let_go(handle)
        return None

    def power_up(self, gap):
        """A client has the card powered up or reset."""
        handle = self.connect()
        reset = self.random.random() < 0.5
        if not reset:
            handle.disconnect(pcsc.UNPOWER)
        self.choose_removal()
        self.control("set", self.name, f"power-time={POWER_TIME}")
        self.swap_on(gap, "power-on", self.random.randint(0, POWER_TIME))
        try:
            if reset:
                handle.reconnect(what=pcsc.RESET)
            else:
                handle = self.context.connect(self.watch.reader)
        except pcsc.Error:
            pass
        else:
            # The handle may be the new card's if that is known already.
            if not self.is_told(self.watch.look()):
                self.ask(handle)
        self.see_to_swap(handle)
        self.see()
        self.control("set", self.name, "power-time=0")
        self.let_go(handle)
        return None

    def left_alone(self, gap):
        """pcscd has powered the card off, as it does when nobody uses it."""
        self.context.connect(self.watch.reader).disconnect()
        before = self.control("stats", self.name).get("c63", 0)
        self.control("wait", self.name, f"c63>={int(before) + 1}",
                     f"timeout={int(deadline(OWN_POWER_OFF) * 1000)}")
        self.wait_for_habits()
        self.wait_a_moment()
        return self.swap(gap)

    def wait_for_habits(self):
        """After the card was powered off."""
        if self.ways is MERGED:
            time.sleep(HABIT)

    def wait_a_moment(self):
        """A swap may come at any time."""
        time.sleep(self.random.uniform(0, MOMENT))

    # --- the judge

    def see(self, when=None):
        """Waits until the new card is told, or it has had its time."""
        if self.seen:
            return
        self.seen = True
        try:
            state = self.watch.until(
                self.is_told, deadline(TOLD if judged() else TOLD_COMPARED))
        except pcsc.Error as error:
            if error.code != pcsc.TIMEOUT:
                raise
            return
        if when:
            for key in self.keys:
                self.tally.add_delay(key, (state.when - when) / 1e9)

    def judge(self):
        """What became of the swap."""
        state = self.watch.state
        if not state.present or state.mute:
            return "hidden"
        if not self.is_told(state):
            return "missed"
        if self.steps(state) > 2:
            self.note("extra")
        return "told"

    def note(self, name):
        """Counts it in every row that it belongs to."""
        for key in self.keys:
            self.tally.add(key, name)

    def run(self, use, gap):
        """One swap, seen and judged."""
        self.keys = [("reader", self.label), ("use", use.__name__),
                     ("gap", gap, f"{GAP_NAMES[gap]} ms")]
        self.seen = False
        mark = self.bench.pcscd.mark()
        self.see(use(self, gap))
        outcome = self.judge()
        self.note(outcome)
        if outcome != "told":
            print(f"{self.label}: {use.__name__}, {GAP_NAMES[gap]} ms: "
                  f"{outcome}: was {self.count}, is {self.watch.state}, "
                  f"inside is {self.serial}")
            if judged():
                print(self.bench.pcscd.text(mark))
            self.recover()
        self.count = self.watch.state.count

    def run_all(self, uses):
        """The rounds."""
        for _ in range(options.count):
            cells = [(use, gap) for use in uses for gap in range(len(GAPS))]
            self.random.shuffle(cells)
            for use, gap in cells:
                self.run(use, gap)

    def run_alone(self):
        """A card that is left alone for seconds before it is swapped."""
        for _ in range(options.count * ROUNDS_ALONE):
            self.run(Slot.left_alone, self.random.randrange(len(GAPS)))


USES = (Slot.nobody, Slot.connected, Slot.transaction, Slot.power_up)


def places():
    """(vreader's name, slot, pcscd's name, label) of every slot."""
    for name in Context().readers():
        kind, _, slot = name.rsplit(" ", 2)
        number = int(slot, 16)
        yield kind, number, name, f"{kind}, slot {number}"


def work(slot, failures):
    """A thread's life."""
    try:
        if slot.name == "alone":
            slot.run_alone()
        else:
            slot.run_all(USES)
    except Exception as error:          # pylint: disable=broad-except
        failures.append(f"{slot.label}: {error!r}")


def start(slot, failures):
    """The slot's thread."""
    thread = threading.Thread(target=work, args=(slot, failures), daemon=True)
    thread.start()
    return thread


def check(ways):
    """Readers of one kind, with one slot and with two, all used at once."""
    end = time.monotonic() + cases.limit() * WORKING
    tally, serials, failures = Tally(), Serials(), []
    with Lab(ids=IDS) as bench:
        for (_, pid), name in IDS.items():
            bench.plug(name, pid=f"{pid:04x}", slots=1 + (name == "two"),
                       **ways)
        bench.start_pcscd(CCIDTRACK_ifdLogLevel="0x0003")
        slots = [Slot(bench, ways, tally, serials, place)
                 for place in places()]
        threads = [start(slot, failures) for slot in slots]
        for slot, thread in zip(slots, threads):
            thread.join(max(0, end - time.monotonic()))
            if thread.is_alive():
                failures.append(f"{slot.label}: hangs")
        tally.print()
        if failures:
            print(*failures, sep="\n")
        if judged():
            judge(bench, ways, tally, failures)
        else:
            bench.stop_pcscd(signal.SIGKILL)


def judge(bench, ways, tally, failures):
    """What must hold for our driver."""
    # What is told late may be told twice: by an answer of the reader's first,
    # by its notification then.
    bad = ["missed", "hidden", "wrong"]
    if "notify_delay" not in ways:
        bad.append("extra")
    assert not failures
    assert not any(tally.total(name) for name in bad), bad
    assert bench.end_pcscd() < deadline(1)


def judged():
    """Whether the driver is ours."""
    return os.path.exists(f"{options.bundle}/Contents/Linux/libccidtrack.so")


def swaps_announced_at_once_are_told():
    check(AT_ONCE)


def swaps_announced_ten_milliseconds_late_are_told():
    check(LATE)


def swaps_merged_into_one_notification_are_told():
    check(MERGED)


def swaps_that_nobody_announces_are_told():
    check(NEVER)


if __name__ == "__main__":
    cases.main(
        swaps_announced_at_once_are_told,
        swaps_announced_ten_milliseconds_late_are_told,
        swaps_merged_into_one_notification_are_told,
        swaps_that_nobody_announces_are_told,
    )
