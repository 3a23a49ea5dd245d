//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore
import ParleyStore
import Testing

/// What a durable store must be able to do.
typealias DurableStore = ConversationStore & TurnStore & AccountStore & StoreHealth & DocumentStore & PassageStore
    & JobStore & MemoryStore & MessageVectorStore

/// Makes an empty store. The contract suites run on every factory in ``all``; a new kind of store adds itself there.
struct StoreFactory: Sendable, CustomTestStringConvertible {
    let name: String
    /// Calls the body with a fresh store and removes it afterwards.
    let withStore: @Sendable (@Sendable (any DurableStore) async throws -> Void) async throws -> Void

    var testDescription: String { self.name }

    static let all = [StoreFactory.sqlite]

    static let sqlite = StoreFactory(name: "SQLite") { body in
        try await withTemporaryFolder { folder in
            let store = try SQLiteStore(path: folder + "/parley.sqlite", durability: .processCrash)
            try await body(store)
            try await store.close()
        }
    }
}

/// Calls the body with the path of a new folder and removes it afterwards.
func withTemporaryFolder<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("parley-\(UUID())").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try await body(folder)
}

/// Expects a `StoreError` with this code.
func expectError(
    _ code: StoreError.Code, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async {
    do {
        try await body()
        Issue.record("expected .\(code.rawValue)", sourceLocation: sourceLocation)
    } catch let error as StoreError {
        #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
    } catch {
        Issue.record("expected .\(code.rawValue), not \(error)", sourceLocation: sourceLocation)
    }
}
