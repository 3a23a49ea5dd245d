//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import NIOCore

/// Notices that the master has changed: by the Sentinels' messages, and by asking every few seconds should one be lost.
struct SentinelWatch: Sendable {
    private static let channel = "+switch-master"

    let directory: SentinelDirectory
    let backoff: Backoff
    let logger: Logger
    /// Called with where the master is, also when it has not changed.
    let onMaster: @Sendable (RedisEndpoint) -> Void

    /// Runs until it is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.listen() }
            group.addTask { await self.poll() }
        }
    }

    private func poll() async {
        while !Task.isCancelled {
            if let master = try? await self.directory.master() { self.onMaster(master) }
            try? await Task.sleep(for: RedisClientLimits.sentinelPoll)
        }
    }

    /// Listens to one Sentinel, and to the next when it is gone.
    private func listen() async {
        var generator = SystemRandomNumberGenerator()
        var backoff = self.backoff
        var turn = 0
        while !Task.isCancelled {
            let sentinels = self.directory.sentinels
            let sentinel = sentinels[turn % sentinels.count]
            turn += 1
            do throws(RedisError) {
                let reason = try await self.listen(to: sentinel)
                backoff.reset()
                self.logger.debug("a Sentinel is gone", metadata: ["sentinel": "\(sentinel)", "reason": "\(reason)"])
            } catch {
                self.logger.debug("no Sentinel here", metadata: ["sentinel": "\(sentinel)", "reason": "\(error)"])
            }
            try? await Task.sleep(for: backoff.next(using: &generator))
        }
    }

    private func listen(to sentinel: RedisEndpoint) async throws(RedisError) -> RedisError {
        var settings = RedisConnection.Settings()
        settings.keepAlive = TimeAmount(RedisClientLimits.keepAlive)
        settings.replyDeadline = TimeAmount(RedisClientLimits.sentinelDeadline)
        settings.pushes = .subscriptions
        settings.onPush = { push in
            if let master = self.master(of: push) { self.onMaster(master) }
        }
        let connection = try await self.directory.connect(to: sentinel, settings: settings)
        let reply: RedisValue
        do throws(RedisError) {
            reply = try await connection.perform(
                RedisCommand("SUBSCRIBE", .string(Self.channel)).encoded,
                patience: TimeAmount(RedisClientLimits.sentinelDeadline))
        } catch {
            connection.close(because: error)
            throw error
        }
        if case .error(let error) = reply {
            connection.close(because: error)
            throw error
        }
        return await connection.closed()
    }

    /// Reads `name old-host old-port new-host new-port`.
    private func master(of push: [RedisValue]) -> RedisEndpoint? {
        guard push.count == 3, (try? push[0].string()) == "message", let text = try? push[2].string() else {
            return nil
        }
        let words = text.split(separator: " ")
        guard words.count == 5, words[0] == self.directory.configuration.masterName, let port = Int(words[4]) else {
            return nil
        }
        return RedisEndpoint(host: String(words[3]), port: port)
    }
}
