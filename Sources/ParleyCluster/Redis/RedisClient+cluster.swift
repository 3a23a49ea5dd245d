//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import RedisClient

extension RedisClient {
    /// Claims a round of upkeep by a key that nobody else can make for a while.
    ///
    /// - Returns: whether it is ours.
    func claimRound(_ key: String, for duration: Duration) async throws(RedisError) -> Bool {
        let claim = RedisCommand.set(key, "1", expiresIn: duration, when: .isAbsent)
        return try await !self.send(claim, deadline: ClusterLimits.commandPatience).isNull
    }
}

/// The beginning of scripts that need to know the time: Redis's own, `now`, in ms.
enum RedisTime {
    static let now = """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)

        """
}

extension ClusterError {
    /// Redis cannot be used now.
    init(_ error: RedisError) {
        self.init(.unavailable, "Redis: \(error)")
    }
}
