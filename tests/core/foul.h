/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * foul - a scripted reader that says whatever it likes on its bulk and interrupt
 * pipes, mostly near to what it should: what is far off is refused early.
 *
 * The caller has locked the script.
 */
#ifndef CCIDTRACK_TESTS_FOUL_H
#define CCIDTRACK_TESTS_FOUL_H

#include <stdint.h>

#include "device.h"

/* From the next command on. The same seed, the same fouls. */
void foul_begin(struct device *device, uint64_t seed);

/*
 * It does again what it did before, if it was foul. What it has said may look
 * like answers to commands yet to come, by accident, so that is dropped.
 */
void foul_end(struct device *device);

#endif
