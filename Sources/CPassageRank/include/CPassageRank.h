//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
#ifndef PARLEY_CPASSAGERANK_H
#define PARLEY_CPASSAGERANK_H

/// Registers the FTS5 auxiliary function `parley_bm25` on a connection (`sqlite3 *`).
///
/// `parley_bm25(index, information, weight...)` is BM25 (Robertson and Zaragoza 2009, section 3.4; k1 = 1.2, b = 0.75)
/// as FTS5's own `bm25()` has it, but for the inverse document frequencies. FTS5 counts them in the whole table, which
/// takes as long as that is large. Here `information` gives them: a blob of doubles in the machine's byte order, one
/// for each phrase of the query. The weights are the columns', 1.0 where one is missing. The better the match, the
/// smaller the value.
///
/// See <https://www.sqlite.org/fts5.html#custom_auxiliary_functions>.
///
/// Returns: an SQLite result code.
int parley_register_passage_rank(void *connection);

#endif
