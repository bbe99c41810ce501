/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vbench.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vdevice.h"
#include "vhex.h"
#include "vnode.h"
#include "vscript.h"
#include "vserver.h"
#include "vtrigger.h"

enum needs {
	NOTHING,
	READER,
	SLOT,
};

__attribute__((format(printf, 2, 3)))
static void say(struct vanswer *answer, const char *format, ...)
{
	size_t used = strlen(answer->text);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(answer->text + used, sizeof(answer->text) - used, format,
		  arguments);
	va_end(arguments);
}

static bool find_reader(const char *name, struct place *place)
{
	place->ccid = vdevice_find_ccid(name, &place->device);
	return place->ccid != NULL;
}

static bool find_slot(const char *word, struct place *place)
{
	long long number = voptions_number(word, 10);

	if (number < 0 || number >= place->ccid->options->slots)
		return false;
	place->slot = place->ccid->slots + number;
	return true;
}

/* --- commands on the bench itself */

static int plug(struct place *place, struct words words, struct vanswer *answer)
{
	char *const *first = words.word;
	const struct voptions *options;
	char hex[2 * VDEVICE_DESCRIPTORS + 1];
	struct vdevice *device;
	int r;

	(void)place;
	if (words.n < 1)
		return -EINVAL;
	r = vdevice_plug(first[0], first + 1, words.n - 1, &device);
	if (r < 0)
		return r;
	options = &device->options;
	vnode_add(options->bus, options->address);
	vhex_print(device->descriptors, device->size, hex);
	say(answer, " bus=%u address=%u speed=%u", options->bus,
	    options->address, options->speed);
	say(answer, " manufacturer=\"%s\" product=\"%s\" serial=\"%s\"",
	    options->manufacturer, options->product, options->serial);
	say(answer, " interface-text=\"%s\" descriptors=%s",
	    options->interface_text, hex);
	return 0;
}

static int list(struct place *place, struct words words, struct vanswer *answer)
{
	(void)place;
	(void)words;
	for (const struct vdevice *device = vdevice_first; device;
	     device = device->next)
		say(answer, " %s", device->name);
	return 0;
}

static int open_log(struct place *place, struct words words,
		    struct vanswer *answer)
{
	(void)place;
	(void)answer;
	return words.n == 1 ? vjournal_open(words.word[0]) : -EINVAL;
}

static int flush_log(struct place *place, struct words words,
		     struct vanswer *answer)
{
	(void)place;
	(void)words;
	(void)answer;
	vjournal_flush();
	return 0;
}

static int note(struct place *place, struct words words, struct vanswer *answer)
{
	(void)place;
	if (words.n != 1)
		return -EINVAL;
	vjournal_note(answer->time, "-", NULL, 0, "note %s", words.word[0]);
	return 0;
}

static int quit(struct place *place, struct words words, struct vanswer *answer)
{
	(void)place;
	(void)words;
	(void)answer;
	vloop_stop();
	return 0;
}

/* --- commands on a reader */

static int unplug(struct place *place, struct words words,
		  struct vanswer *answer)
{
	(void)words;
	(void)answer;
	for (unsigned i = 0; i < place->device->options.readers; i++)
		vtrigger_clear(&place->device->ccids[i]);
	vnode_remove(place->device->options.bus, place->device->options.address);
	vserver_unplug(place->device);
	return 0;
}

/* All words or none: a mistake must not leave half of them behind. */
static int set(struct place *place, struct words words, struct vanswer *answer)
{
	struct voptions options = place->device->options;

	for (size_t i = 0; i < words.n; i++) {
		int r = voptions_take(&options, words.word[i], true);

		if (r < 0) {
			say(answer, "%s: ", words.word[i]);
			return r;
		}
	}
	place->device->options = options;
	return 0;
}

/* Another program has the interface, as far as the host can tell. */
static int hold(struct place *place, struct words words, struct vanswer *answer)
{
	(void)words;
	(void)answer;
	return vdevice_claim(place->device, place->ccid,
			     place->ccid->interface, false);
}

static int let_go(struct place *place, struct words words,
		  struct vanswer *answer)
{
	(void)words;
	(void)answer;
	return vdevice_release(place->device, place->ccid,
			       place->ccid->interface);
}

/* The reader loses power, as in a bus reset by somebody else. */
static int power_loss(struct place *place, struct words words,
		      struct vanswer *answer)
{
	(void)words;
	(void)answer;
	vccid_reset(place->ccid);
	return 0;
}

static int stats(struct place *place, struct words words,
		 struct vanswer *answer)
{
	(void)words;
	vjournal_counts(&place->device->counts, answer->text,
			sizeof(answer->text));
	return 0;
}

static int clear(struct place *place, struct words words,
		 struct vanswer *answer)
{
	(void)words;
	(void)answer;
	memset(&place->device->counts, 0, sizeof(place->device->counts));
	return 0;
}

static int state(struct place *place, struct words words,
		 struct vanswer *answer)
{
	static const char *const iccs[] = { "active", "inactive", "absent" };
	const struct vccid *ccid = place->ccid;

	(void)words;
	say(answer, " claimed=%d armed=%d reading=%d", ccid->claimed,
	    ccid->interrupt.urbs != NULL, ccid->in.urbs != NULL);
	for (unsigned i = 0; i < ccid->options->slots; i++) {
		const struct vslot *slot = ccid->slots + i;

		say(answer, " slot%u=%s", i, iccs[vslot_icc(slot)]);
		if (slot->card)
			say(answer, " card%u=%u", i, slot->card->serial);
	}
	return 0;
}

/* --- commands on a slot */

static void say_card(struct vanswer *answer, const struct vcard *card)
{
	char hex[2 * VCARD_ATR_MAX + 1];

	vhex_print(card->atr, card->atr_size, hex);
	say(answer, " serial=%u atr=%s", card->serial, hex);
}

static int insert(struct place *place, struct words words,
		  struct vanswer *answer)
{
	struct vcard *card;
	int r;

	if (words.n < 1)
		return -EINVAL;
	if (place->slot->card || place->slot->next_card)
		return -EBUSY;
	r = vcard_new(words.word[0], words.word + 1, words.n - 1, &card);
	if (r < 0)
		return r;
	say_card(answer, card);
	answer->time = vloop_now();
	vslot_insert(place->slot, card);
	return 0;
}

static int take_out(struct place *place, struct words words,
		    struct vanswer *answer)
{
	(void)words;
	if (!place->slot->card)
		return -ENOENT;
	say(answer, " serial=%u", place->slot->card->serial);
	vslot_remove(place->slot);
	return 0;
}

/* "gap=US" comes first, if it does. */
static int swap(struct place *place, struct words words, struct vanswer *answer)
{
	long long gap = 0;
	struct vcard *card;
	int r;

	if (words.n && strncmp(words.word[0], "gap=", 4) == 0) {
		gap = voptions_number(words.word[0] + 4, 10);
		words.word++;
		words.n--;
	}
	if (words.n < 1 || gap < 0)
		return -EINVAL;
	if (!place->slot->card)
		return -ENOENT;
	r = vcard_new(words.word[0], words.word + 1, words.n - 1, &card);
	if (r < 0)
		return r;
	say_card(answer, card);
	answer->time = vloop_now();
	vslot_swap(place->slot, card, (unsigned)gap);
	return 0;
}

static const struct {
	const char *name;
	enum needs needs;
	int (*run)(struct place *place, struct words words,
		   struct vanswer *answer);
} commands[] = {
	{ "plug", NOTHING, plug },
	{ "list", NOTHING, list },
	{ "log", NOTHING, open_log },
	{ "flush", NOTHING, flush_log },
	{ "note", NOTHING, note },
	{ "quit", NOTHING, quit },
	{ "unplug", READER, unplug },
	{ "set", READER, set },
	{ "fault", READER, vscript_fault },
	{ "on", READER, vscript_on },
	{ "keys", READER, vscript_keys },
	{ "escape", READER, vscript_escape },
	{ "halt", READER, vscript_halt },
	{ "break", READER, vscript_break },
	{ "damage", READER, vscript_damage },
	{ "end", READER, vscript_end },
	{ "hold", READER, hold },
	{ "let-go", READER, let_go },
	{ "notify", READER, vscript_notify },
	{ "stray", READER, vscript_stray },
	{ "power-loss", READER, power_loss },
	{ "stats", READER, stats },
	{ "clear", READER, clear },
	{ "state", READER, state },
	{ "insert", SLOT, insert },
	{ "remove", SLOT, take_out },
	{ "swap", SLOT, swap },
};

static bool complain(struct vanswer *answer, const char *what, const char *word)
{
	snprintf(answer->text, sizeof(answer->text), "%s %s", what, word);
	return false;
}

/* Takes off words what names the place. */
static bool find_place(enum needs needs, struct words *words,
		       struct place *place, struct vanswer *answer)
{
	if (needs == NOTHING)
		return true;
	if (words->n < 1 || !find_reader(words->word[0], place))
		return complain(answer, "no reader",
				words->n ? words->word[0] : "named");
	words->word++;
	words->n--;
	if (needs == READER)
		return true;
	if (words->n < 1 || !find_slot(words->word[0], place))
		return complain(answer, "no slot",
				words->n ? words->word[0] : "named");
	words->word++;
	words->n--;
	return true;
}

bool vbench_run(char *const *words, size_t n, struct vanswer *ret_answer)
{
	struct words rest = { words + 1, n - 1 };
	struct place place = { 0 };
	size_t i = 0;
	int r;

	ret_answer->text[0] = '\0';
	ret_answer->time = vloop_now();
	while (i < sizeof(commands) / sizeof(commands[0]) &&
	       strcmp(commands[i].name, words[0]) != 0)
		i++;
	if (i == sizeof(commands) / sizeof(commands[0]))
		return complain(ret_answer, "no command", words[0]);
	if (!find_place(commands[i].needs, &rest, &place, ret_answer))
		return false;
	r = commands[i].run(&place, rest, ret_answer);
	if (r < 0)
		say(ret_answer, "%s: %s", words[0], strerror(-r));
	return r == 0;
}
