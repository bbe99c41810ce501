/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ccidtrack scan - readers that no driver lists become known to pcscd.
 *
 * pcscd knows readers by their ids alone and reads the lists once, when it
 * starts. udev runs this when a reader comes, systemd before pcscd starts.
 */
#include "commands.h"

#include <config.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "arguments.h"
#include "exits.h"
#include "locallist.h"
#include "process.h"
#include "root.h"
#include "service.h"

#define SOCKET_NAME	"pcscd.comm"
#define CONNECTED	"03"	/* column St of /proc/net/unix */

static const char help[] =
	"Usage: ccidtrack scan [--policy=POLICY] [--wait=N] [--no-restart]\n"
	"                      [--dry-run] [--print] [--quiet]\n"
	"\n"
	"Writes the list of the local bundle, so that pcscd knows readers that\n"
	"are plugged in and that no installed driver lists. If the list has\n"
	"changed, and pcscd runs and has no client, it is restarted.\n"
	"\n"
	"  --policy=POLICY  unknown (default): readers that no driver lists;\n"
	"                   all: also those that another driver lists;\n"
	"                   none: an empty list.\n"
	"                   CCIDTRACK_SCAN_POLICY in the environment says the\n"
	"                   same, for example in /etc/default/ccidtrack\n"
	"  --wait=N         wait up to N seconds for pcscd's clients to leave\n"
	"  --no-restart     leave pcscd alone\n"
	"  --dry-run        tell what would be added and write nothing\n"
	"  --print          print the list and write nothing\n"
	"  --quiet          tell only what went wrong\n"
	"  --help           this text\n"
	"\n"
	"Exit code: 0, also if nothing has changed; 2 wrong usage; 3 the list\n"
	"could not be written.\n";

extern char **environ;
static int quiet;

/* udev and service managers let stderr go nowhere, unless it is the journal. */
static void say(const char *text)
{
	fprintf(stderr, "ccidtrack: %s\n", text);
	if (root_is_real() && geteuid() == 0 && !isatty(STDERR_FILENO) &&
	    !getenv("JOURNAL_STREAM"))
		syslog(LOG_NOTICE, "%s", text);
}

static void __attribute__((format(printf, 1, 2))) tell(const char *format, ...)
{
	char text[256];
	va_list arguments;

	if (quiet)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	say(text);
}

static int fail(const char *what, int error)
{
	char text[256];

	snprintf(text, sizeof(text), "%s: %s", what, strerror(-error));
	say(text);
	return EXIT_UNABLE;
}

static bool parse_policy(const char *word, enum locallist_policy *ret_policy)
{
	static const char *const words[] = {
		[LOCALLIST_UNKNOWN] = "unknown",
		[LOCALLIST_ALL] = "all",
		[LOCALLIST_NONE] = "none",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(word, words[i]) == 0) {
			*ret_policy = (enum locallist_policy)i;
			return true;
		}
	}
	return false;
}

/* --- pcscd */

/* A line of /proc/net/unix: number, four columns, state, inode, path */
static bool is_client(const char *line)
{
	char state[8], path[256];

	return sscanf(line, "%*s %*s %*s %*s %*s %7s %*s %255s", state,
		      path) == 2 &&
	       strcmp(state, CONNECTED) == 0 &&
	       strlen(path) >= strlen(SOCKET_NAME) &&
	       strcmp(path + strlen(path) - strlen(SOCKET_NAME),
		      SOCKET_NAME) == 0;
}

static unsigned count_clients(void)
{
	char path[ROOT_PATH], line[512];
	FILE *file = root_path(path, "/proc/net/unix") ? fopen(path, "re") :
							NULL;
	unsigned n = 0;

	while (file && fgets(line, sizeof(line), file))
		n += is_client(line);
	if (file)
		fclose(file);
	return n;
}

static bool run(const char *const *argv)
{
	union {		/* posix_spawnp takes them as main has them */
		const char *const *given;
		char *const *wanted;
	} words = { argv };
	int status;
	pid_t pid;

	return posix_spawnp(&pid, argv[0], NULL, NULL, words.wanted,
			    environ) == 0 &&
	       waitpid(pid, &status, 0) == pid && status == 0;
}

static void restart(void)
{
	const struct service *service = service_find();

	if (!service->argv[0])
		say("restart pcscd to let it see the new list");
	else if (run(service->argv))
		tell("pcscd restarted");
	else
		say("pcscd could not be restarted: do it by hand");
}

static void let_pcscd_know(unsigned patience)
{
	struct process pcscd;
	unsigned clients;

	if (!process_pcscd(&pcscd))
		return;		/* it will read the list when it starts */
	while ((clients = count_clients()) && patience--)
		sleep(1);
	if (!clients) {
		restart();
		return;
	}
	tell("pcscd serves %u client%s and is left running; it sees the new "
	     "list when it starts anew, or now by: %s",
	     clients, clients == 1 ? "" : "s", service_find()->restart);
}

/* --- the list */

static void add_attached(struct locallist *list, const struct bundles *bundles,
			 enum locallist_policy policy)
{
	struct attached *readers;
	size_t n = attached_find(&readers);

	for (size_t i = 0; i < n; i++)
		if (locallist_add(list, bundles, policy, &readers[i]))
			tell("%s (%04x:%04x) is new in the local list",
			     readers[i].title, readers[i].vendor,
			     readers[i].product);
}

struct wishes {
	int no_restart, dry_run, print;
	unsigned patience;	/* seconds */
	enum locallist_policy policy;
};

/* The list as it shall be. */
static void make_list(struct locallist *list, const struct bundles *bundles,
		      enum locallist_policy policy)
{
	locallist_read(list);
	locallist_prune(list, bundles, policy);
	add_attached(list, bundles, policy);
}

static int look(const struct wishes *wishes)
{
	static struct locallist list;
	struct bundles bundles;

	bundles_read(&bundles);
	make_list(&list, &bundles, wishes->policy);
	if (wishes->print)
		locallist_print(&list, &bundles, stdout);
	return EXIT_WELL;
}

static int scan(const struct wishes *wishes)
{
	static struct locallist list;
	struct bundles bundles;
	int lock = locallist_lock(), r;

	if (lock < 0)
		return fail(LOCALPLIST, lock);
	bundles_read(&bundles);
	make_list(&list, &bundles, wishes->policy);
	r = locallist_write(&list, &bundles);
	close(lock);
	if (r < 0)
		return fail(LOCALPLIST, r);
	if (r > 0 && !wishes->no_restart)
		let_pcscd_know(wishes->patience);
	return EXIT_WELL;
}

static int refuse(const char *what, const char *word)
{
	fprintf(stderr, "ccidtrack scan: %s: \"%s\"\n"
		"Try ccidtrack scan --help.\n", what, word);
	return EXIT_USAGE;
}

int command_scan(int argc, char **argv)
{
	const char *policy = getenv("CCIDTRACK_SCAN_POLICY"), *wait = "0";
	struct wishes wishes = { 0 };
	char behind;
	const struct argument table[] = {
		{ "policy", NULL, &policy },
		{ "wait", NULL, &wait },
		{ "no-restart", &wishes.no_restart, NULL },
		{ "dry-run", &wishes.dry_run, NULL },
		{ "print", &wishes.print, NULL },
		{ "quiet", &quiet, NULL },
		{ 0 },
	};

	argc = arguments_take(argc, argv, table, help);
	if (argc < 0)
		return EXIT_USAGE;
	if (argc > 1)
		return refuse("takes no arguments", argv[1]);
	if (!parse_policy(policy && *policy ? policy : "unknown",
			  &wishes.policy))
		return refuse("neither unknown, all nor none", policy);
	if (*wait < '0' || *wait > '9' ||
	    sscanf(wait, "%4u%c", &wishes.patience, &behind) != 1)
		return refuse("no number of seconds", wait);
	return wishes.dry_run || wishes.print ? look(&wishes) : scan(&wishes);
}
