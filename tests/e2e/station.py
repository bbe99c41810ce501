# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""A reader of some exchange level, a card of some protocol, and a client.

    with Station() as station, station.reader("tpdu"):
        with station.card("echo", atr=make_atr([1], ifsc=254)) as card:
            assert ask(card, read(0x0102, 16)) == counting(0x0102, 16) + OK
"""
import contextlib
import time

from cases import Lab, deadline
import pcsc

READER = "virtual reader 00 00"
LEVELS = ("character", "tpdu", "short", "extended")
NATIVE = ("character", "tpdu")  # where the driver speaks T=0 and T=1 itself
KINDS = {0: "echo-t0", 1: "echo"}
PROTOCOL = {0: pcsc.T0, 1: pcsc.T1}
OK = b"\x90\x00"
SOON = 5

# dwFeatures of a reader that leaves all to the host
FEATURES = "0"


# --- answers to reset

def make_atr(chain=(0,), fidi=None, specific=None, ifsc=None, crc=False,
             classes=None, wrong_tck=False):
    """An ATR. chain: the protocols, as TD1, TD2 ... name them; specific: TA2;
    classes: TA behind T=15."""
    chain = list(chain)
    if chain[-1] == 1 and len(chain) == 1 and (ifsc or crc):
        chain.append(1)         # what is T=1's own starts at level 3
    if classes is not None:
        chain += [15, 15] if len(chain) == 1 else [15]
    levels = [{0x10: fidi}, {0x10: specific}] + [{} for _ in chain]
    if ifsc:
        levels[2][0x10] = ifsc
    if crc:
        levels[2][0x40] = 1
    if classes is not None:
        levels[len(chain)][0x10] = classes
    history = b"levels"
    bare = chain == [0] and fidi is None and specific is None
    names = [] if bare else chain
    body = b""
    for number in range(len(names) + 1):
        there = {bit: value for bit, value in levels[number].items()
                 if value is not None}
        follows = 0x80 if number < len(names) else 0
        low = names[number - 1] if number else len(history)
        body += bytes([sum(there) | follows | low,
                       *(there[bit] for bit in sorted(there))])
    body += history
    if any(name != 0 for name in names):
        check = 0x40 if wrong_tck else 0
        for byte in body:
            check ^= byte
        body += bytes([check])
    return b"\x3B" + body


# --- commands of the echo card

def be16(number):
    """Two bytes; 65536 is 00 00."""
    return (number & 0xFFFF).to_bytes(2, "big")


def command(header, data=b"", le=0, extended=False):
    """An APDU; le 0: none."""
    if extended:
        lc = b"\0" + be16(len(data)) if data else b""
        tail = (b"" if data else b"\0") + be16(le) if le else b""
        return header + lc + data + tail
    lc = bytes([len(data)]) if data else b""
    return header + lc + data + (bytes([le & 0xFF]) if le else b"")


def counting(start, size):
    """What READ gives and UPDATE wants."""
    return bytes(i & 0xFF for i in range(start, start + size))


def read(start, le, extended=False):
    """READ: case 2."""
    return command(b"\x00\xB0" + be16(start), b"", le, extended)


def update(start, lc, extended=False):
    """UPDATE: case 3."""
    return command(b"\x00\xD6" + be16(start), counting(start, lc), 0, extended)


def echo(data, le, extended=False):
    """The data comes back, cut to le: case 4."""
    return command(b"\x80\x10\x00\x00", data, le, extended)


def wait_ms(milliseconds, le=12):
    """Takes as long, then the card's identity."""
    return command(b"\x80\x12" + be16(milliseconds), b"", le)


IDENTITY = b"\x80\x14\x00\x00\x0C"


def ask(card, apdu):
    """As clients of T=0 do it: 61 XX is followed up."""
    answer = card.transmit(apdu)
    while (card.protocol == pcsc.T0 and answer[-2] == 0x61 and
           len(apdu) <= 261):
        more = card.transmit(b"\x00\xC0\x00\x00" + answer[-1:])
        answer = answer[:-2] + more
    return answer


def fails_with(codes, call, *arguments):
    """The call must fail with one of the codes (one alone: an int)."""
    codes = {codes} if isinstance(codes, int) else codes
    try:
        call(*arguments)
    except pcsc.Error as error:
        assert error.code in codes, error
        return error.code
    raise AssertionError("did not fail")


# --- the bench

class Station:
    """The lab with pcscd; one reader "r" and one card at a time. environment:
    pcscd's."""

    def __init__(self, ids=None, **environment):
        self.environment = environment
        self.bench = Lab(ids=ids)
        self.context = None
        self.watch = None
        self.mark = 0

    def __enter__(self):
        self.bench.__enter__()
        self.bench.start_pcscd(**self.environment)
        self.context = pcsc.Context()
        return self

    def __exit__(self, *what):
        self.bench.__exit__(*what)

    @contextlib.contextmanager
    def reader(self, level, **options):
        """A reader, plugged in; it leaves all to the host unless told."""
        options.setdefault("features", FEATURES)
        self.bench.plug("r", level=level, **options)
        assert self.context.wait_for_readers(1) == [READER]
        self._follow()
        yield
        self.watch.close()
        self.bench.unplug("r")
        self.context.wait_for_readers(0)

    def _follow(self):
        """A watch of the slot. pcscd lists a reader before it knows what is
        in it, and wakes nobody when it does."""
        end = time.monotonic() + deadline(SOON)
        while time.monotonic() < end:
            self.watch = pcsc.Watch(READER)
            if self.watch.state.present or self.watch.state.empty:
                return
            self.watch.close()
        raise AssertionError("pcscd does not tell what is in the slot")

    def until(self, holds):
        """Waits for such a state of the slot."""
        return self.watch.until(holds, deadline(SOON))

    def insert(self, kind, **options):
        """The card is in, and pcscd has seen it; the state. Counts and
        journal start anew for it."""
        self.bench.clear("r")
        self.mark = len(self.bench.journal())
        self.bench.insert("r", 0, kind, **options)
        return self.until(lambda state: state.present)

    def remove(self):
        """There is no card any more."""
        if self.bench.state("r")["slot0"] != "absent":
            self.bench.remove("r")
        self.until(lambda state: state.empty)

    def connect(self, protocols=pcsc.T0 | pcsc.T1):
        """A client of the card."""
        return self.context.connect(READER, pcsc.SHARED, protocols)

    @contextlib.contextmanager
    def card(self, kind="echo", protocols=pcsc.T0 | pcsc.T1, **options):
        """A card, put in and connected to."""
        self.insert(kind, **options)
        card = self.connect(protocols)
        yield card
        card.disconnect()
        self.remove()

    def count(self, name):
        """One of the reader's counters."""
        return self.bench.stats("r").get(name, 0)

    def commands(self, message_type):
        """Messages of a type that the host has sent since the insertion, as
        far as the journal shows them."""
        found = []
        for line in self.bench.journal()[self.mark:]:
            if line[2:4] == ["submit", "01"] and len(line) > 5:
                found.append(bytes.fromhex(line[5].rstrip(".")))
        return [message for message in found if message[0] == message_type]
