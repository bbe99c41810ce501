/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cards and the reader: movements, their notifications, the driver's questions
 * (sent as soon as they are due), time.
 */
#include "bench.h"

#include <string.h>

#define MOVEMENTS	(TRACK_INSERTED | TRACK_REMOVED | TRACK_SWAPPED)

enum ccid_icc reader_status(const struct bench *bench)
{
	if (!bench->world.card)
		return CCID_ICC_ABSENT;
	return bench->world.active ? CCID_ICC_ACTIVE : CCID_ICC_INACTIVE;
}

static uint8_t note_now(const struct bench *bench, unsigned more)
{
	unsigned note = more;

	if (bench->world.card)
		note |= NOTE_PRESENT;
	if (bench->world.owed)
		note |= NOTE_AFTER;
	return (uint8_t)note;
}

static void send_note(struct bench *bench, uint8_t note)
{
	bench->world.note[bench->world.notes++] = note;
}

/* What the last one said is told anew, with both changes in one. */
static void merge_note(struct bench *bench, uint8_t note)
{
	uint8_t *last = &bench->world.note[bench->world.notes - 1];

	*last = (uint8_t)(note | (*last & (NOTE_AFTER | NOTE_AGED)));
	if (bench->config->bitless)
		*last |= NOTE_MERGED;
}

void reader_chatter(struct bench *bench)
{
	if (bench->world.notes < bench->config->notes)
		send_note(bench, note_now(bench, NOTE_CHANGED));
}

static bool can_move(const struct bench *bench, bool insert, bool merged)
{
	const struct world *w = &bench->world;

	if (w->unplugged || insert == (w->card != 0))
		return false;
	if (bench->config->endpoint != ENDPOINT_TRUE)
		return !merged;
	return merged ? w->notes > 0 : w->notes < bench->config->notes;
}

/*
 * Nothing tells of it before the driver asks. A card without power may then
 * have been another one: so it keeps its power, between commands, where the
 * driver knows from the start that nothing is announced.
 */
static void move_unseen(struct bench *bench, bool was_active)
{
	struct world *w = &bench->world;

	w->unseen = true;
	w->question_sees = false;
	if (!was_active && (bench->config->endpoint != ENDPOINT_NONE ||
			    w->call != CALL_NONE))
		promise_excuse(w);
}

static bool move(struct bench *bench, bool insert, bool merged)
{
	struct world *w = &bench->world;
	bool was_active = w->active;

	if (!can_move(bench, insert, merged))
		return false;
	w->card = insert ? BENCH_NEW_CARD : 0;
	w->active = insert && bench->config->auto_activation;
	if (w->known && !insert)
		w->owed = true;
	w->left |= !insert;
	bench->moved = true;
	if (bench->config->endpoint != ENDPOINT_TRUE)
		move_unseen(bench, was_active || insert);
	else if (merged)
		merge_note(bench, note_now(bench, NOTE_CHANGED));
	else
		send_note(bench, note_now(bench, NOTE_CHANGED));
	return true;
}

bool reader_insert(struct bench *bench)
{
	return move(bench, true, false);
}

bool reader_insert_merged(struct bench *bench)
{
	return move(bench, true, true);
}

bool reader_remove(struct bench *bench)
{
	return move(bench, false, false);
}

bool reader_remove_merged(struct bench *bench)
{
	return move(bench, false, true);
}

static void end_question(struct world *w)
{
	w->question = false;
	w->question_icc = 0;
	w->question_behind = 0;
	w->question_sees = false;
}

/* Every transfer under way ends; what was to be told is void. */
bool reader_unplug(struct bench *bench)
{
	struct world *w = &bench->world;

	if (!bench->config->unplug || w->unplugged)
		return false;
	w->unplugged = true;
	w->card = 0;
	w->active = false;
	w->notes = 0;
	memset(w->note, 0, sizeof(w->note));
	promise_excuse(w);
	w->unseen = false;
	w->client_card = 0;
	w->call_card = 0;
	w->call_done = false;
	w->call_behind = 0;
	track_gone(&bench->track);
	if (w->question)
		track_unanswered(&bench->track, 0);
	end_question(w);
	return true;
}

static uint8_t take_note(struct world *w)
{
	uint8_t note = w->note[0];

	memmove(w->note, w->note + 1, BENCH_NOTES - 1);
	w->note[BENCH_NOTES - 1] = 0;
	w->notes--;
	if (w->question_behind)
		w->question_behind--;
	if (w->call_behind)
		w->call_behind--;
	return note;
}

/* The swap that this one tells of can be known from now on. */
static void hear(struct bench *bench, uint8_t note, bool changed)
{
	struct promise_sleepers sleepers = promise_sleepers(bench);
	bool limit = promise_is_beyond_knowing(bench);
	unsigned news;

	news = bench->tracker->notified(&bench->track, 0, note & NOTE_PRESENT,
					changed, bench->now);
	promise_woken(bench, sleepers, news);
	if ((note & NOTE_AFTER) && bench->world.owed && !bench->world.evident)
		promise_evident(bench, limit && !(news & MOVEMENTS));
}

bool reader_notify(struct bench *bench)
{
	if (!bench->world.notes)
		return false;
	hear(bench, take_note(&bench->world), true);
	return true;
}

bool reader_notify_twice(struct bench *bench)
{
	struct world *w = &bench->world;

	if (!bench->config->doubles || !w->notes || (w->note[0] & NOTE_TWICE))
		return false;
	w->note[0] |= NOTE_TWICE;
	hear(bench, w->note[0], true);
	return true;
}

bool reader_notify_bitless(struct bench *bench)
{
	uint8_t note;

	if (!bench->config->bitless || !bench->world.notes ||
	    (bench->world.note[0] & NOTE_MERGED))
		return false;
	note = take_note(&bench->world);
	promise_lose(bench, note);
	hear(bench, note, false);
	return true;
}

bool reader_garble(struct bench *bench)
{
	struct promise_sleepers sleepers = promise_sleepers(bench);

	if (!bench->config->garbles || !bench->world.notes)
		return false;
	promise_lose(bench, take_note(&bench->world));
	promise_woken(bench, sleepers,
		      bench->tracker->missed(&bench->track, 0));
	return true;
}

bool reader_lose(struct bench *bench)
{
	if (!bench->config->loses || !bench->world.notes)
		return false;
	promise_lose(bench, take_note(&bench->world));
	bench->world.unseen = true;
	bench->world.question_sees = false;
	return true;
}

/* A hardware error, a resume: something may be lost, nothing is. */
bool reader_fault(struct bench *bench)
{
	struct promise_sleepers sleepers = promise_sleepers(bench);

	if (!bench->config->garbles || bench->world.unplugged)
		return false;
	promise_woken(bench, sleepers,
		      bench->tracker->missed(&bench->track, 0));
	return true;
}

/* Commands and questions end, and what the reader had to tell is lost. */
static bool sleep(struct bench *bench)
{
	struct world *w = &bench->world;

	if (!bench->config->sleeps || w->unplugged || w->call == CALL_SENT ||
	    w->call == CALL_OFF_SENT)
		return false;
	for (unsigned i = 0; i < w->notes; i++)
		promise_lose(bench, w->note[i]);
	w->notes = 0;
	memset(w->note, 0, sizeof(w->note));
	if (w->question)
		track_unanswered(&bench->track, 0);
	end_question(w);
	return true;
}

static void resume(struct bench *bench)
{
	struct promise_sleepers sleepers = promise_sleepers(bench);
	struct world *w = &bench->world;

	/* Who activates cards cannot tell whether they had lost their power. */
	if (w->card && bench->config->auto_activation) {
		w->left = true;
		w->active = true;
	}
	promise_woken(bench, sleepers,
		      bench->tracker->resumed(&bench->track, 0, bench->now));
}

bool reader_sleep(struct bench *bench)
{
	if (!sleep(bench))
		return false;
	resume(bench);
	return true;
}

/* A card without power is another one as far as pcscd can tell. */
static void lose_power(struct bench *bench)
{
	struct world *w = &bench->world;

	w->left |= w->active;
	w->active = false;
}

bool reader_sleep_unpowered(struct bench *bench)
{
	if (!bench->world.active || !sleep(bench))
		return false;
	lose_power(bench);
	resume(bench);
	return true;
}

/* A card that was off can be known by its ATR alone, once it is powered up. */
static bool move_asleep(struct bench *bench, bool insert)
{
	const struct track_slot *s = &bench->track.slot[0];
	bool powered = s->present && s->powered == s->visit;
	struct world *w = &bench->world;

	if (!sleep(bench))
		return false;
	if (w->card && w->known) {
		if (w->active && powered)
			w->evident = true;
		else
			w->latent = !w->owed || w->latent;
		w->owed = true;
	}
	w->left |= w->card != 0;
	w->card = insert ? BENCH_NEW_CARD : 0;
	w->active = false;
	bench->moved = true;
	resume(bench);
	return true;
}

bool reader_sleep_remove(struct bench *bench)
{
	return bench->world.card && move_asleep(bench, false);
}

bool reader_sleep_swap(struct bench *bench)
{
	return bench->world.card && move_asleep(bench, true);
}

bool reader_sleep_insert(struct bench *bench)
{
	return !bench->world.card && move_asleep(bench, true);
}

/* An owner of the slot asks between two commands only. */
static bool can_ask(const struct bench *bench)
{
	const struct world *w = &bench->world;

	return !w->question && !w->unplugged &&
	       w->call != CALL_SENT && w->call != CALL_OFF_SENT &&
	       bench->question_due <= bench->now;
}

void reader_ask(struct bench *bench)
{
	struct world *w = &bench->world;
	unsigned news;

	bench->question_due = track_question_due(&bench->track, 0, bench->now,
						 &news);
	if (!can_ask(bench))
		return;
	track_asked(&bench->track, 0, bench->now);
	w->question = true;
	w->question_icc = (uint8_t)reader_status(bench);
	w->question_behind = bench->config->late ? 0 : w->notes;
	w->question_sees = true;
}

bool reader_answer(struct bench *bench)
{
	struct promise_sleepers sleepers = promise_sleepers(bench);
	struct world *w = &bench->world;
	enum ccid_icc icc = w->question_icc;

	if (!w->question || w->question_behind)
		return false;
	if (w->question_sees && !bench->track.slot[0].outdated)
		w->unseen = false;
	end_question(w);
	promise_woken(bench, sleepers,
		      bench->tracker->answered(&bench->track, 0, icc,
					       bench->now));
	return true;
}

bool reader_leave_unanswered(struct bench *bench)
{
	if (!bench->config->unanswered || !bench->world.question)
		return false;
	end_question(&bench->world);
	track_unanswered(&bench->track, 0);
	return true;
}

/* Nothing that the driver or the reader does at once is left to be done. */
static bool is_time_for_time(const struct bench *bench)
{
	const struct world *w = &bench->world;

	return !w->unplugged && !w->question;
}

/* A notification may be under way for a tick, never for two. */
static bool can_age(const struct bench *bench)
{
	const struct world *w = &bench->world;

	if (!bench->config->slow)
		return w->notes == 0;
	for (unsigned i = 0; i < w->notes; i++)
		if (w->note[i] & NOTE_AGED)
			return false;
	return true;
}

bool reader_tick(struct bench *bench)
{
	struct world *w = &bench->world;

	if (!is_time_for_time(bench) || !can_age(bench) ||
	    (!w->notes && !keep_has_window(&w->kept)))
		return false;
	for (unsigned i = 0; i < w->notes; i++)
		w->note[i] |= NOTE_AGED;
	bench->now += BENCH_TICK_MS;
	return true;
}

/* A pause, for everybody but a command that lasts. */
bool reader_long(struct bench *bench)
{
	struct world *w = &bench->world;

	if (!is_time_for_time(bench) || w->notes ||
	    bench->track.slot[0].doubt || bench->track.slot[0].confirm ||
	    w->event_at != EVENT_WAIT ||
	    bench->tracker->wait_over(&bench->track, 0))
		return false;
	w->deadline = true;
	bench->now += BENCH_LONG_MS;
	return true;
}
