# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""What host, reader and card agree on: voltage, ATR, PPS, parameters."""
import itertools
import time

import cases
from cases import deadline
import pcsc
from station import (IDENTITY, KINDS, LEVELS, NATIVE, OK, Station, ask,
                     counting, echo, fails_with, make_atr, read, update,
                     wait_ms)

SET_PARAMETERS, POWER_ON, XFR_BLOCK = 0x61, 0x62, 0x6F
HEADER = 10
DEFAULT = 0x11

# What TA1 leads to at 4 MHz with a reader that does up to 344100 bit/s
SPEEDS = {None: 0x11, 0x11: 0x11, 0x18: 0x18, 0x95: 0x95, 0x96: 0x96,
          0x97: 0x96}
FAILING = ("other", "damaged", "short", "silent")

UNRESPONSIVE = 0x80100066       # pcscd: protocol or speed were not agreed on


def works(card, size=300):
    """Bytes come and go unharmed."""
    assert ask(card, read(7, 200)) == counting(7, 200) + OK
    data = counting(3, size)
    assert card.transmit(echo(data, size, True)) == data + OK


def pps_of(station):
    """Each PPS that the host has sent to the card that is in."""
    return [message[HEADER:] for message in station.commands(XFR_BLOCK)
            if message[HEADER:HEADER + 1] == b"\xFF"]


def told(station):
    """F and D of the last SetParameters."""
    return station.commands(SET_PARAMETERS)[-1][HEADER]


def resets(station):
    """How often the card was powered up."""
    return station.count("c62")


def quiet(station):
    """The card has understood all that it heard."""
    stats = station.bench.stats("r")
    assert "complaints" not in stats and "line-faults" not in stats, stats


# --- speed

def check_speed(station, protocol, ta1):
    """A card that agrees is spoken to at the best speed, after one PPS."""
    fidi = SPEEDS[ta1]
    with station.card(KINDS[protocol], atr=make_atr([protocol], ta1)) as card:
        works(card)
        assert told(station) == fidi, (hex(told(station)), ta1)
        assert len(pps_of(station)) == (fidi != DEFAULT)
        assert resets(station) == 1
        quiet(station)


def the_best_common_speed_is_agreed_on():
    with Station() as station:
        for level in NATIVE:
            with station.reader(level):
                for protocol, ta1 in itertools.product(KINDS, SPEEDS):
                    check_speed(station, protocol, ta1)


def speeds_that_the_reader_lists_are_kept_to():
    found = {}
    readers = {
        "to 130000 bit/s": {"max_rate": 130000},
        "two rates": {"rates": "10752,125000"},
        "one rate": {"rates": "10752"},
        "lists are refused": {"rates": "10752,125000", "lists": False},
        "clocks too": {"rates": "10752,250000", "clocks": "4000,8000"},
    }
    with Station() as station:
        for name, options in readers.items():
            with station.reader("tpdu", **options):
                with station.card("echo", atr=make_atr([1], 0x97)) as card:
                    works(card)
                    found[name] = told(station)
                    quiet(station)
    assert found == {"to 130000 bit/s": 0x95, "two rates": 0x95,
                     "one rate": 0x11, "lists are refused": 0x11,
                     "clocks too": 0x96}, found


def a_card_may_agree_at_default_speed():
    with Station() as station:
        for level in NATIVE:
            for protocol, kind in KINDS.items():
                with station.reader(level), station.card(
                        kind, atr=make_atr([protocol], 0x96),
                        pps="default") as card:
                    works(card)
                    assert told(station) == DEFAULT
                    assert resets(station) == 1
                    quiet(station)


def check_failed_pps(station, protocol, pps):
    """Reset, on at default speed; and while the card stays, no PPS again."""
    with station.card(KINDS[protocol], atr=make_atr([protocol], 0x96),
                      pps=pps) as card:
        works(card)
        assert told(station) == DEFAULT
        assert len(pps_of(station)) == 1 and resets(station) == 2
        card.reconnect(what=pcsc.UNPOWER)
        works(card)
        assert told(station) == DEFAULT
        assert len(pps_of(station)) == 1, pps
        quiet(station)


def a_card_that_fails_at_pps_is_spoken_to_at_default_speed():
    with Station() as station:
        for level in NATIVE:
            with station.reader(level):
                for protocol, pps in itertools.product(KINDS, FAILING):
                    check_failed_pps(station, protocol, pps)


def a_reader_that_refuses_parameters_goes_on_at_default_speed():
    with Station() as station:
        for level, refusal in itertools.product(NATIVE, ("no-speed",
                                                         "refuse")):
            with station.reader(level, parameters=refusal):
                for protocol, kind in KINDS.items():
                    with station.card(kind,
                                      atr=make_atr([protocol], 0x96)) as card:
                        works(card)
                        assert resets(station) == 2
                        assert len(pps_of(station)) == 1
                        quiet(station)


def at_apdu_levels_refused_parameters_do_no_harm():
    with Station() as station:
        for level in ("short", "extended"):
            for refusal in ("no-speed", "refuse"):
                with station.reader(level, parameters=refusal):
                    with station.card("echo", atr=make_atr([1], 0x96)) as card:
                        assert ask(card, read(1, 9)) == counting(1, 9) + OK


def two_speeds_on_a_line_give_an_error_and_no_data():
    with Station() as station:
        for level in NATIVE:
            with station.reader(level, parameters="lie"):
                for protocol, kind in KINDS.items():
                    with station.card(kind,
                                      atr=make_atr([protocol], 0x96)) as card:
                        fails_with(pcsc.NOT_TRANSACTED, card.transmit,
                                   read(1, 9))
                        assert station.count("line-faults")


# --- who does what

def a_reader_that_negotiates_gets_neither_pps_nor_parameters():
    with Station() as station:
        for level in NATIVE:
            with station.reader(level, features="40"):
                for protocol, kind in KINDS.items():
                    with station.card(kind,
                                      atr=make_atr([protocol], 0x96)) as card:
                        works(card)
                        assert not pps_of(station)
                        assert not station.commands(SET_PARAMETERS)
                        quiet(station)


def a_reader_that_does_the_pps_gets_the_parameters():
    with Station() as station:
        for level in NATIVE:
            with station.reader(level, features="80"):
                for protocol, kind in KINDS.items():
                    with station.card(kind,
                                      atr=make_atr([protocol], 0x96)) as card:
                        works(card)
                        assert not pps_of(station)
                        assert told(station) == 0x96
                        quiet(station)


def ifsd_is_offered_once_and_not_to_readers_that_do_that():
    with Station() as station:
        for level, features in itertools.product(NATIVE, ("0", "400")):
            with station.reader(level, features=features):
                with station.card("echo", atr=make_atr([1], ifsc=254)) as card:
                    works(card)
                    offers = [m for m in station.commands(XFR_BLOCK)
                              if m[HEADER + 1:HEADER + 2] == b"\xC1"]
                    assert len(offers) == (features == "0"), offers
                    assert not offers or offers[0][13] == 254
                    quiet(station)


# --- protocols

def a_card_of_both_protocols_speaks_either():
    atr = make_atr([0, 1], 0x96, ifsc=254)
    with Station() as station:
        for level in NATIVE:
            with station.reader(level):
                for wanted in (pcsc.T0, pcsc.T1):
                    with station.card("echo-both", wanted, atr=atr) as card:
                        assert card.protocol == wanted
                        works(card)
                        other = pcsc.T0 | pcsc.T1 ^ wanted
                        card.reconnect(protocols=other & ~wanted,
                                       what=pcsc.RESET)
                        assert card.protocol != wanted
                        works(card)
                        quiet(station)


def a_protocol_that_needs_a_pps_is_refused_by_a_card_without():
    atr = make_atr([0, 1], 0x96)
    with Station() as station:
        for level, pps in itertools.product(NATIVE, FAILING):
            with station.reader(level):
                station.insert("echo-both", atr=atr, pps=pps)
                fails_with(UNRESPONSIVE, station.connect, pcsc.T1)
                card = station.connect(pcsc.T0)
                works(card)
                assert told(station) == DEFAULT
                card.disconnect()
                station.remove()


def specific_mode_goes_without_pps_at_the_speed_of_ta1():
    with Station() as station:
        for level in NATIVE:
            with station.reader(level):
                for protocol, kind in KINDS.items():
                    for fixed in (0x00, 0x80):
                        atr = make_atr([protocol], 0x95, fixed | protocol)
                        with station.card(kind, atr=atr) as card:
                            works(card)
                            assert not pps_of(station)
                            assert told(station) == 0x95
                            quiet(station)


def parameters_that_a_card_keeps_to_itself_are_for_readers_that_know():
    atr = make_atr([1], 0x95, 0x11)
    with Station() as station:
        for level in NATIVE:
            with station.reader(level):
                state = station.insert("echo", atr=atr)
                assert state.atr == atr
                fails_with(UNRESPONSIVE, station.connect)
                station.remove()
            with station.reader(level, features="40"):
                with station.card("echo", atr=atr) as card:
                    works(card)


def odd_answers_to_reset_are_kept_and_used_as_far_as_they_go():
    broken = make_atr([1], 0x96, wrong_tck=True)
    with Station() as station:
        for level in LEVELS:
            features = "40" if level in NATIVE else "42"
            with station.reader(level, features=features):
                with station.card("echo", atr=broken) as card:
                    assert station.watch.state.atr == broken
                    assert ask(card, read(1, 9)) == counting(1, 9) + OK
        for level in NATIVE:
            with station.reader(level):
                state = station.insert("echo", atr=broken)
                assert state.atr == broken
                fails_with(UNRESPONSIVE, station.connect)
                station.remove()


def t_15_names_no_protocol():
    with Station() as station:
        for level in NATIVE:
            with station.reader(level):
                for chain in ([0], [1], [0, 1]):
                    atr = make_atr(chain, 0x96, ifsc=100 if 1 in chain else
                                   None, classes=0xC7)
                    kind = "echo-both" if len(chain) > 1 else KINDS[chain[0]]
                    with station.card(kind, atr=atr) as card:
                        assert station.watch.state.atr == atr
                        works(card)
                        quiet(station)


# --- power

def tried(station):
    """bPowerSelect of each IccPowerOn."""
    return [message[7] for message in station.commands(POWER_ON)]


def each_voltage_is_tried_once():
    with Station() as station:
        for level in LEVELS:
            with station.reader(level, auto_voltage=False):
                for voltages, order in ((1, [1]), (2, [1, 2]), (4, [1, 2, 3])):
                    with station.card("echo", voltages=voltages) as card:
                        assert ask(card, read(1, 9)) == counting(1, 9) + OK
                        assert tried(station) == order, tried(station)
            with station.reader(level, auto_voltage=False, voltages=6):
                with station.card("echo", voltages=4) as card:
                    assert ask(card, read(1, 9)) == counting(1, 9) + OK
                    assert tried(station) == [2, 3], tried(station)


def check_class(station, classes, order):
    """The voltages that are tried on a card which answers at any."""
    with station.card("echo", atr=make_atr([1], classes=classes)) as card:
        assert ask(card, read(1, 9)) == counting(1, 9) + OK
        assert tried(station) == order, (classes, tried(station))


def a_card_that_names_its_voltages_gets_one_of_them():
    with Station() as station:
        with station.reader("tpdu", auto_voltage=False):
            for classes, order in ((1, [1]), (7, [1]), (2, [1, 2]),
                                   (6, [1, 2]), (4, [1, 2, 3])):
                check_class(station, classes, order)
        with station.reader("tpdu", auto_voltage=False, voltages=1):
            check_class(station, 2, [1, 1])
        with station.reader("tpdu"):
            check_class(station, 2, [0])


def a_card_that_answers_only_at_the_second_try_is_tried_again():
    with Station() as station:
        for level in LEVELS:
            with station.reader(level):
                with station.card("echo", deaf=1) as card:
                    assert ask(card, read(1, 9)) == counting(1, 9) + OK
                    assert resets(station) == 2


def a_mute_card_is_told_as_mute_in_time():
    with Station() as station:
        for level, auto in itertools.product(LEVELS, (False, True)):
            with station.reader(level, auto_voltage=auto):
                start = time.monotonic()
                station.insert("mute")
                station.until(lambda state: state.mute)
                took = time.monotonic() - start
                assert took < deadline(2), took
                assert resets(station) == (2 if auto else 4)
                fails_with(pcsc.UNPOWERED_CARD, station.connect)
                station.remove()


def an_answer_to_reset_may_come_after_time_extensions():
    with Station() as station:
        for level in LEVELS:
            with station.reader(level, power_time=600000,
                                extension_interval=100000):
                with station.card("echo") as card:
                    assert ask(card, read(1, 9)) == counting(1, 9) + OK
                    assert resets(station) == 1


def resets_of_a_client_reach_the_card():
    with Station() as station:
        for level, (protocol, kind) in itertools.product(LEVELS,
                                                         KINDS.items()):
            with station.reader(level), station.card(
                    kind, atr=make_atr([protocol], 0x95)) as card:
                for what, count in ((pcsc.RESET, 2), (pcsc.UNPOWER, 3)):
                    card.reconnect(what=what)
                    got = ask(card, IDENTITY)
                    assert int.from_bytes(got[4:8], "big") == count, got.hex()
                quiet(station)


# --- a card's ways

def procedure_bytes_may_come_one_by_one_and_late():
    with Station() as station:
        for level, (nulls, single) in itertools.product(
                NATIVE, ((0, 100), (60, 0), (50, 50))):
            with station.reader(level):
                for seed in range(3):
                    with station.card("echo-t0", nulls=nulls, single=single,
                                      seed=seed) as card:
                        works(card, 1000)
                        assert ask(card, update(9, 255)) == OK
                        quiet(station)


def a_card_gets_the_time_that_it_asks_for():
    with Station() as station:
        for level in NATIVE:
            with station.reader(level):
                with station.card("echo", bwt=30000) as card:
                    assert ask(card, wait_ms(100))[-2:] == OK
                    granted = [m[7] for m in station.commands(XFR_BLOCK)
                               if m[HEADER + 1:HEADER + 2] == b"\xE3"]
                    assert granted == [4], granted
                    quiet(station)


def a_card_may_change_its_block_size():
    with Station() as station:
        for level, (ifsc, ifs) in itertools.product(
                NATIVE, ((254, 100), (32, 254), (100, 1))):
            with station.reader(level):
                with station.card("echo", atr=make_atr([1], ifsc=ifsc),
                                  ifs=ifs) as card:
                    works(card, 1000)
                    quiet(station)


def a_card_may_abort_a_chain_and_goes_on():
    with Station() as station:
        for level in NATIVE:
            with station.reader(level):
                with station.card("echo", atr=make_atr([1], ifsc=254),
                                  abort=1) as card:
                    fails_with(pcsc.NOT_TRANSACTED, card.transmit,
                               update(0, 1000, True))
                    got = ask(card, IDENTITY)
                    assert int.from_bytes(got[4:8], "big") == 1, got.hex()
                    works(card, 1000)
                    quiet(station)


def either_byte_order_of_the_crc_is_learnt():
    with Station() as station:
        for level, crc in itertools.product(NATIVE, (0, 1)):
            with station.reader(level):
                with station.card("echo", atr=make_atr([1], ifsc=254,
                                                       crc=True),
                                  crc=crc) as card:
                    works(card, 1000)


if __name__ == "__main__":
    cases.main(
        the_best_common_speed_is_agreed_on,
        speeds_that_the_reader_lists_are_kept_to,
        a_card_may_agree_at_default_speed,
        a_card_that_fails_at_pps_is_spoken_to_at_default_speed,
        a_reader_that_refuses_parameters_goes_on_at_default_speed,
        at_apdu_levels_refused_parameters_do_no_harm,
        two_speeds_on_a_line_give_an_error_and_no_data,
        a_reader_that_negotiates_gets_neither_pps_nor_parameters,
        a_reader_that_does_the_pps_gets_the_parameters,
        ifsd_is_offered_once_and_not_to_readers_that_do_that,
        a_card_of_both_protocols_speaks_either,
        a_protocol_that_needs_a_pps_is_refused_by_a_card_without,
        specific_mode_goes_without_pps_at_the_speed_of_ta1,
        parameters_that_a_card_keeps_to_itself_are_for_readers_that_know,
        odd_answers_to_reset_are_kept_and_used_as_far_as_they_go,
        t_15_names_no_protocol,
        each_voltage_is_tried_once,
        a_card_that_names_its_voltages_gets_one_of_them,
        a_card_that_answers_only_at_the_second_try_is_tried_again,
        a_mute_card_is_told_as_mute_in_time,
        an_answer_to_reset_may_come_after_time_extensions,
        resets_of_a_client_reach_the_card,
        procedure_bytes_may_come_one_by_one_and_late,
        a_card_gets_the_time_that_it_asks_for,
        a_card_may_change_its_block_size,
        a_card_may_abort_a_chain_and_goes_on,
        either_byte_order_of_the_crc_is_learnt,
    )
