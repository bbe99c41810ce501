/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * learn - what a slot holds, asked for the first time.
 *
 * A reader that was cut off in the middle of something, by a reboot or by a
 * program that died, may answer only from the second command on, or only after a
 * power-off; a card that it left powered is powered off. The first slot that is
 * asked is where the reader is greeted.
 */
#ifndef CCIDTRACK_LEARN_H
#define CCIDTRACK_LEARN_H

#include "reader.h"

/*
 * The answer goes the way of every reply: movement_replied. Blocks as long as an
 * opening may take (HACKING). 0, -ENODEV, or what exchange.h tells of a reader
 * that does not answer, which the log then tells, too.
 */
int learn_slot(struct reader *reader, unsigned slot);

#endif
