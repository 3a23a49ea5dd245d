//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import NIOCore

// Connections: how they are opened, kept and left.
extension RedisClient {
    var backoff: Backoff {
        Backoff(shortest: self.configuration.shortestPause, longest: self.configuration.longestPause)
    }

    /// Sends on an open connection; waits for one as long as is configured.
    func perform(_ bytes: ByteBuffer, replies: Int, deadline: Duration?) async throws(RedisError) -> RedisValue {
        let deadline = deadline ?? self.configuration.commandDeadline
        var patience = TimeAmount(deadline)
        // Not sent means that another connection may do; each is tried once, and one more for one that just came.
        for attempt in 0...self.status.lanes {
            guard let connection = self.status.pick() else {
                patience = try await self.waitForConnection(deadline)
                continue
            }
            do throws(RedisError) {
                return try await connection.perform(bytes, replies: replies, patience: patience)
            } catch {
                let mayBeElsewhere = !error.wasSent && (error.code == .closed || error.code == .unreachable)
                guard mayBeElsewhere, attempt < self.status.lanes else { throw error }
            }
        }
        throw self.status.unreachable
    }

    /// Waits for a connection. Gives what is left of the deadline.
    private func waitForConnection(_ deadline: Duration) async throws(RedisError) -> TimeAmount {
        let wait =
            self.status.isConnecting && self.configuration.waitWhileDown == .zero
            ? self.configuration.connectDeadline : self.configuration.waitWhileDown
        guard wait > .zero else { throw self.status.unreachable }
        let clock = ContinuousClock()
        let start = clock.now
        let isFirst = self.status.isConnecting
        let outcome = await self.gate.wait(atMost: min(wait, deadline)) {
            self.status.isReady || self.status.ended != nil || (isFirst && !self.status.isConnecting)
        }
        switch outcome {
        case .woken:
            guard self.status.isReady else { throw self.status.unreachable }
            let left = deadline - start.duration(to: clock.now)
            return TimeAmount(max(left, RedisClientLimits.deadlineGrain))
        case .timedOut: throw self.status.unreachable
        case .cancelled: throw RedisError(.cancelled, "the command was cancelled")
        case .refused: throw RedisError(.poolExhausted, "too many commands wait for a connection")
        }
    }

    /// Opens a connection to where the server is now, which is looked up again each time.
    func open(_ settings: RedisConnection.Settings) async throws(RedisError) -> RedisConnector.Opened {
        let endpoint: RedisEndpoint
        switch self.configuration.server {
        case .fixed(let fixed): endpoint = fixed
        case .sentinel:
            guard let directory = self.directory else { throw RedisError(.configuration, "no Sentinel") }
            endpoint = try await directory.master()
        }
        let login = RedisLogin(
            user: self.configuration.user, password: self.configuration.password,
            clientName: self.configuration.clientName, database: self.configuration.database,
            version: self.configuration.protocolVersion, requiresMaster: self.configuration.requiresMaster)
        return try await self.connector.connect(
            to: endpoint, login: login, settings: settings, deadline: self.configuration.connectDeadline)
    }

    var settings: RedisConnection.Settings {
        var settings = RedisConnection.Settings()
        settings.keepAlive = TimeAmount(self.configuration.keepAlive)
        settings.replyDeadline = TimeAmount(self.configuration.commandDeadline)
        settings.drainDeadline = TimeAmount(self.configuration.drainDeadline)
        return settings
    }

    func openDedicated() async throws(RedisError) -> RedisConnector.Opened {
        // While nothing can be reached a blocking read would only add attempts.
        if case .down = self.status.state { throw self.status.unreachable }
        return try await self.open(self.settings)
    }

    // MARK: Loops

    /// Keeps one connection for commands until cancelled.
    func keepLane(_ index: Int) async {
        await self.keep { () throws(RedisError) in
            do throws(RedisError) {
                let opened = try await self.open(self.settings)
                let lane = ClientStatus.Lane(connection: opened.connection, endpoint: opened.endpoint)
                for other in self.status.opened(index, lane, serverVersion: opened.server.version) {
                    other.connection.drain(because: RedisError(.unreachable, "the server is another one now"))
                }
                self.logger.debug(
                    "connected to Redis",
                    metadata: ["redis": "\(opened.endpoint)", "version": "\(opened.server.version)"])
                self.gate.wakeAll()
                let reason = await opened.connection.closed()
                self.left(index, because: reason)
            } catch {
                self.left(index, because: error)
                throw error
            }
        }
    }

    private func left(_ index: Int, because reason: RedisError) {
        guard self.status.closed(index, because: reason) else { return }
        self.gate.wakeAll()
        guard !Task.isCancelled else { return }
        self.logger.warning("Redis is not connected", metadata: ["reason": "\(reason)"])
    }

    /// Keeps the connection of subscriptions, while there are any, until cancelled.
    func keepSubscriptions() async {
        await self.keep { () throws(RedisError) in
            guard await self.hub.waitUntilWanted() else { return }
            var settings = self.settings
            settings.pushes = .subscriptions
            settings.onPush = { [hub] in hub.deliver($0) }
            let opened = try await self.open(settings)
            self.hub.attach(opened.connection, to: opened.endpoint)
            _ = await opened.connection.closed()
            self.hub.detach(opened.connection)
        }
    }

    /// Does it again and again, with pauses that grow while it fails or ends soon.
    private func keep(_ body: () async throws(RedisError) -> Void) async {
        var backoff = self.backoff
        var generator = SystemRandomNumberGenerator()
        let clock = ContinuousClock()
        while !Task.isCancelled {
            let start = clock.now
            do throws(RedisError) {
                try await body()
                if start.duration(to: clock.now) >= RedisClientLimits.stableAfter { backoff.reset() }
            } catch {
                self.logger.debug("no connection to Redis", metadata: ["reason": "\(error)"])
            }
            guard !Task.isCancelled else { return }
            _ = await self.pauses.wait(atMost: backoff.next(using: &generator))
        }
    }

    /// Leaves all servers but this one, which is the master now.
    func follow(_ master: RedisEndpoint) {
        let reason = RedisError(.unreachable, "\(master) is the master now")
        let elsewhere = self.status.all().filter { $0.endpoint != master }
        for lane in elsewhere { lane.connection.drain(because: reason) }
        self.dedicated.leave(allBut: master, because: reason)
        self.hub.leave(allBut: master, because: reason)
        // Whoever pauses knows nothing of it yet.
        if self.status.all().isEmpty || !elsewhere.isEmpty { self.pauses.wakeAll() }
    }
}
