/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * desc - the CCID class descriptor (CCID 1.1, 5.1), checked and made usable.
 *
 * Real descriptors bend the rules, so what can be repaired is repaired: counts
 * of 0 become 1, limits are clamped, a missing voltage list means automatic,
 * bits without a meaning are dropped, a maximum is never below its default.
 * Refused is only what no exchange could be built on.
 *
 * Pure. Any thread.
 */
#ifndef CCIDTRACK_DESC_H
#define CCIDTRACK_DESC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DESC_SIZE		54
#define DESC_SLOTS_MAX		16	/* more are not offered to pcscd */
#define DESC_MESSAGE_MIN	11	/* a header and one byte */
#define DESC_MESSAGE_MAX	65554	/* an APDU of 65544 bytes, header */
#define DESC_CLOCK_MAX		1000000	/* kHz; more is no figure: taken as 0 */
#define DESC_RATE_MAX		100000000	/* bit/s; more is taken as 0 */

/* dwFeatures */
#define DESC_AUTO_PARAMETERS	0x00000002u	/* configures from the ATR */
#define DESC_AUTO_ACTIVATION	0x00000004u	/* powers an inserted card */
#define DESC_AUTO_VOLTAGE	0x00000008u
#define DESC_AUTO_CLOCK		0x00000010u
#define DESC_AUTO_RATE		0x00000020u
#define DESC_AUTO_NEGOTIATION	0x00000040u	/* by a method of its own */
#define DESC_AUTO_PPS		0x00000080u
#define DESC_CLOCK_STOP		0x00000100u
#define DESC_NAD		0x00000200u
#define DESC_AUTO_IFSD		0x00000400u

/* bVoltageSupport */
#define DESC_VOLTAGE_5V		0x01u
#define DESC_VOLTAGE_3V		0x02u
#define DESC_VOLTAGE_1V8	0x04u

enum desc_level {
	DESC_LEVEL_CHARACTER,
	DESC_LEVEL_TPDU,
	DESC_LEVEL_SHORT_APDU,
	DESC_LEVEL_EXTENDED_APDU,
};

struct desc {
	uint16_t version;		/* bcdCCID */
	uint8_t slots;			/* 1..DESC_SLOTS_MAX */
	uint8_t busy_slots;		/* 1..slots */
	uint8_t voltages;		/* DESC_VOLTAGE_*; 0: reader's choice */
	enum desc_level level;		/* the highest announced */
	uint32_t protocols;		/* bit 0: T=0, bit 1: T=1; 0: untold */
	uint32_t features;		/* dwFeatures as announced */
	uint32_t default_clock;		/* kHz, may be 0 */
	uint32_t max_clock;
	uint32_t default_rate;		/* bit/s, may be 0 */
	uint32_t max_rate;
	uint8_t clocks;			/* how many GET_CLOCK_FREQUENCIES tells */
	uint8_t rates;			/* how many GET_DATA_RATES tells */
	uint8_t max_ifsd;		/* 32..254 */
	uint32_t synch_protocols;
	uint32_t mechanical;
	uint32_t max_message;		/* DESC_MESSAGE_MIN..DESC_MESSAGE_MAX */
	uint8_t class_get_response;
	uint8_t class_envelope;
	uint8_t lcd_lines;
	uint8_t lcd_characters;
	uint8_t pin_support;		/* bit 0: verify, bit 1: modify */
};

/*
 * Finds the class descriptor among the extra bytes behind an interface or an
 * endpoint descriptor. Descriptors of type 21h and another length belong to
 * HID or DFU; 54 bytes of type FFh are taken if none of type 21h is there.
 * Returns a pointer into extra to DESC_SIZE bytes, or NULL.
 */
const uint8_t *desc_find(const uint8_t *extra, size_t size);

/*
 * True if the interface is a smart card reader's. Class 0Bh says so by itself.
 * Readers older than the standard have FFh, which counts only if desc_find
 * found (else NULL) a descriptor that desc_parse takes and that names some
 * protocol. Every other class is another device's.
 */
bool desc_is_reader(uint8_t interface_class, const uint8_t *found);

/* Which level dwFeatures tell, the highest one of several. */
enum desc_level desc_level_of(uint32_t features);

/*
 * 0, -EINVAL if size or bLength is not DESC_SIZE, -EPROTO if no message fits
 * the limits.
 */
int desc_parse(const uint8_t *raw, size_t size, struct desc *ret_desc);

#endif
