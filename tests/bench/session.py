# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""A bench as the figures want it: pcscd quiet, its CPU its own."""

import os
import plistlib
import shutil
import socket
import time

import lab
import namespaces
from machine import Usage, go_realtime, read, split_cpus, until
from processes import Process

WATCHED = "/run/lab/watched"
UDEV = {"SYSTEMD_DEVICE_VERIFY_SYSFS": "0"}     # its sysfs is no real one
SELECT = "transmit 00a40000"
GRACE = 5.0         # pcscd powers an unused card down after so many seconds
SETTLE = 0.5        # longer than any driver goes on after what it was told


def null_bundle(directory):
    """A bundle of the driver that does nothing, in the directory; its path."""
    built = os.environ.get("LAB_PROGRAMS", os.path.join(lab.HERE))
    module = os.path.join(built, "../bench/.libs/null_driver.so")
    if not os.path.exists(module):
        return None
    contents = os.path.join(directory, "null.bundle/Contents")
    os.makedirs(os.path.join(contents, "Linux"))
    shutil.copy(module, os.path.join(contents, "Linux"))
    with open(os.path.join(contents, "Info.plist"), "wb") as file:
        plistlib.dump({"CFBundleExecutable": "null_driver.so",
                       "CFBundleName": "NULL",
                       "ifdCapabilities": "0x00000000",
                       "ifdProtocolSupport": "0x00000001",
                       "ifdManufacturerString": "ccidtrack",
                       "ifdProductString": "null driver",
                       "ifdVersionNumber": "0x00000001",
                       "ifdVendorID": [], "ifdProductID": [],
                       "ifdFriendlyName": []}, file, sort_keys=False)
    return os.path.dirname(contents)


def listens():
    """Whether pcscd takes clients."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(lab.SOCKET) == 0


class Refused(Exception):
    """pcscd or the driver did not do it."""


class Session:
    """A bench with a quiet pcscd on a CPU of its own, if there are two."""

    def __init__(self, bundle, options):
        self.options = options
        self.bundle = bundle
        namespaces.enter()      # starts anew: what it shall inherit comes next
        self.cpu, others = split_cpus(options["together"])
        if others:
            os.sched_setaffinity(0, others)
        if options["realtime"]:
            go_realtime()
        self.bench = lab.Lab(bundles=[bundle])

    def start_pcscd(self):
        """Without its log, as it is used. Returns when it serves."""
        bench = self.bench
        pin = ["taskset", "-c", str(self.cpu)] if self.cpu is not None else []
        bench.pcscd = Process(
            [*pin, *lab.pcscd_command()],
            bench.environment(**UDEV), "pcscd")
        until(listens, "pcscd")

    def start_watch(self):
        """A client that waits for movements. It writes into a file: a reader
        of a pipe would be woken by each of its lines, and be in the way."""
        watch = self.bench.start(["sh", "-c", 'exec "$0" watch >"$1"',
                                  lab.program("pcsc-watch"), WATCHED])
        self.until_watched("readers")
        return watch

    def until_watched(self, words):
        """Until the client has written that."""
        return until(lambda: words in self.watched(), words)

    def watched(self):
        """What it has written."""
        return read(WATCHED)

    def start_client(self):
        """A client for single calls."""
        client = self.bench.start([lab.program("pcsc-watch"), "script"])
        self.ask(client, "readers")
        return client

    def ask(self, client, line, count=1):
        """One call, so many times; it must succeed."""
        word = line.split()[0]
        mark = client.mark()
        client.send("\n".join([line] * count))
        _, found = client.wait_for(rf"^\d+ \d+ {word} (\S+)", timeout=60,
                                   mark=mark + count - 1)
        if found[1] != "SCARD_S_SUCCESS":
            raise Refused(f"{line[:40]}: {found[1]}")

    def plug_more(self, first, count, **options):
        """More readers, r1 and so on: pcscd takes them in this order."""
        names = [f"r{i}" for i in range(first, count)]
        for name in names:
            self.bench.plug(name, **options)
            self.bench.wait(name, "c65>=1")
        return names

    def until_powered_down(self, names=("r",)):
        """Until pcscd has taken the power from cards that nobody uses."""
        for name in names:
            self.bench.wait(name, "c63>=1", GRACE + 10)
        time.sleep(SETTLE)

    def usage(self):
        """Of pcscd and the driver in it."""
        return Usage(self.bench.pcscd.pid)

    def commands(self, names=("r",)):
        """Sent to the readers so far."""
        return sum(self.bench.stats(name).get("commands", 0)
                   for name in names)

    def transfers(self, names=("r",)):
        """Of any kind, to the readers so far, taken back ones too."""
        return sum(stats.get(kind, 0)
                   for stats in map(self.bench.stats, names)
                   for kind in ("out", "in", "interrupt", "controls",
                                "discards"))
