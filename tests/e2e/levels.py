# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""APDUs of every case and length over readers of every exchange level."""
import re

import cases
import pcsc
from station import (IDENTITY, KINDS, LEVELS, NATIVE, OK, Station, ask,
                     command, counting, echo, fails_with, make_atr, read,
                     update, wait_ms)

SHORT = (1, 255)
LONG = (1, 255, 256, 257, 65535)
ATRS = {0: make_atr([0]), 1: make_atr([1], ifsc=254)}
CASE_1 = b"\x00\xA4\x00\x00"

# Message sizes: the smallest that does, a common one, the largest
SIZES = {
    "character": (32, 271),
    "tpdu": (271, 300),
    "short": (271,),
    "extended": (32, 271, 65554),
}
XFR_BLOCK = "c6f"
BLOCK = 254             # most that a block of T=1 carries


def check_short(card):
    """Cases 1 to 4, at T=0 by the ways of its clients."""
    assert ask(card, CASE_1) == OK
    for le in (*SHORT, 256):
        assert ask(card, read(0x1234, le)) == counting(0x1234, le) + OK, le
    for lc in SHORT:
        assert ask(card, update(0x0102, lc)) == OK, lc
    for lc, le in ((1, 1), (1, 256), (255, 255), (255, 256)):
        data = counting(0x77, lc)
        assert ask(card, echo(data, le)) == data + OK, (lc, le)


def check_extended_to_card(card):
    """Cases 3 and 4."""
    for lc in LONG:
        assert card.transmit(update(0x0304, lc, True)) == OK, lc
    for lc in LONG:
        for le in (*LONG, 65536):
            data = counting(lc + le, lc)
            got = card.transmit(echo(data, le, True))
            if lc <= 255 and got[-2] == 0x61:   # T=0: the card knows no Le
                assert le < lc and got[-1] == lc - le, (lc, le)
            else:
                assert got[-2:] == OK, (lc, le)
            assert got[:-2] == data[:le], (lc, le)


def check_extended_from_card(card, sizes):
    """Case 2."""
    for le in sizes:
        got = card.transmit(read(0x0405, le, True))
        assert got[:-2] == counting(0x0405, le), le
        assert got[-2:] == OK or got[-2] == 0x61, (le, got[-2:])


def check_size(station, level, protocol):
    """All commands to two cards; the counters of each."""
    with station.card(KINDS[protocol], atr=ATRS[protocol]) as card:
        check_short(card)
        if level != "short":
            check_extended_to_card(card)
            check_extended_from_card(card, (1, 255, 256))
        yield station.bench.stats("r")
    if level == "short":
        return
    # at T=0 a card gives 64 KiB to P3 = 00 only if it tells of the rest
    with station.card(KINDS[protocol], atr=ATRS[protocol], whole=1) as card:
        check_extended_from_card(card, (257, 65535, 65536))
        yield station.bench.stats("r")


def check_level(level, protocol):
    """All commands, in messages of every size; the card complains of none."""
    with Station() as station:
        for size in SIZES[level]:
            with station.reader(level, message_size=size):
                for stats in check_size(station, level, protocol):
                    assert "complaints" not in stats, stats
                    print(f"{level}, T={protocol}, messages of {size}: "
                          f"{stats['apdus']} APDUs, "
                          f"{stats[XFR_BLOCK]} XfrBlocks")


def t_0_at_character_level():
    check_level("character", 0)


def t_1_at_character_level():
    check_level("character", 1)


def t_0_at_tpdu_level():
    check_level("tpdu", 0)


def t_1_at_tpdu_level():
    check_level("tpdu", 1)


def t_0_at_short_apdu_level():
    check_level("short", 0)


def t_1_at_short_apdu_level():
    check_level("short", 1)


def t_0_at_extended_apdu_level():
    check_level("extended", 0)


def t_1_at_extended_apdu_level():
    check_level("extended", 1)


def a_character_reader_may_give_fewer_bytes_or_more():
    with Station() as station:
        for give in ("fewer", "all"):
            for protocol, kind in KINDS.items():
                with station.reader("character", give=give):
                    with station.card(kind, atr=ATRS[protocol], nulls=20,
                                      single=20) as card:
                        check_short(card)
                        check_extended_to_card(card)
                        stats = station.bench.stats("r")
                        assert "complaints" not in stats, stats
                        print(f"{give}, T={protocol}: {stats['apdus']} APDUs, "
                              f"{stats[XFR_BLOCK]} XfrBlocks")


def a_command_that_does_not_fit_a_short_apdu_reader_is_refused():
    with Station() as station, station.reader("short"):
        with station.card("echo") as card:
            before = station.count(XFR_BLOCK)
            for apdu in (update(0, 256, True), read(0, 65536, True),
                         update(0, 1, True), echo(bytes(300), 300, True)):
                fails_with(pcsc.NOT_TRANSACTED, card.transmit, apdu)
            assert station.count(XFR_BLOCK) == before
            assert ask(card, read(5, 5)) == counting(5, 5) + OK


def a_short_command_that_does_not_fit_a_message_is_refused():
    with Station() as station, station.reader("tpdu", message_size=64):
        with station.card("echo-t0") as card:
            before = station.count(XFR_BLOCK)
            fails_with(pcsc.NOT_TRANSACTED, card.transmit, update(0, 200))
            assert station.count(XFR_BLOCK) == before
            assert ask(card, update(0, 49)) == OK


def blocks_of(size):
    """I-blocks of T=1."""
    return -(-size // BLOCK)


def t_1_takes_no_more_xfr_blocks_than_needed():
    upload, download = update(0, 65535, True), read(0, 65536, True)
    # an R-block comes in one XfrBlock of character level, an I-block in two
    fetches = {"character": 2, "tpdu": 1}
    for level, fetch in fetches.items():
        with Station() as station, station.reader(level):
            with station.card("echo", atr=ATRS[1]) as card:
                assert ask(card, IDENTITY)[-2:] == OK   # IFSD is told
                for apdu in (upload, download):
                    before = station.count(XFR_BLOCK)
                    answer = card.transmit(apdu)
                    took = station.count(XFR_BLOCK) - before
                    wanted = (blocks_of(len(apdu)) - 1 +
                              fetch * blocks_of(len(answer)))
                    print(f"{level}: {len(apdu)} bytes, {len(answer)} back: "
                          f"{took} XfrBlocks")
                    assert took == wanted, (took, wanted)


def reads_have_room_for_whole_packets():
    for packet, message in ((8, 271), (64, 271), (64, 300), (512, 65556)):
        with Station() as station:
            with station.reader("extended", packet=packet,
                                message_size=message):
                with station.card("echo", atr=ATRS[1]) as card:
                    assert ask(card, read(0, 65536, True)) == \
                        counting(0, 65536) + OK
                stats = station.bench.stats("r")
                assert stats["in"] > 0 and not stats.get("in-odd"), stats


def slowly(bench, apdu):
    """opensc-tool's answer to an APDU, as text."""
    done = bench.run(["opensc-tool", "-s", apdu.hex()])
    assert done.returncode == 0, done
    return done.stdout


def opensc_tool_reads_atr_and_sends_apdus_at_every_level():
    with Station() as station:
        for level in LEVELS:
            for protocol, kind in KINDS.items():
                with station.reader(level):
                    state = station.insert(kind, atr=ATRS[protocol])
                    said = station.bench.run(["opensc-tool", "--atr"]).stdout
                    assert said.strip().replace(":", "") == \
                        state.atr.hex() == ATRS[protocol].hex(), said
                    said = slowly(station.bench, read(0x40, 4))
                    assert re.search(r"SW1=0x90, SW2=0x00\).*\n40 41 42 43 ",
                                     said), said
                    said = slowly(station.bench, command(
                        b"\x80\x10\x00\x00", b"\x41\x42\x43", 256))
                    assert re.search(r"SW1=0x90, SW2=0x00\).*\n41 42 43 ",
                                     said), said
                    station.remove()


# --- a card that leaves

def leave_in_the_middle(station, protocol, card, apdu, action, **moment):
    """The code of a transmit during which the card is moved."""
    words = [f"{key}={value}" for key, value in moment.items()]
    station.bench.control("on", "r", "xfr", *words, "do", *action)
    return fails_with({pcsc.NO_SMARTCARD, pcsc.NOT_TRANSACTED,
                       pcsc.REMOVED_CARD}, card.transmit, apdu)


REMOVE = ("remove", "r", "0")


def check_removal(level, protocol, removal, apdu, **moment):
    """The slot is empty as the call returns."""
    with Station() as station, station.reader(level, removal=removal):
        with station.card(KINDS[protocol], atr=ATRS[protocol]) as card:
            code = leave_in_the_middle(station, protocol, card, apdu, REMOVE,
                                       **moment)
            assert code == pcsc.NO_SMARTCARD, (level, protocol, removal,
                                               hex(code))


def wait_for_swap(station, *what):
    """pcscd has seen the new card."""
    try:
        station.until(lambda state: state.present and state.count >= 3)
    except pcsc.Error as error:
        raise AssertionError((*what, station.watch.state,
                              station.bench.state("r"))) from error


def check_swap(level, protocol, apdu, **moment):
    """Another card is in by then, and gets no byte of the old one's."""
    with Station() as station, station.reader(level):
        with station.card(KINDS[protocol], atr=ATRS[protocol]) as card:
            swap = ("swap", "r", "0", KINDS[protocol], "serial=77")
            code = leave_in_the_middle(station, protocol, card, apdu, swap,
                                       **moment)
            assert code == pcsc.NOT_TRANSACTED, (level, protocol, hex(code))
            wait_for_swap(station, level, protocol)
            again = station.connect()
            got = ask(again, IDENTITY)
            assert int.from_bytes(got[:4], "big") == 77, got.hex()
            assert int.from_bytes(got[8:12], "big") == 1, got.hex()


def a_card_pulled_while_it_works_is_told_as_absent():
    for level in LEVELS:
        for protocol in KINDS:
            check_removal(level, protocol, "mute", wait_ms(2000), after=20000)


def a_card_pulled_from_a_reader_that_falls_silent_is_told_as_absent():
    for level in LEVELS:
        for protocol in KINDS:
            check_removal(level, protocol, "silent", wait_ms(2000),
                          after=20000)


def a_card_pulled_in_the_middle_of_64_kib_is_told_as_absent():
    for level in (*NATIVE, "extended"):
        for protocol in KINDS:
            check_removal(level, protocol, "mute",
                          echo(counting(0, 65535), 65536, True), skip=40)


def a_card_swapped_while_it_works_is_told_as_not_transacted():
    for level in LEVELS:
        for protocol in KINDS:
            check_swap(level, protocol, wait_ms(2000), after=20000)


def a_card_swapped_in_the_middle_of_64_kib_is_told_as_not_transacted():
    for level in (*NATIVE, "extended"):
        for protocol in KINDS:
            check_swap(level, protocol,
                       echo(counting(0, 65535), 65536, True), skip=40)


if __name__ == "__main__":
    cases.main(
        t_0_at_character_level,
        t_1_at_character_level,
        t_0_at_tpdu_level,
        t_1_at_tpdu_level,
        t_0_at_short_apdu_level,
        t_1_at_short_apdu_level,
        t_0_at_extended_apdu_level,
        t_1_at_extended_apdu_level,
        a_character_reader_may_give_fewer_bytes_or_more,
        a_command_that_does_not_fit_a_short_apdu_reader_is_refused,
        a_short_command_that_does_not_fit_a_message_is_refused,
        t_1_takes_no_more_xfr_blocks_than_needed,
        reads_have_room_for_whole_packets,
        opensc_tool_reads_atr_and_sends_apdus_at_every_level,
        a_card_pulled_while_it_works_is_told_as_absent,
        a_card_pulled_from_a_reader_that_falls_silent_is_told_as_absent,
        a_card_pulled_in_the_middle_of_64_kib_is_told_as_absent,
        a_card_swapped_while_it_works_is_told_as_not_transacted,
        a_card_swapped_in_the_middle_of_64_kib_is_told_as_not_transacted,
    )
