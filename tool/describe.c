/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "describe.h"

#include <stdio.h>
#include <string.h>

#include "ink.h"
#include "json.h"
#include "quirk.h"

#define TEXT_SIZE	256
#define INDENT		18	/* where the text of a fact begins */
#define LINE_END	79

struct bit {
	uint32_t bit;
	const char *word;
};

static const struct bit voltages[] = {
	{ DESC_VOLTAGE_5V, "5 V" },
	{ DESC_VOLTAGE_3V, "3 V" },
	{ DESC_VOLTAGE_1V8, "1.8 V" },
	{ 0, NULL },
};

static const struct bit protocols[] = {
	{ 1, "T=0" }, { 2, "T=1" }, { 0, NULL },
};

static const struct bit synch_protocols[] = {
	{ 1, "2-wire" }, { 2, "3-wire" }, { 4, "I2C" }, { 0, NULL },
};

static const struct bit mechanical[] = {
	{ 1, "accepts cards" }, { 2, "ejects cards" },
	{ 4, "captures cards" }, { 8, "locks cards" }, { 0, NULL },
};

static const struct bit pin_support[] = {
	{ 1, "verifies a PIN" }, { 2, "changes a PIN" }, { 0, NULL },
};

static const struct bit features[] = {
	{ DESC_AUTO_PARAMETERS, "sets parameters from the ATR" },
	{ DESC_AUTO_ACTIVATION, "powers an inserted card" },
	{ DESC_AUTO_VOLTAGE, "chooses the voltage" },
	{ DESC_AUTO_CLOCK, "changes the clock by itself" },
	{ DESC_AUTO_RATE, "changes the data rate by itself" },
	{ DESC_AUTO_NEGOTIATION, "negotiates parameters by its own ways" },
	{ DESC_AUTO_PPS, "does the PPS" },
	{ DESC_CLOCK_STOP, "can stop the card's clock" },
	{ DESC_NAD, "takes a NAD other than 0" },
	{ DESC_AUTO_IFSD, "exchanges IFSD at first T=1 use" },
	{ 0x00100000u, "wakes the computer at a movement" },
	{ 0, NULL },
};

static const struct bit quirks[] = {
	{ QUIRK_NO_PIN_PAD, "no PIN pad to be used" },
	{ QUIRK_AUTO_IFSD, "no S(IFS)" },
	{ QUIRK_NO_PPS, "no PPS" },
	{ QUIRK_OFF_BEFORE_ON, "power-off before power-on" },
	{ QUIRK_ISO_MODE, "may have to be taken out of EMV mode" },
	{ QUIRK_SPLIT_READS, "reads one byte first" },
	{ QUIRK_STATUS_LIES, "its notifications are true, its status is not" },
	{ QUIRK_PACKET_PAUSES, "pauses between the packets of a command" },
	{ QUIRK_PIN_TEXTS, "texts to be loaded into its display" },
	{ QUIRK_PIN_BLOCK, "tells of its keys by an escape command" },
	{ QUIRK_FIRMWARE_TEXT, "tells its version by an escape command" },
	{ QUIRK_APDU_MODE, "has an APDU mode" },
	{ QUIRK_STARTED_BY_OFF, "looks for cards after some power-offs" },
	{ QUIRK_READER_DIRECT, "takes commands for itself" },
	{ QUIRK_IDENTITY, "clients ask the driver who it is" },
	{ QUIRK_LONG_TRIES, "its question for the tries has a switch of its own" },
	{ QUIRK_KEYS_BY_VERSION, "its version tells what it can" },
	{ 0, NULL },
};

/* One fact; label and key say the same, to people and to programs. */
static void tell(bool json, const char *key, const char *label,
		 const char *text)
{
	if (json)
		json_text(key, text);
	else
		printf("  %-15s %s\n", label, text);
}

static void tell_number(bool json, const char *key, const char *label,
			uint32_t number, const char *unit)
{
	if (json)
		json_number(key, number);
	else
		printf("  %-15s %u%s\n", label, number, unit);
}

static void print_bits(const struct bit *table, uint32_t bits, const char *none)
{
	size_t column = INDENT;

	for (; table->word; table++) {
		size_t size = strlen(table->word) + 2;

		if (!(bits & table->bit))
			continue;
		if (column > INDENT && column + size > LINE_END) {
			printf(",\n%*s", INDENT, "");
			column = INDENT;
		} else if (column > INDENT) {
			fputs(", ", stdout);
		}
		fputs(table->word, stdout);
		column += size;
	}
	if (column == INDENT)
		fputs(none, stdout);
}

static void json_bits(const char *key, const struct bit *table, uint32_t bits)
{
	json_open(key, '[');
	for (; table->word; table++)
		if (bits & table->bit)
			json_text(NULL, table->word);
	json_close(']');
}

static void tell_bits(bool json, const char *key, const char *label,
		      const struct bit *table, uint32_t bits, const char *none)
{
	if (json) {
		json_bits(key, table, bits);
		return;
	}
	printf("  %-15s ", label);
	print_bits(table, bits, none);
	putchar('\n');
}

static void tell_range(bool json, const char *key, const char *label,
		       const uint32_t values[3], const char *unit)
{
	char name[32];

	if (!json) {
		printf("  %-15s %u%s, at most %u%s", label, values[0], unit,
		       values[1], unit);
		if (values[2])
			printf(", %u values to ask for", values[2]);
		putchar('\n');
		return;
	}
	snprintf(name, sizeof(name), "default_%s", key);
	json_number(name, values[0]);
	snprintf(name, sizeof(name), "max_%s", key);
	json_number(name, values[1]);
	snprintf(name, sizeof(name), "number_of_%ss", key);
	json_number(name, values[2]);
}

static const char *level_word(enum desc_level level)
{
	switch (level) {
	case DESC_LEVEL_CHARACTER:
		return "character";
	case DESC_LEVEL_TPDU:
		return "TPDU";
	case DESC_LEVEL_SHORT_APDU:
		return "short APDU";
	case DESC_LEVEL_EXTENDED_APDU:
		return "extended APDU";
	}
	return "";
}

static void tell_level(bool json, const struct desc *desc)
{
	tell(json, "level", "exchanges", level_word(desc->level));
	tell_number(json, "max_message", "message", desc->max_message,
		    " bytes at most, header and all");
	tell_number(json, "max_ifsd", "IFSD", desc->max_ifsd, " bytes");
}

static void tell_slots(bool json, const struct desc *desc)
{
	char text[TEXT_SIZE];

	if (json) {
		json_number("slots", desc->slots);
		json_number("busy_slots", desc->busy_slots);
		return;
	}
	snprintf(text, sizeof(text), "%u, %u at the same time", desc->slots,
		 desc->busy_slots);
	tell(false, NULL, "slots", text);
}

static void tell_keypad(bool json, const struct desc *desc)
{
	char text[TEXT_SIZE];

	tell_bits(json, "pin", "keypad", pin_support, desc->pin_support,
		  "none");
	if (json) {
		json_number("lcd_lines", desc->lcd_lines);
		json_number("lcd_characters", desc->lcd_characters);
	} else if (desc->lcd_lines) {
		snprintf(text, sizeof(text), "%u lines of %u characters",
			 desc->lcd_lines, desc->lcd_characters);
		tell(false, NULL, "display", text);
	}
}

static void tell_classes(bool json, const struct desc *desc)
{
	if (desc->level < DESC_LEVEL_SHORT_APDU && !json)
		return;
	if (json) {
		json_number("class_get_response", desc->class_get_response);
		json_number("class_envelope", desc->class_envelope);
		return;
	}
	printf("  %-15s GET RESPONSE %02X, ENVELOPE %02X%s\n", "class bytes",
	       desc->class_get_response, desc->class_envelope,
	       desc->class_get_response == 0xFF || desc->class_envelope == 0xFF ?
		       " (FF: the command's)" : "");
}

static void describe(const struct desc *desc, bool json)
{
	const uint32_t clocks[] = { desc->default_clock, desc->max_clock,
				    desc->clocks };
	const uint32_t rates[] = { desc->default_rate, desc->max_rate,
				   desc->rates };
	char version[16];

	snprintf(version, sizeof(version), "%x.%02x", desc->version >> 8,
		 desc->version & 0xFF);
	tell(json, "ccid", "CCID", version);
	tell_slots(json, desc);
	tell_bits(json, "voltages", "voltages", voltages, desc->voltages,
		  "the reader's choice");
	tell_bits(json, "protocols", "protocols", protocols, desc->protocols,
		  "untold");
	tell_level(json, desc);
	tell_range(json, json ? "clock" : NULL, "clock", clocks, " kHz");
	tell_range(json, json ? "rate" : NULL, "data rate", rates, " bit/s");
	tell_bits(json, "features", "features", features, desc->features,
		  "none");
	tell_bits(json, "mechanics", "mechanics", mechanical, desc->mechanical,
		  "none");
	tell_bits(json, "synchronous", "synchronous", synch_protocols,
		  desc->synch_protocols, "none");
	tell_keypad(json, desc);
	tell_classes(json, desc);
}

static const char *transport_word(int protocol)
{
	switch (protocol) {
	case 0:
		return "bulk pipes";
	case 1:
		return "control pipe, as ICCD A";
	case 2:
		return "control pipe, as ICCD B";
	default:
		return "unknown";
	}
}

void describe_quirks(uint16_t vendor, uint16_t product, uint16_t firmware,
		     bool json)
{
	struct quirk quirk;

	quirk_find(vendor, product, firmware, &quirk);
	if (quirk.flags || json)
		tell_bits(json, "quirks", "known of it", quirks, quirk.flags,
			  "nothing");
	if (quirk.level)
		tell(json, "true_level", "exchanges",
		     quirk.short_only ? "more than it says" :
		     level_word((enum desc_level)(quirk.level - 1)));
	if (quirk.rate_cap)
		tell_number(json, "rate_cap", "data rate", quirk.rate_cap,
			    " bit/s are not exceeded");
	if (quirk.extra_wait_s)
		tell_number(json, "extra_wait_s", "waits", quirk.extra_wait_s,
			    " s longer than the card says");
	if (quirk.firmware > firmware)
		tell(json, "firmware", "firmware",
		     "has faults: an update is due");
}

void describe_interface(const struct describe_interface *interface, bool json)
{
	char text[TEXT_SIZE];

	if (json && interface->number >= 0) {
		json_number("interface", interface->number);
		json_number("class", interface->interface_class);
	} else if (interface->number >= 0) {
		snprintf(text, sizeof(text), "%d, class %02X%s",
			 interface->number, (unsigned)interface->interface_class,
			 interface->interface_class == 0xFF ?
				 " (the vendor's own)" : "");
		tell(false, NULL, "interface", text);
	}
	if (interface->protocol >= 0)
		tell(json, "transport", "transport",
		     transport_word(interface->protocol));
	if (interface->interrupt >= 0)
		tell(json, "movements", "movements",
		     interface->interrupt ? "told by the reader" :
					    "have to be asked for");
}

void describe_raw(const uint8_t *raw, bool json)
{
	char hex[2 * DESC_SIZE + 1];
	struct desc desc;

	for (size_t i = 0; i < DESC_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", raw[i]);
	if (desc_parse(raw, DESC_SIZE, &desc) == 0)
		describe(&desc, json);
	else
		tell(json, "refused", "refused",
		     "no message fits the lengths that it names");
	if (json)
		json_text("descriptor", hex);
	else
		printf("  %-15s %s%.54s\n  %-15s %s%s\n", "descriptor",
		       ink(INK_FAINT), hex, "", hex + 54, ink(INK_PLAIN));
}
