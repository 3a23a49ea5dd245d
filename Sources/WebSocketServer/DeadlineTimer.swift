//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore

/// One callback of an event loop that follows a moving deadline. Moving the deadline later costs nothing: the callback
/// fires at the old time, finds that it is early and is scheduled anew.
struct DeadlineTimer {
    private var scheduledFor: NIODeadline?
    private var callback: NIOScheduledCallback?

    /// Makes sure that `handler` is called back at `deadline` or, harmlessly, before.
    mutating func follow(
        _ deadline: NIODeadline?, on eventLoop: any EventLoop, calling handler: some NIOScheduledCallbackHandler
    ) {
        guard let deadline else { return }
        if let scheduledFor, scheduledFor <= deadline { return }
        self.cancel()
        // It throws only when the event loop has shut down, and then there is nothing left to guard.
        self.callback = try? eventLoop.assumeIsolated().scheduleCallback(at: deadline, handler: handler)
        self.scheduledFor = deadline
    }

    /// The callback has come.
    mutating func fired() {
        self.callback = nil
        self.scheduledFor = nil
    }

    mutating func cancel() {
        self.callback?.cancel()
        self.fired()
    }
}
