# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""The commands of the documents that need no more than a reader and pcscd."""
import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "e2e"), os.path.join(HERE, "..", "lab")]

# pylint: disable=wrong-import-position
import cases
from cases import Lab, deadline
from pcsc import Watch
import rows

READER = "virtual reader 00 00"
COMMAND = os.environ.get("CCIDTRACK", "./ccidtrack")

os.environ["PATH"] = os.path.dirname(COMMAND) + ":" + os.environ["PATH"]
os.environ["TERM"] = "dumb"


def all_of_them_do_as_told():
    with Lab() as bench:
        bench.plug("r")
        bench.start_pcscd()
        bench.insert("r")
        watch = Watch(READER)
        watch.until(lambda state: state.present, deadline(5))

        def change():
            bench.remove("r")
            watch.until(lambda state: state.empty, deadline(5))
            bench.insert("r")
            watch.until(lambda state: state.present, deadline(5))

        for how, command in rows.rows("lab", "both"):
            print("$", command)
            print(rows.run(how, command, change))


if __name__ == "__main__":
    cases.main(all_of_them_do_as_told)
