/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "lun.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "options.h"

#define SLOT_BITS	16
#define SLOT_MASK	0xFFFFul

/*
 * A reader that is being opened or closed: no two threads at a time, or two
 * slots of it would race. Others are not held up, however long it takes.
 */
struct turn {
	unsigned long reader;
	struct turn *next;
};

/* Guards all below, and the references; never held across I/O. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;
static struct lun *table;
static struct turn *turns;

static struct turn **find_turn(unsigned long reader)
{
	struct turn **at = &turns;

	while (*at && (*at)->reader != reader)
		at = &(*at)->next;
	return at;
}

/*
 * The options are read while nobody can be using them: then the lock is held,
 * but there is nobody who could want it.
 */
static void take_turn(struct turn *turn, unsigned long number)
{
	turn->reader = number >> SLOT_BITS;
	pthread_mutex_lock(&lock);
	while (*find_turn(turn->reader))
		pthread_cond_wait(&released, &lock);
	if (!table && !turns)
		options_load();
	turn->next = turns;
	turns = turn;
	pthread_mutex_unlock(&lock);
}

static void end_turn(struct turn *turn)
{
	pthread_mutex_lock(&lock);
	*find_turn(turn->reader) = turn->next;
	pthread_cond_broadcast(&released);
	pthread_mutex_unlock(&lock);
}

static struct lun *find(unsigned long number)
{
	struct lun *lun = table;

	while (lun && lun->number != number)
		lun = lun->next;
	return lun;
}

/* Another slot of the same reader. */
static struct lun *find_sibling(unsigned long number)
{
	struct lun *lun = table;

	while (lun && lun->number >> SLOT_BITS != number >> SLOT_BITS)
		lun = lun->next;
	return lun;
}

static unsigned count_readers(void)
{
	unsigned count = 0;

	for (const struct lun *a = table; a; a = a->next) {
		const struct lun *b = table;

		while (b->reader != a->reader)
			b = b->next;
		count += a == b;
	}
	return count;
}

static void insert(struct lun *lun)
{
	pthread_mutex_lock(&lock);
	lun->next = table;
	table = lun;
	pthread_mutex_unlock(&lock);
}

static void take_out(struct lun *lun)
{
	struct lun **at = &table;

	while (*at != lun)
		at = &(*at)->next;
	*at = lun->next;
}

struct lun *lun_get(unsigned long number)
{
	struct lun *lun;

	pthread_mutex_lock(&lock);
	lun = find(number);
	if (lun)
		lun->references++;
	pthread_mutex_unlock(&lock);
	return lun;
}

void lun_put(void *lun)
{
	pthread_mutex_lock(&lock);
	((struct lun *)lun)->references--;
	pthread_cond_broadcast(&released);
	pthread_mutex_unlock(&lock);
}

/*
 * The first slot opens the reader; the others must mean the same device. 0 with
 * *ret_reader NULL: it is to be opened. Caller locks.
 */
static int look_up_reader(unsigned long number, const char *device,
			  struct reader **ret_reader)
{
	const struct lun *sibling = find_sibling(number);

	if (find(number))
		return -EBUSY;
	if (sibling && strcmp(sibling->device, device) != 0)
		return -EBUSY;
	if (!sibling && count_readers() >= LUN_READERS_MAX)
		return -ENOSPC;
	*ret_reader = sibling ? sibling->reader : NULL;
	return 0;
}

static int get_reader(unsigned long number, const char *device,
		      struct reader **ret_reader)
{
	int r;

	pthread_mutex_lock(&lock);
	r = look_up_reader(number, device, ret_reader);
	pthread_mutex_unlock(&lock);
	if (r < 0 || *ret_reader)
		return r;
	return reader_open(device, ret_reader);
}

/* Nobody else uses it: the caller has the reader's turn. */
static void let_reader_go(unsigned long number, struct reader *reader)
{
	bool used;

	pthread_mutex_lock(&lock);
	used = find_sibling(number);
	pthread_mutex_unlock(&lock);
	if (!used)
		reader_close(reader);
}

static int open_lun(unsigned long number, struct lun *lun)
{
	int r = get_reader(number, lun->device, &lun->reader);

	if (r < 0)
		return r;
	lun->number = number;
	lun->slot = (unsigned)(number & SLOT_MASK);
	r = reader_open_slot(lun->reader, lun->slot);
	if (r < 0) {
		let_reader_go(number, lun->reader);
		return r;
	}
	insert(lun);
	return 0;
}

int lun_open(unsigned long number, const char *device)
{
	struct lun *lun = calloc(1, sizeof(*lun));
	struct turn turn;
	int r = -ENOMEM;

	if (lun)
		lun->device = strdup(device);
	if (lun && lun->device) {
		take_turn(&turn, number);
		r = open_lun(number, lun);
		end_turn(&turn);
	}
	if (r < 0) {
		free(lun ? lun->device : NULL);
		free(lun);
	}
	return r;
}

/* From here on nobody finds it; those who have it are sent home. */
static struct lun *end(unsigned long number)
{
	struct lun *lun;

	pthread_mutex_lock(&lock);
	lun = find(number);
	if (lun) {
		take_out(lun);
		reader_end_slot(lun->reader, lun->slot);
		while (lun->references)
			pthread_cond_wait(&released, &lock);
	}
	pthread_mutex_unlock(&lock);
	return lun;
}

int lun_close(unsigned long number)
{
	struct turn turn;
	struct lun *lun;

	take_turn(&turn, number);
	lun = end(number);
	if (lun) {
		reader_close_slot(lun->reader, lun->slot);
		let_reader_go(number, lun->reader);
	}
	end_turn(&turn);
	if (!lun)
		return -ENOENT;
	free(lun->device);
	free(lun);
	return 0;
}
