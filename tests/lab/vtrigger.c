/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vtrigger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX	16

struct trigger {
	struct trigger *next;
	const struct vccid *ccid;
	unsigned command, slot, skip, count, after;
	enum vtrigger_moment moment;
	char *words[WORDS_MAX];
	size_t n_words;
};

/* One run of a trigger's words */
struct run {
	struct run *next;
	struct vloop_timer timer;
	unsigned after;
	char *words[WORDS_MAX];
	size_t n_words;
};

void (*vtrigger_run)(char *const *words, size_t n);

static struct trigger *triggers;

static void free_words(char **words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(words[i]);
}

static int copy_words(char **to, size_t *ret_n, char *const *words, size_t n)
{
	if (n > WORDS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		to[i] = strdup(words[i]);
		if (!to[i])
			abort();
	}
	*ret_n = n;
	return 0;
}

static int take_number(unsigned *to, const char *text)
{
	long long number = voptions_number(text, 0);

	if (number < 0)
		return -EINVAL;
	*to = (unsigned)number;
	return 0;
}

static int take(struct trigger *trigger, const char *word)
{
	if (strncmp(word, "slot=", 5) == 0)
		return take_number(&trigger->slot, word + 5);
	if (strncmp(word, "skip=", 5) == 0)
		return take_number(&trigger->skip, word + 5);
	if (strncmp(word, "count=", 6) == 0)
		return take_number(&trigger->count, word + 6);
	if (strncmp(word, "after=", 6) == 0)
		return take_number(&trigger->after, word + 6);
	if (strcmp(word, "at=before") == 0)
		trigger->moment = VTRIGGER_BEFORE;
	else if (strcmp(word, "at=arrival") == 0)
		trigger->moment = VTRIGGER_ARRIVAL;
	else if (strcmp(word, "at=reply") == 0)
		trigger->moment = VTRIGGER_REPLY;
	else
		return -ENOENT;
	return 0;
}

static int parse(struct trigger *trigger, char *const *words, size_t n)
{
	size_t i = 1;
	int r = n < 3 ? -EINVAL : vfault_command(words[0], &trigger->command);

	while (r == 0 && i < n && strcmp(words[i], "do") != 0)
		r = take(trigger, words[i++]);
	if (r < 0)
		return r;
	if (i + 1 >= n)
		return -EINVAL;
	return copy_words(trigger->words, &trigger->n_words, words + i + 1,
			  n - i - 1);
}

int vtrigger_add(struct vccid *ccid, char *const *words, size_t n)
{
	struct trigger *trigger = calloc(1, sizeof(*trigger));
	struct trigger **place = &triggers;
	int r;

	if (!trigger)
		return -ENOMEM;
	trigger->ccid = ccid;
	trigger->slot = VFAULT_ANY;
	trigger->count = 1;
	trigger->moment = VTRIGGER_ARRIVAL;
	r = parse(trigger, words, n);
	if (r < 0) {
		free(trigger);
		return r;
	}
	while (*place)
		place = &(*place)->next;
	*place = trigger;
	return 0;
}

static void drop(struct trigger **place)
{
	struct trigger *trigger = *place;

	*place = trigger->next;
	free_words(trigger->words, trigger->n_words);
	free(trigger);
}

static void execute(struct run *run)
{
	vtrigger_run(run->words, run->n_words);
	free_words(run->words, run->n_words);
	free(run);
}

static void run_due(struct vloop_timer *timer)
{
	execute(vloop_owner(timer, struct run, timer));
}

static struct run *run_of(const struct trigger *trigger, struct run *next)
{
	struct run *run = calloc(1, sizeof(*run));

	if (!run)
		abort();
	copy_words(run->words, &run->n_words, trigger->words,
		   trigger->n_words);
	run->after = trigger->after;
	run->next = next;
	return run;
}

/* Unplugging at once would free the slot under the caller's hands. */
static void execute_or_arm(struct run *run)
{
	if (!run->after && strcmp(run->words[0], "unplug") != 0) {
		execute(run);
		return;
	}
	run->timer.fire = run_due;
	vloop_arm(&run->timer, vloop_now() + run->after * VLOOP_US);
}

static bool fits(const struct trigger *trigger, const struct vslot *slot,
		 uint8_t command, enum vtrigger_moment moment)
{
	return trigger->ccid == slot->ccid && trigger->moment == moment &&
	       (trigger->command == VFAULT_ANY ||
		trigger->command == command) &&
	       (trigger->slot == VFAULT_ANY || trigger->slot == slot->number);
}

/* First all that fit are found: running one may change the list. */
void vtrigger_seen(struct vslot *slot, uint8_t command,
		   enum vtrigger_moment moment)
{
	struct trigger **place = &triggers;
	struct run *runs = NULL;

	while (*place) {
		struct trigger *trigger = *place;

		if (!fits(trigger, slot, command, moment)) {
			place = &trigger->next;
		} else if (trigger->skip) {
			trigger->skip--;
			place = &trigger->next;
		} else {
			runs = run_of(trigger, runs);
			if (--trigger->count)
				place = &trigger->next;
			else
				drop(place);
		}
	}
	while (runs) {
		struct run *run = runs;

		runs = run->next;
		execute_or_arm(run);
	}
}

void vtrigger_clear(const struct vccid *ccid)
{
	struct trigger **place = &triggers;

	while (*place) {
		if (!ccid || (*place)->ccid == ccid)
			drop(place);
		else
			place = &(*place)->next;
	}
}
