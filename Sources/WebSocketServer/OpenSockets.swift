//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import Synchronization

/// The open WebSockets of one server. They have no task of their own, and the server must not return before they have
/// closed: the first connection's task that finds nobody waiting stays and waits for all of them.
final class OpenSockets: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    /// The channel has become a WebSocket. It leaves when it closes.
    func insert(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        self.state.withLock { $0.channels[id] = channel }
        channel.closeFuture.whenComplete { _ in self.remove(id) }
    }

    private func remove(_ id: ObjectIdentifier) {
        let waiter = self.state.withLock { state in
            state.channels[id] = nil
            return state.channels.isEmpty ? state.waiter.take() : nil
        }
        waiter?.resume()
    }

    /// Returns when no WebSocket is open, or at once when another task waits for that already. Cancellation closes all.
    func waitForAll() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waits = self.state.withLock { state in
                    guard !state.channels.isEmpty, state.waiter == nil else { return false }
                    state.waiter = continuation
                    return true
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            let channels = self.state.withLock { Array($0.channels.values) }
            for channel in channels { channel.close(promise: nil) }
        }
    }
}
