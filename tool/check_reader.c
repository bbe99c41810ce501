/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include "findings.h"
#include "quirk.h"
#include "root.h"
#include "service.h"

#define MEND_SIZE	320

/* Readers that do not wake up: the driver's udev rule leaves them out too. */
static const struct {
	uint16_t vendor, product;
} never_wake[] = {
	{ 0x058F, 0x9520 },
	{ 0x0783, 0x0003 },
};

/* The kernel makes no interfaces then, and pcscd sees nothing. */
static void check_usable(const struct attached *reader)
{
	char mend[MEND_SIZE];

	if (!reader->authorized) {
		snprintf(mend, sizeof(mend), "echo 1 | sudo tee "
			 "/sys/bus/usb/devices/%s/authorized; or allow it in "
			 "usbguard", reader->port);
		findings_bad("unauthorized", mend, "the device is locked out");
	} else if (!reader->configured) {
		snprintf(mend, sizeof(mend), "plug it into a port with more "
			 "power, or echo 1 | sudo tee /sys/bus/usb/devices/%s/"
			 "bConfigurationValue", reader->port);
		findings_bad("unconfigured", mend, "the kernel has not "
			     "configured it, often for want of power");
	}
}

static void check_listed(const struct scene *scene,
			 const struct attached *reader)
{
	const struct bundle *chosen = bundles_choose(
		&scene->bundles, reader->vendor, reader->product);
	const struct bundle *rival;
	char mend[MEND_SIZE];

	if (!chosen) {
		snprintf(mend, sizeof(mend), "sudo ccidtrack scan && %s",
			 service_find()->restart);
		findings_bad("unlisted", mend,
			     "no driver lists %04x:%04x: pcscd does not see it",
			     reader->vendor, reader->product);
		return;
	}
	rival = bundles_rival(&scene->bundles, chosen, reader->vendor,
			      reader->product);
	if (rival)
		findings_bad("two-drivers", "remove one of them, or its line "
			     "in the list",
			     "%s and %s both list %04x:%04x: chance decides",
			     chosen->directory, rival->directory,
			     reader->vendor, reader->product);
	else if (!bundle_is_ours(chosen))
		findings_note("other-driver",
			      "to have it with ccidtrack: sudo ccidtrack scan "
			      "--policy=all",
			      "pcscd gives it to %s", chosen->directory);
	else
		findings_good("pcscd gives it to ccidtrack (%s)",
			      chosen->directory);
}

/* A reader plugged in before the rules came, or rules for another group */
static void mend_rights(const struct process *pcscd, char mend[MEND_SIZE])
{
	struct stat given = { .st_uid = (uid_t)-1, .st_mode = 0060 };
	const char *trigger = "sudo udevadm control --reload && sudo udevadm "
			      "trigger --subsystem-match=usb";

	if (check_rules_give(&given.st_gid) && process_may_open(pcscd, &given))
		snprintf(mend, MEND_SIZE, "%s", trigger);
	else
		snprintf(mend, MEND_SIZE, "echo 'ENV{ID_SMARTCARD_READER}==\"1\","
			 " GROUP=\"%u\"' | sudo tee /etc/udev/rules.d/"
			 "62-pcscd.rules && %s", (unsigned)pcscd->gid, trigger);
}

static void check_rights(const struct scene *scene,
			 const struct attached *reader)
{
	char mend[MEND_SIZE];
	struct stat node;

	if (!scene_node(reader, &node)) {
		findings_bad("no-node", "in a container: give it /dev/bus/usb "
			     "(docker run --device=/dev/bus/usb), or run pcscd "
			     "outside and share its socket",
			     "/dev/bus/usb/%03u/%03u is not there",
			     reader->bus, reader->address);
	} else if (!process_may_open(&scene->pcscd, &node)) {
		mend_rights(&scene->pcscd, mend);
		findings_bad("rights", mend,
			     "pcscd (user %u) may not open "
			     "/dev/bus/usb/%03u/%03u (%04o, group %u)",
			     (unsigned)scene->pcscd.uid, reader->bus,
			     reader->address, (unsigned)node.st_mode & 07777,
			     (unsigned)node.st_gid);
	} else {
		findings_good("pcscd may open it");
	}
}

/* The driver takes an interface away from the kernel's when it opens it. */
static void check_kernel_driver(const struct scene *scene,
				const struct attached *reader)
{
	const struct bundle *chosen = bundles_choose(
		&scene->bundles, reader->vendor, reader->product);
	char mend[MEND_SIZE];

	if (!reader->driver[0] || strcmp(reader->driver, "usbfs") == 0)
		return;
	snprintf(mend, sizeof(mend), "echo 'blacklist %s' | sudo tee "
		 "/etc/modprobe.d/ccidtrack.conf && sudo modprobe -r %s",
		 reader->driver, reader->driver);
	if (chosen && bundle_is_ours(chosen) && !scene->running)
		findings_note("kernel-driver", mend, "the kernel's driver %s "
			      "has it, until pcscd opens it", reader->driver);
	else
		findings_bad("kernel-driver", mend,
			     "the kernel's driver %s has it", reader->driver);
}

/* A container or a package of its own may have brought another pcscd. */
static void blame(const struct process *holder)
{
	char mend[MEND_SIZE];

	if (strcmp(holder->name, "pcscd") == 0) {
		snprintf(mend, sizeof(mend), "end it, or the one of this "
			 "machine: sudo kill %d", (int)holder->pid);
		findings_bad("held", mend, "another pcscd (process %d) holds it",
			     (int)holder->pid);
		return;
	}
	if (strcmp(holder->name, "scdaemon") == 0) {
		findings_bad("scdaemon", "echo disable-ccid >> "
			     "~/.gnupg/scdaemon.conf && gpgconf --kill scdaemon",
			     "scdaemon of GnuPG (process %d) holds it",
			     (int)holder->pid);
		return;
	}
	snprintf(mend, sizeof(mend), "end %s, or let it use PC/SC: sudo kill %d",
		 holder->name, (int)holder->pid);
	findings_bad("held", mend, "%s (process %d) holds it", holder->name,
		     (int)holder->pid);
}

static void check_holders(const struct scene *scene,
			  const struct attached *reader)
{
	struct process *rows;
	bool all, ours = false;
	size_t n = process_holders(reader->bus, reader->address, &rows, &all);
	size_t blamed = 0;

	for (size_t i = 0; i < n; i++) {
		if (scene->running && rows[i].pid == scene->pcscd.pid) {
			ours = true;
			continue;
		}
		blame(&rows[i]);
		blamed++;
	}
	if (ours && !blamed)
		findings_good("pcscd has it open");
	else if (!all && !blamed && !ours)
		findings_note("not-root", "sudo ccidtrack check",
			      "who holds it only root can see");
	else if (!blamed)
		findings_good("nobody else holds it");
}

static void check_firmware(const struct attached *reader)
{
	struct quirk quirk;

	quirk_find(reader->vendor, reader->product, reader->version, &quirk);
	if (quirk.firmware <= reader->version)
		return;
	findings_bad("firmware", "update it with its maker's program, or set "
		     "bit 0x0004 of ifdDriverOptions: ccidtrack.plist(5)",
		     "firmware %x.%02x has faults, the driver leaves it alone; "
		     "%x.%02x is good", reader->version >> 8,
		     reader->version & 0xFFu, quirk.firmware >> 8,
		     quirk.firmware & 0xFFu);
}

static void check_power(const struct attached *reader)
{
	char mend[MEND_SIZE];

	for (size_t i = 0; i < sizeof(never_wake) / sizeof(never_wake[0]);
	     i++) {
		if (never_wake[i].vendor != reader->vendor ||
		    never_wake[i].product != reader->product ||
		    strcmp(reader->power, "auto") != 0)
			continue;
		snprintf(mend, sizeof(mend), "echo on | sudo tee "
			 "/sys/bus/usb/devices/%s/power/control; and leave it "
			 "out of what saves power", reader->port);
		findings_bad("autosuspend", mend, "it is put to sleep when "
			     "unused, and this model does not wake up");
	}
}

void check_reader(const struct scene *scene, const struct attached *reader)
{
	check_usable(reader);
	check_listed(scene, reader);
	check_rights(scene, reader);
	check_kernel_driver(scene, reader);
	check_holders(scene, reader);
	check_firmware(reader);
	check_power(reader);
}
