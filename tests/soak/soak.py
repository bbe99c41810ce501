#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""One pcscd with sixteen readers of all kinds, two clients for each, and hands
that move cards, pull plugs and let things fail, for as long as is asked for.

    soak.py [--seconds N] [--seed N] [--bundle DIRECTORY] [--log FILE]

Wrong is: an answer that no card should have given, a card that is not told, a
reader that is not back within five seconds, pcscd's end, and memory, threads or
descriptors that become more. The same seed gives each hand and each client the
same plan; how they meet is chance. Exit code 0, 1 or 77 (cannot run here).
"""
import argparse
import os
import random
import sys
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, *(os.path.join(HERE, "..", name)
                        for name in ("lab", "e2e"))]

# pylint: disable=wrong-import-position
from book import BACK, Book, clock
import cases
from client import Client
from hand import CAP, Device, Hand
import lab
import pcsc
from processes import deadline

# Sixteen slots, for pcscd has no room for more
KINDS = {
    "extended": {}, "short": {"level": "short"},
    "tpdu": {"level": "tpdu", "features": "0"},
    "character": {"level": "character", "features": "0"},
    "asked": {"interrupt": False},
    "asked-tpdu": {"interrupt": False, "level": "tpdu", "features": "0"},
    "late": {"notify_delay": 10000},
    "merged": {"notify_delay": 5000, "notify_merge": True},
    "chatty": {"notify_chatty": True},
    "pad": {"pin": 3, "key_time": 1000},
    "token": {"protocol": "02", "level": "short", "interrupt": False},
    "two": {"slots": 2, "busy_slots": 2},
    "three": {"slots": 3, "busy_slots": 1, "level": "short"},
}
CLIENTS = 2             # of each slot
WARM = 0.25             # of the time, at most a minute; then memory is flat
SETTLED = 1             # seconds without a change
JOINED = 60             # seconds for what is under way, in the end
SLACK_KB = 1024         # of resident memory: an allocator keeps some
ENDED = 2               # seconds in which pcscd lets go of all
MOVEMENTS = ("insertion", "removal", "swap")


def arguments():
    """From the command line."""
    parser = argparse.ArgumentParser(description="a soak test")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", default=str(random.randrange(10 ** 6)))
    parser.add_argument("--bundle", default=os.environ.get("BUNDLE"))
    parser.add_argument("--log", metavar="FILE", help="all that pcscd says")
    return parser.parse_args()


def storm(devices, book, seed, seconds):
    """Everybody does what they do for so long; all have gone then."""
    clients_over, hands_over = threading.Event(), threading.Event()
    hands = [Hand(device, book, seed, hands_over) for device in devices]
    clients = [Client(slot, book, f"{seed} {number}", clients_over)
               for device in devices for slot in device.slots
               for number in range(CLIENTS)]
    end = time.monotonic() + seconds
    while time.monotonic() < end and not book.pcscd.ended:
        time.sleep(0.1)
    for over, threads in ((hands_over, hands), (clients_over, clients)):
        over.set()
        end = time.monotonic() + deadline(JOINED)
        for thread in threads:
            thread.join(max(0, end - time.monotonic()))
            if thread.is_alive():
                book.fail(thread.device, f"{thread.name} hangs")


def holdings(pcscd):
    """(kB, descriptors, threads) of pcscd, once these are the same for long."""
    end = time.monotonic() + deadline(5 * SETTLED)
    last, since = None, 0
    while time.monotonic() < end:
        found = pcscd.holdings()
        if found[1:] != (last and last[1:]):
            last, since = found, time.monotonic()
        if time.monotonic() - since > SETTLED:
            break
        time.sleep(0.05)
    return found


def table(book, held):
    """What it was."""
    counts = book.counts
    print(f"\n{'movements':24}{sum(counts[name] for name in MOVEMENTS):8}")
    for name in ("unplugging", "APDUs", "wrong answers", "longest call, ms"):
        print(f"{name:24}{counts[name]:8}")
    print(f"\n{'disturbance':24}{'number':>8}  back after at most, s")
    for kind, (whole, after) in sorted(book.worst.items()):
        print(f"{kind:24}{counts[kind]:8}{whole:8.2f}{after:8.2f}")
    print(f"\n{'pcscd':24}{'kB':>8}{'files':>8}{'threads':>8}")
    for name, row in held.items():
        print(f"{name:24}" + "".join(f"{number:8}" for number in row))
    print("\ncalls that failed:")
    for error, number in sorted(book.errors.items()):
        print(f"    {error:40}{number:8}")


def flat(held):
    """Whether nothing has become more since all had been in use."""
    before, after = held["after a warm-up"], held["at the end"]
    return (after[0] - before[0] <= SLACK_KB and after[1:] == before[1:])


def soak(options):
    """All of it; whether all was well."""
    ids = {(0x04E6, 0x5100 + place): name for place, name in enumerate(KINDS)}
    book, held = Book(), {}
    with cases.Lab(bundle=options.bundle, ids=ids, journal=False) as bench:
        print(f"seed {options.seed}, {options.seconds:.0f} s", flush=True)
        level = os.environ.get("CCIDTRACK_ifdLogLevel", "0x0003")
        bench.start_pcscd("-i", CCIDTRACK_ifdLogLevel=level,
                          CCIDTRACK_ifdTimeoutCap=str(CAP))
        book.pcscd = bench.pcscd
        held["at the start"] = holdings(bench.pcscd)
        lock = threading.Lock()
        devices = [Device(place, bench, lock, kind)
                   for place, kind in enumerate(KINDS.items())]
        for device in devices:
            device.plug(book.serial())
        context = pcsc.Context()
        slots = sum(len(device.slots) for device in devices)
        context.wait_for_readers(slots, deadline(BACK))
        context.close()
        warm = min(60, options.seconds * WARM)
        storm(devices, book, f"{options.seed} warm", warm)
        held["after a warm-up"] = holdings(bench.pcscd)
        storm(devices, book, options.seed, options.seconds - warm)
        held["at the end"] = holdings(bench.pcscd)
        took = bench.end_pcscd()
        if options.log:
            with open(options.log, "w", encoding="utf-8") as log:
                log.writelines(f"{clock(when)} {line}\n"
                               for when, line in book.pcscd.lines)
        table(book, held)
        print(f"\npcscd let go of all in {took:.2f} s")
        well = (not book.failures and flat(held) and took < deadline(ENDED))
        print(f"seed {options.seed}: {'well' if well else 'FAILED'}, "
              f"{book.failures} failures")
        return well


def main():
    """Runs it."""
    options = arguments()
    if not options.bundle:
        lab.skip("no bundle: set BUNDLE or use --bundle")
    sys.exit(not soak(options))


if __name__ == "__main__":
    main()
