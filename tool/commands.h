/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * commands - what the command can do. Each takes its own arguments, with
 * argv[0] its name, and returns an exit code of exits.h.
 */
#ifndef CCIDTRACK_COMMANDS_H
#define CCIDTRACK_COMMANDS_H

int command_list(int argc, char **argv);
int command_info(int argc, char **argv);
int command_check(int argc, char **argv);
int command_watch(int argc, char **argv);
int command_scan(int argc, char **argv);
int command_trace(int argc, char **argv);

#endif
