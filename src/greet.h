/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * greet - makes a reader that is being opened fit to be used: what is known of
 * its kind (quirk.h) and what the administrator wants (options.h) are laid over
 * what it tells of itself, and some want to hear a command first.
 *
 * Called by reader.c. greet_fit comes before anything is sent; greet_before and
 * greet_behind for the first slot that is opened, before and behind its first
 * status, with the slot owned. What a reader was told, a reset or a sleep may
 * have made it forget: card.c sees to it that greet_behind comes again before
 * the next card gets its power. A reader that does not take what it is sent is
 * used all the same.
 */
#ifndef CCIDTRACK_GREET_H
#define CCIDTRACK_GREET_H

#include "reader.h"

/* -ENOTSUP: its firmware is known to be bad, and nobody has allowed it. */
int greet_fit(struct reader *reader);

bool greet_is_due(struct reader *reader);
void greet_before(struct reader *reader, unsigned slot);
void greet_behind(struct reader *reader, unsigned slot);

#endif
