//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// What an application does with one WebSocket.
///
/// The asynchronous calls come one at a time and in order, in a task that exists only while there is something to do.
/// An idle WebSocket so has no task and no asynchronous sequence, which together took more memory than all the rest of
/// it (21.6 KB with a waiting task, 6.5 KB without; `docs/decisions/0008`). While a call is under way messages wait, a
/// bounded number of them, after which the connection stops reading.
public protocol WebSocketSession: Sendable {
    /// A message has come, whole and, if it is text, valid UTF-8. Waits in here need deadlines of their own: the next
    /// message is not delivered before this returns. Messages that came before a close are all delivered.
    func received(_ message: WebSocketMessage) async

    /// The server is shutting down: whatever is sent in here goes out before the connection closes with 1001.
    /// Runs on the event loop and must not block.
    func serverIsGoingAway()

    /// The connection has ended. The last call.
    func closed(_ closure: WebSocketClosure) async
}

extension WebSocketSession {
    public func serverIsGoingAway() {}
    public func closed(_ closure: WebSocketClosure) async {}
}
