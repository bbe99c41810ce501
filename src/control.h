/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control - what clients ask of the reader itself: SCardControl and
 * SCardGetAttrib.
 *
 * feature.h tells which control codes there are, attribute.h which attributes;
 * this finds out what they need and sends what they want sent: a PIN entry
 * (secure.h), or an escape command, which goes to the reader as it is, whether
 * there is a card or not.
 *
 * Any thread of pcscd.
 */
#ifndef CCIDTRACK_CONTROL_H
#define CCIDTRACK_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#include "attribute.h"
#include "reader.h"

/*
 * 0: *ret_size bytes of answer lie in answer. Else nothing was written to it,
 * and *ret_size is 0:
 *   -ENOTSUP  no such code, or not for this reader; a malformed structure; the
 *             reader does not know the command
 *   -ENOBUFS  the answer does not fit
 *   -ENODEV   the device is gone
 * and the errors of secure.h and exchange.h.
 */
int control(struct reader *reader, unsigned slot, uint64_t code,
	    const uint8_t *request, size_t size, uint8_t *answer, size_t room,
	    size_t *ret_size);

/* As attribute_get; -ENODEV. */
int control_attribute(struct reader *reader, unsigned slot, uint64_t attribute,
		      uint8_t value[ATTRIBUTE_MAX]);

#endif
