//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Dispatch

/// Runs one document's reading on a serial queue of its own, since it waits for files and processes; Swift's own
/// threads must not be blocked.
final class ReadingThread: SerialExecutor {
    private let queue = DispatchQueue(label: "parley.document", qos: .utility)

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        self.queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}
