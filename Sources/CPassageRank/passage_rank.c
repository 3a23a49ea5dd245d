//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
#include "CPassageRank.h"

#include <sqlite3.h>
#include <string.h>

enum { most_phrases = 128 };

static void passage_rank(
    const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *context, int count, sqlite3_value **values)
{
    double frequency[most_phrases] = {0};
    double information[most_phrases];
    int phrases = api->xPhraseCount(fts);
    if (phrases > most_phrases || count < 1
        || sqlite3_value_bytes(values[0]) != phrases * (int)sizeof(double)) {
        sqlite3_result_error(context, "parley_bm25: one number for each phrase is needed", -1);
        return;
    }
    if (phrases == 0) {
        sqlite3_result_double(context, 0.0);
        return;
    }
    // A copy, since a blob need not be aligned.
    memcpy(information, sqlite3_value_blob(values[0]), (size_t)phrases * sizeof(double));

    int instances = 0;
    int size = 0;
    sqlite3_int64 rows = 0;
    sqlite3_int64 total = 0;
    int code = api->xInstCount(fts, &instances);
    if (code == SQLITE_OK) code = api->xColumnSize(fts, -1, &size);
    if (code == SQLITE_OK) code = api->xRowCount(fts, &rows);
    if (code == SQLITE_OK) code = api->xColumnTotalSize(fts, -1, &total);
    for (int i = 0; i < instances && code == SQLITE_OK; i++) {
        int phrase = 0;
        int column = 0;
        int offset = 0;
        code = api->xInst(fts, i, &phrase, &column, &offset);
        if (code == SQLITE_OK) {
            frequency[phrase] += column + 1 < count ? sqlite3_value_double(values[column + 1]) : 1.0;
        }
    }
    if (code != SQLITE_OK) {
        sqlite3_result_error_code(context, code);
        return;
    }
    const double k1 = 1.2;
    const double b = 0.75;
    double average = rows > 0 && total > 0 ? (double)total / (double)rows : 1.0;
    double score = 0.0;
    for (int i = 0; i < phrases; i++) {
        score += information[i] * frequency[i] * (k1 + 1.0)
            / (frequency[i] + k1 * (1.0 - b + b * (double)size / average));
    }
    sqlite3_result_double(context, -score);
}

int parley_register_passage_rank(void *connection)
{
    sqlite3 *db = connection;
    fts5_api *api = NULL;
    sqlite3_stmt *statement = NULL;
    // https://www.sqlite.org/fts5.html#extending_fts5
    int code = sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &statement, NULL);
    if (code != SQLITE_OK) return code;
    code = sqlite3_bind_pointer(statement, 1, &api, "fts5_api_ptr", NULL);
    if (code == SQLITE_OK) (void)sqlite3_step(statement);
    int end = sqlite3_finalize(statement);
    if (code != SQLITE_OK) return code;
    if (end != SQLITE_OK) return end;
    if (api == NULL) return SQLITE_ERROR;
    return api->xCreateFunction(api, "parley_bm25", NULL, passage_rank, NULL);
}
