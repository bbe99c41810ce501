# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""The virtual reader lab: README beside this file is its page.

    import lab

    with lab.Lab(bundles=["/usr/lib/pcsc/drivers/ifd-ccid.bundle"]) as bench:
        bench.plug("r")
        bench.start_pcscd()
        bench.insert("r", 0, "echo")
        print(bench.run(["pcsc_scan", "-r"]).stdout)
"""

import os
import plistlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import namespaces
from namespaces import skip
from processes import Process, Timeout, deadline
from sysfs import Bus

__all__ = ["Lab", "Bench", "Host", "Failed", "Timeout", "pcscd_command",
           "program", "skip", "LIBCCID", "READER"]

HERE = os.path.dirname(os.path.abspath(__file__))
WORK = "/run/lab"
DRIVERS = os.environ.get("LAB_DRIVERS", "/usr/lib/pcsc/drivers")
PCSCD = os.environ.get("LAB_PCSCD", "/usr/sbin/pcscd")
SOCKET = "/run/pcscd/pcscd.comm"
KNOCK = 2       # seconds
LIBCCID = "/usr/lib/pcsc/drivers/ifd-ccid.bundle"

# An id that drivers list and have no special ways with
IDS = (0x04E6, 0x5116)
READER = "virtual reader"


class Failed(AssertionError):
    """vreader refused a command."""


def program(name):
    """A program of the lab, as built."""
    places = [os.environ.get("LAB_PROGRAMS", HERE), HERE]
    for place in places:
        for path in (os.path.join(place, name),
                     os.path.join(place, ".libs", name)):
            if os.path.exists(path):
                return os.path.abspath(path)
    return skip(f"{name} is not built (LAB_PROGRAMS={places[0]})")


def word(value):
    """A value as the control socket wants it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    return f'"{value}"' if " " in str(value) else str(value)


def words(options):
    """Keyword arguments as words; _ stands for -."""
    return [f"{key.replace('_', '-')}={word(value)}"
            for key, value in options.items()]


def pcscd_command(*arguments, readers="/dev/null"):
    """pcscd in the foreground, with no readers but those that are plugged in
    or told of in a file. Nor is there a bus here to ask polkitd on: from 2.0
    on it does without only if it is told to."""
    shown = subprocess.run([PCSCD, "--help"], text=True, capture_output=True,
                           check=False)
    polkit = "--disable-polkit"
    known = polkit in shown.stdout + shown.stderr
    return [PCSCD, "-f", *arguments, "-c", readers, *[polkit] * known]


class Control:
    """A connection to vreader's control socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = self.socket.makefile("r", encoding="utf-8")

    def __call__(self, *parts):
        """One command, given as a line or as words; its answer as a dict.
        "time" is when it took effect, in nanoseconds of CLOCK_MONOTONIC."""
        line = " ".join(str(part) for part in parts)
        self.socket.sendall(line.encode() + b"\n")
        answer = self.file.readline()
        kind, _, rest = answer.strip().partition(" ")
        if kind != "ok":
            raise Failed(f"{line}: {rest or 'vreader has ended'}")
        time, *pairs = shlex.split(rest)
        found = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        return {"time": int(time), **found}

    def close(self):
        """Hangs up."""
        self.file.close()
        self.socket.close()


class Bench:
    """vreader, and what one does with its readers.

    Each method returns the answer as a dict; see Control."""

    def __init__(self, work):
        self.work = work
        self.vreader = Process([program("vreader"), "-d", work])
        self.vreader.wait_for("^ready$")
        self.control = Control(os.path.join(work, "control"))
        self.preload = program("vusb.so")

    def another_control(self):
        """A further connection, for another thread."""
        return Control(os.path.join(self.work, "control"))

    def environment(self, **more):
        """For a program that shall find the virtual bus."""
        preload = [os.environ.get("LAB_PRELOAD"), self.preload]
        # or AddressSanitizer refuses to come behind another library
        asan = [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]
        return {**os.environ,
                "ASAN_OPTIONS": ":".join(filter(None, asan)),
                "LD_PRELOAD": ":".join(filter(None, preload)),
                "VUSB_SOCKET": os.path.join(self.work, "usb"),
                "VUSB_NODES": os.path.join(self.work, "nodes"), **more}

    def plug(self, name, **options):
        """Plugs a reader in."""
        return self.control("plug", name, *words(options))

    def unplug(self, name):
        """Pulls it out."""
        return self.control("unplug", name)

    def set(self, name, **options):
        """Changes how a reader behaves."""
        return self.control("set", name, *words(options))

    def insert(self, name, slot=0, card="echo", **options):
        """Puts a card in."""
        return self.control("insert", name, slot, card, *words(options))

    def remove(self, name, slot=0):
        """Takes the card out."""
        return self.control("remove", name, slot)

    def swap(self, name, slot=0, card="echo", gap=0, **options):
        """Another card in place of the one that is in, after gap us."""
        return self.control("swap", name, slot, f"gap={gap}", card,
                            *words(options))

    def fault(self, name, kind, **options):
        """Lets something go wrong."""
        return self.control("fault", name, kind, *words(options))

    def wait(self, name, condition, timeout=10):
        """Waits for a condition of the reader."""
        return self.control("wait", name, condition,
                            f"timeout={int(deadline(timeout) * 1000)}")

    def stats(self, name):
        """Counters since plug or clear; those at zero are missing."""
        answer = self.control("stats", name)
        return {key: int(value) for key, value in answer.items()
                if key != "time"}

    def clear(self, name):
        """Counters to zero."""
        return self.control("clear", name)

    def state(self, name):
        """What is in which slot, and whether somebody listens."""
        return self.control("state", name)

    def journal(self):
        """The lines of vreader's log so far, split into words."""
        self.control("flush")
        with open(os.path.join(self.work, "journal"), encoding="ascii") as file:
            return [line.split() for line in file]

    def start_journal(self):
        """From now on each urb is written down."""
        self.control("log", os.path.join(self.work, "journal"))

    def close(self):
        """Ends vreader."""
        self.control.close()
        self.vreader.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Host(Bench):
    """First depth: the module in a host of ours, without namespaces."""

    def __init__(self, module, **environment):
        self.directory = tempfile.mkdtemp(prefix="lab-")
        super().__init__(self.directory)
        self.process = Process([program("host"), module],
                               self.environment(**environment))

    def close(self):
        self.process.finish()
        super().close()
        shutil.rmtree(self.directory)


class Lab(Bench):
    """Second depth: real pcscd in private namespaces.

    bundles: directories ifd-*.bundle that pcscd shall find. ids: the readers
    that they are told to serve, {(vid, pid): name}; {} leaves their lists. For
    bundles with ids of their own, bundles is {directory: ids}."""

    def __init__(self, bundles=(), ids=None, journal=True):
        namespaces.enter()
        for needed in (PCSCD, DRIVERS):
            if not os.path.exists(needed):
                skip(f"no {needed} (package pcscd)")
        if ids is None:
            ids = {IDS: READER}
        if not isinstance(bundles, dict):
            bundles = dict.fromkeys(bundles, ids)
        self.pcscd = None
        self.processes = []
        self._make_places()
        for bundle, its_ids in bundles.items():
            self._add_bundle(bundle, its_ids)
        namespaces.bind(f"{WORK}/drivers", DRIVERS)
        super().__init__(WORK)
        if journal:
            self.start_journal()

    def _make_places(self):
        namespaces.mount_tmpfs("/run")
        for name in ("pcscd", "udev/data", "lab/drivers", "lab/nodes",
                     "lab/parts"):
            os.makedirs(os.path.join("/run", name))
        with open("/run/udev/control", "w", encoding="ascii"):
            pass        # libudev listens only if udevd seems to be there
        namespaces.make_dev(f"{WORK}/nodes", f"{WORK}/parts")
        namespaces.mount_tmpfs("/sys")
        self.bus = Bus()

    @staticmethod
    def _add_bundle(source, ids):
        """The bundle with a list of our own: pcscd shows the names in it."""
        name = os.path.basename(os.path.normpath(source))
        target = f"{WORK}/drivers/{name}/Contents"
        os.makedirs(target)
        for part in os.listdir(f"{source}/Contents"):
            if part != "Info.plist":
                os.mkdir(f"{target}/{part}")
                namespaces.bind(f"{source}/Contents/{part}",
                                f"{target}/{part}")
        with open(f"{source}/Contents/Info.plist", "rb") as file:
            plist = plistlib.load(file)
        if ids:
            plist["ifdVendorID"] = [f"0x{vid:04X}" for vid, _ in ids]
            plist["ifdProductID"] = [f"0x{pid:04X}" for _, pid in ids]
            plist["ifdFriendlyName"] = list(ids.values())
        with open(f"{target}/Info.plist", "wb") as file:
            plistlib.dump(plist, file, sort_keys=False)

    def plug(self, name, **options):
        answer = super().plug(name, **options)
        self.bus.plug(name, answer)
        return answer

    def unplug(self, name):
        answer = super().unplug(name)
        self.bus.unplug(name)
        return answer

    def start_pcscd(self, *arguments, wrapper=(), **environment):
        """Starts pcscd (-f -d, or the arguments); returns when it serves."""
        self.pcscd = Process(
            [*wrapper, *pcscd_command(*(arguments or ("-d",)))],
            self.environment(SYSTEMD_DEVICE_VERIFY_SYSFS="0", **environment),
            "pcscd")
        self.pcscd.wait_for(r"daemon ready", 20)
        return self.pcscd

    def stop_pcscd(self, number=signal.SIGINT, timeout=10):
        """Ends it; seconds that it took. Its main thread may miss the order
        between two looks: a client that knocks wakes it."""
        pcscd, self.pcscd = self.pcscd, None
        start = time.monotonic()
        pcscd.popen.send_signal(number)
        if not pcscd.ends_within(deadline(KNOCK)):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect_ex(SOCKET)
            pcscd.stop(signal.SIGCONT, timeout)
        return time.monotonic() - start

    def run(self, argv, timeout=30, **more):
        """Runs a client to its end: stdout and stderr as text, returncode."""
        return subprocess.run(argv, text=True, capture_output=True,
                              timeout=deadline(timeout), check=False, **more)

    def start(self, argv, env=None):
        """Starts a client that goes on, with its lines; stopped with us."""
        process = Process(argv, env)
        self.processes.append(process)
        return process

    def readers(self):
        """The readers' names as a client sees them."""
        listed = self.run(["pcsc_scan", "-r"]).stdout
        return re.findall(r"^\d+: (.*)$", listed, re.MULTILINE)

    def close(self):
        try:
            for process in self.processes:
                process.stop()
            if self.pcscd:
                self.stop_pcscd()
        finally:
            super().close()


sys.dont_write_bytecode = True
