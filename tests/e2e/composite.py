# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""Interfaces as devices have them: several, odd, unusual: composite.py"""
import glob
import threading
import time

import cases
from cases import Lab, deadline, lab
from pcsc import Context, Watch

IDENTITY = bytes.fromhex("801400000C")
ROUNDS = 30
NO_SUCH_DEVICE = 617
WORKS = 1000            # milliseconds that a card takes for one command

# What readers do with their descriptors, and must work all the same
SHAPES = {
    "plain": {},
    "two settings alike": {"alternates": 2},
    "descriptor behind the endpoints": {"descriptor_last": True},
    "descriptor of a strange type": {"descriptor_type": "ff"},
    "descriptors of others before it": {"decoys": True},
    "all of that": {"descriptor_last": True, "descriptor_type": "ff",
                    "decoys": True},
    "a vendor's class": {"class": "ff"},
    "a vendor's class, descriptor last": {"class": "ff",
                                          "descriptor_last": True},
    "a number that is no index": {"interface": 3},
    "no interrupt endpoint": {"interrupt": False},
    "another protocol number": {"protocol": "05"},
    "small packets": {"packet": 8},
    "large packets": {"packet": 512},
}


def serial_of(card):
    """The number of the card that answers."""
    answer = card.transmit(IDENTITY)
    assert answer[-2:] == b"\x90\x00", answer.hex()
    return int.from_bytes(answer[:4], "big")


def steps(bench, *names):
    """(what, number) of what the host has done, in order."""
    return [(line[2], int(line[3])) for line in bench.journal()
            if line[2] in names]


def check_works(bench, reader="r", name=None):
    """A card is seen and answers."""
    context = Context()
    if name is None:
        name, = context.wait_for_readers(1, deadline(10))
    inserted = bench.insert(reader, 0, "echo")
    Watch(name).until(lambda state: state.present)
    card = context.connect(name)
    assert serial_of(card) == int(inserted["serial"])
    card.disconnect()


def every_shape_of_interface_is_a_reader():
    """And none is sent a request to select the setting that it is in."""
    with Lab() as bench:
        bench.start_pcscd()
        for shape, options in SHAPES.items():
            print(shape)
            bench.plug("r", **options)
            check_works(bench)
            bench.unplug("r")
            Context().wait_for_readers(0, deadline(10))
        assert not steps(bench, "set-interface", "set-configuration")


def an_alternate_setting_is_selected():
    """The first one is a vendor's, or has the class but no endpoints."""
    with Lab() as bench:
        bench.start_pcscd()
        for idle_class in ("ff", "0b"):
            bench.plug("r", alternates=2, reader_setting=1,
                       idle_class=idle_class)
            check_works(bench)
            bench.unplug("r")
            Context().wait_for_readers(0, deadline(10))
        assert steps(bench, "set-interface") == [("set-interface", 1)] * 2


def a_device_without_configuration_gets_its_first():
    """Once, before its interface is claimed."""
    with Lab() as bench:
        bench.start_pcscd()
        bench.plug("r", configured=False)
        check_works(bench)
        assert steps(bench, "set-configuration", "claim") == [
            ("set-configuration", 1), ("claim", 0)]


def other_interfaces_are_left_alone_quietly():
    """pcscd offers them all; their drivers and the log notice nothing."""
    with Lab() as bench:
        pcscd = bench.start_pcscd(CCIDTRACK_ifdLogLevel="0x0001")
        bench.plug("r", hid=True, readers=2)
        names = Context().wait_for_readers(2, deadline(10))
        for reader, name in zip(("r", "r/1"), names):
            check_works(bench, reader, name)
        done = steps(bench, "claim", "driver-off", "set-interface")
        assert done == [("claim", 1), ("claim", 2)], done
        assert not [line for line in pcscd.text().splitlines()
                    if "04e6:5116" in line or "cannot be opened" in line]


def a_vendors_interface_that_is_no_reader_is_left_alone():
    """Its 54 bytes make no sense, or there are none."""
    with Lab() as bench:
        pcscd = bench.start_pcscd()
        bench.plug("r", **{"class": "ff", "descriptor_type": "42"})
        pcscd.wait_for("not a smart card reader's interface")
        assert not steps(bench, "claim")
        assert not bench.readers()


def two_interfaces_are_used_at_the_same_time():
    """By two clients, each with its own card, none waiting for the other."""
    with Lab() as bench:
        bench.start_pcscd()
        bench.plug("r", readers=2)
        context = Context()
        names = context.wait_for_readers(2, deadline(10))
        serials = [int(bench.insert(reader, 0, "echo")["serial"])
                   for reader in ("r", "r/1")]
        for name in names:
            Watch(name).until(lambda state: state.present)
        ended = {}

        def use(name, serial):
            card = Context().connect(name)
            for _ in range(ROUNDS):
                assert serial_of(card) == serial
            card.transmit(b"\x80\x12" + WORKS.to_bytes(2, "big") + b"\x0c")
            card.disconnect()
            ended[name] = time.monotonic()

        threads = [threading.Thread(target=use, args=pair)
                   for pair in zip(names, serials)]
        start = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(deadline(10))
        assert len(ended) == 2, ended
        took = max(ended.values()) - start
        assert took < deadline(2 * WORKS / 1000), took


def one_interface_goes_on_when_the_other_is_busy():
    """Somebody has the first one, and keeps it."""
    with Lab() as bench:
        pcscd = bench.start_pcscd()
        told = lab.Bench.plug(bench, "r", readers=2)
        bench.control("hold", "r")
        bench.bus.plug("r", told)
        pcscd.wait_for("is in use by", deadline(10))
        names = Context().wait_for_readers(2, deadline(10))
        check_works(bench, "r/1", names[1])


def a_name_may_tell_the_place_of_the_interface():
    """As pcscd with libusb does: an index, not a number."""
    module, = glob.glob(f"{cases.options.bundle}/Contents/*/libccidtrack.so")
    with lab.Host(module) as bench:
        told = bench.plug("r", hid=True, readers=2, interface=4)
        name = f"usb:04e6/5116:libusb-1.0:{told['bus']}:{told['address']}"
        for lun, index, code in ((0, 0, NO_SUCH_DEVICE), (0, 2, 0),
                                 (0x10000, 1, 0), (0x20000, 3,
                                                   NO_SUCH_DEVICE)):
            mark = bench.process.mark()
            bench.process.send(f"create {lun} {name}:{index}")
            _, match = bench.process.wait_for(r"create .* rc=(\d+)",
                                              mark=mark)
            assert int(match[1]) == code, (index, match[0])
        for lun in (0x10000, 0):
            bench.process.send(f"close {lun}")


if __name__ == "__main__":
    cases.main(every_shape_of_interface_is_a_reader,
               an_alternate_setting_is_selected,
               a_device_without_configuration_gets_its_first,
               other_interfaces_are_left_alone_quietly,
               a_vendors_interface_that_is_no_reader_is_left_alone,
               two_interfaces_are_used_at_the_same_time,
               one_interface_goes_on_when_the_other_is_busy,
               a_name_may_tell_the_place_of_the_interface)
