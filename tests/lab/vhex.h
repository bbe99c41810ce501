/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vhex - bytes as hexadecimal text.
 */
#ifndef VHEX_H
#define VHEX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* How many bytes, -1 if text is not hexadecimal or needs more than room. */
ssize_t vhex_parse(const char *text, uint8_t *ret_bytes, size_t room);

/* text has room for 2 * size + 1 characters. */
void vhex_print(const uint8_t *bytes, size_t size, char *ret_text);

#endif
