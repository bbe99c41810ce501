/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "host.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vhex.h"

/* As pcscd hands them out, whatever the client has */
#define EXTENDED	65548
#define ATTRIBUTE	264
#define ATR		33

/* What pcscd asks for to get at the functions that are not exported */
#define TAG_POLLING	0x0FB3
#define TAG_STOP	0x0FB2

typedef RESPONSECODE polling_function(DWORD lun, int timeout);
typedef RESPONSECODE stop_function(DWORD lun);

struct call {
	const struct host_module *module;
	char **words;
	DWORD lun;
	const uint8_t *in;
	size_t in_size;
	uint8_t *out;		/* EXTENDED bytes */
	DWORD out_size;		/* what the driver has left there */
	bool shown;		/* it has an answer to show */
};

/* log_msg's prototype is the driver's business; this one returns a code. */
#define BAD_SCRIPT	(-1)

static DWORD number(const char *word, int base)
{
	return word ? strtoul(word, NULL, base) : 0;
}

static RESPONSECODE create(struct call *call)
{
	return call->module->create_by_name(call->lun, call->words[2]);
}

static RESPONSECODE channel(struct call *call)
{
	return call->module->create(call->lun, number(call->words[2], 0));
}

static RESPONSECODE close_channel(struct call *call)
{
	return call->module->close(call->lun);
}

static RESPONSECODE presence(struct call *call)
{
	return call->module->presence(call->lun);
}

static RESPONSECODE power(struct call *call)
{
	static const struct {
		const char *word;
		DWORD action;
	} actions[] = {
		{ "up", IFD_POWER_UP },
		{ "down", IFD_POWER_DOWN },
		{ "reset", IFD_RESET },
	};

	call->out_size = ATR;
	call->shown = true;
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(actions[i].word, call->words[2]) == 0)
			return call->module->power(call->lun, actions[i].action,
						   call->out, &call->out_size);
	return BAD_SCRIPT;
}

static RESPONSECODE protocol(struct call *call)
{
	DWORD protocol = number(call->words[2], 10) ? SCARD_PROTOCOL_T1 :
						      SCARD_PROTOCOL_T0;

	return call->module->protocol(call->lun, protocol, 0, 0, 0, 0);
}

/* "transmit LUN HEX [0|1|4]" */
static RESPONSECODE transmit(struct call *call)
{
	SCARD_IO_HEADER send = { 1, 0 }, receive = { 0, 0 };

	if (call->words[3])
		send.Protocol = number(call->words[3], 10);
	call->out_size = EXTENDED;
	call->shown = true;
	return call->module->transmit(call->lun, send,
				      (PUCHAR)(uintptr_t)call->in,
				      call->in_size, call->out, &call->out_size,
				      &receive);
}

static RESPONSECODE control(struct call *call)
{
	call->shown = true;
	return call->module->control(call->lun, number(call->words[2], 16),
				     (PUCHAR)(uintptr_t)call->in, call->in_size,
				     call->out, EXTENDED, &call->out_size);
}

static RESPONSECODE get(struct call *call)
{
	call->out_size = ATTRIBUTE;
	if (call->words[3])
		call->out_size = number(call->words[3], 10);
	call->shown = true;
	return call->module->get(call->lun, number(call->words[2], 16),
				 &call->out_size, call->out);
}

static RESPONSECODE set(struct call *call)
{
	return call->module->set(call->lun, number(call->words[2], 16),
				 call->in_size, (PUCHAR)(uintptr_t)call->in);
}

/* The function that the tag gives; NULL if the driver has none. */
static void *function(struct call *call, DWORD tag)
{
	void *found = NULL;
	DWORD size = sizeof(found);

	if (call->module->get(call->lun, tag, &size, (PUCHAR)&found) != 0 ||
	    size != sizeof(found))
		return NULL;
	return found;
}

static RESPONSECODE poll(struct call *call)
{
	polling_function *polling =
		(polling_function *)function(call, TAG_POLLING);

	if (!polling)
		return BAD_SCRIPT;
	return polling(call->lun, (int)strtol(call->words[2], NULL, 10));
}

static RESPONSECODE stop(struct call *call)
{
	stop_function *stopping = (stop_function *)function(call, TAG_STOP);

	return stopping ? stopping(call->lun) : BAD_SCRIPT;
}

static const struct {
	const char *name;
	unsigned words;		/* at least so many */
	unsigned hex;		/* which of them is bytes; 0: none */
	RESPONSECODE (*run)(struct call *call);
} calls[] = {
	{ "create", 3, 0, create },
	{ "channel", 3, 0, channel },
	{ "close", 2, 0, close_channel },
	{ "presence", 2, 0, presence },
	{ "power", 3, 0, power },
	{ "protocol", 3, 0, protocol },
	{ "transmit", 2, 2, transmit },
	{ "control", 3, 3, control },
	{ "get", 3, 0, get },
	{ "set", 3, 3, set },
	{ "poll", 3, 0, poll },
	{ "stop", 2, 0, stop },
};

static void print(const struct call *call, uint64_t start, unsigned thread,
		  RESPONSECODE code)
{
	flockfile(stdout);
	printf("%" PRIu64 " %" PRIu64 " %u %s %lu rc=%ld", start, host_now(),
	       thread, call->words[0], call->lun, code);
	if (call->shown)
		printf(" length=%lu data=", call->out_size);
	if (call->shown && call->out_size <= EXTENDED)
		for (DWORD i = 0; i < call->out_size; i++)
			printf("%02x", call->out[i]);
	putchar('\n');
	funlockfile(stdout);
}

static void run(size_t row, char **words, unsigned thread, uint8_t *bytes)
{
	struct call call = {
		.module = host_module(), .words = words,
		.lun = number(words[1], 0), .in = bytes,
		.out = bytes + EXTENDED,
	};
	const char *hex = calls[row].hex ? words[calls[row].hex] : NULL;
	ssize_t n = hex ? vhex_parse(hex, bytes, EXTENDED) : 0;
	RESPONSECODE code = BAD_SCRIPT;
	uint64_t start = host_now();

	if (n >= 0) {
		call.in_size = (size_t)n;
		host_count(true);
		code = calls[row].run(&call);
		host_count(false);
	}
	print(&call, start, thread, code);
}

void host_call(char **words, unsigned thread)
{
	uint8_t *bytes = calloc(2, EXTENDED);
	size_t row = 0, n = 0;

	while (words[n])
		n++;
	while (row < sizeof(calls) / sizeof(calls[0]) &&
	       strcmp(calls[row].name, words[0]) != 0)
		row++;
	if (!bytes || row == sizeof(calls) / sizeof(calls[0]) ||
	    n < calls[row].words)
		printf("%" PRIu64 " error %s\n", host_now(), words[0]);
	else
		run(row, words, thread, bytes);
	if (bytes)
		explicit_bzero(bytes, 2 * EXTENDED);
	free(bytes);
}
