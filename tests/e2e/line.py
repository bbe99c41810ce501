# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""A bad line between reader and card: right data or an error, never another.

    line.py [--exchanges N] [--seed N]
"""
import itertools
import random
import time

import cases
from cases import options
import pcsc
from station import (IDENTITY, KINDS, NATIVE, OK, Station, ask, counting, echo,
                     make_atr, read, wait_ms)

FAULTS = {"line_damaged": 10, "line_lost": 10, "line_doubled": 10}
GIVES = ("exactly", "fewer", "all")
XFR_BLOCK = "c6f"
MUTE, PARITY, OVERRUN = 0xFE, 0xFD, 0xFC

cases.parser.add_argument("--exchanges", type=int, default=100)
cases.parser.add_argument("--seed", type=int, default=1)


def exchange(card, apdu, expected):
    """True if it came back right, False for an error."""
    try:
        answer = ask(card, apdu)
    except pcsc.Error as error:
        assert error.code == pcsc.NOT_TRANSACTED, error
        return False
    assert answer == expected, (apdu.hex(), answer.hex())
    return True


def run_lossy(station, chance, protocol, longest, **atr):
    """Exchanges of all sizes; after an error the client resets the card."""
    failed = 0
    with station.card(KINDS[protocol],
                      atr=make_atr([protocol], **atr)) as card:
        for _ in range(options.exchanges):
            data = chance.randbytes(chance.randint(1, longest))
            if exchange(card, echo(data, len(data), len(data) > 255),
                        data + OK):
                continue
            failed += 1
            card.reconnect(what=pcsc.RESET)
        return failed, station.count("line-faults")


def check_lossy(level, protocol, longest, faults, **more):
    """With every kind of fault; prints the figures."""
    with Station() as station:
        for number, give in enumerate(more.pop("gives", GIVES[:1])):
            chance = random.Random(options.seed + number)
            with station.reader(level, give=give, mute_time=0,
                                line_seed=options.seed + number, **faults):
                failed, hurt = run_lossy(station, chance, protocol, longest,
                                         **more)
            right = options.exchanges - failed
            print(f"{level}, T={protocol}, {give}, {more or ''}: {right} "
                  f"right, {failed} errors, {hurt} faults of the line")
            assert hurt and right, "no faults or no answers"


def t_1_at_tpdu_level_survives_a_bad_line():
    check_lossy("tpdu", 1, 2000, FAULTS, ifsc=254)
    check_lossy("tpdu", 1, 200, FAULTS)
    check_lossy("tpdu", 1, 2000, FAULTS, ifsc=254, crc=True)


def t_1_at_character_level_survives_a_bad_line():
    check_lossy("character", 1, 2000, FAULTS, ifsc=254, gives=GIVES)
    check_lossy("character", 1, 200, FAULTS, gives=GIVES)


def t_0_gives_no_wrong_data_on_a_bad_line():
    for level in NATIVE:
        check_lossy(level, 0, 200, {"line_damaged": 2, "line_lost": 2})


def each_fault_alone_is_mended_by_t_1():
    for level, fault in itertools.product(NATIVE, FAULTS):
        check_lossy(level, 1, 600, {fault: 10}, ifsc=254)


def check_one_fault(station, kind, value, **atr):
    """Each XfrBlock of an exchange in turn is the one that goes wrong."""
    data = counting(1, 600)
    with station.card("echo", atr=make_atr([1], **atr)) as card:
        assert ask(card, IDENTITY)[-2:] == OK
        before = station.count(XFR_BLOCK)
        assert card.transmit(echo(data, 600, True)) == data + OK
        blocks = station.count(XFR_BLOCK) - before
        for number in range(blocks):
            station.bench.fault("r", kind, command="xfr", skip=number,
                                value=value)
            assert card.transmit(echo(data, 600, True)) == data + OK, number
        assert int.from_bytes(ask(card, IDENTITY)[4:8], "big") == 1
        return blocks


def one_lost_block_of_t_1_is_never_an_error():
    for level in NATIVE:
        with Station() as station, station.reader(level):
            for kind, value in itertools.product(("fail", "unheard"),
                                                 (MUTE, PARITY, OVERRUN)):
                blocks = check_one_fault(station, kind, value, ifsc=254)
                print(f"{level}, {kind}, bError {value:02X}: each of {blocks} "
                      "XfrBlocks lost once")


def a_lost_offer_of_ifsd_is_made_again():
    for level in NATIVE:
        with Station() as station, station.reader(level):
            for kind in ("fail", "unheard"):
                with station.card("echo", atr=make_atr([1], ifsc=254)) as card:
                    station.bench.fault("r", kind, command="xfr", value=MUTE)
                    assert ask(card, read(1, 250)) == counting(1, 250) + OK
                    got = ask(card, IDENTITY)
                    assert int.from_bytes(got[4:8], "big") == 1, got.hex()


def a_card_that_says_nothing_to_a_damaged_block_is_asked_again():
    for level in NATIVE:
        with Station() as station:
            chance = random.Random(options.seed)
            with station.reader(level, mute_time=0, line_damaged=10,
                                line_seed=options.seed):
                with station.card("echo", atr=make_atr([1], ifsc=254),
                                  quiet=1) as card:
                    for _ in range(options.exchanges // 4):
                        data = chance.randbytes(500)
                        if not exchange(card, echo(data, 500, True),
                                        data + OK):
                            card.reconnect(what=pcsc.RESET)


def a_card_that_asks_for_time_gets_more_than_the_cap():
    slow = bytes([0x80, 0x12, 2500 >> 8, 2500 & 0xFF, 0])
    with Station(CCIDTRACK_ifdTimeoutCap="1") as station:
        with station.reader("tpdu", extension_interval=0):
            with station.card("echo", atr=make_atr([1]), bwt=100000) as card:
                started = time.monotonic()
                assert ask(card, slow)[-2:] == OK
                # An abort would have hurried it.
                assert time.monotonic() - started >= 2.5


def what_a_reader_denies_to_have_sent_answers_no_later_command():
    with Station() as station:
        for level, protocol in itertools.product(NATIVE, KINDS):
            with station.reader(level):
                for first in range(6):
                    deny_one(station, protocol, first)


def deny_one(station, protocol, first):
    """The card gets all; the first-th message's reply says that it did not."""
    offsets = (0x0100, 0x0123, 0x0146, 0x0100)
    with station.card(KINDS[protocol], atr=make_atr([protocol])) as card:
        ask(card, IDENTITY)
        station.bench.fault("r", "status", command="xfr", value="0x40",
                            skip=first)
        for offset in offsets:
            try:
                got = ask(card, read(offset, 4))
            except pcsc.Error:
                continue
            assert got == counting(offset, 4) + OK, (protocol, first, got.hex())
        station.bench.fault("r", "none")


def a_reader_that_passes_no_request_for_time_on_is_waited_for():
    with Station() as station:
        for level, protocol in (("tpdu", 0), ("short", 0), ("short", 1),
                                ("extended", 1)):
            with station.reader(level, extension_interval=0):
                with station.card(KINDS[protocol],
                                  atr=make_atr([protocol])) as card:
                    assert ask(card, wait_ms(7000))[-2:] == OK, level


if __name__ == "__main__":
    cases.main(
        t_1_at_tpdu_level_survives_a_bad_line,
        t_1_at_character_level_survives_a_bad_line,
        t_0_gives_no_wrong_data_on_a_bad_line,
        each_fault_alone_is_mended_by_t_1,
        one_lost_block_of_t_1_is_never_an_error,
        a_lost_offer_of_ifsd_is_made_again,
        a_card_that_says_nothing_to_a_damaged_block_is_asked_again,
        a_card_that_asks_for_time_gets_more_than_the_cap,
        what_a_reader_denies_to_have_sent_answers_no_later_command,
        a_reader_that_passes_no_request_for_time_on_is_waited_for,
    )
