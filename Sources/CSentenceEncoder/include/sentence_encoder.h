//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
// A BERT sentence encoder on the CPU: WordPiece, and the transformer with mean pooling. No exception leaves it, no
// global state is changed, and no thread is started but those of a session.
#ifndef PARLEY_SENTENCE_ENCODER_H
#define PARLEY_SENTENCE_ENCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// MARK: Tokens

typedef struct pse_tokenizer pse_tokenizer;

typedef struct {
    int32_t id;
    /// The bytes of the text that the token stands for.
    size_t start;
    size_t end;
} pse_token;

/// Reads a vocabulary: one piece a line, its number is the line's, from 0. NULL when memory lacks, a line is longer
/// than 256 bytes, or one of [UNK], [CLS], [SEP] is missing.
pse_tokenizer *pse_tokenizer_create(const uint8_t *vocabulary, size_t count);
void pse_tokenizer_destroy(pse_tokenizer *tokenizer);
size_t pse_tokenizer_pieces(const pse_tokenizer *tokenizer);
int32_t pse_tokenizer_first(const pse_tokenizer *tokenizer);
int32_t pse_tokenizer_last(const pse_tokenizer *tokenizer);

/// Splits UTF-8 text into tokens, [CLS] and [SEP] not added, from byte `*position` on, until `capacity` tokens are
/// written or the text ends; `*position` then says where to go on. Gives the number of tokens written.
/// A word is never split between two calls; `capacity` must be at least 128.
size_t pse_tokenize(
    const pse_tokenizer *tokenizer, const uint8_t *text, size_t count, size_t *position, pse_token *tokens,
    size_t capacity);

/// The first `capacity` tokens of a text, all of them ids. Gives their number.
size_t pse_tokenize_ids(
    const pse_tokenizer *tokenizer, const uint8_t *text, size_t count, int32_t *ids, size_t capacity);

/// How many tokens a text has.
size_t pse_count(const pse_tokenizer *tokenizer, const uint8_t *text, size_t count);

// MARK: Files

/// Maps a file for reading. NULL with `errno` set when that fails; an empty file is EINVAL.
const uint8_t *pse_map(const char *path, size_t *count);
void pse_unmap(const uint8_t *bytes, size_t count);

// MARK: The model

/// What a model measures. All are above 0; `width` is a multiple of `heads`, `width` and `inner` are multiples of 16,
/// and `width / heads` is a multiple of 16.
typedef struct {
    int32_t vocabulary;
    int32_t positions;
    int32_t layers;
    int32_t heads;
    int32_t width;
    int32_t inner;
    float epsilon;
} pse_shape;

typedef struct {
    const float *weight;
    const float *bias;
} pse_affine;

/// One layer's weights as PyTorch keeps them: a matrix has one row for each output.
typedef struct {
    pse_affine query, key, value, attention_output, attention_norm, inner, output, output_norm;
} pse_layer;

typedef struct {
    /// `vocabulary × width`, `positions × width`, and the first row of the token types. Used where they are.
    const float *words;
    const float *positions;
    const float *type;
    pse_affine norm;
    const pse_layer *layers;
} pse_weights;

typedef struct pse_model pse_model;

/// Copies the layers into the order that the kernels read them in; the embeddings must stay where they are.
/// NULL when memory lacks or the shape cannot be.
pse_model *pse_model_create(const pse_shape *shape, const pse_weights *weights, bool portable);
void pse_model_destroy(pse_model *model);
/// The kernels that this processor gets: "avx2" or "portable".
const char *pse_model_kernels(const pse_model *model);

/// Memory for one batch, and threads that work on it together. One batch at a time.
typedef struct pse_session pse_session;
typedef struct pse_team pse_team;

/// Threads that work on batches together, the caller's among them; they sleep when there is no work.
pse_team *pse_team_create(int32_t threads);
void pse_team_destroy(pse_team *team);

/// - tokens: the most tokens of one batch.
pse_session *pse_session_create(const pse_model *model, pse_team *team, int32_t tokens);
void pse_session_destroy(pse_session *session);
size_t pse_session_bytes(const pse_session *session);

/// Called between layers; other sessions of the same team may run meanwhile. False ends the batch.
typedef bool (*pse_between)(void *context);

enum {
    PSE_OK = 0,
    /// A text has no token or more than there are positions, a token is not of the vocabulary, or there are too many.
    PSE_BAD_INPUT = 1,
    PSE_STOPPED = 2,
    /// The weights make numbers that are none.
    PSE_NOT_FINITE = 3,
};

/// Encodes a batch of texts: their tokens one after the other, and each text's number of tokens. Writes
/// `texts × width` numbers: the mean of each text's last states, of length one.
int32_t pse_encode(
    pse_session *session, const int32_t *ids, const int32_t *lengths, int32_t texts, float *vectors,
    pse_between between, void *context);

#ifdef __cplusplus
}
#endif

#endif
