//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import Logging
public import ParleyCore
public import ServiceLifecycle
import Synchronization

/// Tells a registry that this node is there: at the start, with every heartbeat, at once when its state changes, and
/// when it goes.
public final class RegistryHeart: Service {
    private struct State: Sendable {
        var epoch = 0
        var isLeaving = false
        var hasEnded = false
        /// The last announcement's failure, so that each is logged once.
        var failure: ClusterError.Code?
    }

    private let registry: any NodeRegistry
    private let record: @Sendable () -> NodeRecord
    private let interval: Duration
    private let logger: Logger
    private let state = Mutex(State())
    private let nudges = Signal()

    /// - Parameters:
    ///   - interval: the wait between two heartbeats, up to 20 % shorter or longer each time.
    ///   - record: how this node is now; its epoch is not looked at.
    public init(
        registry: any NodeRegistry, interval: Duration = CoreLimits.nodeHeartbeat, logger: Logger,
        record: @escaping @Sendable () -> NodeRecord
    ) {
        self.registry = registry
        self.record = record
        self.interval = interval
        self.logger = logger
    }

    /// Beats until cancelled. A graceful shutdown is announced at once and does not end it: the node is terminating
    /// until ``end()``.
    public func run() async throws {
        await withGracefulShutdownHandler {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.tick() }
                self.nudge()
                for await _ in self.nudges.stream { await self.beat() }
                group.cancelAll()
            }
        } onGracefulShutdown: {
            // Whoever says how the node is may learn of the shutdown a moment later.
            self.state.withLock { $0.isLeaving = true }
            self.nudge()
        }
    }

    /// Beats at once, as after a change of the node's state.
    public func nudge() {
        self.nudges.send()
    }

    /// Says that this node goes for good; nothing is announced any more. A registry that is away learns it by silence.
    public func end() async {
        let epoch = self.state.withLock { state in
            state.hasEnded = true
            return state.epoch
        }
        guard epoch > 0 else { return }
        do throws(ClusterError) {
            try await self.registry.withdraw(self.record().id, epoch: epoch)
        } catch {
            self.logger.info("the registry was not told that this node goes", metadata: ["error": "\(error.message)"])
        }
    }

    private func tick() async {
        while (try? await Task.sleep(for: self.interval * Double.random(in: 0.8...1.2))) != nil { self.nudge() }
    }

    /// One announcement.
    func beat() async {
        var record = self.record()
        let (epoch, isLeaving) = self.state.withLock { ($0.hasEnded ? nil : $0.epoch, $0.isLeaving) }
        guard let epoch else { return }
        record.epoch = epoch
        if isLeaving { record.state = .terminating }
        do throws(ClusterError) {
            let given = try await self.registry.announce(record)
            let (isBack, hasEnded) = self.state.withLock { state in
                defer { state.failure = nil }
                state.epoch = given
                return (state.failure != nil, state.hasEnded)
            }
            if isBack { self.logger.notice("this node is announced again") }
            // The end came while this was on its way, and must have the last word.
            if hasEnded { await self.end() }
        } catch {
            self.failed(error)
        }
    }

    private func failed(_ error: ClusterError) {
        let isNew = self.state.withLock { state in
            defer { state.failure = error.code }
            return state.failure != error.code
        }
        guard isNew, !Task.isCancelled else { return }
        let metadata: Logger.Metadata = ["error": "\(error.message)"]
        if error.code == .fenced {
            self.logger.error("this node is not in the registry: two have the same node id", metadata: metadata)
        } else {
            self.logger.warning("this node cannot be announced", metadata: metadata)
        }
    }
}
