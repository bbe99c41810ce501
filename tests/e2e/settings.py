# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""Settings of the administrator's own, for all readers and for single ones, and
the faults that single readers are known for."""
import os
import plistlib

import cases
from cases import Lab, lab
from part10 import ESCAPE, features, CCID_ESCAPE
import pcsc
from station import OK, Station, ask, counting, fails_with, make_atr, read

FILE = f"{lab.WORK}/options.plist"
SET_PARAMETERS, XFR_BLOCK = 0x61, 0x6F
HEADER = 10
PACKET = 64
BULK_IN = "81"

ONE, OTHER = (0x04E6, 0x5116), (0x04E6, 0x5814)
SPLIT = (0x0B97, 0x7762)        # hangs on replies of whole packets
SPLIT_FIRMWARE = "0111"
OPTION = "CCIDTRACK_options"

UNSUPPORTED = 0x8010001F


def write(text):
    """The options file."""
    with open(FILE, "wb") as file:
        file.write(text)
    os.environ[OPTION] = FILE


def write_plist(everywhere=None, **readers):
    """One with settings for all, and by "vid_pid" for single readers."""
    write(plistlib.dumps({
        **(everywhere or {}),
        "readers": {ids.replace("_", ":"): settings
                    for ids, settings in readers.items()}}))


def id_options(ids):
    """For plug."""
    return {"vid": f"{ids[0]:04x}", "pid": f"{ids[1]:04x}"}


def try_escape(context, name):
    """The answer to an escape command, None if it is not allowed."""
    card = context.connect(name, pcsc.DIRECT, 0)
    offered = CCID_ESCAPE in features(card)
    try:
        answer = card.control(ESCAPE, b"\x01\x02")
    except pcsc.Error as error:
        assert error.code == UNSUPPORTED, error
        answer = None
    finally:
        card.disconnect()
    assert offered == (answer is not None)
    return answer


def escape_is_allowed_to_one_reader_and_not_to_another():
    with Lab(ids={ONE: "first", OTHER: "second"}) as bench:
        write_plist(**{"0x04E6_5814": {"ifdDriverOptions": "0x0001"}})
        bench.start_pcscd()
        for name, ids in (("a", ONE), ("b", OTHER)):
            bench.plug(name, **id_options(ids))
            bench.control("escape", name, "any", "echo")
        context = pcsc.Context()
        names = sorted(context.wait_for_readers(2))
        assert names[0].startswith("first"), names
        assert try_escape(context, names[0]) is None
        assert try_escape(context, names[1]) == b"\x01\x02"


def escape_for_all_may_be_taken_from_one_reader():
    with Lab(ids={ONE: "first", OTHER: "second"}) as bench:
        write_plist({"ifdDriverOptions": 1},
                    **{"04e6_5814": {"ifdDriverOptions": 0}})
        bench.start_pcscd()
        for name, ids in (("a", ONE), ("b", OTHER)):
            bench.plug(name, **id_options(ids))
            bench.control("escape", name, "any", "echo")
        context = pcsc.Context()
        names = sorted(context.wait_for_readers(2))
        assert try_escape(context, names[0]) == b"\x01\x02"
        assert try_escape(context, names[1]) is None


def what_card_hears(station):
    """PPS, and F and D of SetParameters, for a card that could be fast."""
    with station.reader("tpdu"):
        with station.card("echo", atr=make_atr([1], 0x96)) as card:
            assert ask(card, read(7, 200)) == counting(7, 200) + OK
            pps = [message[HEADER:] for message in station.commands(XFR_BLOCK)
                   if message[HEADER:HEADER + 1] == b"\xFF"]
            return len(pps), station.commands(SET_PARAMETERS)[-1][HEADER]


def check_speed(settings, expected):
    """With these settings for the reader."""
    station = Station()
    write_plist(**{"04e6_5116": settings})
    with station:
        assert what_card_hears(station) == expected


def a_card_stays_as_it_starts():
    check_speed({"ifdPPS": False}, (0, 0x11))


def a_card_is_as_fast_as_it_may():
    check_speed({}, (1, 0x96))


def a_card_is_no_faster_than_the_cap():
    check_speed({"ifdRateCap": 130000}, (1, 0x95))


def a_broken_file_changes_nothing_and_is_told_with_its_line():
    station = Station()
    write(b"<plist><dict>\n<key>ifdPPS</key><false/>\n</dict")
    with station:
        assert what_card_hears(station) == (1, 0x96)
        station.bench.pcscd.wait_for(
            rf"{FILE}:3: .*nothing of this file is used")


def an_unknown_key_is_told_and_the_others_count():
    station = Station()
    write_plist({"ifdPSS": False, "ifdPPS": False})
    with station:
        assert what_card_hears(station) == (0, 0x11)
        station.bench.pcscd.wait_for(rf'{FILE}:\d+: unknown key "ifdPSS"')


def whole_packets(station):
    """Replies of whole packets, while answers of all kinds of lengths are read
    from a card of T=0, character by character."""
    with station.reader("character", version=SPLIT_FIRMWARE,
                        **id_options(SPLIT)):
        with station.card("echo-t0") as card:
            for le in range(40, 128):
                assert ask(card, read(7, le)) == counting(7, le) + OK
        return [line for line in station.bench.journal()
                if line[2:5] == ["complete", BULK_IN, "0"] and
                int(line[5]) and int(line[5]) % PACKET == 0]


def a_reply_of_whole_packets_is_not_asked_for():
    with Station(ids={SPLIT: lab.READER}) as station:
        found = whole_packets(station)
        assert not found, found


def it_is_where_the_faults_do_not_count():
    station = Station(ids={SPLIT: lab.READER})
    write_plist(**{"0b97_7762": {"ifdQuirks": False}})
    with station:
        assert whole_packets(station)


def firmware_with_faults_is_refused_until_it_is_allowed():
    with Station(ids={SPLIT: lab.READER}) as station:
        station.bench.plug("r", version="0110", **id_options(SPLIT))
        station.bench.pcscd.wait_for("firmware 1.10 has faults")
        fails_with(pcsc.TIMEOUT, station.context.wait_for_readers, 1, 0.5)
        station.bench.unplug("r")
        write_plist(**{"0B97_7762": {"ifdDriverOptions": "0x0004"}})
        station.bench.stop_pcscd()
        station.bench.start_pcscd()
        station.context = pcsc.Context()
        with station.reader("tpdu", version="0110", **id_options(SPLIT)):
            pass


if __name__ == "__main__":
    cases.main(
        escape_is_allowed_to_one_reader_and_not_to_another,
        escape_for_all_may_be_taken_from_one_reader,
        a_card_stays_as_it_starts,
        a_card_is_as_fast_as_it_may,
        a_card_is_no_faster_than_the_cap,
        a_broken_file_changes_nothing_and_is_told_with_its_line,
        an_unknown_key_is_told_and_the_others_count,
        a_reply_of_whole_packets_is_not_asked_for,
        it_is_where_the_faults_do_not_count,
        firmware_with_faults_is_refused_until_it_is_allowed,
    )
