# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""No byte of a PIN stays in the driver: not in its log at any level, and not in
its memory once a command is over: not on a stack, not in freed memory.

The log is pcscd's; memory is searched in the host of the lab, which keeps
nothing itself (pcscd has buffers of its own, and logs what passes if told to).
"""
import contextlib
import os
import random
import re

import cases
from cases import lab, options
import part10
import pcsc
from station import (KINDS, LEVELS, OK, PROTOCOL, Station, echo,
                     make_atr)

SIZE = 12               # of a secret
WINDOW = 6              # so many bytes of it in a row are no chance
LEVEL_ALL = "0x000F"
PCSCD_SHOWS = r"TxBuffer|RxBuffer|APDU|SW:|Card ATR|ATR:"
LONG = 700


def make_secret(seed):
    """Bytes that nothing else has: all different, none in the ASCII range."""
    return bytes(random.Random(seed).sample(range(0x80, 0xFF), SIZE))


# --- memory

def writable(pid):
    """(start, end, name) of what the process can write."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        for line in maps:
            place, rights, *_, name = (line.rstrip("\n") + " -").split()[:7]
            if "r" in rights and "w" in rights:
                start, end = (int(part, 16) for part in place.split("-"))
                yield start, end, line.split(maxsplit=5)[5:] or [name]


def windows(secret):
    """All bytes in a row that are told from chance."""
    return [secret[i:i + WINDOW] for i in range(len(secret) - WINDOW + 1)]


def search(pid, secrets):
    """Where in the process parts of them are: [(secret, place, bytes)]."""
    found = []
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for start, end, name in writable(pid):
            try:
                memory.seek(start)
                content = memory.read(end - start)
            except (OSError, ValueError):
                continue        # [vvar] and the like
            for what, secret in secrets.items():
                at = max(map(content.find, windows(secret)))
                if at >= 0:
                    found.append((what, name, hex(start + at),
                                  content[max(0, at - 32):at + 32].hex()))
    return found


def is_readable(pid):
    """Whether the kernel lets us look."""
    try:
        search(pid, {})
    except PermissionError:
        return False
    return True


class Called:
    """The module in the lab's host: calls, and what it logged.

    Symbols are bound at once: the first call of a function would otherwise save
    the processor's registers on the stack, and what memcpy left in them."""

    def __init__(self, level, **plugged):
        module = os.path.join(options.bundle, "Contents", os.uname().sysname,
                              "libccidtrack.so")
        self.host = lab.Host(module, CCIDTRACK_ifdLogLevel=LEVEL_ALL,
                             CCIDTRACK_ifdDriverOptions="0x0001",
                             LD_BIND_NOW="1")
        self.process = self.host.process
        place = self.host.plug("r", level=level, pin=3, key_time=1000,
                               features="0", **plugged)
        self.name = (f"usb:04e6/5116:libudev:0:/dev/bus/usb/"
                     f"{int(place['bus']):03}/{int(place['address']):03}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.host.close()

    def call(self, *words):
        """The answer of a call that must succeed."""
        mark = self.process.mark()
        self.process.send(" ".join(str(word) for word in words))
        _, found = self.process.wait_for(rf" {words[0]} 0 rc=(-?\d+)(.*)",
                                         mark=mark)
        assert found[1] in ("0", "615"), found[0]
        data = re.search(r"data=(\w*)", found[2])
        return bytes.fromhex(data[1]) if data else b""

    def open(self, kind, protocol, **options_):
        """The reader is open, and there is a card that has been agreed on."""
        self.host.insert("r", 0, kind, **options_)
        self.call("create", 0, self.name)
        self.call("presence", 0)
        self.call("power", 0, "up")
        self.call("protocol", 0, protocol)

    def settle(self):
        """The host is through with what it was told."""
        mark = self.process.mark()
        self.process.send("join")
        self.process.wait_for(" joined$", mark=mark)

    def close(self):
        """Nothing of the driver is left."""
        self.call("power", 0, "down")
        self.call("close", 0)
        self.process.send("unload")

    def check(self, secrets, when):
        """None of them is anywhere, and the log has been written to."""
        self.settle()
        found = search(self.process.pid, secrets)
        assert not found, (when, found)
        log = "\n".join(line for line in self.process.text().splitlines()
                        if " log " in line)
        assert "command 6F" in log or "command 6B" in log or \
            "command 69" in log, log
        check_text(log, secrets)


def check_text(log, secrets):
    """In none of the ways in which bytes are written."""
    bare = re.sub(r"[ :,\-]", "", log).lower()
    for name, secret in secrets.items():
        for part in windows(secret):
            assert part.hex() not in bare, (name, log)
            assert part.decode("latin-1") not in log, name


def keep_secret(called, exchange, secrets):
    """Nothing of it is left behind an exchange, and behind the end."""
    exchange()
    called.check(secrets, "after the exchange")
    called.close()
    called.check(secrets, "after the end")


def the_search_finds_what_is_there():
    """A secret in a file name stays in the host: that is seen."""
    with Called("short") as called:
        if not is_readable(called.process.pid):
            lab.skip("memory of processes cannot be read here")
        secret = b"a-long-file-name"
        called.process.send(f"create 7 usb:{secret.decode()}")
        called.process.wait_for("create 7 rc=")
        assert search(called.process.pid, {"name": secret})


def apdus_leave_nothing_behind():
    """In clear, both ways: short, and as long as the level lets them."""
    for level in LEVELS:
        for protocol, kind in KINDS.items():
            for size in (0, 100, LONG if level != "short" else 230):
                secrets = {"there": make_secret(size),
                           "back": make_secret(size + 1)}
                data = secrets["there"] + bytes(size) + secrets["back"]
                check_apdu(level, protocol, kind, data, secrets)


def check_apdu(level, protocol, kind, data, secrets):
    """One command whose data comes back."""
    with Called(level) as called:
        called.open(kind, protocol, atr=make_atr([protocol]))

        def run():
            long = len(data) > 255
            apdu = echo(data, len(data), long)
            answer = called.call("transmit", 0, apdu.hex(), protocol)
            while answer[-2] == 0x61:
                more = called.call("transmit", 0,
                                   f"00c00000{answer[-1]:02x}", protocol)
                answer = answer[:-2] + more
            assert answer[-2:] == OK, (level, protocol, answer[-2:].hex())
            del answer
        print(f"{level}, T={protocol}, {len(data)} bytes")
        keep_secret(called, run, secrets)


def pins_of_the_readers_keys_leave_nothing_behind():
    """What the card answers, and what stands beside the PIN."""
    for level in ("tpdu", "short", "extended"):
        for protocol, kind in KINDS.items():
            secrets = {"beside": make_secret(level)}
            apdu = (b"\x80\x10\x00\x00" + bytes([8 + SIZE]) + b"\xFF" * 8 +
                    secrets["beside"])
            with Called(level) as called:
                called.open(kind, protocol, atr=make_atr([protocol]))

                def run(called=called, apdu=apdu):
                    called.host.control("keys", "r", "1234v")
                    called.call("control", 0, "42000A06",
                                part10.verify(apdu).hex())
                print(f"{level}, T={protocol}")
                keep_secret(called, run, secrets)


def escapes_leave_nothing_behind():
    secrets = {"there": make_secret("e"), "back": make_secret("f")}
    with Called("short") as called:
        called.host.control("escape", "r", "any",
                            f"answer={secrets['back'].hex()}")
        called.open("echo", 1)

        def run():
            answer = called.call("control", 0, "42000001",
                                 secrets["there"].hex())
            assert answer == secrets["back"]
            del answer
        keep_secret(called, run, secrets)


def an_exchange_that_fails_leaves_nothing_behind():
    """The card is mute, gone, or talks nonsense, and then it is closed."""
    faults = (("fail", {"value": 0xFE}), ("fail", {"value": 0xFB}),
              ("stall", {}), ("short", {"value": 9}), ("length", {}),
              ("seq", {}), ("late", {"value": 300000}), ("unheard",
                                                         {"value": 0xFD}))
    for level, protocol in (("tpdu", 0), ("tpdu", 1), ("short", 1)):
        for kind, fault in faults:
            print(level, protocol, kind)
            secret = {"there": make_secret(kind + level)}
            with Called(level, mute_time=1000) as called:
                called.open(KINDS[protocol], protocol,
                            atr=make_atr([protocol]))
                called.host.fault("r", kind, command="xfr", count=2, **fault)
                mark = called.process.mark()
                called.process.send("transmit 0 " + echo(
                    secret["there"], SIZE).hex() + f" {protocol}")
                called.process.wait_for(r" transmit 0 rc=", 30, mark)
                called.check(secret, f"after {kind}")
                called.close()
                called.check(secret, f"after {kind} and the end")


# --- the log under pcscd

def nothing_of_it_is_in_the_log_at_any_level():
    secrets = {name: make_secret(name) for name in
               ("apdu", "long", "escape", "answer")}
    for level in LEVELS:
        with Station(CCIDTRACK_ifdLogLevel=LEVEL_ALL,
                     CCIDTRACK_ifdDriverOptions="0x0001") as station:
            for protocol, kind in KINDS.items():
                with station.reader(level, pin=3):
                    say_secrets(station, level, protocol, kind, secrets)
            said = [line for line in station.bench.pcscd.text().splitlines()
                    if not re.search(PCSCD_SHOWS, line)]
            check_text("\n".join(said), secrets)
            told = sum("command 6" in line for line in said)
            print(f"{level}: {len(said)} lines, {told} commands told")
            assert told > 5


def say_secrets(station, level, protocol, kind, secrets):
    """All of them, once."""
    station.bench.control("escape", "r", "any",
                          f"answer={secrets['answer'].hex()}")
    with station.card(kind, PROTOCOL[protocol],
                      atr=make_atr([protocol])) as card:
        card.transmit(echo(secrets["apdu"], SIZE))
        if level != "short":
            card.transmit(echo(secrets["long"] * 30, 300, True))
        assert card.control(part10.ESCAPE, secrets["escape"]) == \
            secrets["answer"]
        with contextlib.suppress(pcsc.Error):
            card.transmit(secrets["apdu"])      # no APDU: refused
        if level == "character":
            return
        station.bench.control("keys", "r", "1234v")
        card.control(part10.features(card)[part10.VERIFY_PIN],
                     part10.verify(b"\x80\x10\x00\x00\x14" + b"\xFF" * 8 +
                                   secrets["apdu"]))


def the_bit_that_asks_for_bytes_shows_them():
    secret = make_secret("shown")
    with Station(CCIDTRACK_ifdLogLevel="0x001F") as station, \
            station.reader("extended"):
        with station.card("echo") as card:
            assert card.transmit(echo(secret, SIZE)) == secret + OK
        said = [line for line in station.bench.pcscd.text().splitlines()
                if not re.search(PCSCD_SHOWS, line)]
        shown = [line for line in said if secret.hex(" ").upper() in line]
        assert len(shown) == 2 and " > 6F " in shown[0] and " < " in shown[1]
        assert any("PINs among them" in line for line in said)


if __name__ == "__main__":
    cases.main(
        the_search_finds_what_is_there,
        apdus_leave_nothing_behind,
        pins_of_the_readers_keys_leave_nothing_behind,
        escapes_leave_nothing_behind,
        an_exchange_that_fails_leaves_nothing_behind,
        nothing_of_it_is_in_the_log_at_any_level,
        the_bit_that_asks_for_bytes_shows_them,
    )
