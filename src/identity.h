/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * identity - commands that clients send to the card and mean for the driver:
 * FF 9A 01 P2, who are you? One reader's software asks so, and only there it is
 * answered (QUIRK_IDENTITY); with another reader the card gets it.
 *
 *   P2  01  maker     03  product    06  firmware    07  driver
 *
 * Pure. Any thread.
 */
#ifndef CCIDTRACK_IDENTITY_H
#define CCIDTRACK_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

struct identity {
	const char *maker;
	const char *product;
	uint16_t firmware;	/* bcdDevice */
	const char *driver;
};

/*
 * Returns the size of the answer, status word included, which lies in answer;
 * 0 if it is a command for the card; -ENOBUFS.
 */
int identity_answer(const struct identity *identity, const uint8_t *command,
		    size_t size, uint8_t *answer, size_t room);

#endif
