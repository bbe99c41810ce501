# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""What happened in a soak: counts, times, failures; which card was where."""
import collections
import contextlib
import re
import threading
import time
import traceback

from processes import deadline

BACK = 5                # seconds: a reader works again
SILENCE = 20            # and so long a call may wait for one that says nothing
CARDS = 40              # of a slot are remembered
DIARY = 20              # disturbances of a device
LAST = 6                # of them, and what pcscd has said since they began
LINES = 60              # its first ones and its last ones
FAILURES = 12           # are told in full

ID = "04e6:"            # in the driver's lines; the product follows


def now():
    """Nanoseconds of CLOCK_MONOTONIC."""
    return time.monotonic_ns()


def clock(nanoseconds):
    """A time as it is shown."""
    return f"{nanoseconds / 1e9:.6f}"


class Slot:
    """The truth about a slot, as far as it can be told from outside: a card's
    stay is never taken for shorter than it was."""

    def __init__(self, device, number):
        self.device, self.number = device, number
        self.name = f"{device.name} slot {number}"
        self.changed = threading.Condition()
        self.stays = collections.deque(maxlen=CARDS)  # [serial, from, until]
        self.serial = None      # of the card that is in now
        self.since = 0          # when it came, or the last disturbance
        self.failed = None      # end of the first call that failed since then
        self.powers = threading.Lock()      # transactions, and resets by others
        self.right = (0, 0)     # the last right call
        self.apdus = set()      # who has one under way
        self.beginner = None    # whose transaction is about to begin

    def enter(self, serial):
        """A card is about to come."""
        with self.changed:
            self.stays.append([serial, now(), None])
            self.serial = serial

    def leave(self):
        """The card that was there before the last one has left for certain."""
        with self.changed:
            for stay in self.stays:
                if stay[0] != self.serial and stay[2] is None:
                    stay[2] = now()

    def empty(self):
        """There is no card any more."""
        with self.changed:
            self.serial = None
        self.leave()

    def disturb(self, when):
        """From then on a client may have to wait."""
        with self.changed:
            self.since = when
            self.failed = None

    def held(self, serial, start, end):
        """Whether that card was in at some time between the two."""
        with self.changed:
            return any(stay[0] == serial and stay[1] <= end and
                       (stay[2] is None or stay[2] >= start)
                       for stay in self.stays)

    @contextlib.contextmanager
    def apdu(self, who):
        """So long one is under way; none begins beside a transaction."""
        with self.changed:
            self.changed.wait_for(lambda: self.beginner in (None, who),
                                  limit())
            self.apdus.add(who)
        try:
            yield
        finally:
            with self.changed:
                self.apdus.discard(who)
                self.changed.notify_all()

    @contextlib.contextmanager
    def beginning(self, who):
        """So long a transaction begins: none of the others' is under way."""
        with self.changed:
            self.beginner = who
            self.changed.wait_for(lambda: self.apdus <= {who}, limit())
        try:
            yield
        finally:
            with self.changed:
                self.beginner = None
                self.changed.notify_all()

    def call(self, start, well):
        """A call that began then has ended just now."""
        with self.changed:
            if well:
                self.right = (start, now())
            elif self.failed is None or self.right[0] > self.failed:
                self.failed = now()
            self.changed.notify_all()

    def works(self):
        """A call that began after the last disturbance, and after the last one
        that failed, was right."""
        return self.right[0] > max(self.since, self.failed or 0)

    def back(self, limit):
        """Waits for that: seconds since the disturbance, and since the first
        call that failed; None if it does not come."""
        with self.changed:
            if not self.changed.wait_for(self.works, limit):
                return None
            end = self.right[1]
            return ((end - self.since) / 1e9,
                    (end - max(self.since, self.failed or 0)) / 1e9)


class Book:
    """All counts and failures of a run."""

    def __init__(self):
        self.lock = threading.Lock()
        self.pcscd = None
        self.counts = collections.Counter()
        self.errors = collections.Counter()
        self.worst = {}         # kind: (whole, after the failed call)
        self.failures = 0
        self.last_serial = 0
        self.plugged = None     # its hand wants the others to rest
        self.still = False      # their clients, too
        self.under_way = {"hands": set(), "calls": set()}

    def serial(self):
        """Of a new card."""
        with self.lock:
            self.last_serial += 1
            return self.last_serial

    def rest(self, device):
        """A device is about to be plugged in: all hands but its own rest when
        all is well with theirs, then all clients but its own. (pcscd takes a
        lock of every reader before it adds one, and whoever uses a reader all
        the time hardly lets it.) None: they go on."""
        self.plugged, self.still = device, False
        if device:
            self.wait_for_others("hands")
            self.still = True
            self.wait_for_others("calls")

    def wait_for_others(self, what):
        """Nobody else is at work."""
        end = time.monotonic() + limit()
        while time.monotonic() < end:
            with self.lock:
                if not any(device != self.plugged
                           for device, _ in self.under_way[what]):
                    return
            time.sleep(0.005)

    def rests(self, device, what):
        """Whether its hand or its clients have to rest."""
        return (self.plugged not in (None, device) and
                (what == "hands" or self.still))

    @contextlib.contextmanager
    def at_work(self, device, what, who):
        """So long somebody is."""
        with self.lock:
            self.under_way[what].add((device, who))
        try:
            yield
        finally:
            with self.lock:
                self.under_way[what].discard((device, who))

    def count(self, what, number=1):
        """So many more."""
        with self.lock:
            self.counts[what] += number

    def error(self, code):
        """A call that a client may see fail has done so."""
        with self.lock:
            self.errors[code] += 1

    def back(self, kinds, whole, after):
        """A reader is back after disturbances of these kinds."""
        with self.lock:
            for kind in kinds:
                worst = self.worst.get(kind, (0, 0))
                self.worst[kind] = (max(worst[0], whole), max(worst[1], after))

    def most(self, what, number):
        """The largest."""
        with self.lock:
            self.counts[what] = max(self.counts[what], number)

    def fail(self, device, text):
        """Tells it, with what was done to the device and what pcscd said."""
        with self.lock:
            self.failures += 1
            print(f"\nFAILED {clock(now())} {device.name}: {text}", flush=True)
            if self.failures > FAILURES:
                return
            for when, what in list(device.diary):
                print(f"    {clock(when)} {what}")
            print("  pcscd:")
            for when, line in self.said_of(device):
                print(f"    {clock(when)} {line}")
            print(flush=True)

    def said_of(self, device):
        """What pcscd and the driver said of it since the last disturbances."""
        its = re.compile(f"{ID}{device.product} |[ :]{device.name} ")
        begin = min([when for when, _ in list(device.diary)[-LAST:]],
                    default=0)
        with self.pcscd.changed:
            lines = list(self.pcscd.lines)
        lines = [(when, line) for when, line in lines
                 if when > begin and its.search(line)]
        if len(lines) > 2 * LINES:
            lines[LINES:-LINES] = [(lines[LINES][0], "...")]
        return lines


class Worker(threading.Thread):
    """A hand or a client: work() until over is set. It does not end in any
    other way without a word."""

    def __init__(self, name, device, book, over):
        super().__init__(daemon=True, name=name)
        self.device, self.book, self.over = device, book, over

    def run(self):
        try:
            self.work()
        except Exception:               # pylint: disable=broad-except
            self.book.fail(self.device, f"{self.name}:\n" +
                           traceback.format_exc())


def limit():
    """Seconds after which a reader is given up."""
    return deadline(BACK + SILENCE)
