# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""Readers and buses that fail: the next command is right, without replugging.

    faults.py [--bundle DIRECTORY] [CASE...]
"""
import time

import cases
from cases import Lab, deadline
import pcsc
from pcsc import Context, Watch

READER = "virtual reader 00 00"
IDENTITY = bytes.fromhex("801400000C")
RIGHT_WITHIN = 2
SOON = 2
WAITS = 15              # at most, for an answer that does not come
MENDED = 15             # a reader that nobody uses: two questions, the ladder
STORM = 1000            # messages a second
QUESTIONS = 10          # status commands a second, at most
IDLE_CPU = 0.25         # of a second's time, in a storm

# pcscd's environment, where a reader may fall silent
IMPATIENT = {"CCIDTRACK_ifdTimeoutFloor": "1"}

# Faults of an exchange
FAULTS = [
    ("stall-out", {}), ("stall", {}), ("lost", {}), ("hang", {}),
    ("late", {"value": 3000000}), ("double", {}), ("seq", {}), ("slot", {}),
    ("type", {"value": 0x82}), ("type", {"value": 0}),
    *(("short", {"value": value}) for value in range(10)),
    ("long", {"value": 1}), ("long", {"value": 300}), ("length", {}),
    ("status", {"value": 0x43}), ("status", {"value": 0xC0}),
    ("zlp-before", {}), ("zlp-after", {}), ("proto", {}), ("overflow", {}),
    ("fail", {"value": 0xE0, "count": 3}),
    ("fail", {"value": 0xF2, "count": 3}),
    ("extend", {"value": 3}),
]


def serial_of(answer):
    """Of the card that gave it."""
    return int.from_bytes(answer[:4], "big")


def ask(context, card):
    """The identity of the card, from a client that connects again if it has
    to; the client's handle and the answer."""
    end = time.monotonic() + deadline(RIGHT_WITHIN)
    while True:
        try:
            card = card or context.connect(READER)
            return card, card.transmit(IDENTITY)
        except pcsc.Error:
            if time.monotonic() > end:
                raise
            if card:
                card.disconnect(pcsc.RESET)
            card = None
            time.sleep(0.01)


def wait_for_count(watch, count):
    """A card is in, and so many movements were told."""
    try:
        watch.until(lambda state: state.present and state.count == count,
                    deadline(SOON))
    except pcsc.Error as error:
        raise AssertionError(f"{count} wanted: {watch.look()}") from error


def use_new_card(bench, context, watch):
    """The first one in an empty reader: the client's handle, and its number."""
    watch.until(lambda state: state.empty, deadline(SOON))
    serial = int(bench.insert("r")["serial"])
    wait_for_count(watch, 1)
    card = context.connect(READER)
    card.transmit(IDENTITY)
    return card, serial


def check_fault(bench, context, command, kind, options):
    """One fault; the client that goes on afterwards."""
    serial = int(bench.insert("r")["serial"])
    Watch(READER).until(lambda state: state.atr, deadline(SOON))
    card = context.connect(READER)
    card.transmit(IDENTITY)
    apdus = bench.stats("r")["apdus"]
    bench.fault("r", kind, command=command, **options)
    start = time.monotonic()
    try:
        if command == "xfr":
            assert serial_of(card.transmit(IDENTITY)) == serial
        else:
            card.reconnect(what=pcsc.RESET)
    except pcsc.Error:
        pass
    assert time.monotonic() - start < deadline(WAITS), (kind, options)
    assert bench.stats("r")["apdus"] <= apdus + 1, (kind, options)
    card, answer = ask(context, card)
    assert serial_of(answer) == serial, (kind, options)
    assert not bench.stats("r").get("resets"), (kind, options)
    card.disconnect()
    bench.fault("r", "none")
    bench.remove("r")
    Watch(READER).until(lambda state: state.empty, deadline(SOON))


def check_faults(command, faults, **options):
    """All of them, one after the other, with one reader."""
    with Lab() as bench:
        bench.plug("r", **options)
        bench.start_pcscd(**IMPATIENT)
        context = Context()
        for kind, more in faults:
            check_fault(bench, context, command, kind, more)


def an_apdu_after_one_that_failed_is_right():
    check_faults("xfr", FAULTS[:14])


def an_apdu_after_one_that_failed_is_right_whatever_came():
    check_faults("xfr", FAULTS[14:])


def an_apdu_at_tpdu_level_after_one_that_failed_is_right():
    check_faults("xfr", FAULTS[:9], level="tpdu", features="30")


def a_reset_of_a_card_that_fails_is_no_harm():
    check_faults("power-on", FAULTS[5:])


def a_power_off_that_fails_is_no_harm():
    check_faults("power-off", FAULTS)


def a_reader_that_hangs_is_reset_and_its_card_told_as_swapped_once():
    with Lab() as bench:
        bench.plug("r")
        bench.start_pcscd(**IMPATIENT)
        context = Context()
        watch = Watch(READER)
        card, serial = use_new_card(bench, context, watch)
        bench.fault("r", "dead")
        try:
            card.transmit(IDENTITY)
            raise AssertionError("an answer of a reader that hangs")
        except pcsc.Error as error:
            print(error)
        card, answer = ask(context, None)
        assert serial_of(answer) == serial
        assert bench.stats("r")["resets"] == 1
        wait_for_count(watch, 3)
        bench.remove("r")
        watch.until(lambda state: state.empty, deadline(SOON))
        assert watch.state.count == 4, watch.state


def a_reader_that_hangs_unused_is_found_and_reset():
    with Lab() as bench:
        bench.plug("r")
        bench.start_pcscd()
        watch = Watch(READER)
        bench.fault("r", "dead")
        bench.control("notify", "r", "50")
        bench.wait("r", "resets>=1", MENDED)
        bench.insert("r")
        watch.until(lambda state: state.atr, deadline(SOON))


def a_reader_that_was_left_hanging_opens():
    with Lab() as bench:
        bench.plug("r")
        bench.insert("r")
        bench.fault("r", "dead")
        bench.start_pcscd()
        context = Context()
        context.wait_for_readers(1)
        _, answer = ask(context, None)
        assert len(answer) == 14
        assert bench.stats("r")["resets"] == 1


def movements_are_seen_after_any_failure_of_the_interrupt_pipe():
    with Lab() as bench:
        bench.plug("r")
        bench.start_pcscd()
        watch = Watch(READER)
        watch.until(lambda state: state.empty, deadline(SOON))
        for error in (None, 71, 75, 84, 32, 71, 71):
            if error is None:
                bench.control("halt", "r", "interrupt")
            else:
                bench.control("end", "r", "interrupt", error)
            bench.insert("r")
            watch.until(lambda state: state.atr, deadline(SOON))
            bench.remove("r")
            watch.until(lambda state: state.empty, deadline(SOON))


def another_programs_reset_is_a_swap():
    with Lab() as bench:
        bench.plug("r")
        bench.start_pcscd()
        context = Context()
        watch = Watch(READER)
        _, serial = use_new_card(bench, context, watch)
        bench.control("power-loss", "r")
        bench.control("end", "r", "interrupt", 108)
        wait_for_count(watch, 3)
        _, answer = ask(context, None)
        assert serial_of(answer) == serial


def storm(bench, messages):
    """A second of messages; pcscd's CPU time in it, and questions asked."""
    before = bench.stats("r").get("c65", 0)
    cpu = cpu_time(bench.pcscd.pid)
    end = time.monotonic() + 1
    while time.monotonic() < end:
        for message in messages:
            bench.control("notify", "r", message, STORM // 20)
        time.sleep(0.05)
    return (cpu_time(bench.pcscd.pid) - cpu,
            bench.stats("r").get("c65", 0) - before)


def cpu_time(pid):
    """Seconds of CPU time so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        words = stat.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / 100


def storms_of_messages_cost_little():
    with Lab() as bench:
        bench.plug("r")
        bench.start_pcscd()
        Watch(READER).until(lambda state: state.empty, deadline(SOON))
        for messages in (["5000"], ["5002"], ["50"], ["7F"], ["51000000"],
                         ["5003", "5002"], ["4001"], ["50FFFFFFFFFFFFFF"]):
            cpu, asked = storm(bench, messages)
            print(f"{messages}: {cpu * 1000:.0f} ms, asked {asked} times")
            assert asked <= QUESTIONS + 4, asked     # a little over a second
            assert cpu < deadline(IDLE_CPU), cpu
        bench.insert("r")
        Watch(READER).until(lambda state: state.atr, deadline(SOON))


OPEN = 10       # how long a reader may be opened that answers nothing, or badly
DEVICE, CONFIGURATION = 18, 9           # bytes of those descriptors
CLASS = DEVICE + CONFIGURATION + 9      # where the class descriptor begins
CLASS_SIZE = 54


def damaged(good):
    """Descriptors as no device should have them."""
    config = good[DEVICE:]
    yield good[:DEVICE]
    for end in range(DEVICE + 1, len(good), 11):
        yield good[:end]
    for total in (0, 8, 9, 10, len(config) - 1, len(config) + 1, 0xFFFF):
        yield (good[:DEVICE + 2] + total.to_bytes(2, "little") +
               good[DEVICE + 4:])
    for count in (0, 2, 32, 255):
        yield good[:DEVICE + 4] + bytes([count]) + good[DEVICE + 5:]
    for offset in (DEVICE, DEVICE + CONFIGURATION, CLASS, CLASS + CLASS_SIZE):
        for length in (0, 1, 2, 255):
            yield good[:offset] + bytes([length]) + good[offset + 1:]
    for first, size in ((0, CLASS_SIZE), (2, CLASS_SIZE - 2), (44, 4),
                        (4, 1), (40, 4)):
        for byte in (0x00, 0xFF):
            yield (good[:CLASS + first] + bytes([byte]) * size +
                   good[CLASS + first + size:])
    endpoints = CLASS + CLASS_SIZE
    for offset in range(endpoints + 2, len(good), 7):
        for byte in (0x00, 0x81, 0xFF):     # bEndpointAddress
            yield good[:offset] + bytes([byte]) + good[offset + 1:]
        yield good[:offset + 1] + b"\x01" + good[offset + 2:]   # isochronous
        yield good[:offset + 2] + b"\0\0" + good[offset + 4:]   # no packets


def no_descriptor_does_any_harm():
    with Lab() as bench:
        bench.start_pcscd()
        context = Context()
        good = bytes.fromhex(bench.plug("r")["descriptors"])
        context.wait_for_readers(1)
        bench.unplug("r")
        context.wait_for_readers(0)
        tried = 0
        for tried, descriptors in enumerate(damaged(good), 1):
            bench.plug("bad", descriptors=descriptors.hex())
            bench.plug("good", serial=f"{tried}")
            end = time.monotonic() + deadline(OPEN + SOON)
            while not any(f"({tried})" in name for name in context.readers()):
                assert time.monotonic() < end, descriptors.hex()
                time.sleep(0.005)
            bench.unplug("bad")
            bench.unplug("good")
            context.wait_for_readers(0)
        print(f"{tried} tried")
        assert not bench.pcscd.ended


if __name__ == "__main__":
    cases.main(
        an_apdu_after_one_that_failed_is_right,
        an_apdu_after_one_that_failed_is_right_whatever_came,
        an_apdu_at_tpdu_level_after_one_that_failed_is_right,
        a_reset_of_a_card_that_fails_is_no_harm,
        a_power_off_that_fails_is_no_harm,
        a_reader_that_hangs_is_reset_and_its_card_told_as_swapped_once,
        a_reader_that_hangs_unused_is_found_and_reset,
        a_reader_that_was_left_hanging_opens,
        movements_are_seen_after_any_failure_of_the_interrupt_pipe,
        another_programs_reset_is_a_swap,
        storms_of_messages_cost_little,
        no_descriptor_does_any_harm,
    )
