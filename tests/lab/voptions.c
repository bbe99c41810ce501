/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "voptions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
	NUMBER,
	HEX,
	TRUTH,
	TEXT,
	CHOICE,
};

static const char *const levels[] = {
	"character", "tpdu", "short", "extended", NULL,
};
static const char *const removals[] = { "mute", "late", "silent", NULL };
static const char *const parameters[] = {
	"take", "no-speed", "refuse", "lie", NULL,
};
static const char *const gives[] = { "exactly", "fewer", "all", NULL };

#define ROW(name, kind, field, fixed, choices)				\
	{ name, kind, offsetof(struct voptions, field), fixed, choices }
#define FIXED(name, kind, field)	ROW(name, kind, field, true, NULL)
#define LOOSE(name, kind, field)	ROW(name, kind, field, false, NULL)

static const struct row {
	const char *name;
	enum kind kind;
	size_t offset;
	bool fixed;		/* in the descriptors: plug only */
	const char *const *choices;
} rows[] = {
	FIXED("vid", HEX, vid),
	FIXED("pid", HEX, pid),
	FIXED("version", HEX, version),
	FIXED("bus", NUMBER, bus),
	FIXED("addr", NUMBER, address),
	FIXED("speed", NUMBER, speed),
	FIXED("manufacturer", TEXT, manufacturer),
	FIXED("product", TEXT, product),
	FIXED("serial", TEXT, serial),
	FIXED("interface-text", TEXT, interface_text),
	FIXED("interface", NUMBER, interface),
	FIXED("class", HEX, interface_class),
	FIXED("protocol", HEX, interface_protocol),
	FIXED("alternates", NUMBER, alternates),
	FIXED("reader-setting", NUMBER, reader_setting),
	FIXED("idle-class", HEX, idle_class),
	FIXED("configured", TRUTH, configured),
	FIXED("decoys", TRUTH, decoys),
	FIXED("hid", TRUTH, hid),
	FIXED("readers", NUMBER, readers),
	FIXED("interrupt", TRUTH, interrupt),
	FIXED("packet", NUMBER, packet),
	FIXED("interrupt-packet", NUMBER, interrupt_packet),
	FIXED("descriptor-last", TRUTH, descriptor_last),
	FIXED("descriptor-type", HEX, descriptor_type),
	FIXED("blind", HEX, blind),
	FIXED("kernel-driver", TEXT, kernel_driver),
	FIXED("version-ccid", HEX, version_ccid),
	FIXED("slots", NUMBER, slots),
	FIXED("voltages", NUMBER, voltages),
	FIXED("protocols", NUMBER, protocols),
	FIXED("clock", NUMBER, clock),
	FIXED("max-clock", NUMBER, max_clock),
	FIXED("rate", NUMBER, rate),
	FIXED("max-rate", NUMBER, max_rate),
	FIXED("ifsd", NUMBER, ifsd),
	ROW("level", CHOICE, level, true, levels),
	FIXED("features", HEX, features),
	FIXED("message-size", NUMBER, message_size),
	FIXED("pin", NUMBER, pin),
	FIXED("lcd", HEX, lcd),
	FIXED("busy-slots", NUMBER, busy_slots),
	FIXED("auto-activation", TRUTH, auto_activation),
	FIXED("auto-voltage", TRUTH, auto_voltage),
	LOOSE("status-time", NUMBER, status_time),
	LOOSE("power-time", NUMBER, power_time),
	LOOSE("off-time", NUMBER, off_time),
	LOOSE("xfr-time", NUMBER, xfr_time),
	LOOSE("control-time", NUMBER, control_time),
	LOOSE("extension-interval", NUMBER, extension_interval),
	LOOSE("extension-multiplier", NUMBER, extension_multiplier),
	LOOSE("zlp", TRUTH, zlp),
	ROW("removal", CHOICE, removal, false, removals),
	LOOSE("removal-time", NUMBER, removal_time),
	LOOSE("key-time", NUMBER, key_time),
	LOOSE("pin-indexes", TRUTH, pin_indexes),
	LOOSE("pin-second", NUMBER, pin_second),
	LOOSE("open-denied", TRUTH, open_denied),
	LOOSE("driver-stays", TRUTH, driver_stays),
	FIXED("rates", TEXT, rates),
	FIXED("clocks", TEXT, clocks),
	LOOSE("lists", TRUTH, lists),
	LOOSE("token-poll", NUMBER, token_poll),
	ROW("parameters", CHOICE, parameters, false, parameters),
	ROW("give", CHOICE, give, false, gives),
	LOOSE("mute-time", NUMBER, mute_time),
	LOOSE("line-damaged", NUMBER, line_damaged),
	LOOSE("line-lost", NUMBER, line_lost),
	LOOSE("line-doubled", NUMBER, line_doubled),
	LOOSE("line-seed", NUMBER, line_seed),
	LOOSE("notify-delay", NUMBER, notify_delay),
	LOOSE("notify-lose", NUMBER, notify_lose),
	LOOSE("notify-merge", TRUTH, notify_merge),
	LOOSE("notify-double", TRUTH, notify_double),
	LOOSE("notify-bit", TRUTH, notify_bit),
	LOOSE("notify-chatty", TRUTH, notify_chatty),
	LOOSE("notify-open", TRUTH, notify_open),
};

void voptions_default(struct voptions *ret_options)
{
	*ret_options = (struct voptions){
		.vid = 0x04e6, .pid = 0x5116, .version = 0x0700,
		.speed = 3,
		.manufacturer = "ccidtrack", .product = "virtual reader",
		.interface_class = 0x0b, .alternates = 1, .readers = 1,
		.idle_class = 0xff, .configured = true,
		.interrupt = true, .packet = 64, .interrupt_packet = 8,
		.descriptor_type = 0x21,
		.version_ccid = 0x0110, .slots = 1, .voltages = 7,
		.protocols = 3, .clock = 4000, .max_clock = 20000,
		.rate = 10752, .max_rate = 344100, .ifsd = 254,
		.level = VLEVEL_EXTENDED, .features = 0xf2,
		.message_size = 271, .busy_slots = 1, .auto_voltage = true,
		.extension_interval = 500000, .extension_multiplier = 1,
		.zlp = true, .notify_bit = true,
		.key_time = 20000, .pin_second = 1000000,
		.lists = true, .mute_time = 1000, .line_seed = 1,
	};
}

long long voptions_number(const char *value, int base)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(value, &end, base);
	if (end == value || *end || errno || number > UINT32_MAX)
		return -1;
	return (long long)number;
}

static int take_number(unsigned *to, const char *value, int base)
{
	long long number = voptions_number(value, base);

	if (number < 0)
		return -EINVAL;
	*to = (unsigned)number;
	return 0;
}

static int take_truth(bool *to, const char *value)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return -EINVAL;
	*to = value[0] == 'y';
	return 0;
}

static int take_text(char *to, const char *value)
{
	if (strlen(value) >= VOPTIONS_TEXT)
		return -EINVAL;
	snprintf(to, VOPTIONS_TEXT, "%s", value);
	return 0;
}

static int take_choice(unsigned *to, const char *value,
		       const char *const *choices)
{
	for (unsigned i = 0; choices[i]; i++) {
		if (strcmp(value, choices[i]) == 0) {
			*to = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int take(struct voptions *options, const struct row *row,
		const char *value)
{
	void *to = (char *)options + row->offset;

	switch (row->kind) {
	case NUMBER:
		return take_number(to, value, 0);
	case HEX:
		return take_number(to, value, 16);
	case TRUTH:
		return take_truth(to, value);
	case TEXT:
		return take_text(to, value);
	case CHOICE:
		return take_choice(to, value, row->choices);
	}
	return -EINVAL;
}

int voptions_take(struct voptions *options, const char *word, bool plugged)
{
	size_t length = strcspn(word, "=");

	if (word[length] != '=')
		return -EINVAL;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strlen(rows[i].name) != length ||
		    memcmp(rows[i].name, word, length) != 0)
			continue;
		if (plugged && rows[i].fixed)
			return -ENOENT;
		return take(options, &rows[i], word + length + 1);
	}
	return -ENOENT;
}
