/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vscript.h"

#include <errno.h>
#include <string.h>

#include "vhex.h"
#include "vtrigger.h"

static struct vpipe *pipe_named(struct vccid *ccid, const char *name)
{
	if (strcmp(name, "out") == 0)
		return &ccid->out;
	if (strcmp(name, "in") == 0)
		return &ccid->in;
	if (strcmp(name, "interrupt") == 0)
		return &ccid->interrupt;
	return NULL;
}

static int push(struct vpipe *pipe, struct words words)
{
	uint8_t bytes[512];
	long long count = words.n == 2 ? voptions_number(words.word[1], 10) : 1;
	ssize_t size;

	if (words.n < 1 || words.n > 2 || count < 0)
		return -EINVAL;
	size = vhex_parse(words.word[0], bytes, sizeof(bytes));
	if (size < 0)
		return -EINVAL;
	while (count--)
		vpipe_push(pipe, bytes, (size_t)size, false);
	return 0;
}

int vscript_fault(struct place *place, struct words words,
		  struct vanswer *answer)
{
	(void)answer;
	if (words.n == 1 && strcmp(words.word[0], "none") == 0) {
		vfault_clear(&place->ccid->faults);
		return 0;
	}
	return vfault_add(&place->ccid->faults, words.word, words.n);
}

int vscript_on(struct place *place, struct words words,
	       struct vanswer *answer)
{
	(void)answer;
	if (words.n == 1 && strcmp(words.word[0], "none") == 0) {
		vtrigger_clear(place->ccid);
		return 0;
	}
	return vtrigger_add(place->ccid, words.word, words.n);
}

/* "keys r 1234v": what the user does at the reader's own keys */
int vscript_keys(struct place *place, struct words words,
		 struct vanswer *answer)
{
	(void)answer;
	if (words.n != 1)
		return -EINVAL;
	if (strcmp(words.word[0], "none") != 0)
		return vkeypad_press(place->ccid, words.word[0]);
	place->ccid->keys[0] = '\0';
	return 0;
}

int vscript_escape(struct place *place, struct words words,
		   struct vanswer *answer)
{
	(void)answer;
	if (words.n == 1 && strcmp(words.word[0], "none") == 0) {
		vescape_clear(&place->ccid->escapes);
		return 0;
	}
	return vescape_add(&place->ccid->escapes, words.word, words.n);
}

int vscript_halt(struct place *place, struct words words,
		 struct vanswer *answer)
{
	struct vpipe *pipe;

	(void)answer;
	pipe = words.n == 1 ? pipe_named(place->ccid, words.word[0]) : NULL;
	if (!pipe)
		return -EINVAL;
	vpipe_halt(pipe);
	return 0;
}

/* "break 5 71": the fifth urb from now on ends with -71 */
int vscript_break(struct place *place, struct words words,
		  struct vanswer *answer)
{
	long long nth, number;

	(void)answer;
	if (words.n != 2)
		return -EINVAL;
	nth = voptions_number(words.word[0], 10);
	number = voptions_number(words.word[1], 10);
	if (nth <= 0 || nth > UINT16_MAX || number <= 0 || number > 200)
		return -EINVAL;
	place->device->break_in = (unsigned)nth;
	place->device->break_status = -(int)number;
	return 0;
}

/* "damage in 71": the next urb with data ends with -71 */
int vscript_damage(struct place *place, struct words words,
		   struct vanswer *answer)
{
	struct vpipe *pipe;
	long long number;

	(void)answer;
	if (words.n != 2)
		return -EINVAL;
	pipe = pipe_named(place->ccid, words.word[0]);
	number = voptions_number(words.word[1], 10);
	if (!pipe || number <= 0 || number > 200)
		return -EINVAL;
	pipe->damage = -(int)number;
	return 0;
}

/* "end interrupt 108": the urbs that wait now end with -108 */
int vscript_end(struct place *place, struct words words,
		struct vanswer *answer)
{
	struct vpipe *pipe;
	long long number;

	(void)answer;
	if (words.n != 2)
		return -EINVAL;
	pipe = pipe_named(place->ccid, words.word[0]);
	number = voptions_number(words.word[1], 10);
	if (!pipe || number <= 0 || number > 200)
		return -EINVAL;
	vpipe_end(pipe, NULL, -(int)number);
	return 0;
}

int vscript_notify(struct place *place, struct words words,
		   struct vanswer *answer)
{
	(void)answer;
	return push(&place->ccid->interrupt, words);
}

int vscript_stray(struct place *place, struct words words,
		  struct vanswer *answer)
{
	(void)answer;
	return push(&place->ccid->in, words);
}
