/*
 * cmd_verify_signature.c - says whether a signature is valid, and if not, what was tried.
 *
 * For finding out why a proxy, a port or a rotated token makes Twilio's requests fail. Prints
 * neither tokens nor the signatures they would make: the output may be pasted into a ticket.
 */
#include <errno.h>
#include <string.h>
#include <sysexits.h>

#include "server/cli/cli.h"
#include "server/cli/verify_held.h"
#include "server/commands.h"
#include "server/proof/verify.h"

enum {
    EXIT_INVALID = 1,
};

struct arguments {
    const char *url;
    const char *signature;
    struct cli_texts tokens;
    const char *form_file;
    const char *body_file;
    bool json;
    bool held;
    struct verify_held_arguments of_held;
};

static const char *
explain_result(int result)
{
    static const char *const texts[] = {
        [VERIFY_E_NO_SIGNATURE] = "the signature is empty",
        [VERIFY_E_MALFORMED] = "a signature is 28 characters of base64, ending in '='",
        [VERIFY_E_NO_BODY_HASH] =
            "nothing signs this body: it needs exactly one bodySHA256 in the URL's query",
        [VERIFY_E_BODY_HASH] =
            "bodySHA256 is not the hash of this body: it was changed on its way",
        [VERIFY_E_MISMATCH] = "no token makes this signature over any of these URLs",
        [VERIFY_E_TOO_LONG] =
            "the URL is too long, or the form too long or of too many fields",
    };

    return texts[result];
}

static bool
parse(int argc, char **argv, struct arguments *arguments, int *ret_exit)
{
    const struct cli_option options[] = {
        {"url", "URL", "what Twilio requested: public URL, path and query",
            &arguments->url, NULL, NULL},
        {"signature", "TEXT", "value of the X-Twilio-Signature header",
            &arguments->signature, NULL, NULL},
        {"token", "TOKEN", "auth token; may be given several times", NULL,
            &arguments->tokens, NULL},
        {"form-file", "FILE", "urlencoded body as received, - for standard input",
            &arguments->form_file, NULL, NULL},
        {"body-file", "FILE", "JSON body as received, - for standard input",
            &arguments->body_file, NULL, NULL},
        {"held", NULL, "re-check what server.hold_unverified kept, instead of the above",
            NULL, NULL, &arguments->held},
        {"dry-run", NULL, "of held: say what would be released, and release nothing",
            NULL, NULL, &arguments->of_held.dry_run},
        {"config", "FILE", CLI_CONFIG_HELP, &arguments->of_held.config, NULL, NULL},
        {"json", NULL, "print the result as JSON", NULL, NULL, &arguments->json},
    };
    const struct cli cli = {
        .command = "verify-signature",
        .synopsis =
            "--url URL --signature TEXT --token TOKEN\n"
            "       [--form-file FILE | --body-file FILE]\n"
            "   or: flexbrevo verify-signature --held [--dry-run] [--config FILE]",
        .summary =
            "Says whether an X-Twilio-Signature is valid, and over which way of writing\n"
            "the URL; when it is not, each way that was tried. Without a file the request\n"
            "had no body. Exit status: 0 valid, 1 invalid.\n\n"
            "With --held: judges the held requests by the configuration of now, and queues\n"
            "what is valid, in the order it came. Exit status: 0 all released, or nothing\n"
            "held; 1 some are still invalid; 69 Redis does not answer.\n",
        .options = options,
        .option_count = LENGTH(options),
    };

    return cli_parse(&cli, argc, argv, ret_exit);
}

/* The same for what is about the ring: no request is described, and the other way round. */
static int
check_held(const struct arguments *arguments)
{
    static const char command[] = "verify-signature";
    const bool describes = arguments->url != NULL || arguments->signature != NULL ||
                           arguments->tokens.count > 0 || arguments->form_file != NULL ||
                           arguments->body_file != NULL;

    if (arguments->held && describes) {
        return cli_usage_error(
            command, "--held reads URL, signature, token and body itself");
    }
    if (!arguments->held && arguments->of_held.dry_run) {
        return cli_usage_error(command, "--dry-run is for --held");
    }
    if (!arguments->held && arguments->of_held.config != NULL) {
        return cli_usage_error(command, "--config is for --held");
    }
    return 0;
}

/* 0, or EX_USAGE with the reason printed. */
static int
check(const struct arguments *arguments)
{
    static const char command[] = "verify-signature";

    if (arguments->url == NULL) {
        return cli_usage_error(command, "--url is missing");
    }
    if (strstr(arguments->url, "://") == NULL) {
        return cli_usage_error(command, "--url has no scheme: %s", arguments->url);
    }
    if (arguments->signature == NULL) {
        return cli_usage_error(command, "--signature is missing");
    }
    if (arguments->tokens.count == 0) {
        return cli_usage_error(command, "--token is missing");
    }
    if (arguments->form_file != NULL && arguments->body_file != NULL) {
        return cli_usage_error(command, "--form-file and --body-file exclude each other");
    }
    return 0;
}

static json_t *
list_candidates(const struct verify_report *report)
{
    json_t *candidates = json_array();

    for (size_t i = 0; i < report->count; i++) {
        json_t *text = json_string(report->candidates[i]);

        /* a URL may hold any bytes, a JSON text may not */
        if (text == NULL) {
            text = json_string("(not UTF-8)");
        }
        if (json_array_append_new(candidates, text) != 0) {
            json_decref(candidates);
            return NULL;
        }
    }
    return candidates;
}

static int
print_json(int result, const struct verify_report *report)
{
    const bool valid = result == VERIFY_OK;
    json_t *matched = valid ? json_integer((json_int_t)report->matched) : json_null();
    json_t *token = valid ? json_integer((json_int_t)report->token) : json_null();

    return cli_print_json(json_pack("{s:b, s:s, s:o, s:o, s:o}", "valid", valid, "reason",
                              verify_reason(result), "matched", matched, "token", token,
                              "candidates", list_candidates(report)),
        stdout);
}

static void
print_text(
    int result, const struct verify_report *report, const struct arguments *arguments)
{
    if (result == VERIFY_OK) {
        (void)printf("valid\n  over   %s\n", report->candidates[report->matched]);
        if (arguments->tokens.count > 1) {
            (void)printf("  token  number %zu of %zu\n", report->token + 1,
                arguments->tokens.count);
        }
        return;
    }
    (void)printf("invalid: %s\n", explain_result(result));
    for (size_t i = 0; i < report->count; i++) {
        (void)printf("  tried  %s\n", report->candidates[i]);
    }
}

/* An editor's line end is a common reason for a captured form not to match. */
static void
hint_line_end(int result, const struct arguments *arguments, struct slice body)
{
    if (result == VERIFY_E_MISMATCH && arguments->form_file != NULL && body.size > 0 &&
        body.data[body.size - 1] == '\n') {
        (void)printf(
            "  note   the form file ends with a line end, which counts as part of its "
            "last value\n");
    }
}

static int
verify(const struct arguments *arguments, struct slice body)
{
    AUTO(verifier_close) struct verifier *verifier = NULL;
    AUTO(verify_report_done) struct verify_report report = {0};
    const struct verify_input input = {
        .url = slice_of(arguments->url),
        .signature = slice_of(arguments->signature),
        .kind = arguments->form_file != NULL   ? VERIFY_BODY_FORM
                : arguments->body_file != NULL ? VERIFY_BODY_HASHED
                                               : VERIFY_BODY_NONE,
        .body = body,
    };
    int r = verifier_open(arguments->tokens.items, arguments->tokens.count, &verifier);

    if (r == -EINVAL) {
        return cli_usage_error("verify-signature", "--token is empty");
    }
    if (r == 0) {
        r = verify_request(verifier, &input, &report);
    }
    if (r < 0) {
        return cli_out_of_memory();
    }
    if (arguments->json) {
        const int failed = print_json(r, &report);

        if (failed != 0) {
            return failed;
        }
    } else {
        print_text(r, &report, arguments);
        hint_line_end(r, arguments, body);
    }
    return r == VERIFY_OK ? EX_OK : EXIT_INVALID;
}

int
command_verify_signature(int argc, char **argv)
{
    struct arguments arguments = {0};
    AUTO(buffer_done) struct buffer body = {0};
    int status;

    if (!parse(argc, argv, &arguments, &status)) {
        return status;
    }
    status = check_held(&arguments);
    if (status == 0 && arguments.held) {
        arguments.of_held.json = arguments.json;
        return verify_held(&arguments.of_held);
    }
    status = status == 0 ? check(&arguments) : status;
    if (status != 0) {
        return status;
    }
    const char *path =
        arguments.form_file != NULL ? arguments.form_file : arguments.body_file;

    if (path != NULL) {
        status = cli_read(path, &body);
        if (status != 0) {
            return status;
        }
    }
    return verify(&arguments, buffer_slice(&body));
}
