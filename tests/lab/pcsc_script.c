/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "pcsc_client.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vhex.h"

#define HANDLES		8
#define WORDS		8
#define BYTES_MAX	(65536 + 264)

struct word_value {
	const char *word;
	DWORD value;
};

static const struct word_value modes[] = {
	{ "shared", SCARD_SHARE_SHARED },
	{ "exclusive", SCARD_SHARE_EXCLUSIVE },
	{ "direct", SCARD_SHARE_DIRECT },
	{ NULL, 0 },
};

static const struct word_value dispositions[] = {
	{ "leave", SCARD_LEAVE_CARD },
	{ "reset", SCARD_RESET_CARD },
	{ "unpower", SCARD_UNPOWER_CARD },
	{ "eject", SCARD_EJECT_CARD },
	{ NULL, 0 },
};

static const struct word_value protocols[] = {
	{ "any", SCARD_PROTOCOL_ANY },
	{ "t0", SCARD_PROTOCOL_T0 },
	{ "t1", SCARD_PROTOCOL_T1 },
	{ "raw", SCARD_PROTOCOL_RAW },
	{ NULL, 0 },
};

static SCARDCONTEXT context;
static struct {
	SCARDHANDLE handle;
	DWORD protocol;
} handles[HANDLES], *current = handles;

static uint8_t bytes[BYTES_MAX], answer[BYTES_MAX];
static char names[4096];

/* What a command leaves for its line */
static const uint8_t *shown;
static DWORD shown_size;
static SCARD_READERSTATE shown_state;
static bool state_shown;

static DWORD value_of(const struct word_value *table, const char *word)
{
	while (word && table->word && strcmp(table->word, word) != 0)
		table++;
	return word ? table->value : 0;
}

/* The first reader whose name has part in it; part itself if none has. */
static const char *find_reader(const char *part)
{
	DWORD size = sizeof(names);

	if (!part)
		return "";
	if (SCardListReaders(context, NULL, names, &size) != SCARD_S_SUCCESS)
		return part;
	for (const char *name = names; *name; name += strlen(name) + 1)
		if (strstr(name, part))
			return name;
	return part;
}

static DWORD number_of(const char *word, int base)
{
	return word ? strtoul(word, NULL, base) : 0;
}

static void show(const void *data, DWORD size)
{
	shown = data;
	shown_size = size;
}

static LONG do_connect(char **words)
{
	const char *protocol = words[3] ? words[3] : "any";

	return SCardConnect(context, find_reader(words[1]),
			    value_of(modes, words[2]),
			    value_of(protocols, protocol), &current->handle,
			    &current->protocol);
}

static LONG do_reconnect(char **words)
{
	const char *protocol = words[3] ? words[3] : "any";

	return SCardReconnect(current->handle, value_of(modes, words[1]),
			      value_of(protocols, protocol),
			      value_of(dispositions, words[2]),
			      &current->protocol);
}

static LONG do_disconnect(char **words)
{
	return SCardDisconnect(current->handle,
			       value_of(dispositions, words[1]));
}

static LONG do_begin(char **words)
{
	(void)words;
	return SCardBeginTransaction(current->handle);
}

static LONG do_end(char **words)
{
	return SCardEndTransaction(current->handle,
				   value_of(dispositions, words[1]));
}

static LONG do_transmit(char **words)
{
	const SCARD_IO_REQUEST *pci = current->protocol == SCARD_PROTOCOL_T0 ?
				      SCARD_PCI_T0 : SCARD_PCI_T1;
	ssize_t size = words[1] ? vhex_parse(words[1], bytes, sizeof(bytes)) :
				  -1;
	DWORD room = sizeof(answer);
	LONG code;

	if (size < 0)
		return SCARD_E_INVALID_PARAMETER;
	if (current->protocol == SCARD_PROTOCOL_RAW)
		pci = SCARD_PCI_RAW;
	code = SCardTransmit(current->handle, pci, bytes, (DWORD)size, NULL,
			     answer, &room);
	if (code == SCARD_S_SUCCESS)
		show(answer, room);
	return code;
}

static LONG do_status(char **words)
{
	DWORD name_size = sizeof(names), atr_size = MAX_ATR_SIZE;
	DWORD word, protocol;
	LONG code;

	(void)words;
	code = SCardStatus(current->handle, names, &name_size, &word, &protocol,
			   answer, &atr_size);
	if (code == SCARD_S_SUCCESS)
		show(answer, atr_size);
	return code;
}

static LONG do_attrib(char **words)
{
	DWORD size = MAX_BUFFER_SIZE;
	LONG code = SCardGetAttrib(current->handle, number_of(words[1], 16),
				   answer, &size);

	if (code == SCARD_S_SUCCESS)
		show(answer, size);
	return code;
}

static LONG do_control(char **words)
{
	ssize_t size = words[2] ? vhex_parse(words[2], bytes, sizeof(bytes)) :
				  0;
	DWORD got = 0;
	LONG code;

	if (size < 0)
		return SCARD_E_INVALID_PARAMETER;
	code = SCardControl(current->handle, number_of(words[1], 16), bytes,
			    (DWORD)size, answer, sizeof(answer), &got);
	if (code == SCARD_S_SUCCESS)
		show(answer, got);
	return code;
}

static LONG status_change(const char *reader, DWORD word, DWORD timeout)
{
	LONG code;

	memset(&shown_state, 0, sizeof(shown_state));
	shown_state.szReader = find_reader(reader);
	shown_state.dwCurrentState = word;
	code = SCardGetStatusChange(context, timeout, &shown_state, 1);
	state_shown = true;
	return code;
}

static LONG do_state(char **words)
{
	return status_change(words[1], SCARD_STATE_UNAWARE, 0);
}

static LONG do_wait(char **words)
{
	return status_change(words[1], number_of(words[2], 16),
			     number_of(words[3], 10));
}

static LONG do_readers(char **words)
{
	DWORD size = sizeof(names);
	LONG code = SCardListReaders(context, NULL, names, &size);

	(void)words;
	for (const char *name = names; code == SCARD_S_SUCCESS && *name;
	     name += strlen(name) + 1)
		printf("reader \"%s\"\n", name);
	return code;
}

static LONG do_use(char **words)
{
	current = &handles[number_of(words[1], 10) % HANDLES];
	return SCARD_S_SUCCESS;
}

static const struct {
	const char *name;
	LONG (*run)(char **words);
} commands[] = {
	{ "connect", do_connect },
	{ "reconnect", do_reconnect },
	{ "disconnect", do_disconnect },
	{ "begin", do_begin },
	{ "end", do_end },
	{ "transmit", do_transmit },
	{ "status", do_status },
	{ "attrib", do_attrib },
	{ "control", do_control },
	{ "state", do_state },
	{ "wait", do_wait },
	{ "readers", do_readers },
	{ "use", do_use },
};

static void split(char *line, char **words)
{
	size_t n = 0;

	while (*line && n < WORDS) {
		char end = ' ';

		line += strspn(line, " \n");
		if (!*line)
			break;
		if (*line == '"')
			end = *line++;
		words[n++] = line;
		line += strcspn(line, end == '"' ? "\"" : " \n");
		if (*line)
			*line++ = '\0';
	}
	words[n] = NULL;
}

static void run(char **words)
{
	uint64_t start = pcsc_now();
	LONG code = SCARD_E_INVALID_PARAMETER;

	show(NULL, 0);
	state_shown = false;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, words[0]) == 0)
			code = commands[i].run(words);
	printf("%" PRIu64 " %" PRIu64 " %s %s", start, pcsc_now(), words[0],
	       pcsc_code(code));
	if (shown_size)
		putchar(' ');
	pcsc_print_hex(shown, shown_size);
	if (state_shown) {
		putchar(' ');
		pcsc_print_state(&shown_state);
	}
	putchar('\n');
}

int pcsc_script(void)
{
	char *line = NULL;
	size_t room = 0;
	LONG code = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL,
					  &context);

	if (code != SCARD_S_SUCCESS) {
		fprintf(stderr, "pcsc-watch: SCardEstablishContext: %s\n",
			pcsc_code(code));
		return 1;
	}
	while (getline(&line, &room, stdin) > 0) {
		char *words[WORDS + 1];

		split(line, words);
		if (words[0])
			run(words);
	}
	free(line);
	SCardReleaseContext(context);
	return 0;
}
