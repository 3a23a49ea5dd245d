//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//

/// A wait passed its deadline.
struct DeadlinePassed: Error {}

/// Does work that must end in time. Work that is late is cancelled; it must heed that.
///
/// - Throws: ``DeadlinePassed``, or what the work throws.
func within<Value: Sendable>(
    _ limit: Duration, by clock: any Clock<Duration>, _ work: @Sendable @escaping () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask { try await work() }
        group.addTask {
            try await clock.sleep(for: limit)
            throw DeadlinePassed()
        }
        defer { group.cancelAll() }
        guard let value = try await group.next() else { throw CancellationError() }
        return value
    }
}
