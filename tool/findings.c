/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "findings.h"

#include <stdarg.h>
#include <stdio.h>

#include "ink.h"
#include "json.h"
#include "output.h"

#define TEXT_SIZE	512
#define TEXT_COLUMN	8

static bool as_json;
static const char *subject = "", *port;
static unsigned faults;

void findings_begin(bool json)
{
	as_json = json;
	if (json)
		json_open(NULL, '[');
}

void findings_about(const char *about, const char *about_port)
{
	subject = about;
	port = about_port;
	if (!as_json)
		printf("%s%s%s%s%s\n", ink(INK_BOLD), subject, ink(INK_PLAIN),
		       port ? ", port " : "", port ? port : "");
}

static void tell(const char *kind, enum ink colour, const char *name,
		 const char *mend, const char *text)
{
	if (!as_json) {
		printf("  %s%-5s%s ", ink(colour), kind, ink(INK_PLAIN));
		output_fold(TEXT_COLUMN, text);
		putchar('\n');
		if (mend)
			printf("        %s->%s %s\n", ink(INK_FAINT),
			       ink(INK_PLAIN), mend);
		return;
	}
	json_open(NULL, '{');
	json_text("about", subject);
	if (port)
		json_text("port", port);
	json_text("kind", kind);
	json_text("name", name);
	json_text("text", text);
	json_text("mend", mend);
	json_close('}');
}

void findings_good(const char *format, ...)
{
	char text[TEXT_SIZE];
	va_list arguments;

	if (as_json)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	tell("ok", INK_GOOD, NULL, NULL, text);
}

void findings_note(const char *name, const char *mend, const char *format, ...)
{
	char text[TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	tell("note", INK_WARN, name, mend, text);
}

void findings_bad(const char *name, const char *mend, const char *format, ...)
{
	char text[TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	faults++;
	tell("FAULT", INK_BAD, name, mend, text);
}

unsigned findings_end(void)
{
	if (as_json) {
		json_close(']');
		putchar('\n');
	} else if (faults) {
		printf("\n%u fault%s found.\n", faults, faults == 1 ? "" : "s");
	} else {
		puts("\nNo fault found.");
	}
	return faults;
}
