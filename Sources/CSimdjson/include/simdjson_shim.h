//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
// A C face on simdjson (On Demand) for the two things that Parley reads of a model server's JSON on hot paths:
// one chunk or whole answer of the chat completions API, and the members `model` and `stream` of a request.
// No C++ exception crosses it.
//
#ifndef PARLEY_SIMDJSON_SHIM_H
#define PARLEY_SIMDJSON_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Bytes owned by the parser, valid until its next call. `bytes` is NULL when the member was absent or null.
typedef struct {
    const uint8_t *bytes;
    size_t count;
} parley_json_text;

typedef struct {
    /// choices[0].delta.content, else choices[0].message.content, else their refusal; unescaped UTF-8.
    parley_json_text content;
    /// choices[0].finish_reason.
    parley_json_text finish_reason;
    parley_json_text model;
    /// error.message, or error itself when it is a string.
    parley_json_text error_message;
    /// error.code, or error.type, when they are strings.
    parley_json_text error_code;
    /// error.code when it is a number, else 0.
    int64_t error_status;
    bool has_error;
    bool has_usage;
    /// The model is at work though there is no content: reasoning text or tool calls.
    bool has_progress;
    int64_t prompt_tokens;
    int64_t completion_tokens;
} parley_json_chunk;

typedef struct {
    parley_json_text model;
    /// Where the value of `model`, quotes included, lies in the input; `model_length` is 0 when there is none.
    size_t model_offset;
    size_t model_length;
    bool stream;
} parley_json_request;

enum {
    PARLEY_JSON_OK = 0,
    /// Not JSON, or not an object.
    PARLEY_JSON_MALFORMED = 1,
    /// The bytes are not UTF-8, or an escape names half of a surrogate pair. Repairing them and asking again may help.
    PARLEY_JSON_BAD_TEXT = 2,
    PARLEY_JSON_NO_MEMORY = 3,
};

typedef struct parley_json_parser parley_json_parser;

/// NULL when there is no memory.
parley_json_parser *parley_json_parser_create(void);
void parley_json_parser_destroy(parley_json_parser *parser);

/// Reads one chat.completion.chunk, chat.completion or error object. Unknown members are skipped.
int parley_json_parse_chunk(
    parley_json_parser *parser, const uint8_t *bytes, size_t count, parley_json_chunk *chunk);

/// Reads what a pass-through must know of a request.
int parley_json_parse_request(
    parley_json_parser *parser, const uint8_t *bytes, size_t count, parley_json_request *request);

#ifdef __cplusplus
}
#endif

#endif
