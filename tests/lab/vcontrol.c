/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vcontrol.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vbench.h"
#include "vdevice.h"
#include "vloop.h"
#include "voptions.h"
#include "vtrigger.h"

#define LINE_MAX	3072
#define WORDS_MAX	64
#define WAIT_DEFAULT	10000	/* ms */

struct client {
	struct client *next;
	struct vloop_watch watch;
	char line[LINE_MAX];
	size_t used;
	/* "wait": what for, and until when */
	bool waiting;
	char reader[64], condition[64];
	struct vloop_timer deadline;
};

static struct vloop_watch listener = { .fd = -1 };
static struct client *clients;
static struct vanswer answer;

/* Cuts line into words, in place; 0 if there are too many. */
static size_t split(char *line, char **words)
{
	size_t n = 0;
	char *to = line;

	for (;;) {
		bool quoted = false;

		while (*line == ' ' || *line == '\t')
			line++;
		if (!*line)
			return n;
		if (n == WORDS_MAX)
			return 0;
		words[n++] = to;
		for (; *line && (quoted || (*line != ' ' && *line != '\t'));
		     line++) {
			if (*line == '"')
				quoted = !quoted;
			else
				*to++ = *line;
		}
		if (*line)
			line++;
		*to++ = '\0';
	}
}

/* A client that does not read its short answers loses them. */
static void reply(struct client *client, bool ok)
{
	static char text[VBENCH_TEXT + 64];
	int n;

	if (ok)
		n = snprintf(text, sizeof(text), "ok %" PRIu64 "%s\n",
			     answer.time, answer.text);
	else
		n = snprintf(text, sizeof(text), "error %s\n", answer.text);
	send(client->watch.fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void fail(struct client *client, const char *text)
{
	snprintf(answer.text, sizeof(answer.text), "%s", text);
	reply(client, false);
}

/* --- wait */

static bool claimed(const struct vccid *ccid)
{
	return ccid->claimed;
}

static bool released(const struct vccid *ccid)
{
	return !ccid->claimed;
}

static bool armed(const struct vccid *ccid)
{
	return ccid->interrupt.urbs != NULL;
}

static bool notified(const struct vccid *ccid)
{
	return !ccid->n_notes && !ccid->interrupt.messages;
}

static bool busy(const struct vccid *ccid)
{
	for (unsigned i = 0; i < ccid->options->slots; i++)
		if (ccid->slots[i].busy)
			return true;
	return false;
}

static bool idle(const struct vccid *ccid)
{
	return !busy(ccid);
}

static const struct {
	const char *name;
	bool (*holds)(const struct vccid *ccid);
} conditions[] = {
	{ "claimed", claimed },
	{ "released", released },
	{ "armed", armed },
	{ "notified", notified },
	{ "busy", busy },
	{ "idle", idle },
};

/* "NAME>=N", with the names of stats */
static int counted(const struct vdevice *device, const char *condition)
{
	static char counts[VBENCH_TEXT];
	char name[VDEVICE_NAME + 2];
	unsigned long wanted;
	const char *found;

	if (sscanf(condition, "%31[^>]>=%lu", name + 1, &wanted) != 2)
		return -1;
	name[0] = ' ';
	strcat(name, "=");
	vjournal_counts(&device->counts, counts, sizeof(counts));
	found = strstr(counts, name);
	if (!found)
		return wanted == 0;
	return strtoul(found + strlen(name), NULL, 10) >= wanted;
}

/* 1, 0, or -1 with the answer's text if it never can be told. */
static int holds(const char *reader, const char *condition)
{
	struct vdevice *device;
	const struct vccid *ccid = vdevice_find_ccid(reader, &device);
	int r = -1;

	answer.text[0] = '\0';
	answer.time = vloop_now();
	if (!ccid) {
		snprintf(answer.text, sizeof(answer.text), "no reader %s",
			 reader);
		return -1;
	}
	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++)
		if (strcmp(conditions[i].name, condition) == 0)
			return conditions[i].holds(ccid);
	r = counted(device, condition);
	if (r < 0)
		snprintf(answer.text, sizeof(answer.text), "no condition %s",
			 condition);
	return r;
}

static void stop_waiting(struct client *client)
{
	vloop_disarm(&client->deadline);
	client->waiting = false;
}

/* True if it is over, and answered. */
static bool try_wait(struct client *client)
{
	int r = holds(client->reader, client->condition);

	if (r == 0)
		return false;
	stop_waiting(client);
	reply(client, r > 0);
	return true;
}

static void serve(struct client *client);

static void deadline_due(struct vloop_timer *timer)
{
	struct client *client = vloop_owner(timer, struct client, deadline);

	client->waiting = false;
	fail(client, "timeout");
	serve(client);
}

static void start_wait(struct client *client, char *const *words, size_t n)
{
	long long ms = WAIT_DEFAULT;

	if (n == 4 && strncmp(words[3], "timeout=", 8) == 0)
		ms = voptions_number(words[3] + 8, 10);
	if (n < 3 || n > 4 || ms < 0) {
		fail(client, "wait READER CONDITION [timeout=MS]");
		return;
	}
	snprintf(client->reader, sizeof(client->reader), "%s", words[1]);
	snprintf(client->condition, sizeof(client->condition), "%s", words[2]);
	client->waiting = true;
	client->deadline.fire = deadline_due;
	vloop_arm(&client->deadline, vloop_now() + (uint64_t)ms * VLOOP_MS);
	try_wait(client);
}

/* --- lines */

static void run_line(struct client *client, char *line)
{
	char *words[WORDS_MAX];
	size_t n = split(line, words);

	if (n == 0)
		fail(client, "no command");
	else if (strcmp(words[0], "wait") == 0)
		start_wait(client, words, n);
	else
		reply(client, vbench_run(words, n, &answer));
}

/* Runs the lines that are there, up to one that waits. */
static void serve(struct client *client)
{
	while (!client->waiting) {
		char line[LINE_MAX];
		char *end = memchr(client->line, '\n', client->used);
		size_t size;

		if (!end)
			return;
		size = (size_t)(end - client->line);
		memcpy(line, client->line, size);
		line[size] = '\0';
		client->used -= size + 1;
		memmove(client->line, end + 1, client->used);
		run_line(client, line);
	}
}

static void hang_up(struct client *client)
{
	struct client **place = &clients;

	stop_waiting(client);
	while (*place != client)
		place = &(*place)->next;
	*place = client->next;
	vloop_remove(&client->watch);
	close(client->watch.fd);
	free(client);
}

static void client_ready(struct vloop_watch *watch, uint32_t events)
{
	struct client *client = vloop_owner(watch, struct client, watch);
	size_t room = sizeof(client->line) - client->used;
	ssize_t n;

	(void)events;
	n = recv(watch->fd, client->line + client->used, room, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		hang_up(client);
		return;
	}
	client->used += (size_t)n;
	serve(client);
}

static void listener_ready(struct vloop_watch *watch, uint32_t events)
{
	int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC);
	struct client *client;

	(void)events;
	if (fd < 0)
		return;
	client = calloc(1, sizeof(*client));
	if (!client)
		abort();
	client->watch = (struct vloop_watch){ fd, client_ready };
	client->next = clients;
	clients = client;
	vloop_add(&client->watch, EPOLLIN);
}

/* What an "on" of a reader has to say to nobody is dropped. */
static void run_trigger(char *const *words, size_t n)
{
	static struct vanswer unheard;

	if (!vbench_run(words, n, &unheard))
		fprintf(stderr, "vreader: on: %s\n", unheard.text);
}

int vcontrol_listen(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	unlink(path);
	vtrigger_run = run_trigger;
	listener.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	listener.ready = listener_ready;
	if (listener.fd < 0 ||
	    bind(listener.fd, (struct sockaddr *)&address,
		 sizeof(address)) < 0 || listen(listener.fd, 16) < 0)
		return -errno;
	vloop_add(&listener, EPOLLIN);
	return 0;
}

void vcontrol_settled(void)
{
	struct client *next;

	for (struct client *client = clients; client; client = next) {
		next = client->next;
		if (client->waiting && try_wait(client))
			serve(client);
	}
}
