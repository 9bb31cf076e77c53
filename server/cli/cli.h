/*
 * cli.h - what every command does alike: options, help, errors, the configuration, files.
 *
 * A command declares its options once, in a table; parsing and --help both walk it.
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "server/config/config.h"

enum {
    CLI_OPTIONS_MAX = 24,
    CLI_TEXTS_MAX = 16,
    CLI_FILE_MAX = 16 * 1024 * 1024, /* more than any webhook body is allowed to be */
};

/* What --config is for, on every command that has it. */
#define CLI_CONFIG_HELP "instead of $FLEXBREVO_CONFIG or /etc/flexbrevo/flexbrevo.yaml"

/* The values of an option that may be given several times. */
struct cli_texts {
    const char *items[CLI_TEXTS_MAX];
    size_t count;
};

/* One option; exactly one of `text`, `texts` and `flag` says where its value goes. */
struct cli_option {
    const char *name;     /* without the dashes */
    const char *argument; /* "URL", as --help shows it; NULL for a flag */
    const char *help;
    const char **text;
    struct cli_texts *texts;
    bool *flag;
};

struct cli {
    const char *command;
    const char *synopsis; /* behind the command's name in the usage line */
    const char *summary;  /* paragraphs of --help, ending with a line end */
    const struct cli_option *options;
    size_t option_count;
    const char **operand; /* NULL: the command takes none; else exactly one is required */
    const char *operand_name;
    struct cli_texts *operands; /* instead of `operand`: any number of them */
};

/*
 * Fills in the options from a command's arguments (argv[0] is the command). --help and -h are
 * understood everywhere. True: go on. False: everything was said, exit with *ret_exit.
 */
bool cli_parse(const struct cli *cli, int argc, char **argv, int *ret_exit) MUST_USE;

/* "flexbrevo: <text>" on standard error. */
void cli_error(const char *format, ...) PRINTF(1, 2);
/* The same with a pointer to the command's --help; returns EX_USAGE. */
int cli_usage_error(const char *command, const char *format, ...) PRINTF(2, 3);

/* config_load() for a command: 0, or EX_CONFIG with the error printed. */
int cli_load_config(
    const char *path, enum config_command command, struct config *ret_config) MUST_USE;

/*
 * Reads a whole file, "-" being standard input, into `buffer` (zeroed; buffer_done() it).
 * 0, or a sysexits code with the error printed.
 */
int cli_read(const char *path, struct buffer *buffer) MUST_USE;

/*
 * Prints `value` indented, with a line end, and gives it back to jansson. NULL (memory was out
 * when it was made) is an error. 0 or a sysexits code.
 */
int cli_print_json(json_t *value, FILE *out) MUST_USE;

/* Prints that memory is out; returns EX_OSERR. */
int cli_out_of_memory(void);
