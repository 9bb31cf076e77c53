/*
 * cli.c - what every command does alike.
 */
#include "server/cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "server/ops/file.h"

enum {
    HELP_COLUMN = 26,   /* where the explanations start */
    OPTION_FIRST = 256, /* above every character, so that `-h` cannot collide */
};

void
cli_error(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)fputs("flexbrevo: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
}

int
cli_usage_error(const char *command, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)fputs("flexbrevo: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fprintf(stderr, " (see flexbrevo %s --help)\n", command);
    va_end(arguments);
    return EX_USAGE;
}

int
cli_out_of_memory(void)
{
    cli_error("out of memory");
    return EX_OSERR;
}

/* Name and explanation, the latter on a line of its own when the name is long. */
static void
print_row(FILE *out, const char *name, const char *argument, const char *help)
{
    const int width = fprintf(out, "  --%s%s%s", name, argument != NULL ? " " : "",
        argument != NULL ? argument : "");

    if (width >= HELP_COLUMN) {
        (void)fputc('\n', out);
    }
    (void)fprintf(
        out, "%*s%s\n", HELP_COLUMN - (width < HELP_COLUMN ? width : 0), "", help);
}

static void
print_help(const struct cli *cli, FILE *out)
{
    (void)fprintf(out, "usage: flexbrevo %s %s\n\n%s\noptions:\n", cli->command,
        cli->synopsis, cli->summary);
    for (size_t i = 0; i < cli->option_count; i++) {
        const struct cli_option *option = &cli->options[i];

        print_row(out, option->name, option->argument, option->help);
    }
    print_row(out, "help", NULL, "print this and exit");
}

/* Puts the value where the option's declaration says. False: given too often. */
static bool
store(const struct cli_option *option, const char *value)
{
    if (option->flag != NULL) {
        *option->flag = true;
        return true;
    }
    if (option->text != NULL) {
        const bool first = *option->text == NULL;

        *option->text = value;
        return first;
    }
    if (option->texts->count == LENGTH(option->texts->items)) {
        return false;
    }
    option->texts->items[option->texts->count++] = value;
    return true;
}

/* getopt's own table; `ret_options` has room for CLI_OPTIONS_MAX, help and the end. */
static void
list_options(const struct cli *cli, struct option *ret_options)
{
    for (size_t i = 0; i < cli->option_count && i < CLI_OPTIONS_MAX; i++) {
        ret_options[i] = (struct option){
            .name = cli->options[i].name,
            .has_arg = cli->options[i].argument != NULL ? required_argument : no_argument,
            .val = OPTION_FIRST + (int)i,
        };
    }
    ret_options[cli->option_count] = (struct option){.name = "help", .val = 'h'};
}

static int
take_operands(const struct cli *cli, int argc, char **argv)
{
    struct cli_texts *operands = cli->operands;

    for (int i = optind; i < argc; i++) {
        if (operands->count == LENGTH(operands->items)) {
            return cli_usage_error(cli->command, "too many arguments: %s", argv[i]);
        }
        operands->items[operands->count++] = argv[i];
    }
    return 0;
}

static int
take_operand(const struct cli *cli, int argc, char **argv)
{
    const int count = argc - optind;

    if (cli->operands != NULL) {
        return take_operands(cli, argc, argv);
    }
    if (cli->operand == NULL) {
        return count == 0 ? 0
                          : cli_usage_error(
                                cli->command, "unexpected argument: %s", argv[optind]);
    }
    if (count == 0) {
        return cli_usage_error(cli->command, "%s is missing", cli->operand_name);
    }
    if (count > 1) {
        return cli_usage_error(
            cli->command, "more than one %s: %s", cli->operand_name, argv[optind + 1]);
    }
    *cli->operand = argv[optind];
    return 0;
}

/* What getopt did not like. One of several letters behind one dash is only in optopt. */
static int
refuse_option(const struct cli *cli, bool needs_value, const char *argument)
{
    const bool letter = optopt > 0 && optopt < OPTION_FIRST;

    if (needs_value) {
        return cli_usage_error(cli->command, "option needs a value: %s", argument);
    }
    return letter ? cli_usage_error(cli->command, "unknown option: -%c", optopt)
                  : cli_usage_error(cli->command, "unknown option: %s", argument);
}

bool
cli_parse(const struct cli *cli, int argc, char **argv, int *ret_exit)
{
    struct option options[CLI_OPTIONS_MAX + 2] = {0};

    list_options(cli, options);
    opterr = 0; /* the errors are ours to word */
    optind = 0; /* 0 makes GNU getopt start afresh */
    for (;;) {
        const int option = getopt_long(argc, argv, ":h", options, NULL);

        if (option == -1) {
            *ret_exit = take_operand(cli, argc, argv);
            return *ret_exit == 0;
        }
        if (option == 'h') {
            print_help(cli, stdout);
            *ret_exit = EX_OK;
            return false;
        }
        if (option == ':' || option == '?') {
            *ret_exit = refuse_option(cli, option == ':', argv[optind - 1]);
            return false;
        }
        if (!store(&cli->options[option - OPTION_FIRST], optarg)) {
            *ret_exit = cli_usage_error(cli->command, "option given too often: --%s",
                cli->options[option - OPTION_FIRST].name);
            return false;
        }
    }
}

int
cli_load_config(const char *path, enum config_command command, struct config *ret_config)
{
    char error[CONFIG_ERROR_SIZE];
    const int r = config_load(path, command, ret_config, error);

    if (r != 0) {
        cli_error("%s", error);
    }
    return r;
}

int
cli_read(const char *path, struct buffer *buffer)
{
    const int r = strcmp(path, "-") == 0
                      ? file_read_fd(STDIN_FILENO, CLI_FILE_MAX, buffer)
                      : file_read(path, CLI_FILE_MAX, buffer);

    if (r == -EFBIG) {
        cli_error("file is too large: %s (at most %d bytes)", path, CLI_FILE_MAX);
        return EX_DATAERR;
    }
    if (r != 0) {
        cli_error("cannot read file, %s: %s (check the path)", strerror(-r), path);
        return EX_NOINPUT;
    }
    return 0;
}

int
cli_print_json(json_t *value, FILE *out)
{
    if (value == NULL) {
        return cli_out_of_memory();
    }
    const int r = json_dumpf(value, out, JSON_INDENT(2) | JSON_REAL_PRECISION(15));

    json_decref(value);
    if (r != 0 || fputc('\n', out) == EOF) {
        cli_error("cannot write: standard output: %s", strerror(errno));
        return EX_IOERR;
    }
    return 0;
}
