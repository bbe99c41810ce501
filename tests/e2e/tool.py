# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
"""The command under real pcscd: watch sees movements, scan makes a reader
known that no driver lists, list tells what pcscd does."""
import json
import os
import re
import shutil
import signal
import time

import cases
from cases import Lab, deadline, lab, options
from pcsc import EXCLUSIVE, Context, Watch

COMMAND = os.environ.get("CCIDTRACK", "./ccidtrack")
READER = "virtual reader 00 00"
LOCAL = "ifd-ccidtrack-local.bundle"
LOCAL_LIST = os.environ.get("LOCALPLIST", "/run/ccidtrack/Info.plist")
UNKNOWN = {"vid": "1234", "pid": "5678", "manufacturer": "Nobody",
           "product": "Knows Me & <You>"}
MOVEMENTS = 100
CLOCK = r"^\d\d:\d\d:\d\d\.\d{3}  "

os.environ["PCSCLITE_HP_DROPDIR"] = lab.DRIVERS
os.environ["ASAN_OPTIONS"] = "detect_leaks=0"


def add_local_bundle():
    """As it is installed: its list is a link. Of places that are written to,
    only /run is the bench's own."""
    if not LOCAL_LIST.startswith("/run/"):
        lab.skip(f"{LOCAL_LIST} is this machine's own")
    source = os.path.join(os.path.dirname(options.bundle), LOCAL)
    target = f"{lab.WORK}/drivers/{LOCAL}"
    shutil.copytree(source, target)
    os.symlink(LOCAL_LIST, f"{target}/Contents/Info.plist")


def loaded(bench, module):
    """Whether pcscd has the module in its memory."""
    with open(f"/proc/{bench.pcscd.pid}/maps", encoding="ascii") as maps:
        return module in maps.read()


def listed(bench):
    """What list tells of the only reader."""
    done = bench.run([COMMAND, "list", "--json"])
    assert done.returncode == 0, done
    reader, = json.loads(done.stdout)
    return reader


def scan(bench, *words):
    """Runs scan; what it says."""
    done = bench.run([COMMAND, "scan", *words])
    assert done.returncode == 0, done
    return done.stderr


def check_cards(bench, name):
    """Cards come and go in the reader."""
    watch = Watch(name)
    for _ in range(2):
        card = bench.insert("r")
        state = watch.until(lambda state: state.present, deadline(5))
        assert state.atr.hex() == card["atr"]
        bench.remove("r")
        watch.until(lambda state: state.empty, deadline(5))


def an_unlisted_reader_is_known_after_a_scan():
    with Lab() as bench:
        add_local_bundle()
        bench.plug("r", **UNKNOWN)
        assert listed(bench)["rule"] == "unlisted"
        assert "(1234:5678) is new" in scan(bench)
        assert listed(bench)["rule"] == "local"
        bench.start_pcscd()
        names = Context().wait_for_readers(1)
        assert names == ["Nobody Knows Me & You 00 00"], names
        assert loaded(bench, "libccidtrack-local.so")
        assert not loaded(bench, "libccidtrack.so")
        check_cards(bench, names[0])
        assert scan(bench) == ""        # nothing new: no restart


def it_is_still_known_when_it_comes_back():
    with Lab() as bench:
        add_local_bundle()
        bench.plug("r", **UNKNOWN)
        scan(bench)
        bench.unplug("r")
        scan(bench)
        bench.start_pcscd()
        for _ in range(2):
            bench.plug("r", **UNKNOWN)
            names = Context().wait_for_readers(1)
            check_cards(bench, names[0])
            bench.unplug("r")
            Context().wait_for_readers(0)


def both_bundles_serve_a_reader_each():
    with Lab() as bench:
        add_local_bundle()
        bench.plug("known")
        bench.plug("r", **UNKNOWN)
        scan(bench)
        bench.start_pcscd()
        names = sorted(Context().wait_for_readers(2))
        assert names == ["Nobody Knows Me & You 00 00", READER], names
        assert loaded(bench, "libccidtrack-local.so")
        assert loaded(bench, "libccidtrack.so")
        card = bench.insert("known")
        watch = Watch(READER)
        watch.until(lambda state: state.present, deadline(5))
        check_cards(bench, names[0])
        assert watch.look().atr.hex() == card["atr"]


def an_empty_local_list_is_no_trouble():
    with Lab() as bench:
        add_local_bundle()
        bench.plug("r")
        scan(bench)
        pcscd = bench.start_pcscd()
        assert Context().wait_for_readers(1) == [READER]
        assert not pcscd.find("CRIT|not equal|Error"), pcscd.text()


def a_reader_of_libccid_is_ours_only_if_asked_for():
    ids = {(0x04E6, 0x5117): "theirs"}
    bundles = {options.bundle: {(1, 1): "none of these"}, lab.LIBCCID: ids}
    with lab.Lab(bundles=bundles) as bench:
        add_local_bundle()
        bench.plug("r", pid="5117")
        scan(bench)
        assert listed(bench)["driver"] == "ifd-ccid.bundle"
        scan(bench, "--policy=all")
        assert listed(bench)["driver"] == LOCAL
        bench.start_pcscd()
        cases.wait_for_socket()
        names = Context().wait_for_readers(1)
        assert loaded(bench, "libccidtrack-local.so")
        assert not loaded(bench, "libccid.so")
        check_cards(bench, names[0])


def scan_sees_the_clients_of_pcscd():
    with Lab() as bench:
        add_local_bundle()
        scan(bench)
        bench.start_pcscd()
        context = Context()
        bench.plug("r", **UNKNOWN)
        # those that the clients of pcscd hold, and not its listening one
        assert "serves 1 client " in scan(bench)
        context.close()


def scan_waits_for_the_clients_of_pcscd_to_leave():
    with Lab() as bench:
        add_local_bundle()
        scan(bench)
        bench.start_pcscd()
        context = Context()
        context.readers()
        bench.plug("r", **UNKNOWN)
        waiting = bench.start([COMMAND, "scan", "--wait=1000"])
        waiting.wait_for("is new in the local list")
        assert not waiting.ends_within(1.5)
        context.close()
        waiting.wait_for("restart pcscd to let it see the new list")
        assert waiting.ends_within(deadline(5))


def start_watch(bench, *words):
    """A watch; who reads its lines."""
    return bench.start([COMMAND, "watch", *words])


def end_watch(watch, number=signal.SIGINT):
    """It ends at once, and well."""
    watch.popen.send_signal(number)
    assert watch.ends_within(deadline(5)), watch.text()
    assert watch.popen.returncode == 0, watch.text()


def watch_shows_movements_with_times():
    with Lab() as bench:
        bench.plug("r")
        bench.start_pcscd()
        watch = start_watch(bench)
        watch.wait_for(CLOCK + READER + "  reader is there, empty$")
        card = bench.insert("r")
        atr = " ".join(re.findall("..", card["atr"].upper()))
        seen, _ = watch.wait_for(CLOCK + READER + f"  card in  {atr}$")
        removed = bench.remove("r")
        _, out = watch.wait_for(r"card out, was in for (\d+\.\d{3}) s$")
        inside = (removed["time"] - card["time"]) / 1e9
        assert float(out[1]) < inside + deadline(1), (out[1], inside)
        print(f"{(seen - card['time']) / 1e6:.1f} ms")
        bench.insert("r")
        watch.wait_for(r"card in, after (\d+\.\d{3}) s  3B")
        end_watch(watch)
        assert watch.find("^2 in, 1 out, 0 swapped$"), watch.text()


def watch_shows_readers_come_and_go():
    with Lab() as bench:
        bench.start_pcscd()
        watch = start_watch(bench, "--json")
        watch.wait_for('"event": "no-reader"')
        for _ in range(2):
            mark = watch.mark()
            bench.plug("r")
            _, line = watch.wait_for('.*"event": "reader"}', mark=mark)
            assert json.loads(line[0])["reader"] == READER
            bench.unplug("r")
            watch.wait_for('"event": "reader-gone"', mark=mark)
        bench.plug("r")
        bench.plug("s", slots=2)
        for name in (READER, "virtual reader 01 00", "virtual reader 01 01"):
            watch.wait_for(f'"{name}", "event": "reader"', mark=mark)
        end_watch(watch, signal.SIGTERM)
        for _, text in watch.lines:
            json.loads(text)


def watch_hides_no_swap():
    with Lab() as bench:
        bench.plug("r")
        bench.insert("r")
        bench.start_pcscd()
        watch = start_watch(bench, "--json")
        watch.wait_for('"reader-with-card"')
        for _ in range(5):
            mark = watch.mark()
            card = bench.swap("r")
            atr = " ".join(re.findall("..", card["atr"].upper()))
            watch.wait_for(f'"card-(in|swapped)", "atr": "{atr}"', mark=mark)
            found = [json.loads(line)["event"]
                     for _, line in watch.lines[mark:]]
            found = [event for event in found if event != "driver"]
            assert found in (["card-swapped"], ["card-out", "card-in"]), found
        end_watch(watch)


def watch_tells_when_and_by_what_the_driver_saw_a_movement():
    with Lab() as bench:
        bench.plug("r", slots=2)
        bench.start_pcscd()
        watch = start_watch(bench)
        watch.wait_for("00 00  reader is there")
        watch.wait_for("00 01  reader is there")
        bench.insert("r")
        seen, _ = watch.wait_for("00 00  card in")
        told, _ = watch.wait_for(CLOCK + READER + "    driver, no. 1: card "
                                 "inserted; notification$")
        assert told > seen
        bench.insert("r", 1)
        watch.wait_for("00 01    driver, no. 2: card inserted; notification$")
        bench.remove("r", 1)
        watch.wait_for("00 01    driver, no. 3: card removed; notification$")
        end_watch(watch)
        # each once, and what was before the watch is not told
        assert len(re.findall("driver, no", watch.text())) == 3, watch.text()
        watch = start_watch(bench, "--json")
        watch.wait_for('00 00", "event": "reader-with-card"')
        bench.remove("r")
        _, line = watch.wait_for('.*"event": "driver".*')
        told = json.loads(line[0])
        del told["time"]
        assert told == {"reader": READER, "event": "driver", "number": 4,
                        "kind": "card removed", "cause": "notification"}, told
        end_watch(watch)


def watch_is_not_in_the_way_of_who_uses_a_reader():
    with Lab() as bench:
        bench.plug("r")
        bench.insert("r")
        bench.start_pcscd()
        Watch(READER).until(lambda state: state.present, deadline(5))
        context = Context()
        card = context.connect(READER)
        watch = start_watch(bench)
        watch.wait_for("reader is there")
        bench.swap("r")
        watch.wait_for("another in|card in")
        card.reconnect()
        card.transmit(bytes.fromhex("801203E8"))        # a second
        assert not watch.find("driver, no"), watch.text()
        card.disconnect()
        watch.wait_for("driver, no. [0-9]: card inserted")
        end_watch(watch)


def start_on_terminal(bench, words):
    """The command on a terminal of 70 columns; who reads its lines."""
    return bench.start(["script", "-qefc", f"stty cols 70; {COMMAND} {words} "
                        "--color=never", "/dev/null"])


def assert_fits(process):
    """No line of it that people read is longer than the terminal's; those that
    mend something are copied, and stay whole."""
    for _, line in process.lines:
        assert len(line) <= 70 or " -> " in line, process.text()


def what_a_terminal_is_too_narrow_for_is_folded():
    with Lab() as bench:
        bench.plug("r")
        atr = bench.insert("r")["atr"].upper()
        bench.start_pcscd()
        watch = start_on_terminal(bench, "watch")
        watch.wait_for("reader is there, with a card$")
        watch.wait_for(" {16}" + " ".join(re.findall("..", atr)) + "$")
        bench.remove("r")
        watch.wait_for(" {16}driver, no. 1: card removed; notification$")
        watch.send("\x03")
        assert watch.ends_within(deadline(5)), watch.text()
        assert_fits(watch)
        check = start_on_terminal(bench, "check")
        assert check.ends_within(deadline(20)), check.text()
        assert check.find("^  note  the rules for udev"), check.text()
        assert check.find("^ {8}[a-z]"), check.text()
        assert_fits(check)


def watch_asks_another_driver_once():
    with lab.Lab(bundles=[lab.LIBCCID]) as bench:
        bench.plug("r")
        pcscd = bench.start_pcscd(LIBCCID_ifdLogLevel="0x000F")
        cases.wait_for_socket()
        watch = start_watch(bench)
        watch.wait_for("reader is there")
        bench.insert("r")
        watch.wait_for("card in")
        pcscd.wait_for("IFDHControl.*0x42000F3C")
        bench.remove("r")
        watch.wait_for("card out")
        # as long as this takes, it would have been asked again
        done = bench.run([COMMAND, "watch", "--seconds=1"])
        assert done.returncode == 0, done
        asked = re.findall("IFDHControl.*0x42000F3C", pcscd.text())
        assert len(asked) == 1, asked


def watch_stays_with_pcscd_whatever_moves():
    with Lab() as bench:
        bench.plug("r")
        bench.start_pcscd()
        watch = start_watch(bench, "--json")
        watch.wait_for('"reader"')
        for _ in range(MOVEMENTS):
            mark = watch.mark()
            bench.insert("r")
            watch.wait_for('"card-in"', mark=mark)
            bench.remove("r")
            watch.wait_for('"card-out"', mark=mark)
        end_watch(watch)
        for event, count in (("card-in", MOVEMENTS), ("card-out", MOVEMENTS),
                             ("reader", 1), ("pcscd-gone", 0)):
            found = watch.text().count(f'"event": "{event}"')
            assert found == count, (event, found)


def watch_ends_where_nobody_can_read_it():
    with Lab() as bench:
        bench.plug("r")
        bench.start_pcscd()
        done = bench.run(["sh", "-c", f"{COMMAND} watch >/dev/full"])
        assert done.returncode == 3, done
        assert "cannot be written" in done.stderr, done


def watch_ends_by_itself_and_at_once():
    with Lab() as bench:
        bench.plug("r")
        bench.start_pcscd()
        start = time.monotonic()
        done = bench.run([COMMAND, "watch", "--seconds=1"])
        assert done.returncode == 0 and READER in done.stdout, done
        assert time.monotonic() - start < deadline(5)


def watch_waits_for_pcscd():
    with Lab() as bench:
        bench.plug("r")
        watch = start_watch(bench)
        watch.wait_for("Service not available")
        bench.start_pcscd()
        watch.wait_for("pcscd answers")
        watch.wait_for("reader is there")
        bench.stop_pcscd()
        watch.wait_for("pcscd has ended")
        end_watch(watch)


def check_finds_nothing_wrong_with_pcscd_and_reader():
    with Lab() as bench:
        bench.plug("r")
        bench.start_pcscd()
        done = bench.run([COMMAND, "check"])
        for words in ("pcscd answers", "pcscd gives it to ccidtrack",
                      "pcscd may open it"):
            assert f"ok    {words}" in done.stdout, done.stdout


def findings(bench):
    """What check finds: {name: text and what mends it}."""
    done = bench.run([COMMAND, "check", "--json"])
    return {row["name"]: row["text"] + row["mend"]
            for row in json.loads(done.stdout)}


def check_tells_of_a_card_that_does_not_answer():
    with Lab() as bench:
        bench.plug("r")
        bench.start_pcscd()
        watch = Watch(READER)
        assert "mute" not in findings(bench)
        bench.insert("r", deaf=1000)
        watch.until(lambda state: state.mute, deadline(5))
        assert READER in findings(bench)["mute"]


def check_tells_of_a_program_that_has_a_reader_for_itself():
    with Lab() as bench:
        bench.plug("r")
        bench.insert("r")
        bench.start_pcscd()
        Watch(READER).until(lambda state: state.present, deadline(5))
        card = Context().connect(READER, EXCLUSIVE)
        told = findings(bench)["exclusive"]
        assert READER in told and "pcsc-shared" in told, told
        card.disconnect()
        assert "exclusive" not in findings(bench)


def check_tells_of_a_reader_that_pcscd_could_not_open():
    old = {(0x09C3, 0x0008): "old"}
    with Lab(bundle=None, ids=old) as bench:
        bench.start_pcscd()
        bench.plug("r", vid="09c3", pid="0008", version="0202")
        told = findings(bench)
        assert "0 of 1" in told["not-served"], told
        assert "2.03" in told["firmware"], told


def check_waits_for_a_reader_that_is_being_opened():
    with Lab() as bench:
        bench.start_pcscd()
        bench.plug("r", status_time=300000)
        bench.plug("s", slots=2)
        assert "not-served" not in findings(bench)


if __name__ == "__main__":
    cases.main(
        an_unlisted_reader_is_known_after_a_scan,
        it_is_still_known_when_it_comes_back,
        both_bundles_serve_a_reader_each,
        an_empty_local_list_is_no_trouble,
        a_reader_of_libccid_is_ours_only_if_asked_for,
        scan_sees_the_clients_of_pcscd,
        scan_waits_for_the_clients_of_pcscd_to_leave,
        watch_shows_movements_with_times,
        watch_shows_readers_come_and_go,
        watch_hides_no_swap,
        watch_tells_when_and_by_what_the_driver_saw_a_movement,
        watch_is_not_in_the_way_of_who_uses_a_reader,
        what_a_terminal_is_too_narrow_for_is_folded,
        watch_asks_another_driver_once,
        watch_stays_with_pcscd_whatever_moves,
        watch_ends_where_nobody_can_read_it,
        watch_ends_by_itself_and_at_once,
        watch_waits_for_pcscd,
        check_finds_nothing_wrong_with_pcscd_and_reader,
        check_tells_of_a_card_that_does_not_answer,
        check_tells_of_a_program_that_has_a_reader_for_itself,
        check_tells_of_a_reader_that_pcscd_could_not_open,
        check_waits_for_a_reader_that_is_being_opened,
    )
