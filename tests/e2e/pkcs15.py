# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""OpenSC reads a PKCS#15 card at every exchange level, over T=0 and T=1."""
import os
import re
import shutil
import subprocess

import cases
from cases import lab
from cardserver import CardServer
import pkcs15card
from station import LEVELS, Station, make_atr

TOOLS = {"openssl": "openssl", "pkcs15-tool": "opensc",
         "pkcs11-tool": "opensc", "opensc-explorer": "opensc"}
# The card has no driver of its own in OpenSC: any that follows the standard
# will do, if only it is let.
CONFIGURATION = "app default { enable_default_driver = true; }\n"
SOCKET = f"{lab.WORK}/card"
SECURE = "c69"
SHOWN = (
    rf"^PKCS#15 Card \[{pkcs15card.LABEL.decode()}\]:$",
    r"^PIN \[PIN\]$", r"^Private RSA Key \[key\]$",
    r"^X\.509 Certificate \[certificate\]$",
    r"Path +: 3f0050154301$", r"Serial number +: 0815$",
)


def make_certificate():
    """An X.509 certificate, as PEM and DER."""
    files = [f"{lab.WORK}/key.pem", f"{lab.WORK}/certificate.pem"]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                    "-keyout", files[0], "-out", files[1], "-subj",
                    "/CN=ccidtrack"], check=True, capture_output=True)
    der = subprocess.run(["openssl", "x509", "-in", files[1], "-outform",
                          "DER"], check=True, capture_output=True).stdout
    with open(files[1], encoding="ascii") as file:
        return file.read(), der


def configure():
    """Tells OpenSC."""
    path = f"{lab.WORK}/opensc.conf"
    with open(path, "w", encoding="ascii") as file:
        file.write(CONFIGURATION)
    os.environ["OPENSC_CONF"] = path
    os.environ["XDG_CACHE_HOME"] = lab.WORK


def succeed(bench, *argv, text=None):
    """The output of a program that must succeed."""
    done = bench.run(argv, input=text)
    assert done.returncode == 0, done
    return done.stdout


def check_tools(bench, pem):
    """What is on the card comes out of OpenSC's tools."""
    dump = succeed(bench, "pkcs15-tool", "--dump")
    for line in SHOWN:
        assert re.search(line, dump, re.MULTILINE), (line, dump)
    identity = pkcs15card.ID.hex()
    read = succeed(bench, "pkcs15-tool", "--read-certificate", identity)
    assert read.split() == pem.split(), read
    pin = pkcs15card.PIN.decode()
    succeed(bench, "pkcs15-tool", "--verify-pin", "--pin", pin)
    wrong = bench.run(["pkcs15-tool", "--verify-pin", "--pin", "9999"])
    assert wrong.returncode != 0, wrong
    objects = succeed(bench, "pkcs11-tool", "--list-objects", "--login",
                      "--pin", pin)
    assert "Private Key Object; RSA" in objects, objects
    assert "Certificate Object; type = X.509 cert" in objects, objects


def check_explorer(bench, card):
    """opensc-explorer shows the bytes of files."""
    said = succeed(bench, "opensc-explorer",
                   text="cat 2F00\ncd 5015\ncat 5031\nquit\n")
    shown = "".join(re.findall(r"^[0-9A-F]{8}: ((?:[0-9A-F]{2} )+)", said,
                               re.MULTILINE)).replace(" ", "")
    here = (pkcs15card.MF, pkcs15card.APPLICATION)
    for path in ((pkcs15card.MF, pkcs15card.DIR), (*here, pkcs15card.ODF)):
        assert card.files[path].hex().upper() in shown, said


def check_level(level, protocol, **options):
    """All of it, over one reader."""
    with Station() as station:
        configure()
        pem, der = make_certificate()
        card = pkcs15card.Pkcs15Card(der, make_atr([protocol], 0x95))
        server = CardServer(card, SOCKET)
        with station.reader(level, **options):
            station.insert("served", path=SOCKET, nulls=10, single=10)
            check_tools(station.bench, pem)
            check_explorer(station.bench, card)
            stats = station.bench.stats("r")
            assert "complaints" not in stats, stats
            print(f"{stats['apdus']} APDUs, {stats['c6f']} XfrBlocks")
        server.close()


def opensc_reads_a_card_at_each_level_over_t_0():
    for level in LEVELS:
        check_level(level, 0)


def opensc_reads_a_card_at_each_level_over_t_1():
    for level in LEVELS:
        check_level(level, 1)


def check_keys(station):
    """The user types the PIN at the reader: right, wrong, and not at all."""
    bench = station.bench
    tools = (["pkcs15-tool", "--verify-pin"],
             ["pkcs11-tool", "--login", "--list-objects", "--type", "privkey"])
    for tool in tools:
        for keys, right in ((pkcs15card.PIN.decode() + "v", True),
                            ("9999v", False), ("c", False)):
            before = station.count(SECURE)
            bench.control("keys", "r", keys)
            done = bench.run(tool)
            assert (done.returncode == 0) == right, (keys, done)
            assert station.count(SECURE) == before + 1, (tool, done)
    assert "Private Key Object; RSA" in keyed(bench, tools[1])
    keyed(bench, ["pkcs15-tool", "--change-pin"], "1234v5678v5678v")


def keyed(bench, tool, keys="1234v"):
    """What the tool says while these keys are pressed."""
    bench.control("keys", "r", keys)
    return succeed(bench, *tool)


def check_pin_pad(level, protocol):
    """Nothing but the reader's keys; the card hears the PIN."""
    with Station() as station:
        configure()
        card = pkcs15card.Pkcs15Card(make_certificate()[1],
                                     make_atr([protocol]))
        server = CardServer(card, SOCKET)
        with station.reader(level, pin=3, key_time=1000):
            station.insert("served", path=SOCKET)
            check_keys(station)
            assert card.pin == b"5678"
        server.close()


def opensc_takes_the_pin_from_the_readers_keys():
    for level in ("tpdu", "short", "extended"):
        for protocol in (0, 1):
            check_pin_pad(level, protocol)


def opensc_reads_a_card_over_a_bad_line():
    for level in ("character", "tpdu"):
        check_level(level, 1, line_lost=2, mute_time=0)


if __name__ == "__main__":
    for tool, package in TOOLS.items():
        if not shutil.which(tool):
            lab.skip(f"no {tool} (package {package})")
    cases.main(
        opensc_reads_a_card_at_each_level_over_t_0,
        opensc_reads_a_card_at_each_level_over_t_1,
        opensc_reads_a_card_over_a_bad_line,
        opensc_takes_the_pin_from_the_readers_keys,
    )
