/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bytes - integers in device messages and bounded copies.
 * CCID and USB are little endian; PC/SC part 10 feature lists are big endian.
 */
#ifndef CCIDTRACK_BYTES_H
#define CCIDTRACK_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t get_le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t get_le32(const uint8_t *p)
{
	return (uint32_t)get_le16(p) | (uint32_t)get_le16(p + 2) << 16;
}

static inline void put_le16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline void put_le32(uint8_t *p, uint32_t v)
{
	put_le16(p, (uint16_t)v);
	put_le16(p + 2, (uint16_t)(v >> 16));
}

/* Copies at most room bytes; returns how many were copied. */
static inline size_t copy_bounded(void *to, size_t room, const void *from,
				  size_t size)
{
	size_t n = size < room ? size : room;

	if (n)
		memcpy(to, from, n);
	return n;
}

#endif
