//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Synchronization

/// Values that can be made again, kept for a while so that they need not be: one making per key at a time, in this node
/// and among all that share the store.
public final class SharedCache: Sendable {
    private enum Outcome: Sendable {
        case value([UInt8])
        case failed(any Error)
        /// Nothing that may be shared: the maker was cancelled, or the value became void while it was made.
        case lookAgain
    }

    private enum Boarding {
        case maker
        case waiter
        /// Too many flights: make it without waiting for anybody.
        case alone
    }

    private struct Flight {
        var number: UInt64
        var waiters: [UInt64: CheckedContinuation<Outcome, Never>] = [:]
    }

    private struct State {
        var flights: [CacheKey: Flight] = [:]
        var nextNumber: UInt64 = 0
    }

    private let store: any CacheStore
    private let state = Mutex(State())

    public init(_ store: any CacheStore) {
        self.store = store
    }

    /// The value, if there is one.
    public func get(_ key: CacheKey) async -> [UInt8]? {
        guard case .found(let value) = await self.store.look(key, toMake: false) else { return nil }
        return value
    }

    /// Keeps a value. It should have been read after this call's time: for a value that takes time to make use
    /// ``value(for:life:make:)``.
    public func set(_ value: [UInt8], for key: CacheKey, life: Duration) async {
        switch await self.store.look(key, toMake: false) {
        case .absent(let ticket?): _ = await self.store.put(value, for: key, life: life, ticket: ticket)
        case .found, .absent(nil), .busy: break
        }
    }

    /// Makes every value with this tag void, on every node, before it returns.
    ///
    /// - Throws: `.unavailable`; the values may then live to their end.
    public func invalidate(tag: String) async throws(ClusterError) {
        try await self.store.invalidate(tag: tag)
        // Who asks from now on must not get what is being made from before.
        self.state.withLock { state in
            for key in state.flights.keys where key.tags.contains(tag) {
                let flight = state.flights.removeValue(forKey: key)
                for waiter in flight?.waiters.values ?? [:].values { waiter.resume(returning: .lookAgain) }
            }
        }
    }

    /// The value, made now if there is none. Many who ask at once wait for the one who makes it, and share its failure.
    ///
    /// - Throws: what `make` throws; nothing is kept then.
    public func value<Failure: Error>(
        for key: CacheKey, life: Duration, make: () async throws(Failure) -> [UInt8]
    ) async throws(Failure) -> [UInt8] {
        for _ in 0..<CoreLimits.cacheTries {
            let number = self.nextNumber()
            switch self.board(key, number) {
            case .alone: return try await make()
            case .maker: return try await self.fly(key, number, life: life, make: make)
            case .waiter:
                switch await self.wait(for: key, number) {
                case .value(let value): return value
                case .failed(let error):
                    if let failure = error as? Failure { throw failure }
                case .lookAgain: break
                }
            }
            // Its own making tells a cancelled task what it should be told.
            if Task.isCancelled { break }
        }
        return try await make()
    }
}

// MARK: Flights

extension SharedCache {
    private func nextNumber() -> UInt64 {
        self.state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
    }

    private func board(_ key: CacheKey, _ number: UInt64) -> Boarding {
        self.state.withLock { state in
            if state.flights[key] != nil { return .waiter }
            guard state.flights.count < CoreLimits.cacheFlights else { return .alone }
            state.flights[key] = Flight(number: number)
            return .maker
        }
    }

    private func wait(for key: CacheKey, _ number: UInt64) async -> Outcome {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waits = self.state.withLock { state in
                    guard !Task.isCancelled, state.flights[key] != nil else { return false }
                    state.flights[key]?.waiters[number] = continuation
                    return true
                }
                if !waits { continuation.resume(returning: .lookAgain) }
            }
        } onCancel: {
            self.state.withLock { $0.flights[key]?.waiters.removeValue(forKey: number) }?
                .resume(returning: .lookAgain)
        }
    }

    private func land(_ key: CacheKey, _ number: UInt64, _ outcome: Outcome) {
        let flight = self.state.withLock { state -> Flight? in
            // An invalidation may have ended it, and another begun.
            guard state.flights[key]?.number == number else { return nil }
            return state.flights.removeValue(forKey: key)
        }
        for waiter in flight?.waiters.values ?? [:].values { waiter.resume(returning: outcome) }
    }

    private func fly<Failure: Error>(
        _ key: CacheKey, _ number: UInt64, life: Duration, make: () async throws(Failure) -> [UInt8]
    ) async throws(Failure) -> [UInt8] {
        let ticket: CacheTicket?
        switch await self.lookOrWait(key) {
        case .found(let value):
            self.land(key, number, .value(value))
            return value
        case .absent(let given): ticket = given
        case .busy: ticket = nil
        }
        do throws(Failure) {
            let value = try await make()
            var isGood = true
            if let ticket { isGood = await self.putDown(value, for: key, life: life, ticket: ticket) }
            self.land(key, number, isGood ? .value(value) : .lookAgain)
            return value
        } catch {
            // First, so that one who looks again finds the way free.
            if let ticket { await self.giveUp(key, ticket: ticket) }
            self.land(key, number, Task.isCancelled ? .lookAgain : .failed(error))
            throw error
        }
    }

    // Others wait for these two, so a maker that was cancelled does them all the same: in a task that it only waits
    // for, and that ends by the store's deadline.

    private func putDown(
        _ value: [UInt8], for key: CacheKey, life: Duration, ticket: CacheTicket
    ) async -> Bool {
        // Not free: it is waited for. See above.
        await Task { await self.store.put(value, for: key, life: life, ticket: ticket) }.value
    }

    private func giveUp(_ key: CacheKey, ticket: CacheTicket) async {
        // Not free: it is waited for. See above.
        await Task { await self.store.giveUp(key, ticket: ticket) }.value
    }

    /// Looks, and while another node makes the value looks again.
    private func lookOrWait(_ key: CacheKey) async -> CacheLook {
        let deadline = ContinuousClock.now.advanced(by: CoreLimits.cacheMakeLife)
        var look = await self.store.look(key, toMake: true)
        while look == .busy, ContinuousClock.now < deadline {
            let wait = CoreLimits.cachePoll * Double.random(in: 1...1.5)
            guard (try? await Task.sleep(for: wait)) != nil else { break }
            look = await self.store.look(key, toMake: true)
        }
        return look
    }
}
