/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tracker's memory in a form in which equal means "behaves alike": a time
 * is kept as an age, as long as the tracker looks at it, and a visit as its
 * relation to the one that is, or was last, inside.
 */
#include "bench.h"

#include <string.h>

#define OLDER_VISIT	1
#define THIS_VISIT	2

#define CHECK_DUE	2

/* In ticks; beyond the limit it makes no difference any more. */
static uint8_t age_of(uint64_t then, uint64_t now, uint64_t limit_ms)
{
	uint64_t age = now - then;

	return (uint8_t)((age < limit_ms ? age : limit_ms) / BENCH_TICK_MS);
}

/* 0: over, else the ticks that are left of the window, from its start on. */
static uint8_t window_of(uint64_t start, uint64_t now, uint64_t length_ms)
{
	if (!start || now - start >= length_ms)
		return 0;
	return (uint8_t)((length_ms - (now - start)) / BENCH_TICK_MS);
}

static uint64_t window_start(uint8_t left, uint64_t now, uint64_t length_ms)
{
	return left ? now + (uint64_t)left * BENCH_TICK_MS - length_ms : 0;
}

static uint8_t relation_of(uint32_t visit, const struct track_slot *s)
{
	if (!visit)
		return 0;
	return visit == s->visit ? THIS_VISIT : OLDER_VISIT;
}

static uint8_t doublings(uint64_t check_ms)
{
	uint8_t n = 0;

	while (check_ms > (uint64_t)TRACK_CHECK_MS << n)
		n++;
	return n;
}

static uint64_t doubled(uint8_t n)
{
	uint64_t check_ms = (uint64_t)TRACK_CHECK_MS << n;

	return check_ms < TRACK_CHECK_MAX_MS ? check_ms : TRACK_CHECK_MAX_MS;
}

static bool is_checked(const struct track *track)
{
	return track->trust == TRACK_UNPROVEN ||
	       (track->trust == TRACK_PROVEN && track->one_sided);
}

/*
 * How long the tracker looks back to its last question. A check that is not due
 * yet may come later than it should: ticks are not added up over a minute.
 */
static uint8_t asked_age(const struct track *track, const struct track_slot *s,
			 uint64_t now)
{
	uint8_t age;

	if (!is_checked(track))
		return age_of(s->asked_ms, now, BENCH_TICK_MS);
	if (now - s->asked_ms >= track->check_ms)
		return CHECK_DUE;
	age = age_of(s->asked_ms, now, track->check_ms);
	return age ? 1 : 0;
}

static uint8_t tokens_of(const struct track *track, uint64_t now)
{
	uint64_t more = (now - track->refill_ms) / TRACK_REFILL_MS;

	return (uint8_t)(track->tokens + more < TRACK_TOKENS
				 ? track->tokens + more
				 : TRACK_TOKENS);
}

static void keep_told(const struct track_slot *s, struct kept *kept)
{
	kept->present = s->present;
	kept->reported = relation_of(s->reported, s);
	kept->watched = s->watched;
	kept->told = s->told;
	kept->pass_empty = s->pass_empty;
	kept->pass_present = s->pass_present;
	kept->waiting = s->waiting;
	kept->stop = s->stop;
	kept->doubt = s->doubt;
	kept->confirm = s->confirm;
	kept->ended = s->ended;
	kept->hollow = s->hollow;
	kept->asked = s->asked;
	kept->outdated = s->asked && s->outdated;
	kept->announced = s->doubt && s->announced;
}

/* What the next power command will judge is judged as soon as it can be. */
static void keep_habits(const struct track_slot *s, uint64_t now,
			struct kept *kept)
{
	bool window = s->powering || window_of(s->power_ms, now,
					       TRACK_CHATTY_MS);
	uint8_t kind = (uint8_t)(1u << s->power_kind);

	kept->chatty = s->chatty;
	if (s->known_ms)
		kept->known = 1 + age_of(s->known_ms, now, TRACK_ECHO_MS);
	if (window) {
		kept->power_kind = (uint8_t)s->power_kind;
		kept->power_bit = s->power_bit;
		kept->chatter_row = s->chatter_row;
		kept->unproven = s->unproven;
		kept->provable = s->provable;
		return;
	}
	kept->power_kind = TRACK_POWER_KINDS;	/* judged */
	kept->power_bit = s->power_bit && s->known_ms;
	if (kept->power_bit)
		kept->chatter_row = s->chatter_row;
	kept->provable = s->provable;
	if (!s->power_bit) {
		kept->chatty &= (uint8_t)~kind;
		kept->provable &= (uint8_t)~kind;
	}
	kept->provable |= s->unproven;
}

static void keep_power(const struct track_slot *s, uint64_t now,
		       struct kept *kept)
{
	bool in_use = s->powering || relation_of(s->powered, s);

	kept->powered = relation_of(s->powered, s);
	kept->powering = s->powering;
	kept->idle = kept->powered && s->kept;
	kept->shown = s->present && s->shown == s->visit;
	kept->unsure = s->unsure;
	kept->again = kept->shown && in_use && s->again;
	kept->power_visit = relation_of(s->power_visit, s);
	kept->power_recent = window_of(s->power_ms, now,
				       kept->again ? TRACK_ECHO_MS
						   : TRACK_CHATTY_MS);
	keep_habits(s, now, kept);
}

void keep_track(const struct track *track, unsigned slot, uint64_t now,
		bool heard, struct kept *ret_kept)
{
	const struct track_slot *s = &track->slot[slot];

	memset(ret_kept, 0, sizeof(*ret_kept));
	keep_told(s, ret_kept);
	keep_power(s, now, ret_kept);
	ret_kept->trust = (uint8_t)track->trust;
	if (is_checked(track))
		ret_kept->check = doublings(track->check_ms);
	if (track->trust == TRACK_PROVEN) {
		ret_kept->untold = track->untold;
		ret_kept->one_sided = track->one_sided;
	}
	if (heard)
		ret_kept->heard = s->heard;
	ret_kept->tokens = tokens_of(track, now);
	ret_kept->asked_age = asked_age(track, s, now);
	ret_kept->moved = window_of(s->moved_ms, now, TRACK_BURST_MS);
	if (s->echo_until > now)
		ret_kept->echo =
			(uint8_t)((s->echo_until - now) / BENCH_TICK_MS);
	if (s->suspect_ms)
		ret_kept->suspect =
			1 + age_of(s->suspect_ms, now, TRACK_ECHO_MS);
}

static void restore_told(const struct kept *kept, struct track_slot *s)
{
	s->present = kept->present;
	s->visit = THIS_VISIT;
	s->reported = kept->reported;
	s->watched = kept->watched;
	s->told = kept->told;
	s->pass_empty = kept->pass_empty;
	s->pass_present = kept->pass_present;
	s->waiting = kept->waiting;
	s->stop = kept->stop;
	s->doubt = kept->doubt;
	s->confirm = kept->confirm;
	s->ended = kept->ended;
	s->hollow = kept->hollow;
	s->asked = kept->asked;
	s->outdated = kept->outdated;
	s->announced = kept->announced;
}

static void restore_power(const struct kept *kept, uint64_t now,
			  struct track_slot *s)
{
	s->powered = kept->powered;
	s->powering = kept->powering;
	s->kept = kept->idle;
	s->shown = kept->shown ? s->visit : 0;
	s->unsure = kept->unsure;
	s->again = kept->again;
	s->power_visit = kept->power_visit;
	s->power_ms = window_start(kept->power_recent, now,
				   kept->again ? TRACK_ECHO_MS
					       : TRACK_CHATTY_MS);
	s->power_kind = kept->power_kind;
	s->power_bit = kept->power_bit;
	s->unproven = kept->unproven;
	s->provable = kept->provable;
	s->chatty = kept->chatty;
	s->chatter_row = kept->chatter_row;
	s->known_ms = kept->known ? now - (kept->known - 1u) * BENCH_TICK_MS
				  : 0;
}

void keep_restore(const struct kept *kept, uint64_t now, struct track *track,
		  unsigned slot)
{
	struct track_slot *s = &track->slot[slot];

	restore_told(kept, s);
	restore_power(kept, now, s);
	track->trust = kept->trust;
	track->untold = kept->untold;
	track->one_sided = kept->one_sided;
	track->unanswered = 0;
	s->heard = kept->heard;
	track->check_ms = doubled(kept->check);
	track->tokens = kept->tokens;
	track->refill_ms = now;
	s->asked_ms = now - (uint64_t)kept->asked_age * BENCH_TICK_MS;
	if (kept->asked_age == CHECK_DUE)
		s->asked_ms = now - track->check_ms;
	s->used_ms = now;
	s->moved_ms = window_start(kept->moved, now, TRACK_BURST_MS);
	s->echo_until = kept->echo ? now + kept->echo * BENCH_TICK_MS : 0;
	s->suspect_ms = kept->suspect
				? now - (kept->suspect - 1u) * BENCH_TICK_MS
				: 0;
}

/* The tracker will behave otherwise after a tick. */
bool keep_has_window(const struct kept *kept)
{
	return kept->moved || kept->echo || kept->suspect ||
	       kept->power_recent || kept->tokens < TRACK_TOKENS ||
	       (kept->known && kept->known <= TRACK_ECHO_MS / BENCH_TICK_MS) ||
	       (kept->trust != TRACK_UNPROVEN && !kept->one_sided &&
		!kept->asked_age);
}
