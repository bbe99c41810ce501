# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""Tokens that speak ICCD over the control pipe, under real pcscd: iccd.py"""
import contextlib
import re
import threading
import time

import cases
from cases import Lab, deadline, lab
import pcsc
from pcsc import Context, Watch

READER = "virtual reader 00 00"
SOON = 1
WORKS = 3000            # milliseconds that a card takes for one command
IDLE = 3

# Version and level, and how the card speaks behind it
KINDS = [("A", {"protocol": "01", "level": "character", "card": "echo-t0"}),
         ("A", {"protocol": "01", "level": "tpdu", "card": "echo-t0"}),
         ("A", {"protocol": "01", "level": "short", "card": "echo-t0"}),
         ("B", {"protocol": "02", "level": "tpdu", "card": "echo-t0"}),
         ("B", {"protocol": "02", "level": "tpdu", "card": "echo"}),
         ("B", {"protocol": "02", "level": "short", "card": "echo"}),
         ("B", {"protocol": "02", "level": "extended", "card": "echo"})]
B_LONG = {"protocol": "02", "level": "extended"}


def plug(bench, card="echo", interrupt=False, **options):
    """A token is plugged in with its card: nobody sees it without."""
    told = lab.Bench.plug(bench, "r", interrupt=interrupt, **options)
    bench.insert("r", 0, card)
    bench.bus.plug("r", told)


@contextlib.contextmanager
def token(**options):
    """A bench with a token in it, pcscd, and a client's card handle."""
    with Lab() as bench:
        bench.start_pcscd()
        plug(bench, **options)
        context = Context()
        reader, = context.wait_for_readers(1)
        Watch(reader).until(lambda state: state.present)
        yield bench, context.connect(reader)


def counting(size, start=0):
    """Bytes as the echo card counts."""
    return bytes((start + i) & 0xFF for i in range(size))


def check_apdus(card):
    """Each case of a short APDU, at both ends of its length."""
    assert card.transmit(bytes.fromhex("801A9000")) == b"\x90\x00"
    for size in (1, 2, 100, 254, 255):
        write = b"\x00\xd6\x00\x00" + bytes([size]) + counting(size)
        assert card.transmit(write) == b"\x90\x00", size
        read = card.transmit(b"\x00\xb0\x00\x00" + bytes([size]))
        assert read == counting(size) + b"\x90\x00", (size, read.hex())
    read = card.transmit(bytes.fromhex("00B0000000"))
    assert read == counting(256) + b"\x90\x00", read.hex()


def reset(card):
    """Whatever comes of it."""
    try:
        card.reconnect(what=pcsc.RESET)
    except pcsc.Error:
        pass


def every_kind_takes_short_apdus():
    """Both versions, at every level that they have."""
    for version, options in KINDS:
        with contextlib.ExitStack() as stack:
            bench, card = stack.enter_context(token(**options))
            check_apdus(card)
            assert f"ICCD version {version}" in bench.pcscd.text()
            card.disconnect()
            bench.unplug("r")


def apdus_are_chained_both_ways():
    """They are longer than a message, and at short APDU level as well."""
    for level in ("extended", "short"):
        with token(protocol="02", level=level) as (bench, card):
            for size in (300, 1000, 4000):
                data = counting(size, 7)
                length = size.to_bytes(2, "big")
                answer = card.transmit(b"\x80\x10\x00\x00\x00" + length +
                                       data + length)
                assert answer == data + b"\x90\x00", size
            bench.unplug("r")


def the_longest_control_transfer_is_used():
    """4096 bytes with the response type; more is chained."""
    with token(message_size=4105, **B_LONG) as (_, card):
        for size in (4000, 4095, 4096, 4097, 10000, 60000):
            data = counting(size)
            length = size.to_bytes(2, "big")
            answer = card.transmit(b"\x80\x10\x00\x00\x00" + length +
                                   data + length)
            assert answer == data + b"\x90\x00", size


def scan_and_tool_use_it():
    """pcsc_scan shows the ATR, opensc-tool gets an answer."""
    for version in ("01", "02"):
        with token(protocol=version, level="tpdu", card="echo-t0") as \
                (bench, card):
            card.disconnect()
            atr = Watch(READER).look().atr.hex()
            scan = bench.start(["pcsc_scan", "-n"])
            shown = " ".join(re.findall("..", atr.upper()))
            scan.wait_for(f"ATR: {shown}")
            tool = bench.run(["opensc-tool", "-s", "00:B0:00:00:10"])
            assert "SW1=0x90, SW2=0x00" in tool.stdout, tool
            bench.unplug("r")


def a_card_that_works_for_long_is_waited_for():
    """It is busy, or says when to ask again, however oddly."""
    command = b"\x80\x12" + WORKS.to_bytes(2, "big")
    for options in ({"protocol": "01", "level": "tpdu", "card": "echo-t0"},
                    dict(B_LONG), dict(B_LONG, token_poll=20),
                    dict(B_LONG, token_poll=65535)):
        with token(**options) as (bench, card):
            start = time.monotonic()
            assert card.transmit(command + b"\x0c")[-2:] == b"\x90\x00"
            took = time.monotonic() - start
            assert WORKS / 1000 <= took < deadline(WORKS / 1000 + 1.5), took
            bench.unplug("r")


def unplugged_in_the_middle_it_is_gone_at_once():
    """While a request is under way, and in a pause."""
    for options in (dict(B_LONG), dict(B_LONG, token_poll=65535),
                    dict(B_LONG, control_time=400000)):
        with token(**options) as (bench, card):
            errors = []

            def transmit(card=card, errors=errors):
                try:
                    card.transmit(bytes.fromhex("8012271000"))
                except pcsc.Error as error:
                    errors.append((error.code, time.monotonic()))

            bench.clear("r")
            thread = threading.Thread(target=transmit)
            thread.start()
            bench.wait("r", "controls>=2")
            start = time.monotonic()
            bench.unplug("r")
            thread.join(deadline(5))
            (code, ended), = errors
            assert code == pcsc.READER_UNAVAILABLE, hex(code)
            # pcscd sleeps for a second then, of its own
            assert ended - start < deadline(1 + SOON), ended - start


def one_that_hangs_is_reset():
    """It keeps a request for itself; the reset is what it hears."""
    with token(**B_LONG) as (bench, card):
        bench.set("r", control_time=600000000)
        thread = threading.Thread(target=reset, args=(card,))
        thread.start()
        bench.wait("r", "resets>=1", 20)
        bench.set("r", control_time=0)
        thread.join(deadline(20))
        assert not thread.is_alive()
        card = Context().connect(READER)
        check_apdus(card)


def it_is_powered_off_and_on_and_off_before_its_first_use():
    """Some begin to work only then."""
    with Lab() as bench:
        pcscd = bench.start_pcscd()
        plug(bench, **B_LONG)
        pcscd.wait_for("slot 0: command 65")
        requests = [bytes.fromhex(line[4])[1] for line in bench.journal()
                    if line[2] == "control" and line[4][:2] in ("21", "a1")]
        assert requests[:5] == [0x63, 0x62, 0x6F, 0x63, 0x81], requests


def a_virtual_removal_is_a_movement():
    """Version B tells it on its interrupt pipe."""
    with Lab() as bench:
        bench.start_pcscd()
        plug(bench, interrupt=True, **B_LONG)
        reader, = Context().wait_for_readers(1)
        watch = Watch(reader)
        watch.until(lambda state: state.present)
        bench.remove("r")
        watch.until(lambda state: state.empty)
        bench.insert("r", 0, "echo")
        watch.until(lambda state: state.present)


def a_token_at_rest_is_left_alone():
    """Its card cannot move, so nobody asks."""
    for protocol in ("01", "02"):
        with token(protocol=protocol, level="tpdu", card="echo-t0") as \
                (bench, _):
            bench.clear("r")
            time.sleep(IDLE)
            assert not bench.stats("r").get("controls"), bench.stats("r")
            bench.unplug("r")


if __name__ == "__main__":
    cases.main(every_kind_takes_short_apdus,
               apdus_are_chained_both_ways,
               the_longest_control_transfer_is_used,
               scan_and_tool_use_it,
               a_card_that_works_for_long_is_waited_for,
               unplugged_in_the_middle_it_is_gone_at_once,
               one_that_hangs_is_reset,
               it_is_powered_off_and_on_and_off_before_its_first_use,
               a_virtual_removal_is_a_movement,
               a_token_at_rest_is_left_alone)
