/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define PATIENCE_MS	(4 * GATE_MS)	/* who does not come back by then */

struct gate {
	struct gate *next;
	unsigned bus, address;
	unsigned readers;
	const void *inside;	/* NULL: nobody */
	unsigned entered;	/* so many times */
	const void *expected;	/* was turned away last, or NULL */
	uint64_t expected_ms;	/* then */
};

/* Guards all gates. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct gate *gates;

static struct gate **find(unsigned bus, unsigned address)
{
	struct gate **at = &gates;

	while (*at && ((*at)->bus != bus || (*at)->address != address))
		at = &(*at)->next;
	return at;
}

int gate_join(unsigned bus, unsigned address, struct gate **ret_gate)
{
	struct gate **at, *gate;

	pthread_mutex_lock(&lock);
	at = find(bus, address);
	if (!*at)
		*at = calloc(1, sizeof(**at));
	gate = *at;
	if (gate) {
		gate->bus = bus;
		gate->address = address;
		gate->readers++;
	}
	pthread_mutex_unlock(&lock);
	if (!gate)
		return -ENOMEM;
	*ret_gate = gate;
	return 0;
}

void gate_leave(struct gate *gate)
{
	struct gate **at;

	if (!gate)
		return;
	pthread_mutex_lock(&lock);
	if (--gate->readers == 0) {
		at = find(gate->bus, gate->address);
		*at = gate->next;
		free(gate);
	}
	pthread_mutex_unlock(&lock);
}

/* Caller locks. */
static bool lets_in(struct gate *gate, const void *reader, uint64_t now)
{
	if (gate->inside == reader)
		return true;
	if (gate->inside) {
		gate->expected = reader;
		gate->expected_ms = now;
		return false;
	}
	return !gate->expected || gate->expected == reader ||
	       now - gate->expected_ms > PATIENCE_MS;
}

bool gate_is_open(struct gate *gate, const void *reader, uint64_t now)
{
	bool open;

	if (!gate)
		return true;
	pthread_mutex_lock(&lock);
	open = lets_in(gate, reader, now);
	pthread_mutex_unlock(&lock);
	return open;
}

bool gate_enter(struct gate *gate, const void *reader, uint64_t now)
{
	bool open;

	if (!gate)
		return true;
	pthread_mutex_lock(&lock);
	open = lets_in(gate, reader, now);
	if (open) {
		gate->inside = reader;
		gate->entered++;
		gate->expected = NULL;
	}
	pthread_mutex_unlock(&lock);
	return open;
}

void gate_exit(struct gate *gate)
{
	if (!gate)
		return;
	pthread_mutex_lock(&lock);
	if (--gate->entered == 0)
		gate->inside = NULL;
	pthread_mutex_unlock(&lock);
}
