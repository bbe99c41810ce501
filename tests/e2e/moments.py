# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""Cards that are swapped while clients hold them, in every sharing mode, or
have just left; and slots that cannot tell whether there is a card."""
import cases
from cases import Lab, deadline
import pcsc
from station import IDENTITY, fails_with

READER = "virtual reader 00 00"
SECOND = "virtual reader 00 01"
SOON = 5
MODES = (pcsc.SHARED, pcsc.EXCLUSIVE, pcsc.DIRECT)
GAPS = (0, 1000, 100000)        # microseconds without a card
IN_USE = {pcsc.REMOVED_CARD, pcsc.NO_SMARTCARD, pcsc.NOT_TRANSACTED}
NOBODY = {pcsc.UNPOWERED_CARD, pcsc.NO_SMARTCARD, pcsc.NOT_TRANSACTED,
          pcsc.REMOVED_CARD}


def see(watch, card, count):
    """The card is told, and so many movements were."""
    watch.until(lambda state: state.count == count and
                state.atr.hex() == card["atr"] and not state.mute,
                deadline(SOON))


def connect(watch, mode=pcsc.SHARED):
    """A client's handle."""
    return watch.context.connect(watch.reader, mode, 0 if mode == pcsc.DIRECT
                                 else pcsc.T0 | pcsc.T1)


def check_card(watch, card):
    """A new client talks to the card that is in."""
    handle = connect(watch)
    answer = handle.transmit(IDENTITY)
    assert int.from_bytes(answer[:4], "big") == int(card["serial"]), answer
    handle.disconnect()


def a_swap_is_told_in_every_sharing_mode():
    with Lab() as bench:
        bench.plug("r")
        bench.start_pcscd()
        watch = pcsc.Watch(READER)
        count = 1
        see(watch, bench.insert("r"), count)
        for mode in MODES:
            for gap in GAPS:
                held = connect(watch, mode)
                card = bench.swap("r", gap=gap)
                count += 2
                see(watch, card, count)
                if mode == pcsc.DIRECT:
                    fails_with(IN_USE, held.attribute, pcsc.ATTR_PRESENCE)
                else:
                    fails_with(IN_USE, held.transmit, IDENTITY)
                held.disconnect()
                check_card(watch, card)


def a_swap_just_after_the_last_client_left_is_told():
    with Lab() as bench:
        bench.plug("r")
        bench.start_pcscd()
        watch = pcsc.Watch(READER)
        count = 1
        card = bench.insert("r")
        see(watch, card, count)
        for what in (pcsc.LEAVE, pcsc.RESET, pcsc.UNPOWER):
            for gap in GAPS:
                held = connect(watch)
                held.transmit(IDENTITY)
                held.disconnect(what)
                card = bench.swap("r", gap=gap)
                count += 2
                see(watch, card, count)
                check_card(watch, card)


def a_slot_that_cannot_tell_is_found_full_later():
    with Lab() as bench:
        bench.plug("r", slots=2, blind="2")
        bench.start_pcscd()
        watch = pcsc.Watch(SECOND)
        watch.until(lambda state: state.present and state.mute,
                    deadline(SOON))
        fails_with(NOBODY, connect, watch)
        check_card(watch, bench.insert("r", 1))
        see(pcsc.Watch(READER), bench.insert("r", 0), 1)


if __name__ == "__main__":
    cases.main(
        a_swap_is_told_in_every_sharing_mode,
        a_swap_just_after_the_last_client_left_is_told,
        a_slot_that_cannot_tell_is_found_full_later,
    )
