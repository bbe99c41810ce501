# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""A client of a slot that comes back whatever happens, and knows what is right.

One handle is one stay of one card: whoever answers through it is the card that
was in as it was connected, it keeps what it was told to keep until it is reset,
and it gives back what it was sent."""
import contextlib
import random
import time

from book import Worker, now
from part10 import VERIFY_PIN, features, verify
import pcsc
from station import IDENTITY, OK, counting, echo, read, wait_ms

PAUSE = 0.03            # seconds after a failure
VISIT = 12              # things done in one
LONGEST = 200           # bytes, and milliseconds
KEEP, KEPT = b"\x80\x16\x00", b"\x80\x18\x00\x00\x01"
PIN_APDU = b"\x80\x10\x00\x00\x08" + b"\xFF" * 8


class Wrong(Exception):
    """An answer that no card should have given."""


class Client(Worker):
    """It comes back until it is told to end."""

    def __init__(self, slot, book, seed, over):
        super().__init__(f"client of {slot.name}", slot.device, book, over)
        self.slot = slot
        self.random = random.Random(f"{seed} {slot.name} client")
        self.context = None
        self.card = None
        self.serial = None      # of the card that the handle is for
        self.connected = 0
        self.start()

    def work(self):
        """One visit after the other."""
        self.context = pcsc.Context()
        while not self.over.is_set():
            try:
                self.visit()
            except pcsc.Error as error:
                self.book.error(str(error))
                time.sleep(PAUSE)
            except Wrong as wrong:
                self.book.count("wrong answers")
                self.book.fail(self.device, f"{self.slot.name}: {wrong}")
        self.context.close()

    def visit(self):
        """Connects, does things, leaves."""
        name = self.device.listed(self.context, self.slot.number)
        if (not name or self.slot.serial is None or
                self.book.rests(self.device, "calls")):
            time.sleep(PAUSE)
            return
        self.connected = now()
        self.card = self.call(self.context.connect, name)
        self.serial = None
        try:
            for _ in range(self.random.randint(1, VISIT)):
                self.random.choice(WAYS)(self)
                if self.book.rests(self.device, "calls"):
                    return
            self.identity()
        finally:
            with self.slot.powers, contextlib.suppress(pcsc.Error):
                self.card.disconnect(self.random.choice(
                    (pcsc.LEAVE, pcsc.LEAVE, pcsc.RESET, pcsc.UNPOWER)))

    def call(self, function, *arguments):
        """Any call; the slot is told how it went."""
        start, well = now(), False
        try:
            with self.book.at_work(self.device, "calls", self):
                result = function(*arguments)
            well = True
            return result
        finally:
            self.book.most("longest call, ms", (now() - start) // 10 ** 6)
            if not well or function != self.context.connect:
                self.slot.call(start, well)

    @contextlib.contextmanager
    def transaction(self, what=pcsc.LEAVE):
        """Nobody else uses the card. (One that cannot be ended would keep the
        others waiting until the handle is closed. pcscd asks whether an APDU
        may pass and then lets it wait for the card: in the middle of a
        transaction that has begun meanwhile it would be let in as well.)"""
        with self.slot.powers:
            with self.slot.beginning(self):
                self.call(self.card.begin)
            try:
                yield
            finally:
                with contextlib.suppress(pcsc.Error):
                    self.end(what)

    def end(self, what):
        """The transaction, or else the handle with it."""
        try:
            self.card.end(what)
        except pcsc.Error:
            self.card.disconnect()

    def transmit(self, apdu):
        """An APDU of whatever kind."""
        with self.slot.apdu(self):
            return self.call(self.card.transmit, apdu)

    def ask(self, apdu, wanted=None):
        """An APDU and its answer, which has to be as wanted."""
        answer = self.transmit(apdu)
        self.book.count("APDUs")
        if self.card.protocol == pcsc.T0 and answer[-2] == 0x61:
            answer = answer[:-2] + self.transmit(
                b"\x00\xC0\x00\x00" + answer[-1:])
        if wanted is not None and answer != wanted:
            raise Wrong(f"{apdu.hex()} was answered by {answer.hex()}")
        return answer

    # --- things to do

    def identity(self, apdu=IDENTITY):
        """Who is it?"""
        start = now()
        answer = self.ask(apdu)
        if len(answer) != 14 or answer[-2:] != OK:
            raise Wrong(f"{apdu.hex()} was answered by {answer.hex()}")
        serial = int.from_bytes(answer[:4], "big")
        if self.serial is None:
            self.serial, start = serial, self.connected
        if serial != self.serial:
            raise Wrong(f"card {serial} through the handle of {self.serial}")
        if not self.slot.held(serial, start, now()):
            raise Wrong(f"card {serial} answers, which is not in")

    def work_long(self):
        """A command that takes its time."""
        self.identity(wait_ms(self.random.randint(1, LONGEST)))

    def read(self):
        """Data from the card."""
        size = self.random.randint(1, LONGEST)
        self.ask(read(0x0100, size), counting(0x0100, size) + OK)

    def echo(self):
        """Data both ways; with T=0 they come back by a second command, which
        has to follow the first."""
        data = self.random.randbytes(self.random.randint(1, LONGEST))
        with self.transaction():
            self.ask(echo(data, len(data)), data + OK)

    def keep(self):
        """What a card keeps, in a transaction."""
        value = self.random.randint(1, 255)
        with self.transaction(self.random.choice((pcsc.LEAVE, pcsc.RESET))):
            self.ask(KEEP + bytes([value]), OK)
            for _ in range(self.random.randint(0, 3)):
                self.identity()
            self.ask(KEPT, bytes([value]) + OK)

    def reset(self):
        """By this client; the others' handles hear of it. (A reset that has
        waited for a transaction may come when another has begun.)"""
        with self.slot.powers:
            self.call(lambda: self.card.reconnect(
                what=self.random.choice((pcsc.RESET, pcsc.UNPOWER))))
        self.connected, self.serial = now(), None

    def look(self):
        """Things of the reader."""
        self.card.attribute(pcsc.ATTR_ATR)
        codes = features(self.card)
        if VERIFY_PIN not in codes:
            return
        with self.transaction():
            self.device.press("1234v")
            answer = self.card.control(codes[VERIFY_PIN],
                                       verify(PIN_APDU, timeout=2))
            if len(answer) != 2:
                raise Wrong(f"a PIN was answered by {answer.hex()}")


WAYS = (Client.identity, Client.identity, Client.work_long, Client.read,
        Client.echo, Client.keep, Client.reset, Client.look)
