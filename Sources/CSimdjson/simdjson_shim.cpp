//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
#define SIMDJSON_EXCEPTIONS 0
#include "include/simdjson_shim.h"

#include <cstring>
#include <memory>
#include <new>
#include <simdjson.h>
#include <string_view>

using namespace simdjson;

struct parley_json_parser {
    ondemand::parser parser;
    std::unique_ptr<uint8_t[]> buffer;
    size_t capacity = 0;

    /// Copies the input to where simdjson may read past its end.
    bool hold(const uint8_t *bytes, size_t count) noexcept {
        if (count > SIZE_MAX - SIMDJSON_PADDING) return false;
        size_t needed = count + SIMDJSON_PADDING;
        if (needed > capacity) {
            size_t grown = needed < 4096 ? 4096 : needed;
            buffer.reset(new (std::nothrow) uint8_t[grown]);
            capacity = buffer ? grown : 0;
            if (!buffer) return false;
        }
        if (count) std::memcpy(buffer.get(), bytes, count);
        std::memset(buffer.get() + count, 0, SIMDJSON_PADDING);
        return true;
    }

    const char *text() const noexcept { return reinterpret_cast<const char *>(buffer.get()); }
};

namespace {

using value = ondemand::value;
using object = ondemand::object;

parley_json_text text_of(std::string_view view) noexcept {
    static const uint8_t nothing = 0;
    const auto *bytes = reinterpret_cast<const uint8_t *>(view.data());
    return {bytes ? bytes : &nothing, view.size()};
}

/// Takes a string; leaves `text` alone for any other type.
error_code take_text(value &member, parley_json_text &text) noexcept {
    ondemand::json_type type;
    if (auto error = member.type().get(type)) return error;
    if (type != ondemand::json_type::string) return SUCCESS;
    std::string_view view;
    if (auto error = member.get_string().get(view)) return error;
    text = text_of(view);
    return SUCCESS;
}

/// Takes a whole number; leaves `number` alone for any other type.
error_code take_int(value &member, int64_t &number) noexcept {
    ondemand::json_type type;
    if (auto error = member.type().get(type)) return error;
    if (type != ondemand::json_type::number) return SUCCESS;
    int64_t whole;
    auto error = member.get_int64().get(whole);
    if (error == SUCCESS) number = whole;
    return error == INCORRECT_TYPE || error == NUMBER_ERROR || error == NUMBER_OUT_OF_RANGE ? SUCCESS : error;
}

/// Calls `each(key, value)` for the members of an object; for another type it does nothing.
template <typename Each>
error_code for_members(value &member, Each each) noexcept {
    ondemand::json_type type;
    if (auto error = member.type().get(type)) return error;
    if (type != ondemand::json_type::object) return SUCCESS;
    object members;
    if (auto error = member.get_object().get(members)) return error;
    for (auto result : members) {
        ondemand::field field;
        if (auto error = std::move(result).get(field)) return error;
        // Member names of the API hold no escapes: comparing the raw key saves unescaping it.
        ondemand::raw_json_string key = field.key();
        if (auto error = each(key, field.value())) return error;
    }
    return SUCCESS;
}

/// Whether the raw key, which ends at an unescaped quote, is `name`.
template <size_t N>
bool is(ondemand::raw_json_string key, const char (&name)[N]) noexcept {
    return std::memcmp(key.raw(), name, N - 1) == 0 && key.raw()[N - 1] == '"';
}

error_code read_error(value &member, parley_json_chunk &chunk) noexcept {
    ondemand::json_type type;
    if (auto error = member.type().get(type)) return error;
    if (type == ondemand::json_type::null) return SUCCESS;
    chunk.has_error = true;
    if (type == ondemand::json_type::string) return take_text(member, chunk.error_message);
    parley_json_text kind = {nullptr, 0};
    auto failed = for_members(member, [&](ondemand::raw_json_string key, value &inner) -> error_code {
        if (is(key, "message")) return take_text(inner, chunk.error_message);
        if (is(key, "type")) return take_text(inner, kind);
        if (is(key, "code")) {
            if (auto error = take_int(inner, chunk.error_status)) return error;
            return take_text(inner, chunk.error_code);
        }
        return SUCCESS;
    });
    if (!chunk.error_code.bytes) chunk.error_code = kind;
    return failed;
}

error_code note_progress(value &member, parley_json_chunk &chunk) noexcept {
    ondemand::json_type type;
    if (auto error = member.type().get(type)) return error;
    if (type == ondemand::json_type::array) {
        chunk.has_progress = true;
        return SUCCESS;
    }
    parley_json_text text = {nullptr, 0};
    auto error = take_text(member, text);
    if (text.count) chunk.has_progress = true;
    return error;
}

/// A delta of a stream or the message of a whole answer.
error_code read_message(value &member, parley_json_chunk &chunk) noexcept {
    parley_json_text refusal = {nullptr, 0};
    auto failed = for_members(member, [&](ondemand::raw_json_string key, value &inner) -> error_code {
        if (is(key, "content")) return take_text(inner, chunk.content);
        if (is(key, "refusal")) return take_text(inner, refusal);
        if (is(key, "reasoning_content") || is(key, "reasoning") || is(key, "tool_calls"))
            return note_progress(inner, chunk);
        return SUCCESS;
    });
    if (!chunk.content.count && refusal.count) chunk.content = refusal;
    return failed;
}

error_code read_choices(value &member, parley_json_chunk &chunk) noexcept {
    ondemand::json_type type;
    if (auto error = member.type().get(type)) return error;
    if (type != ondemand::json_type::array) return SUCCESS;
    ondemand::array choices;
    if (auto error = member.get_array().get(choices)) return error;
    bool first = true;
    for (auto result : choices) {
        value choice;
        if (auto error = std::move(result).get(choice)) return error;
        if (!first) continue;
        first = false;
        auto failed = for_members(choice, [&](ondemand::raw_json_string key, value &inner) -> error_code {
            if (is(key, "delta") || is(key, "message")) return read_message(inner, chunk);
            if (is(key, "finish_reason")) return take_text(inner, chunk.finish_reason);
            return SUCCESS;
        });
        if (failed) return failed;
    }
    return SUCCESS;
}

error_code read_usage(value &member, parley_json_chunk &chunk) noexcept {
    bool prompt = false, completion = false;
    auto failed = for_members(member, [&](ondemand::raw_json_string key, value &inner) -> error_code {
        if (is(key, "prompt_tokens")) return prompt = true, take_int(inner, chunk.prompt_tokens);
        if (is(key, "completion_tokens")) return completion = true, take_int(inner, chunk.completion_tokens);
        return SUCCESS;
    });
    chunk.has_usage = prompt || completion;
    return failed;
}

int status_of(error_code error) noexcept {
    switch (error) {
    case SUCCESS: return PARLEY_JSON_OK;
    case UTF8_ERROR:
    case STRING_ERROR: return PARLEY_JSON_BAD_TEXT;
    case MEMALLOC: return PARLEY_JSON_NO_MEMORY;
    default: return PARLEY_JSON_MALFORMED;
    }
}

/// Reads the top-level object, member by member, to its end.
template <typename Each>
int parse(parley_json_parser *parser, const uint8_t *bytes, size_t count, Each each) noexcept {
    if (!parser || (!bytes && count)) return PARLEY_JSON_MALFORMED;
    if (!parser->hold(bytes, count)) return PARLEY_JSON_NO_MEMORY;
    ondemand::document document;
    auto view = padded_string_view(parser->text(), count, parser->capacity);
    if (auto error = parser->parser.iterate(view).get(document)) return status_of(error);
    object members;
    if (auto error = document.get_object().get(members)) return status_of(error);
    for (auto result : members) {
        ondemand::field field;
        if (auto error = std::move(result).get(field)) return status_of(error);
        if (auto error = each(field.key(), field.value())) return status_of(error);
    }
    // Past the last token there is no location; anything else is text after the object.
    return document.current_location().error() == OUT_OF_BOUNDS ? PARLEY_JSON_OK : PARLEY_JSON_MALFORMED;
}

}  // namespace

parley_json_parser *parley_json_parser_create(void) {
    return new (std::nothrow) parley_json_parser();
}

void parley_json_parser_destroy(parley_json_parser *parser) {
    delete parser;
}

int parley_json_parse_chunk(
    parley_json_parser *parser, const uint8_t *bytes, size_t count, parley_json_chunk *chunk) {
    *chunk = {};
    return parse(parser, bytes, count, [&](ondemand::raw_json_string key, value &member) -> error_code {
        if (is(key, "choices")) return read_choices(member, *chunk);
        if (is(key, "model")) return take_text(member, chunk->model);
        if (is(key, "usage")) return read_usage(member, *chunk);
        if (is(key, "error")) return read_error(member, *chunk);
        return SUCCESS;
    });
}

int parley_json_parse_request(
    parley_json_parser *parser, const uint8_t *bytes, size_t count, parley_json_request *request) {
    *request = {};
    return parse(parser, bytes, count, [&](ondemand::raw_json_string key, value &member) -> error_code {
        if (is(key, "model")) {
            std::string_view raw = member.raw_json_token();
            while (!raw.empty() && std::strchr(" \t\r\n", raw.back())) raw.remove_suffix(1);
            parley_json_text text = {nullptr, 0};
            if (auto error = take_text(member, text)) return error;
            request->model = text;
            if (!text.bytes) return SUCCESS;
            request->model_offset = static_cast<size_t>(raw.data() - parser->text());
            request->model_length = raw.size();
        } else if (is(key, "stream")) {
            ondemand::json_type type;
            if (auto error = member.type().get(type)) return error;
            if (type == ondemand::json_type::boolean) return member.get_bool().get(request->stream);
        }
        return SUCCESS;
    });
}
