/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "halt.h"

#include "listen.h"
#include "movement.h"

void halt_note(struct reader *reader, enum usb_pipe pipe)
{
	reader->halted |= 1u << pipe;
	reader_wake(reader);
}

bool halt_is_noted(const struct reader *reader, unsigned pipes)
{
	return (reader->halted | reader->clearing) & pipes;
}

bool halt_is_being_cleared(const struct reader *reader, unsigned pipes)
{
	return reader->clearing & pipes;
}

/* What is said of no pipe any more, may halt again meanwhile. */
static void clear(struct reader *reader, unsigned pipes)
{
	reader->halted &= ~pipes;
	reader->clearing |= pipes;
	pthread_mutex_unlock(&reader->lock);
	for (unsigned i = 0; i < USB_PIPES; i++)
		if (pipes & 1u << i)
			usb_clear_halt(reader->usb, (enum usb_pipe)i);
	pthread_mutex_lock(&reader->lock);
	reader->clearing &= ~pipes;
}

/* What moved since the pipe failed was not told. */
static void listen_anew(struct reader *reader)
{
	listen_on(reader);
	movement_miss_all(reader);
}

bool halt_clear(struct reader *reader, unsigned pipes)
{
	pipes &= reader->halted & ~reader->clearing;
	if (!pipes || reader->mender || reader->gone)
		return false;
	clear(reader, pipes);
	if (pipes & 1u << USB_INTERRUPT)
		listen_anew(reader);
	reader_wake(reader);
	return true;
}

void halt_forget(struct reader *reader)
{
	reader->halted = 0;
}
