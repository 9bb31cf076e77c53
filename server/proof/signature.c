/*
 * signature.c - is a request signed by Twilio, for one of the URLs it may have called?
 */
#include "server/proof/signature.h"

int
signature_check(const struct signature_input *input, struct proof_urls *urls)
{
    const struct proof_url_input url_input = {
        .config = input->config,
        .source = input->source,
        .basic_auth = input->credentials->basic_auth[input->source],
        .target = input->target,
        .forwarded = input->forwarded,
    };
    const int r = proof_urls_make(&url_input, urls);

    if (r != 0) {
        return r;
    }
    const struct verify_input verify_input = {
        .url = urls->items[0],
        .other_urls = &urls->items[1],
        .other_url_count = urls->count - 1,
        .signature = input->signature,
        .kind = input->is_json ? VERIFY_BODY_HASHED : VERIFY_BODY_FORM,
        .body = input->body,
    };

    return verify_request(input->credentials->verifier, &verify_input, NULL);
}
