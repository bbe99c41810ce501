/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "attribute.h"

#include <errno.h>

#include "atr.h"
#include "bytes.h"
#include "ccid.h"

/* CHANNEL_ID: type USB in the high half */
#define CHANNEL_USB	0x0020u

#define PROTOCOL_T0	0x01u
#define PROTOCOL_T1	0x02u

/* CHARACTERISTICS has dwMechanical's first bits: accept, eject, capture. */
#define CHARACTERISTICS	0x07u

#define PRESENCE_NONE	0
#define PRESENCE_INSIDE	2	/* in a reader that does not swallow it */

#define TYPE_UNKNOWN		0
#define TYPE_ASYNCHRONOUS	1

typedef int get_value(const struct attribute_facts *facts, uint8_t *value);

static int put_number(uint8_t *value, uint32_t number)
{
	memcpy(value, &number, sizeof(number));
	return sizeof(number);
}

static int put_known(uint8_t *value, uint32_t number)
{
	return number ? put_number(value, number) : -ENODATA;
}

static int put_byte(uint8_t *value, uint8_t byte)
{
	value[0] = byte;
	return 1;
}

static int get_text(const struct attribute_facts *facts, uint8_t *value)
{
	size_t size = strlen(facts->text);

	if (!size)
		return 0;
	size = copy_bounded(value, ATTRIBUTE_MAX - 1, facts->text, size);
	value[size] = '\0';
	return (int)size + 1;
}

/* MMmmbbbbh; USB tells no build. */
static int get_version(const struct attribute_facts *facts, uint8_t *value)
{
	return put_number(value, (uint32_t)facts->version << 16);
}

static int get_channel(const struct attribute_facts *facts, uint8_t *value)
{
	return put_number(value, CHANNEL_USB << 16 |
				 (uint32_t)facts->bus << 8 | facts->address);
}

/* A reader that names none is tried with both. */
static int get_protocols(const struct attribute_facts *facts, uint8_t *value)
{
	uint32_t protocols = facts->desc->protocols;

	return put_number(value, protocols ? protocols
					   : PROTOCOL_T0 | PROTOCOL_T1);
}

static int get_default_clock(const struct attribute_facts *facts,
			     uint8_t *value)
{
	return put_known(value, facts->desc->default_clock);
}

static int get_max_clock(const struct attribute_facts *facts, uint8_t *value)
{
	return put_known(value, facts->desc->max_clock);
}

static int get_default_rate(const struct attribute_facts *facts,
			    uint8_t *value)
{
	return put_known(value, facts->desc->default_rate);
}

static int get_max_rate(const struct attribute_facts *facts, uint8_t *value)
{
	return put_known(value, facts->desc->max_rate);
}

static int get_max_ifsd(const struct attribute_facts *facts, uint8_t *value)
{
	return put_number(value, facts->desc->max_ifsd);
}

static int get_synch(const struct attribute_facts *facts, uint8_t *value)
{
	return put_number(value, facts->desc->synch_protocols);
}

/* Every CCID reader can power a card down that stays inside. */
static int get_power_management(const struct attribute_facts *facts,
				uint8_t *value)
{
	(void)facts;
	return put_number(value, 1);
}

/* Only "none" is the same everywhere. Part 10 tells what a PIN pad can do. */
static int get_user_devices(const struct attribute_facts *facts,
			    uint8_t *value)
{
	return facts->desc->pin_support ? -ENODATA : put_number(value, 0);
}

static int get_characteristics(const struct attribute_facts *facts,
			       uint8_t *value)
{
	return put_number(value, facts->desc->mechanical & CHARACTERISTICS);
}

static int get_max_input(const struct attribute_facts *facts, uint8_t *value)
{
	return put_number(value, facts->desc->max_message - CCID_HEADER_SIZE);
}

static int get_presence(const struct attribute_facts *facts, uint8_t *value)
{
	return put_byte(value, facts->present ? PRESENCE_INSIDE
					      : PRESENCE_NONE);
}

static int get_interface_status(const struct attribute_facts *facts,
				uint8_t *value)
{
	return put_byte(value, facts->powered);
}

static int get_atr(const struct attribute_facts *facts, uint8_t *value)
{
	return (int)copy_bounded(value, ATTRIBUTE_MAX, facts->atr,
				 facts->atr_size);
}

/* A synchronous card's header is no ATR: readers may show it as one. */
static int get_card_type(const struct attribute_facts *facts, uint8_t *value)
{
	struct atr atr;

	if (atr_parse(facts->atr, facts->atr_size, &atr) < 0 ||
	    atr.flags & ATR_BAD_TS)
		return put_byte(value, TYPE_UNKNOWN);
	return put_byte(value, TYPE_ASYNCHRONOUS);
}

/* --- as agreed with the card */

static bool speaks(const struct attribute_facts *facts, uint8_t protocol)
{
	return facts->agreed && facts->params.protocol == protocol;
}

static int get_protocol(const struct attribute_facts *facts, uint8_t *value)
{
	if (!facts->agreed)
		return -ENODATA;
	return put_number(value,
			  facts->params.protocol ? PROTOCOL_T1 : PROTOCOL_T0);
}

/* A reader that changes the clock by itself does not say to what. */
static int get_clock(const struct attribute_facts *facts, uint8_t *value)
{
	const struct desc *desc = facts->desc;

	if (!facts->agreed || (desc->features & DESC_AUTO_CLOCK &&
			       desc->max_clock != desc->default_clock))
		return -ENODATA;
	return put_known(value, desc->default_clock);
}

/* A reader that was told no parameters has chosen them itself. */
static bool is_speed_known(const struct attribute_facts *facts)
{
	return facts->agreed && facts->params.set;
}

static int get_f(const struct attribute_facts *facts, uint8_t *value)
{
	if (!is_speed_known(facts))
		return -ENODATA;
	return put_number(value, atr_f(facts->params.fidi));
}

static int get_d(const struct attribute_facts *facts, uint8_t *value)
{
	if (!is_speed_known(facts))
		return -ENODATA;
	return put_number(value, atr_d(facts->params.fidi));
}

static int get_n(const struct attribute_facts *facts, uint8_t *value)
{
	if (!facts->agreed)
		return -ENODATA;
	return put_number(value, facts->params.times.guard_time);
}

static int get_w(const struct attribute_facts *facts, uint8_t *value)
{
	if (!speaks(facts, 0))
		return -ENODATA;
	return put_number(value, facts->params.times.wi);
}

static bool host_speaks_t1(const struct attribute_facts *facts)
{
	return facts->desc->level < DESC_LEVEL_SHORT_APDU;
}

/* What the card may have told a reader that speaks T=1 itself, nobody knows. */
static int get_ifsc(const struct attribute_facts *facts, uint8_t *value)
{
	if (!speaks(facts, 1))
		return -ENODATA;
	return put_number(value, host_speaks_t1(facts)
					 ? facts->ifsc
					 : facts->params.times.ifsc);
}

static int get_ifsd(const struct attribute_facts *facts, uint8_t *value)
{
	if (!speaks(facts, 1))
		return -ENODATA;
	if (facts->desc->features & DESC_AUTO_IFSD)
		return put_number(value, facts->desc->max_ifsd);
	return host_speaks_t1(facts) ? put_number(value, facts->ifsd)
				     : -ENODATA;
}

static int get_bwt(const struct attribute_facts *facts, uint8_t *value)
{
	if (!speaks(facts, 1))
		return -ENODATA;
	return put_number(value, facts->params.times.bwi);
}

static int get_cwt(const struct attribute_facts *facts, uint8_t *value)
{
	if (!speaks(facts, 1))
		return -ENODATA;
	return put_number(value, facts->params.times.cwi);
}

static int get_encoding(const struct attribute_facts *facts, uint8_t *value)
{
	if (!speaks(facts, 1))
		return -ENODATA;
	return put_number(value, facts->params.crc);
}

/* class << 16 | tag */
static const struct row {
	uint32_t attribute;
	get_value *get;
	enum attribute_text text;
} rows[] = {
	{ 0x00000303, get_atr, ATTRIBUTE_NO_TEXT },	/* of pcsc-lite */
	{ 0x00010100, get_text, ATTRIBUTE_MANUFACTURER },
	{ 0x00010101, get_text, ATTRIBUTE_PRODUCT },
	{ 0x00010102, get_version, ATTRIBUTE_NO_TEXT },
	{ 0x00010103, get_text, ATTRIBUTE_SERIAL },
	{ 0x00020110, get_channel, ATTRIBUTE_NO_TEXT },
	{ 0x00030120, get_protocols, ATTRIBUTE_NO_TEXT },
	{ 0x00030121, get_default_clock, ATTRIBUTE_NO_TEXT },
	{ 0x00030122, get_max_clock, ATTRIBUTE_NO_TEXT },
	{ 0x00030123, get_default_rate, ATTRIBUTE_NO_TEXT },
	{ 0x00030124, get_max_rate, ATTRIBUTE_NO_TEXT },
	{ 0x00030125, get_max_ifsd, ATTRIBUTE_NO_TEXT },
	{ 0x00030126, get_synch, ATTRIBUTE_NO_TEXT },
	{ 0x00040131, get_power_management, ATTRIBUTE_NO_TEXT },
	{ 0x00050140, get_user_devices, ATTRIBUTE_NO_TEXT },
	{ 0x00050142, get_user_devices, ATTRIBUTE_NO_TEXT },
	{ 0x00060150, get_characteristics, ATTRIBUTE_NO_TEXT },
	{ 0x0007A007, get_max_input, ATTRIBUTE_NO_TEXT },
	{ 0x00080201, get_protocol, ATTRIBUTE_NO_TEXT },
	{ 0x00080202, get_clock, ATTRIBUTE_NO_TEXT },
	{ 0x00080203, get_f, ATTRIBUTE_NO_TEXT },
	{ 0x00080204, get_d, ATTRIBUTE_NO_TEXT },
	{ 0x00080205, get_n, ATTRIBUTE_NO_TEXT },
	{ 0x00080206, get_w, ATTRIBUTE_NO_TEXT },
	{ 0x00080207, get_ifsc, ATTRIBUTE_NO_TEXT },
	{ 0x00080208, get_ifsd, ATTRIBUTE_NO_TEXT },
	{ 0x00080209, get_bwt, ATTRIBUTE_NO_TEXT },
	{ 0x0008020A, get_cwt, ATTRIBUTE_NO_TEXT },
	{ 0x0008020B, get_encoding, ATTRIBUTE_NO_TEXT },
	{ 0x00090300, get_presence, ATTRIBUTE_NO_TEXT },
	{ 0x00090301, get_interface_status, ATTRIBUTE_NO_TEXT },
	{ 0x00090303, get_atr, ATTRIBUTE_NO_TEXT },
	{ 0x00090304, get_card_type, ATTRIBUTE_NO_TEXT },
};

static const struct row *find_row(uint64_t attribute)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].attribute == attribute)
			return &rows[i];
	return NULL;
}

enum attribute_text attribute_text(uint64_t attribute)
{
	const struct row *row = find_row(attribute);

	return row ? row->text : ATTRIBUTE_NO_TEXT;
}

int attribute_get(uint64_t attribute, const struct attribute_facts *facts,
		  uint8_t value[ATTRIBUTE_MAX])
{
	const struct row *row = find_row(attribute);

	return row ? row->get(facts, value) : -ENODATA;
}
