/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cac - libcacard's emulated CAC card, for the kind "served" (vcard_served.c).
 *
 *	cac DATABASE SOCKET CERTIFICATE CERTIFICATE CERTIFICATE
 *
 * The certificates are nicknames in an NSS database of certutil's. Listens at
 * SOCKET, writes "ready", and serves one reader after the other.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <libcacard.h>

#define NAME		"ccidtrack"
#define COMMAND_MAX	65545
#define ANSWER_MAX	65538

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return -1;
	strcpy(address.sun_path, path);
	unlink(path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 4) < 0)
		return -1;
	return fd;
}

static VReader *start_card(char **arguments)
{
	char text[1024];
	VReader *reader;
	int n;

	n = snprintf(text, sizeof(text),
		     "db=\"%s\" use_hw=no soft=(,%s,CAC,,%s,%s,%s)",
		     arguments[0], NAME, arguments[2], arguments[3],
		     arguments[4]);
	if (n < 0 || (size_t)n >= sizeof(text) ||
	    vcard_emul_init(vcard_emul_options(text)) != VCARD_EMUL_OK)
		return NULL;
	reader = vreader_get_reader_by_name(NAME);
	if (reader && vreader_card_is_present(reader) != VREADER_OK)
		return NULL;
	return reader;
}

static size_t answer_to(VReader *reader, unsigned char *question, int size,
			unsigned char *answer)
{
	int n = ANSWER_MAX;
	VReaderStatus status;

	if (question[0] == 'R') {
		vreader_power_off(reader);
		status = vreader_power_on(reader, answer, &n);
	} else {
		status = vreader_xfr_bytes(reader, question + 1, size - 1,
					   answer, &n);
	}
	return status == VREADER_OK && n > 0 ? (size_t)n : 0;
}

static void serve(VReader *reader, int fd)
{
	static unsigned char question[COMMAND_MAX], answer[ANSWER_MAX];
	ssize_t n;

	while ((n = recv(fd, question, sizeof(question), 0)) > 0)
		if (send(fd, answer, answer_to(reader, question, (int)n,
					       answer), MSG_NOSIGNAL) < 0)
			break;
	close(fd);
}

int main(int argc, char **argv)
{
	VReader *reader;
	int listener;

	if (argc != 6) {
		fprintf(stderr, "usage: cac DATABASE SOCKET CERTIFICATE ...\n");
		return 2;
	}
	reader = start_card(argv + 1);
	listener = reader ? listen_at(argv[2]) : -1;
	if (listener < 0) {
		fprintf(stderr, "cac: %s\n", reader ? strerror(errno) :
						      "no card");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			return 1;
		serve(reader, fd);
	}
}
