/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "check.h"

#include <config.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <winscard.h>

#include "findings.h"
#include "root.h"
#include "service.h"

#define VERSION_MIN	10800	/* before, no driver is told when to stop */
#define SOCKET		"/run/pcscd/pcscd.comm"
#define SECONDS_SLACK	2	/* start times are that exact */

static const char *const programs[] = {
	"/usr/sbin/pcscd",
	"/usr/local/sbin/pcscd",
	"/sbin/pcscd",
	"/usr/bin/pcscd",
};

/* --- the program */

static bool find_program(char path[ROOT_PATH])
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (root_path(path, "%s", programs[i]) &&
		    access(path, X_OK) == 0)
			return true;
	return false;
}

/* "pcsc-lite version 1.9.9." as 10909; 0 if it cannot be had */
static unsigned version_of(const char *path)
{
	char command[ROOT_PATH + 32], line[256] = "";
	unsigned major = 0, minor = 0, micro = 0;
	const char *at;
	FILE *pipe;

	if (strpbrk(path, "'\\\n"))
		return 0;
	snprintf(command, sizeof(command), "'%s' --version 2>/dev/null", path);
	pipe = popen(command, "re");
	if (!pipe)
		return 0;
	if (!fgets(line, sizeof(line), pipe))
		line[0] = '\0';
	pclose(pipe);
	at = strstr(line, "version ");
	if (!at || sscanf(at, "version %3u.%2u.%2u", &major, &minor, &micro) < 2)
		return 0;
	return major * 10000 + minor * 100 + micro;
}

static bool check_program(void)
{
	char path[ROOT_PATH];
	unsigned version;

	if (!find_program(path)) {
		findings_bad("pcscd-missing", "sudo apt install pcscd, or what "
			     "your distribution calls it",
			     "pcscd is not installed");
		return false;
	}
	version = version_of(path);
	if (version && version < VERSION_MIN)
		findings_bad("pcscd-old", "install pcsc-lite 1.9.9 or newer",
			     "pcscd %u.%u.%u is too old", version / 10000,
			     version / 100 % 100, version % 100);
	else if (version)
		findings_good("pcscd %u.%u.%u is installed", version / 10000,
			      version / 100 % 100, version % 100);
	return true;
}

/* --- its socket */

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), error = 0;

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return fd < 0 ? errno : ENAMETOOLONG;
	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		error = errno;
	close(fd);
	return error;
}

static bool in_sandbox(void)
{
	return root_exists("/.flatpak-info") || getenv("SNAP");
}

static void no_socket(void)
{
	if (in_sandbox())
		findings_bad("sandbox", "flatpak override --user --socket=pcsc "
			     "PROGRAM, or for a snap: snap connect PROGRAM:pcscd",
			     "this is a sandbox without a way to pcscd");
	else
		findings_bad("pcscd-not-running",
			     service_find()->start,
			     "pcscd does not run, and nothing starts it when "
			     "it is asked for");
}

static bool check_socket(void)
{
	char path[ROOT_PATH];
	int error;

	if (!root_path(path, "%s", SOCKET) || access(path, F_OK) < 0) {
		no_socket();
		return false;
	}
	error = connect_to(path);
	if (error == ECONNREFUSED)
		findings_bad("pcscd-dead", service_find()->restart,
			     "pcscd has ended and left its socket behind");
	else if (error == EACCES || error == EPERM)
		findings_bad("socket-rights", "sudo chmod 666 " SOCKET,
			     "you may not write to pcscd's socket");
	else if (error)
		findings_bad("socket", service_find()->restart,
			     "pcscd's socket: %s", strerror(error));
	return !error;
}

/* --- as a client */

static void check_client(const struct scene *scene)
{
	char path[ROOT_PATH];
	SCARDCONTEXT context;
	LONG code;

	/* asked for by the library; the machine looked at may be another */
	if (root_path(path, "%s", SOCKET))
		setenv("PCSCLITE_CSOCK_NAME", path, 0);
	code = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context);
	if (code == SCARD_S_SUCCESS) {
		findings_good("pcscd answers");
		check_served(scene, context);
		SCardReleaseContext(context);
		return;
	}
	if (code == (LONG)SCARD_W_SECURITY_VIOLATION)
		findings_bad("polkit", "allow org.debian.pcsc-lite.access_pcsc "
			     "(and .access_card) in a rule below "
			     "/etc/polkit-1/rules.d; see ccidtrack(1)",
			     "polkit does not let you use smart cards");
	else
		findings_bad("pcscd-refuses", service_find()->restart,
			     "pcscd does not serve clients: %s",
			     pcsc_stringify_error(code));
}

/* --- what it has read */

static bool newer(const struct scene *scene, const char *path)
{
	struct stat file;

	return stat(path, &file) == 0 &&
	       file.st_mtime > scene->pcscd.started + SECONDS_SLACK;
}

static void check_lists_read(const struct scene *scene)
{
	for (size_t i = 0; scene->pcscd.started && i < scene->bundles.n; i++) {
		const struct bundle *bundle = &scene->bundles.rows[i];

		if (!newer(scene, bundle->path))
			continue;
		findings_bad("pcscd-not-restarted", service_find()->restart,
			     "pcscd runs since before the list of %s was "
			     "written: it knows the old one",
			     bundle->directory);
		return;
	}
}

void check_pcscd(const struct scene *scene)
{
	if (!check_program())
		return;
	if (scene->running)
		check_lists_read(scene);
	if (check_socket())
		check_client(scene);
}
