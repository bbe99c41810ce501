# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""What can happen to the virtual reader, each with what a program makes of it.

One pcsc-watch tells what it sees, with the time; another one sends APDUs.
"""

import re
import socket
import time

import lab

REST = 1.0      # seconds
LISTENS = 5.0   # seconds that pcscd may take between "ready" and that
ECHO = b"hello"

CARDS = (("red", "echo", b"\x3b\x83\x01"), ("blue", "echo-t0", b"\x3b\x04"),
         ("green", "echo", b"\x3b\x85\x01"))


def atr_of(prefix, colour):
    """ISO 7816-3, 8.2: the colour as historical bytes; a check for T=1."""
    atr = prefix + colour.encode()
    if prefix[1] & 0xF0:
        check = 0
        for byte in atr[1:]:
            check ^= byte
        atr += bytes([check])
    return atr


def wait_for_pcscd():
    """It says that it is ready some moments before it listens."""
    end = time.monotonic() + LISTENS
    with socket.socket(socket.AF_UNIX) as client:
        while client.connect_ex(lab.SOCKET) and time.monotonic() < end:
            time.sleep(0.01)


class Scene:
    """A reader r, and the programs around it."""

    def __init__(self, bench, screen):
        self.bench = bench
        self.screen = screen
        wait_for_pcscd()
        self.watch = bench.start([lab.program("pcsc-watch"), "watch"])
        self.watch.wait_for("readers 0")
        self.client = bench.start([lab.program("pcsc-watch"), "script"])
        self.reader = None
        self.card = None        # its colour
        self.next_card = 0

    def _new_card(self):
        colour, kind, prefix = CARDS[self.next_card % len(CARDS)]
        self.next_card += 1
        self.card = colour
        return colour, kind, atr_of(prefix, colour)

    def _seen(self, mark, pattern):
        """The watcher's line and its time; None if it does not come."""
        try:
            _, match = self.watch.wait_for(r"^(\d+) (.*" + pattern + ")",
                                           mark=mark)
        except lab.Timeout:
            return None
        return int(match[1]), match[2]

    def _tell(self, happens, words, seen, since):
        """A line of the table, and its check."""
        milliseconds = (seen[0] - since) / 1e6 if seen else None
        self.screen.line(happens, words if seen else "nothing", milliseconds)
        self.screen.check(seen, words)

    def run(self, argv, wanted):
        """A real program, its output shown and compared."""
        done = self.bench.run(argv)
        self.screen.program(argv, done.stdout.split("\n")[:-1])
        self.screen.check(re.search(wanted, done.stdout),
                          f"{wanted}; it said: {done.stderr.strip()}")

    # --- the reader

    def plug(self, happens="plug in a reader"):
        """A reader appears."""
        mark = self.watch.mark()
        since = self.bench.plug("r")["time"]
        seen = self._seen(mark, r'event "[^"]+".* empty')
        self.reader = re.search('"(.*)"', seen[1])[1] if seen else None
        self._tell(happens, f"reader: {self.reader}", seen, since)

    def unplug(self):
        """It disappears, and the card in it."""
        mark = self.watch.mark()
        since = self.bench.unplug("r")["time"]
        self._tell("unplug it", "reader gone", self._seen(mark, "unavailable"),
                   since)
        self.reader = self.card = None

    def rest(self):
        """Nothing happens, and nothing is sent to find that out."""
        self.bench.clear("r")
        time.sleep(REST)
        sent = self.bench.stats("r")
        self.screen.line(f"nothing, for {REST:.0f} s",
                         f"{sum(sent.values())} USB transfers")
        self.screen.check(not sent, f"no transfers, not {sent}")

    # --- its card

    def insert(self):
        """A card comes."""
        colour, kind, atr = self._new_card()
        mark = self.watch.mark()
        since = self.bench.insert("r", 0, kind, atr=atr)["time"]
        self._tell(f"insert the {colour} card",
                   f"card inserted, ATR {atr.hex(' ').upper()}",
                   self._seen(mark, f" present.*atr={atr.hex()}$"), since)

    def remove(self):
        """It goes."""
        mark = self.watch.mark()
        since = self.bench.remove("r", 0)["time"]
        self._tell(f"remove the {self.card} card", "card removed",
                   self._seen(mark, " empty"), since)
        self.card = None

    def _removed_between(self, mark, before, after):
        """The removal in a swap: seen, or, if the program was too slow to see
        it, counted by pcscd."""
        seen = self.watch.find(r"^(\d+) .* empty", mark)
        if seen:
            return int(seen[1][1]), None
        counter = 2 + int(re.search(r"counter=(\d+)", before)[1])
        return after if self._seen(mark, rf"counter={counter}\b") else None

    def swap(self):
        """Another card takes its place, and at no time there is none."""
        old = self.card
        colour, kind, atr = self._new_card()
        mark = self.watch.mark()
        before = self.watch.lines[-1][1]
        since = self.bench.swap("r", 0, kind, gap=0, atr=atr)["time"]
        seen = self._seen(mark, f" present.*atr={atr.hex()}$")
        removed = seen and self._removed_between(mark, before, seen)
        self._tell(f"swap {old} for {colour},", "card removed", removed, since)
        self._tell("  with no gap at all",
                   f"card inserted, ATR {atr.hex(' ').upper()}", seen, since)

    # --- APDUs

    def _ask(self, line):
        """A command to the script client: milliseconds, code, answer."""
        mark = self.client.mark()
        self.client.send(line)
        _, match = self.client.wait_for(r"^(\d+) (\d+) \w+ (\S+) ?(\S*)",
                                        mark=mark)
        return (int(match[2]) - int(match[1])) / 1e6, match[3], match[4]

    def connect(self):
        """SCardConnect"""
        milliseconds, code, _ = self._ask("connect virtual shared")
        good = code == "SCARD_S_SUCCESS"
        self.screen.line("a program connects", "connected" if good else code,
                         milliseconds)
        self.screen.check(good, "connected")

    def apdu(self, happens, command, wanted):
        """One APDU there and back."""
        milliseconds, code, answer = self._ask(f"transmit {command.hex()}")
        answer = bytes.fromhex(answer)
        words = f"{len(answer) - 2} bytes, {answer[-2:].hex(' ')}" if answer \
            else code
        self.screen.line(happens, words, milliseconds)
        self.screen.check(answer == wanted + b"\x90\x00", "the right answer")

    def disconnect(self):
        """SCardDisconnect; not worth a line"""
        self._ask("disconnect leave")

    def apdus(self):
        """A short one and a long one."""
        self.connect()
        self.apdu("an APDU", b"\x80\x10\x00\x00\x05" + ECHO + b"\x00", ECHO)
        self.apdu("an extended APDU", b"\x00\xb0\x00\x00\x00\x10\x00",
                  bytes(i & 0xFF for i in range(4096)))
        self.disconnect()
