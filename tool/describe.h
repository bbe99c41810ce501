/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * describe - a class descriptor in words.
 */
#ifndef CCIDTRACK_DESCRIBE_H
#define CCIDTRACK_DESCRIBE_H

#include <stdbool.h>
#include <stdint.h>

#include "desc.h"

/* What is known of the interface beside its class descriptor; -1: untold. */
struct describe_interface {
	int number;
	int interface_class;
	int protocol;
	int interrupt;
};

/* Prints lines, or members of the JSON object that is open. */
void describe_interface(const struct describe_interface *interface, bool json);

/* What the driver knows of that reader that it does not say. */
void describe_quirks(uint16_t vendor, uint16_t product, uint16_t firmware,
		     bool json);

/* raw: DESC_SIZE bytes. Likewise; says so if desc_parse takes them not. */
void describe_raw(const uint8_t *raw, bool json);

#endif
