/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * contact - a card that speaks for itself, at any exchange level, in a scripted
 * reader with keys: device.h for everything but power-up, XfrBlock and Secure.
 */
#ifndef CCIDTRACK_TESTS_CONTACT_H
#define CCIDTRACK_TESTS_CONTACT_H

#include <stddef.h>

#include "desc.h"
#include "device.h"

/*
 * Before it is opened. atr is an index as in session_card.h. The card answers
 * any command with answer_size bytes 5A and 90 00, any PIN with 90 00.
 */
void contact_plug(struct device *device, enum desc_level level, unsigned atr,
		  size_t answer_size);

#endif
