# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""A hand at each device: it moves cards, pulls and plugs, lets things fail, and
looks whether the truth is told and the reader works again."""
import collections
import contextlib
import random
import re
import threading
import time

from book import BACK, DIARY, Slot, Worker, limit, now
import lab
import pcsc
from processes import deadline

COMMANDS = ("xfr", "xfr", "xfr", "status", "power-on", "power-off",
            "set-parameters", "any")
# Faults of replies, with the values that they may have. (A reply cut to nothing
# is an empty packet, which is read over, and then none: that is lost.)
FAULTS = {
    "stall-out": (0,), "stall": (0,), "lost": (0,), "hang": (0,),
    "late": (100000, 1000000, 3000000), "double": (0,), "seq": (0,),
    "slot": (0,), "type": (0x82, 0), "short": range(1, 10), "long": (1, 300),
    "length": (0,), "status": (0x43, 0xC0), "zlp-before": (0,),
    "zlp-after": (0,), "proto": (0,), "overflow": (0,),
    "fail": (0xE0, 0xF2, 0xFB, 0xFE), "unheard": (0xFB, 0xFE),
    "extend": (1, 3), "dead": (0,),
}
# After these the reader says nothing that counts: how long the driver waits for
# a card that may be at work is no fault.
SILENT = {"lost", "hang", "late", "seq", "slot", "dead"}
CAP, POWER_UP = 2, 10   # seconds: of a block, as pcscd is told; of a power-up
# -EPROTO and the like. Not -EREMOTEIO, a short transfer to libusb: a message of
# the interrupt pipe that went with it would be lost without a sign of it.
ERRNOS = (71, 32, 75, 84, 62, 70, 18)
REMOVALS = ("mute", "late", "silent")
# No message that claims a removal: nothing would tell that it was none.
MESSAGES = ("50", "5003", "5001", "7F", "51000000", "4001")
STRAY = ("80", "81000000000000000000", "8000000000FF00000000", "FF" * 20)
CARDS = ("echo", "echo-t0", "echo-both")


class Device:
    """A virtual reader, its slots, and what was done to it."""

    def __init__(self, place, bench, bench_lock, kind):
        self.name, self.options = kind
        self.product = f"51{place:02x}"
        self.bench, self.bench_lock = bench, bench_lock
        self.slots = [Slot(self, number)
                      for number in range(self.options.get("slots", 1))]
        self.token = "protocol" in self.options     # has its card for ever
        self.keys = bench.another_control()
        self.diary = collections.deque(maxlen=DIARY)

    def plug(self, serial):
        """In it goes, a token with its card."""
        with self.bench_lock:
            told = lab.Bench.plug(self.bench, self.name, pid=self.product,
                                  **self.options)
            if self.token:
                self.slots[0].enter(serial)
                self.bench.insert(self.name, serial=serial)
            self.bench.bus.plug(self.name, told)

    def unplug(self):
        """Out it goes."""
        with self.bench_lock:
            self.bench.unplug(self.name)
        for slot in self.slots:
            slot.empty()

    def listed(self, context, number):
        """pcscd's name of a slot; None if it has none."""
        for name in context.readers():
            kind, _, slot = name.rsplit(" ", 2)
            if kind == self.name and int(slot, 16) == number:
                return name
        return None

    def is_listed(self, context):
        """Whether pcscd has any of its slots."""
        return any(name.rsplit(" ", 2)[0] == self.name
                   for name in context.readers())

    def press(self, keys):
        """At the reader."""
        with self.bench_lock, contextlib.suppress(lab.Failed):
            self.keys("keys", self.name, "none")
            self.keys("keys", self.name, keys)


class Hand(Worker):
    """What it leaves works."""

    # pcscd takes readers away one after the other, a second for each
    plug_turn = threading.Lock()

    def __init__(self, device, book, seed, over):
        super().__init__(f"hand at {device.name}", device, book, over)
        self.random = random.Random(f"{seed} {device.name}")
        self.control = device.bench.another_control()
        self.context = None
        self.kinds = []         # of disturbances since all was well
        self.wait = 0           # seconds for what they make a reader not say
        self.silent_until = 0   # so long what was made before may be waited for
        self.has_turn = False
        self.start()

    def work(self):
        """Rests, disturbs, looks."""
        self.context = pcsc.Context()
        for slot in self.device.slots:
            slot.disturb(now())
        self.settle()
        while not self.over.is_set():
            time.sleep(self.random.uniform(0, 0.3))
            if not self.book.rests(self.device, "hands"):
                with self.book.at_work(self.device, "hands", self):
                    self.disturb_some()
        self.context.close()

    def disturb_some(self):
        """Some disturbances, and what must hold after them."""
        for _ in range(self.random.choice((1, 1, 2, 3))):
            time.sleep(self.random.choice((0, 0, 0.02, 0.2)))
            self.disturb()
        self.settle()

    # --- disturbances

    def note(self, kind, *words):
        """Before it is done."""
        self.kinds.append(kind)
        self.book.count(kind)
        self.device.diary.append((now(), " ".join(map(str, (kind, *words)))))

    def order(self, kind, *words):
        """A command to the lab; it may make no sense now."""
        self.note(kind, *words[2:])
        with contextlib.suppress(lab.Failed):
            self.control(*words)

    def disturb(self):
        """One thing."""
        self.random.choices(WAYS, WEIGHTS)[0](self)
        for slot in self.device.slots:
            slot.disturb(now())

    def move(self):
        """A card comes, goes, or is another one."""
        slot = self.random.choice(self.device.slots)
        if self.device.token:
            return
        self.order("removal habit", "set", self.device.name,
                   f"removal={self.random.choice(REMOVALS)}")
        self.kinds.pop()
        if slot.serial is None:
            self.insert(slot)
        elif self.random.random() < 0.4:
            self.note("removal", slot.name)
            self.control("remove", self.device.name, slot.number)
            slot.empty()
        else:
            self.swap(slot)

    def card(self, slot):
        """A new card, in the words of a command."""
        serial = self.book.serial()
        slot.enter(serial)
        return self.random.choice(CARDS), f"serial={serial}"

    def insert(self, slot):
        """A card comes."""
        words = self.card(slot)
        self.note("insertion", slot.name, *words)
        self.control("insert", self.device.name, slot.number, *words)

    def swap(self, slot):
        """Another one comes, at once or after a while."""
        gap = self.random.choice((0, 0, 1000, 20000, 200000))
        words = self.card(slot)
        self.note("swap", slot.name, *words, f"gap={gap}")
        self.control("swap", self.device.name, slot.number, f"gap={gap}",
                     *words)
        slot.leave()
        time.sleep(gap / 1e6)

    def replug(self):
        """Out, and in again once pcscd has room for it: it has sixteen places
        and keeps the old one for a while."""
        self.has_turn = self.has_turn or self.plug_turn.acquire(False)
        if not self.has_turn:
            return
        self.note("unplugging")
        self.device.unplug()
        end = time.monotonic() + limit()
        while self.device.is_listed(self.context):
            if time.monotonic() > end:
                self.book.fail(self.device, "is listed after an unplugging")
                break
            time.sleep(0.02)
        self.book.rest(self.device)
        self.device.plug(self.book.serial())

    def fail(self):
        """Something is wrong with a reply to come."""
        kind = self.random.choice(list(FAULTS))
        command = self.random.choice(COMMANDS)
        if kind in SILENT and "pin" in self.device.options:
            command = "xfr"     # whoever keys in a PIN is given minutes,
            kind = "lost" if kind == "dead" else kind   # by a dead one, too
        if kind in SILENT:
            short = command not in ("any", "power-on") and kind != "dead"
            self.wait = max(self.wait, CAP if short else POWER_UP)
        else:
            self.wait_for_another()
        self.order(kind, "fault", self.device.name, kind, f"command={command}",
                   f"value={self.random.choice(FAULTS[kind])}",
                   f"skip={self.random.choice((0, 0, 1, 5))}",
                   "count=" + ("1" if kind in SILENT else
                               self.random.choice("112")))

    def wait_for_another(self):
        """Where slots work at a time, what one of them hears, or what is lost
        with a transfer, may have been another one's."""
        if self.device.options.get("busy_slots", 1) > 1:
            self.wait = POWER_UP

    def fail_pipe(self):
        """Something is wrong with a transfer."""
        self.wait_for_another()
        name, errno = self.device.name, self.random.choice(ERRNOS)
        pipe = self.random.choice(("in", "interrupt"))
        self.order(*self.random.choice((
            ("halt", "halt", name, self.random.choice((pipe, "out"))),
            ("break", "break", name, self.random.randint(1, 20), errno),
            ("damage", "damage", name, pipe, errno),
            ("end", "end", name, pipe, errno))))

    def interfere(self):
        """What nobody asked for."""
        name = self.device.name
        self.order(*self.random.choice((
            ("stray reply", "stray", name, self.random.choice(STRAY)),
            ("stray message", "notify", name, self.random.choice(MESSAGES),
             self.random.choice((1, 20))))))

    def reset(self):
        """Somebody else resets the device: no transfer outlives that. (Twice
        before it has answered, and it counts as unplugged.)"""
        if "reset by others" in self.kinds:
            return
        self.order("reset by others", "power-loss", self.device.name)
        for pipe in ("in", "interrupt"):
            with contextlib.suppress(lab.Failed):
                self.control("end", self.device.name, pipe, 108)

    # --- what must hold then

    def settle(self):
        """Cards are in, the truth is told, and the reader works."""
        for slot in self.device.slots:
            if slot.serial is None and (slot.number == 0 or
                                        self.random.random() < 0.5):
                self.insert(slot)
                slot.disturb(now())
        for slot in self.device.slots:
            if slot.serial is not None:
                self.check_back(slot)
            self.check_truth(slot)
        self.order("forgotten", "fault", self.device.name, "none")
        if self.wait:
            self.silent_until = time.monotonic() + self.wait
        self.kinds, self.wait = [], 0
        if self.has_turn:
            self.book.rest(None)
            self.plug_turn.release()
            self.has_turn = False

    def check_back(self, slot):
        """A client gets right answers in time."""
        times = slot.back(limit())
        if times is None:
            self.book.fail(self.device, f"{slot.name} does not come back")
            return
        self.book.back(set(self.kinds), *times)
        wait = max(self.wait, self.silent_until - slot.since / 1e9)
        if times[0] > deadline(BACK + wait):
            self.book.fail(self.device, f"{slot.name} was back after "
                           f"{times[0]:.1f} s")

    def check_truth(self, slot):
        """A client that watches is told of the card that is in."""
        end = time.monotonic() + limit()
        state = None
        while time.monotonic() < end:
            name = self.device.listed(self.context, slot.number)
            with contextlib.suppress(pcsc.Error):
                state = self.watch(name, slot, end) if name else None
                if state:
                    return
            time.sleep(0.02)
        self.book.fail(self.device, f"{slot.name}: card {slot.serial} is in, "
                       f"but told is {state or name}")

    def watch(self, name, slot, end):
        """Waits for the state that is true."""
        watch = pcsc.Watch(name)
        try:
            return watch.until(lambda state: is_true(state, slot),
                               end - time.monotonic())
        finally:
            watch.close()


def is_true(state, slot):
    """Whether pcscd tells what is in the slot. (A card that nobody could power
    up for a fault may be told as mute: it is there.)"""
    if slot.serial is None:
        return state.empty
    told = re.search(rb"card ([0-9A-Fa-f]{8})", state.atr)
    return state.present and (state.mute or
                              told and int(told[1], 16) == slot.serial)


WAYS = {Hand.move: 40, Hand.fail: 30, Hand.fail_pipe: 12, Hand.interfere: 8,
        Hand.replug: 6, Hand.reset: 4}
WAYS, WEIGHTS = list(WAYS), list(WAYS.values())
