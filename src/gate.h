/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gate - readers inside one device that must not work at the same time.
 *
 * A few composite devices hang if both of their interfaces have a command. Their
 * readers share a gate: one that has a channel in use has entered it, and the
 * other gets none meanwhile. Who is turned away comes back a little later; it
 * need not be woken, which would take the other reader's lock. And it comes
 * next: who entered last waits for who was turned away.
 *
 * NULL is the gate of all other readers: always open, at no cost. Any thread;
 * the lock inside is the innermost of all.
 */
#ifndef CCIDTRACK_GATE_H
#define CCIDTRACK_GATE_H

#include <stdbool.h>
#include <stdint.h>

#define GATE_MS	5	/* until somebody who was turned away comes back */

struct gate;

/* The gate of the device; a reader joins once. -ENOMEM. */
int gate_join(unsigned bus, unsigned address, struct gate **ret_gate);
void gate_leave(struct gate *gate);

/* Would it be let in? If not, it is expected back. */
bool gate_is_open(struct gate *gate, const void *reader, uint64_t now);

/* The same, and it is in: as often as it entered, it exits. */
bool gate_enter(struct gate *gate, const void *reader, uint64_t now);
void gate_exit(struct gate *gate);

#endif
