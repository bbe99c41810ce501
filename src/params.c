/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "params.h"

#include <errno.h>

#include "bytes.h"
#include "ccid.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

#define F_DEFAULT	372
#define D_DEFAULT	1

/* Readers round their rates, and their clock to a kHz. */
#define RATE_TOLERANCE	500

#define PPSS		0xFF
#define PPS0_PPS1	0x10
#define PPS_MIN		3	/* PPSS, PPS0, PCK */

/* Byte offsets in the data of SetParameters */
enum {
	FIDI = 0,
	CHECK = 1,
	GUARD_TIME = 2,
	WAITING = 3,
	CLOCK_STOP = 4,
	IFSC = 5,
};

#define SET_SIZE_T0	5
#define SET_SIZE_T1	7	/* bNadValue, 0, is the last */

#define CHECK_CRC	0x01
#define CHECK_INVERSE	0x02
#define CHECK_T1	0x10

/* Who negotiates: see the header. */
static const struct role {
	uint32_t feature;	/* 0: none needed */
	bool apdu, tpdu;	/* at which levels */
	bool pps;		/* by the host */
	bool set;		/* SetParameters, even for the first protocol */
	bool change;		/* SetParameters for another one */
	bool fast;		/* the card can leave the default speed */
} roles[] = {
	{ .feature = DESC_AUTO_NEGOTIATION, .apdu = true, .tpdu = true },
	{ .feature = DESC_AUTO_PPS, .apdu = true, .tpdu = true,
	  .set = true, .change = true, .fast = true },
	{ .tpdu = true,
	  .pps = true, .set = true, .change = true, .fast = true },
	{ .feature = DESC_AUTO_PARAMETERS, .apdu = true, .change = true },
	{ .apdu = true, .set = true, .change = true },
};

static bool at_apdu_level(const struct desc *desc)
{
	return desc->level >= DESC_LEVEL_SHORT_APDU;
}

static const struct role *find_role(const struct desc *desc)
{
	const struct role *role = roles;

	while ((desc->features & role->feature) != role->feature ||
	       !(at_apdu_level(desc) ? role->apdu : role->tpdu))
		role++;
	return role;
}

static bool plausible(uint32_t clock)
{
	return clock >= TIMES_CLOCK_MIN && clock <= TIMES_CLOCK_MAX;
}

static uint32_t slowest(const struct params_reader *reader, uint32_t clock)
{
	for (size_t i = 0; i < reader->clock_count; i++)
		if (plausible(reader->clocks[i]) &&
		    (!clock || reader->clocks[i] < clock))
			clock = reader->clocks[i];
	return clock;
}

/* The clock after a reset, kHz; 0 if the reader tells nothing that can be. */
static uint32_t first_clock(const struct params_reader *reader)
{
	const struct desc *desc = reader->desc;
	uint32_t by_rate = (uint32_t)((uint64_t)desc->default_rate * F_DEFAULT /
				      1000);
	uint32_t clock;

	if (plausible(desc->default_clock))
		return desc->default_clock;
	clock = slowest(reader, 0);
	if (clock)
		return clock;
	return plausible(by_rate) ? by_rate : 0;
}

uint32_t params_clock(const struct params_reader *reader)
{
	uint32_t clock = first_clock(reader);

	if (!clock)
		return TIMES_CLOCK_MIN;
	if (reader->desc->features & DESC_AUTO_CLOCK)
		return slowest(reader, clock);
	return clock;
}

static bool near(uint32_t a, uint32_t b)
{
	uint32_t apart = a > b ? a - b : b - a;

	return apart <= b / RATE_TOLERANCE;
}

static bool not_above(uint32_t rate, uint32_t limit)
{
	return rate <= limit || near(rate, limit);
}

static bool reader_does(const struct params_reader *reader, uint32_t rate)
{
	bool listed = false;

	if (reader->rate_cap && !not_above(rate, reader->rate_cap))
		return false;
	for (size_t i = 0; i < reader->rate_count; i++) {
		if (reader->rates[i] && near(rate, reader->rates[i]))
			return true;
		listed |= reader->rates[i] != 0;
	}
	return !listed && not_above(rate, reader->desc->max_rate);
}

struct choice {
	const struct params_reader *reader;
	uint32_t clock;
	uint32_t limit;		/* the rate of TA1 */
	uint32_t rate;		/* the best so far */
	uint8_t fidi;
};

static uint32_t rate_of(uint32_t clock, uint8_t fidi)
{
	return (uint32_t)((uint64_t)clock * 1000 * atr_d(fidi) / atr_f(fidi));
}

/* 12 and 20 only if the card names them itself: few others take them. */
static bool card_takes(uint8_t d, uint8_t d_max)
{
	return d == d_max || (d && d < d_max && !(d & (d - 1)));
}

/* Tries one F with each D up to that of the card. */
static void try_f(struct choice *choice, uint8_t f_index, uint8_t d_max)
{
	for (uint8_t d_index = 1; d_index < 16; d_index++) {
		uint8_t fidi = (uint8_t)(f_index << 4 | d_index);
		uint32_t rate;

		if (!card_takes(atr_d(fidi), d_max))
			continue;
		rate = rate_of(choice->clock, fidi);
		if (rate <= choice->rate || rate > choice->limit ||
		    !reader_does(choice->reader, rate))
			continue;
		choice->rate = rate;
		choice->fidi = fidi;
	}
}

static uint8_t best_fidi(const struct params_reader *reader, uint8_t ta1)
{
	struct choice choice = {
		.reader = reader,
		.clock = first_clock(reader),
		.fidi = ATR_DEFAULT_FIDI,
	};

	choice.limit = rate_of(choice.clock, ta1);
	choice.rate = rate_of(choice.clock, ATR_DEFAULT_FIDI);
	try_f(&choice, ta1 >> 4, atr_d(ta1));
	if (choice.fidi != ATR_DEFAULT_FIDI)
		return choice.fidi;
	for (uint8_t f_index = 1; f_index < 16; f_index++) {
		uint16_t f = atr_f((uint8_t)(f_index << 4));

		if (f && f <= atr_f(ta1))
			try_f(&choice, f_index, atr_d(ta1));
	}
	return choice.fidi;
}

static void put_set(struct params *params, const struct desc *desc,
		    const struct atr *atr)
{
	uint8_t *bytes = params->set_bytes;

	bytes[FIDI] = params->fidi;
	bytes[CHECK] = atr->inverse ? CHECK_INVERSE : 0;
	bytes[GUARD_TIME] = atr->guard_time;
	bytes[WAITING] = atr->wi;
	if (desc->features & DESC_CLOCK_STOP)
		bytes[CLOCK_STOP] = atr->clock_stop;
	params->set_size = SET_SIZE_T0;
	if (!params->protocol)
		return;
	bytes[CHECK] |= CHECK_T1 | (atr->crc ? CHECK_CRC : 0);
	bytes[WAITING] = (uint8_t)(atr->bwi << 4 | atr->cwi);
	bytes[IFSC] = atr->ifsc;
	params->set_size = SET_SIZE_T1;
}

/* Without PPS1 the card stays at default speed. */
static void put_pps(struct params *params)
{
	uint8_t *bytes = params->pps_bytes;
	size_t size = 2;
	uint8_t sum = 0;

	bytes[0] = PPSS;
	bytes[1] = params->protocol;
	if (params->fidi != ATR_DEFAULT_FIDI) {
		bytes[1] |= PPS0_PPS1;
		bytes[size++] = params->fidi;
	}
	for (size_t i = 0; i < size; i++)
		sum ^= bytes[i];
	bytes[size++] = sum;
	params->pps_size = size;
}

/*
 * What a reader that negotiates by itself comes to is unknown: then the longer
 * times of default speed and TA1 count, which is Dd with the greater F.
 */
static void put_speed(struct params *params, const struct role *role,
		      const struct params_reader *reader, const struct atr *atr)
{
	bool known = role->pps || (atr->specific && !atr->implicit);

	params->fidi = ATR_DEFAULT_FIDI;
	if (atr->specific)
		params->fidi = atr->fidi;
	else if (role->fast && !(role->pps && reader->no_pps))
		params->fidi = best_fidi(reader, atr->fidi);
	params->times.f = atr_f(known ? params->fidi : atr->fidi);
	params->times.d = known ? atr_d(params->fidi) : D_DEFAULT;
}

static bool card_has(const struct atr *atr, uint8_t protocol)
{
	return atr->specific ? atr->specific_protocol == protocol :
			       atr_offers(atr, protocol);
}

/* Another protocol than the first is a matter of PPS, if the host does it. */
static bool reader_has(const struct params_reader *reader,
		       const struct role *role, uint8_t protocol, bool first)
{
	uint32_t protocols = reader->desc->protocols;

	if (protocols && !(protocols >> protocol & 1))
		return false;
	return first || !role->pps || !reader->no_pps;
}

/* A reader that needs no parameters from us judges odd ATRs by itself. */
static int check_card(const struct atr *atr, uint8_t protocol, bool told)
{
	bool unreliable = atr->flags & ATR_UNRELIABLE;

	if (unreliable ? told : !card_has(atr, protocol))
		return -EPROTONOSUPPORT;
	return told && atr->specific && atr->implicit ? -EIO : 0;
}

static void put_times(struct times *times, uint32_t clock,
		      const struct atr *atr)
{
	times->clock = clock;
	times->guard_time = atr->guard_time;
	times->wi = atr->wi;
	times->bwi = atr->bwi;
	times->cwi = atr->cwi;
	times->ifsc = atr->ifsc;
	times_reckon(times);
}

int params_decide(const struct params_reader *reader, const struct atr *atr,
		  uint8_t protocol, struct params *ret_params)
{
	const struct role *role = find_role(reader->desc);
	bool first = atr->specific || atr->protocols[0] == protocol;
	struct params params = {
		.protocol = protocol,
		.first = first,
		.specific = atr->specific,
		.set = first ? role->set : role->change,
		.refusable = at_apdu_level(reader->desc),
		.crc = atr->crc,
		.times.protocol = protocol,
	};
	int r;

	if (protocol > 1 || !reader_has(reader, role, protocol, first))
		return -EPROTONOSUPPORT;
	r = check_card(atr, protocol, params.set);
	if (r < 0)
		return r;
	put_speed(&params, role, reader, atr);
	params.pps = role->pps && !atr->specific &&
		     (!first || params.fidi != ATR_DEFAULT_FIDI);
	put_pps(&params);
	put_set(&params, reader->desc, atr);
	put_times(&params.times, params_clock(reader), atr);
	*ret_params = params;
	return 0;
}

int params_slow_down(struct params *params)
{
	if (params->specific || params->fidi == ATR_DEFAULT_FIDI)
		return -ENOTSUP;
	params->fidi = ATR_DEFAULT_FIDI;
	params->set_bytes[FIDI] = ATR_DEFAULT_FIDI;
	params->pps = params->pps && !params->first;
	put_pps(params);
	params->times.f = F_DEFAULT;
	params->times.d = D_DEFAULT;
	times_reckon(&params->times);
	return 0;
}

size_t params_pps_missing(const uint8_t *answer, size_t size)
{
	size_t whole = PPS_MIN;

	if (size >= 2)
		for (unsigned bit = 4; bit <= 6; bit++)
			whole += answer[1] >> bit & 1;
	return size < whole ? whole - size : 0;
}

enum params_pps params_check_pps(const struct params *params,
				 const uint8_t *answer, size_t size)
{
	if (size == params->pps_size &&
	    !memcmp(answer, params->pps_bytes, size))
		return PARAMS_PPS_AGREED;
	if (size == PPS_MIN && answer[0] == PPSS &&
	    answer[1] == params->protocol &&
	    answer[2] == (answer[0] ^ answer[1]))
		return PARAMS_PPS_DEFAULT;
	return PARAMS_PPS_FAILED;
}

size_t params_list(const uint8_t *raw, size_t size, uint8_t promised,
		   uint32_t *ret_list)
{
	if (size != 4u * promised)
		return 0;
	for (size_t i = 0; i < promised; i++)
		ret_list[i] = get_le32(raw + 4 * i);
	return promised;
}

struct voltage {
	uint8_t bit;		/* of bVoltageSupport, and of the classes */
	uint8_t select;		/* bPowerSelect */
};

#define V5	{ DESC_VOLTAGE_5V, CCID_POWER_5V }
#define V3	{ DESC_VOLTAGE_3V, CCID_POWER_3V }
#define V1_8	{ DESC_VOLTAGE_1V8, CCID_POWER_1V8 }

static const struct voltage voltages[][PARAMS_VOLTAGES_MAX] = {
	[PARAMS_FIRST_5V] = { V5, V3, V1_8 },
	[PARAMS_FIRST_3V] = { V3, V5, V1_8 },
	[PARAMS_FIRST_1V8] = { V1_8, V3, V5 },
};

size_t params_voltages(const struct desc *desc, enum params_first first,
		       uint8_t classes,
		       uint8_t ret_order[PARAMS_VOLTAGES_MAX])
{
	size_t count = 0;

	/* Who powers a card by itself has chosen by itself. */
	if (!desc->voltages || first == PARAMS_FIRST_READER ||
	    desc->features & (DESC_AUTO_VOLTAGE | DESC_AUTO_ACTIVATION)) {
		ret_order[0] = CCID_POWER_AUTO;
		return 1;
	}
	for (size_t i = 0; i < PARAMS_VOLTAGES_MAX; i++) {
		const struct voltage *voltage = &voltages[first][i];

		if (desc->voltages & voltage->bit &&
		    (!classes || classes & voltage->bit))
			ret_order[count++] = voltage->select;
	}
	return count;
}
