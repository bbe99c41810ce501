# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""A card that nobody here wrote, libcacard's, at every exchange level: OpenSC
lists its certificates and signs with its key."""
import os
import re
import shutil
import subprocess

import cases
from cases import lab
from station import LEVELS, Station, make_atr

DATABASE = f"{lab.WORK}/nss"
SOCKET = f"{lab.WORK}/card"
NAMES = ("cert1", "cert2", "cert3")
TOOLS = {"certutil": "libnss3-tools", "openssl": "openssl",
         "pkcs11-tool": "opensc"}
PIN = "1234"            # the database has no password: any will do
SIGNED = f"{lab.WORK}/signed"
SIGNATURE = f"{lab.WORK}/signature"
PUBLIC = f"{lab.WORK}/public.pem"
# OpenSC is not to look for drivers first that know the card as little
CONFIGURATION = "app default { card_drivers = cac; }\n"


def succeed(*argv):
    """The output of a program that must succeed."""
    return subprocess.run(argv, check=True, capture_output=True,
                          text=True).stdout


def make_database():
    """Three keys with certificates, as libcacard wants them."""
    os.mkdir(DATABASE)
    noise = f"{lab.WORK}/noise"
    with open(noise, "wb") as file:
        file.write(os.urandom(64))
    database = ("-d", f"sql:{DATABASE}")
    succeed("certutil", "-N", *database, "--empty-password")
    for name in NAMES:
        succeed("certutil", "-S", *database, "-x", "-s", f"CN={name}", "-n",
                name, "-t", "CT,CT,CT", "-z", noise, "-v", "12")
    certificate = succeed("certutil", "-L", *database, "-n", NAMES[0], "-a")
    done = subprocess.run(["openssl", "x509", "-noout", "-pubkey"], check=True,
                          input=certificate, capture_output=True, text=True)
    with open(PUBLIC, "w", encoding="ascii") as file:
        file.write(done.stdout)


def configure():
    """What OpenSC shall do, and what it shall sign."""
    path = f"{lab.WORK}/opensc.conf"
    with open(path, "w", encoding="ascii") as file:
        file.write(CONFIGURATION)
    with open(SIGNED, "w", encoding="ascii") as file:
        file.write("a card that nobody here wrote\n")
    os.environ["OPENSC_CONF"] = path
    os.environ["XDG_CACHE_HOME"] = lab.WORK


def check_card():
    """Three certificates, and a signature that is right."""
    objects = succeed("pkcs11-tool", "--list-objects", "--type", "cert")
    found = re.findall(r"subject: +DN: CN=(\w+)", objects)
    assert tuple(found) == NAMES, objects
    succeed("pkcs11-tool", "--sign", "--login", "--pin", PIN, "--id", "0001",
            "--mechanism", "SHA256-RSA-PKCS", "--input-file", SIGNED,
            "--output-file", SIGNATURE)
    verified = succeed("openssl", "dgst", "-sha256", "-verify", PUBLIC,
                       "-signature", SIGNATURE, SIGNED)
    assert "Verified OK" in verified, verified
    os.unlink(SIGNATURE)


def check_level(station, level, **options):
    """The card in a reader of that level."""
    with station.reader(level):
        state = station.insert("served", path=SOCKET, **options)
        check_card()
        stats = station.bench.stats("r")
        assert "complaints" not in stats, stats
        print(f"{level}, ATR {state.atr.hex()}: {stats['apdus']} APDUs, "
              f"{stats['c6f']} XfrBlocks")
        station.remove()


def check_levels(**options):
    """Readers of every level."""
    with Station() as station:
        make_database()
        configure()
        card = station.bench.start([lab.program("cac"), f"sql:{DATABASE}",
                                    SOCKET, *NAMES])
        card.wait_for("^ready$")
        for level in LEVELS:
            check_level(station, level, **options)


def an_emulated_cac_card_signs_over_t_0():
    check_levels()


def an_emulated_cac_card_signs_over_t_1():
    check_levels(atr=make_atr([1], 0x95, ifsc=254))


if __name__ == "__main__":
    for tool, package in TOOLS.items():
        if not shutil.which(tool):
            lab.skip(f"no {tool} (package {package})")
    lab.program("cac")
    cases.main(
        an_emulated_cac_card_signs_over_t_0,
        an_emulated_cac_card_signs_over_t_1,
    )
