//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import Synchronization

/// Asks Sentinels who the master is.
///
/// All are asked at once. Of those that answer, the one with the newest configuration (its epoch) is right: a Sentinel
/// that was cut off during a failover still names the old master.
final class SentinelDirectory: Sendable {
    /// What a Sentinel says.
    private struct Answer: Sendable {
        var master: RedisEndpoint
        var epoch: Int
        var others: [RedisEndpoint]
    }

    let configuration: RedisConfiguration.Sentinel
    private let connector: RedisConnector
    private let login: RedisLogin
    /// Those that were configured, then those that were learned.
    private let known: Mutex<[RedisEndpoint]>

    init(_ configuration: RedisConfiguration.Sentinel, connector: RedisConnector, clientName: String) {
        self.configuration = configuration
        self.connector = connector
        self.login = RedisLogin(
            user: configuration.user, password: configuration.password, clientName: clientName)
        self.known = Mutex(configuration.seeds)
    }

    /// All Sentinels that are known.
    var sentinels: [RedisEndpoint] { self.known.withLock(\.self) }

    /// Where the master is now.
    ///
    /// - Throws: `unreachable` when no Sentinel answers, `configuration` when none knows the master.
    func master() async throws(RedisError) -> RedisEndpoint {
        let outcomes = await self.askAll()
        var best: Answer?
        var failure = RedisError(.unreachable, "no Sentinel is known")
        for outcome in outcomes {
            switch outcome {
            case .success(let answer):
                self.learn(answer.others)
                if best.map({ $0.epoch < answer.epoch }) ?? true { best = answer }
            case .failure(let error):
                // That a Sentinel does not know the name says more than that another one is away.
                if failure.code != .configuration { failure = error }
            }
        }
        guard let best else { throw failure }
        return best.master
    }

    /// Opens a connection to one Sentinel that gets messages.
    func connect(to endpoint: RedisEndpoint, settings: RedisConnection.Settings) async throws(RedisError)
        -> RedisConnection
    {
        try await self.connector.connect(
            to: endpoint, login: self.login, settings: settings, deadline: RedisClientLimits.sentinelDeadline
        ).connection
    }

    private func askAll() async -> [Result<Answer, RedisError>] {
        let sentinels = self.sentinels
        return await withTaskGroup(of: Result<Answer, RedisError>?.self) { group in
            for sentinel in sentinels {
                group.addTask {
                    do throws(RedisError) {
                        return .success(try await self.ask(sentinel))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            var outcomes: [Result<Answer, RedisError>] = []
            var isPatient = true
            while let outcome = await group.next() {
                // The time is over.
                guard let outcome else { break }
                outcomes.append(outcome)
                if outcomes.count == sentinels.count { break }
                if isPatient, case .success = outcome {
                    isPatient = false
                    group.addTask {
                        try? await Task.sleep(for: RedisClientLimits.sentinelPatience)
                        return nil
                    }
                }
            }
            group.cancelAll()
            return outcomes
        }
    }

    private func ask(_ sentinel: RedisEndpoint) async throws(RedisError) -> Answer {
        let connection = try await self.connect(to: sentinel, settings: .init())
        defer { connection.close(because: RedisError(.closed, "the Sentinel has answered")) }
        let name = RedisArgument.string(self.configuration.masterName)
        let replies = try await connection.perform(
            [
                RedisCommand("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name),
                RedisCommand("SENTINEL", "MASTER", name),
                RedisCommand("SENTINEL", "SENTINELS", name),
            ].joined(), replies: 3, patience: TimeAmount(RedisClientLimits.sentinelDeadline)
        ).array()
        if case .error(let error) = replies[0] {
            throw RedisError(.configuration, "\(sentinel): the Sentinel refuses to answer: \(error)")
        }
        guard !replies[0].isNull else {
            throw RedisError(.configuration, "\(sentinel): the Sentinel knows no master of this name")
        }
        let address = try replies[0].array()
        guard address.count == 2, let master = try Self.endpoint(address[0], address[1]) else {
            throw RedisError(.protocolViolation, "\(sentinel): the Sentinel names a master without an address")
        }
        // These two may be forbidden to us.
        let epoch = (try? replies[1].dictionary()["config-epoch"]).flatMap { Int(String(buffer: $0)) } ?? 0
        var others: [RedisEndpoint] = []
        for other in (try? replies[2].array()) ?? [] {
            guard let fields = try? other.dictionary(), let host = fields["ip"], let port = fields["port"],
                let endpoint = try Self.endpoint(.bulk(host), .bulk(port))
            else { continue }
            others.append(endpoint)
        }
        return Answer(master: master, epoch: epoch, others: others)
    }

    private static func endpoint(_ host: RedisValue, _ port: RedisValue) throws(RedisError) -> RedisEndpoint? {
        let endpoint = RedisEndpoint(host: try host.string(), port: try port.integer())
        return !endpoint.host.isEmpty && (1...65535).contains(endpoint.port) ? endpoint : nil
    }

    private func learn(_ endpoints: [RedisEndpoint]) {
        self.known.withLock { known in
            for endpoint in endpoints where known.count < RedisClientLimits.sentinels && !known.contains(endpoint) {
                known.append(endpoint)
            }
        }
    }
}
