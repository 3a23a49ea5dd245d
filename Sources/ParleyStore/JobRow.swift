//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import GRDB
import ParleyCore

/// A job as the table has it.
struct JobRow {
    static let columns = """
        row, token, id, kind, payload, dedupe_key, state, run_at, deliveries, failures, last_error, progress, created,
        updated
        """

    var row: Int64
    var token: Int64
    var job: Job

    init(_ row: Row) throws {
        self.row = row[0]
        self.token = row[1]
        guard let kind = JobKind(rawValue: row[3]), let state = Job.State(rawValue: row[6]) else {
            throw StoreError(.unusable, "The database holds a job that this release does not know.")
        }
        self.job = Job(
            id: JobID(row, 2), kind: kind, payload: row[4], dedupeKey: row[5], state: state,
            runAt: Timestamp(row, 7), deliveries: row[8], failures: row[9], lastError: row[10], progress: row[11],
            createdAt: Timestamp(row, 12), updatedAt: Timestamp(row, 13))
    }

    /// Of a row with the columns row, id, kind and time; `nil` when this release does not know its kind.
    static func ticket(_ row: Row) -> JobTicket? {
        JobKind(rawValue: row[2]).map { JobTicket(id: JobID(row, 1), kind: $0, dueAt: Timestamp(row, 3)) }
    }

    /// - Throws: `.notFound`.
    static func find(_ id: JobID, _ db: Database) throws -> JobRow {
        guard let row = try db.first("SELECT \(Self.columns) FROM jobs WHERE id = ?", [id.blob]) else {
            throw StoreError(.notFound, "There is no such job.")
        }
        return try JobRow(row)
    }

    /// Adds a job, or finds the unfinished one with its key.
    ///
    /// - Throws: `.conflict` when its id is taken.
    static func insert(_ new: NewJob, _ db: Database) throws -> (job: Job, isNew: Bool) {
        if let key = new.dedupeKey, let row = try db.first(Self.unfinished, [key.storable]) {
            return (try JobRow(row).job, false)
        }
        let created = min(new.runAt, .now())
        do {
            try db.run(
                """
                INSERT INTO jobs (id, kind, payload, dedupe_key, state, run_at, deliveries, failures, progress,
                    created, updated)
                VALUES (?1, ?2, ?3, ?4, 'waiting', ?5, 0, 0, 0, ?6, ?6)
                """,
                [
                    new.id.blob, new.kind.rawValue, new.payload.storable, new.dedupeKey?.storable,
                    new.runAt.milliseconds, created.milliseconds,
                ])
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE {
            throw StoreError.taken("The job's id")
        }
        return (try Self.find(new.id, db).job, true)
    }

    static let unfinished = """
        SELECT \(Self.columns) FROM jobs WHERE dedupe_key = ? AND state IN ('waiting', 'running')
        """

    // MARK: Jobs that read documents

    static func payload(_ version: DocumentVersion) throws -> String {
        String(decoding: try JSONEncoder().encode(version), as: UTF8.self)
    }

    static func version(payload: String) -> DocumentVersion? {
        try? JSONDecoder().decode(DocumentVersion.self, from: Data(payload.utf8))
    }

    static func dedupeKey(_ version: DocumentVersion) -> String {
        "\(JobKind.readDocument.rawValue):\(version.documentID):\(version.version)"
    }

    /// Removes the job that reads a version, also one that runs or was set aside: its worker's next heartbeat fails.
    static func cancel(reading version: DocumentVersion, _ db: Database) throws {
        let key = Self.dedupeKey(version)
        try db.run("DELETE FROM jobs WHERE dedupe_key = ? AND state IN ('waiting', 'running')", [key])
        try db.run("DELETE FROM jobs WHERE dedupe_key = ? AND state = 'dead'", [key])
    }

    /// The version that the job reads, if that is what it does.
    var version: DocumentVersion? {
        self.job.kind == .readDocument ? Self.version(payload: self.job.payload) : nil
    }

    /// Lets the document say what its job does.
    func setDocument(_ state: Document.State, at time: Timestamp, _ db: Database) throws {
        guard let version = self.version else { return }
        try db.run(
            """
            UPDATE documents SET state = ?, failure = NULL, updated = ?
            WHERE id = ? AND version = ? AND state <> 'ready'
            """, [state.rawValue, time.milliseconds, version.documentID.blob, version.version])
    }
}
