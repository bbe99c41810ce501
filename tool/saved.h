/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * saved - descriptors that somebody has saved: as raw bytes (sysfs, lsusb),
 * as hexadecimal digits (plain, xxd, hexdump -C), or as lsusb -v prints them.
 */
#ifndef CCIDTRACK_SAVED_H
#define CCIDTRACK_SAVED_H

#include <stddef.h>
#include <stdint.h>

/*
 * Turns what was read into descriptors. Returns how many bytes there are in
 * bytes then, 0 if it is none of these. room is at least DESCRIPTORS_MAX.
 */
size_t saved_decode(const char *file, size_t size, uint8_t *bytes, size_t room);

#endif
