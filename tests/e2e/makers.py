# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""Readers with keys that have rules of their own: with the driver's table of
them, without it, and with an administrator's options for one reader."""
import contextlib
import threading

import cases
from cases import lab
from part10 import ESCAPE, TLV_PROPERTIES, VERIFY_PIN, features, records, verify
import pcsc
import pincard
from pincard import OK
from pinpad import EMPTY_8, VERIFY, pad_of
from station import READER, Station, fails_with, wait_ms

NAME = READER.rsplit(" ", 2)[0]
OPTIONS = f"{lab.WORK}/options.plist"
UNSUPPORTED = {0x8010001F, 0x80100022}
ESCAPE_COMMAND = 0x6B
LEVEL = "short"

DICT = "<key>{}</key><dict>{}</dict>"
STRING = "<key>{}</key><string>{}</string>"


def write_options(readers):
    """Options for single readers, by their ids: {key: value}."""
    text = "".join(
        DICT.format(ids, "".join(STRING.format(key, value)
                                 for key, value in keys.items()))
        for ids, keys in readers.items())
    with open(OPTIONS, "w", encoding="ascii") as file:
        file.write('<plist version="1.0"><dict>' +
                   DICT.format("readers", text) + "</dict></plist>")


class Maker(Station):
    """One reader of a maker's, by its ids."""

    def __init__(self, ids, options=None, **environment):
        self.ids = [int(part, 16) for part in ids.split(":")]
        super().__init__(ids={tuple(self.ids): NAME},
                         CCIDTRACK_options=OPTIONS, **environment)
        write_options({ids: options or {}})

    def reader(self, level=LEVEL, **options):
        vid, pid = self.ids
        return super().reader(level, vid=f"{vid:04x}", pid=f"{pid:04x}",
                              **options)

    @contextlib.contextmanager
    def pad(self, **options):
        """With a card that wants a PIN."""
        with pad_of(self, LEVEL, 1, **options) as pad:
            yield pad

    def direct(self):
        """A client of the reader."""
        return self.context.connect(READER, pcsc.DIRECT, 0)

    def heard(self, message_type=ESCAPE_COMMAND):
        """abData of the Escape commands so far, as far as the journal goes."""
        found = []
        for line in self.bench.journal():
            if line[2:4] == ["submit", "01"] and len(line) > 5:
                found.append(bytes.fromhex(line[5].rstrip(".")))
        return [message[10:] for message in found
                if message[0] == message_type]


PLAIN = {"ifdQuirks": 0}


def keys_that_reach_the_host_as_well_are_not_offered():
    for ids in ("03f0:1024", "413c:9999"):
        for options in ({}, PLAIN):
            with Maker(ids, options) as maker, maker.reader(pin=3):
                card = maker.direct()
                hidden = ids == "03f0:1024" and not options
                assert (VERIFY_PIN in features(card)) != hidden, (ids, options)
                card.disconnect()


def an_administrator_may_hide_the_keys_of_one_reader():
    with Maker("413c:9999", {"ifdPinPad": 0}) as maker, maker.reader(pin=3):
        card = maker.direct()
        assert VERIFY_PIN not in features(card)
        card.disconnect()


def check_messages(ids, wanted, keys="1234v1234v1234v", **options):
    """What the reader is told, for each number that a client tells."""
    with Maker(ids) as maker, maker.pad(**options) as pad:
        for asked, told in wanted.items():
            assert pad.modify(keys, messages=asked) == OK
            said = pad.secure()
            assert (said["messages"], said["indexes"]) == told, (asked, said)


def a_reader_that_wants_three_messages_gets_three():
    check_messages("046a:0010", {0: ("03", "00,01,02/3"),
                                 1: ("03", "00,01,02/3"),
                                 3: ("03", "00,01,02/3")})


def a_reader_that_wants_three_indexes_and_no_message_gets_them():
    for ids in ("046a:003e", "04e6:e003"):
        check_messages(ids, {0: ("00", "00,00,00/3"), 2: ("00", "00,00,00/3"),
                             3: ("00", "00,00,00/3")}, pin_indexes=True,
                       version="0600")


def a_reader_that_wants_all_indexes_is_told_the_number_as_it_is():
    check_messages("08e6:3477", {0: ("00", "00,01,02/3"),
                                 2: ("02", "00,01,02/3")}, pin_indexes=True)


def a_reader_that_takes_no_message_gets_none():
    with Maker("413c:2101") as maker, maker.pad() as pad:
        assert pad.verify("1234v") == OK
        assert pad.secure()["messages"] == "00"


def a_reader_that_has_the_digits_the_wrong_way_round_gets_them_so():
    """So the virtual one, which has them right, sees most below fewest."""
    with Maker("413c:2100") as maker, maker.pad() as pad:
        fails_with({pcsc.NOT_TRANSACTED, *UNSUPPORTED}, pad.verify, "1234v",
                   verify(VERIFY + EMPTY_8, most=8, least=4))
        assert maker.count("c69") == 1
        pad.verify("12345678v", verify(VERIFY + EMPTY_8, most=8, least=8))
        assert pad.secure()["digits"] == "8-8"


def a_reader_that_fills_its_display_first_is_given_its_texts():
    with Maker("08e6:3478") as maker, maker.pad() as pad:
        texts = [data for data in maker.heard() if data[:2] == b"\xB2\xA0"]
        assert len(texts) == 1, maker.heard()
        assert pad.verify("1234v", messages=0xFF, condition=1) == OK
        said = pad.secure()
        assert (said["messages"], said["condition"]) in (("01", "2"),
                                                         ("01", "3")), said


def a_reader_is_asked_what_its_keys_take_and_which_firmware_it_has():
    with Maker("08e6:3477") as maker, maker.reader(pin=3):
        maker.bench.control("escape", "r", "02", "answer=" +
                            b"GemTest-V1.02".hex())
        card = maker.direct()
        told = records(card.control(features(card)[TLV_PROPERTIES]))
        assert told[8] == b"GemTest-V1.02", told
        assert b"\x6A" in maker.heard()
        again = records(card.control(features(card)[TLV_PROPERTIES]))
        assert again == told
        assert maker.heard().count(b"\x02") == 1
        card.disconnect()


def a_reader_that_pads_gets_an_apdu_of_four_bytes_unpadded():
    with Maker("04e6:e003") as maker, maker.pad(
            coding=pincard.plain, version="0600") as pad:
        maker.bench.control("escape", "r", "80", "answer=")
        assert pad.verify("1234v", verify(VERIFY, block=0)) == OK
        assert b"\x80\x02\x00" in maker.heard(), maker.heard()


# --- escape

def a_reader_that_needs_escapes_has_them_without_an_option():
    with Maker("076b:5427") as maker, maker.reader():
        maker.bench.control("escape", "r", "any", "echo")
        card = maker.direct()
        assert card.control(ESCAPE, b"hello") == b"hello"
        card.disconnect()


def a_reader_may_be_allowed_single_escapes():
    with Maker("08e6:5503") as maker, maker.reader():
        maker.bench.control("escape", "r", "52F8", "echo")
        card = maker.direct()
        good = bytes.fromhex("52F804010001")
        assert card.control(ESCAPE, good) == good
        fails_with(UNSUPPORTED, card.control, ESCAPE, b"\x52\xF8\x05")
        card.disconnect()


def commands_for_the_reader_itself_are_for_those_that_have_them():
    with Maker("0d46:4289") as maker, maker.reader():
        maker.bench.control("escape", "r", "20", "answer=9000")
        card = maker.direct()
        code = features(card)[0x08]
        assert card.control(code, b"\x20\x70\x00\x00") == OK
        fails_with(UNSUPPORTED, card.control, code, b"\x20\x11\x00\x00")
        card.disconnect()


# --- two interfaces

def most_at_work(bench, pipes):
    """How many of the bulk-IN pipes waited for a reply at a time, at most."""
    working = set()
    most = 0
    for line in bench.journal():
        if line[2] == "submit" and line[3] in pipes:
            working.add(line[3])
        elif line[2] == "complete" and line[3] in pipes:
            working.discard(line[3])
        most = max(most, len(working))
    return most


def use_both(ids):
    """Two clients at once, each with a card in a reader of its own."""
    with Maker(ids) as maker:
        vid, pid = maker.ids
        maker.bench.plug("r", vid=f"{vid:04x}", pid=f"{pid:04x}", readers=2)
        names = maker.context.wait_for_readers(2, cases.deadline(10))
        for reader, name in zip(("r", "r/1"), names):
            maker.bench.insert(reader, 0, "echo")
            pcsc.Watch(name).until(lambda state: state.present)
        done = []

        def use(name):
            card = pcsc.Context().connect(name)
            for _ in range(20):
                card.transmit(wait_ms(10))
            card.disconnect()
            done.append(name)

        threads = [threading.Thread(target=use, args=(name,))
                   for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(done) == sorted(names), done
        return most_at_work(maker.bench, ("81", "83"))


def one_interface_of_two_works_at_a_time():
    """Where two would hang the reader."""
    assert use_both("08e6:5503") == 1


if __name__ == "__main__":
    cases.main(
        keys_that_reach_the_host_as_well_are_not_offered,
        an_administrator_may_hide_the_keys_of_one_reader,
        a_reader_that_wants_three_messages_gets_three,
        a_reader_that_wants_three_indexes_and_no_message_gets_them,
        a_reader_that_wants_all_indexes_is_told_the_number_as_it_is,
        a_reader_that_takes_no_message_gets_none,
        a_reader_that_has_the_digits_the_wrong_way_round_gets_them_so,
        a_reader_that_fills_its_display_first_is_given_its_texts,
        a_reader_is_asked_what_its_keys_take_and_which_firmware_it_has,
        a_reader_that_pads_gets_an_apdu_of_four_bytes_unpadded,
        a_reader_that_needs_escapes_has_them_without_an_option,
        a_reader_may_be_allowed_single_escapes,
        commands_for_the_reader_itself_are_for_those_that_have_them,
        one_interface_of_two_works_at_a_time,
    )
