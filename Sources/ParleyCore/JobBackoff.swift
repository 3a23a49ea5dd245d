//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// When a job that failed is tried again.
public enum JobBackoff {
    /// `failures⁴ + 15 s`, and up to 10 s of jitter for each failure, so that jobs that failed together do not come
    /// again together. After Sidekiq (https://github.com/sidekiq/sidekiq/wiki/Error-Handling).
    ///
    /// - Parameters:
    ///   - failures: how often the job has failed, with this failure.
    ///   - jitter: from 0 to 1, random.
    public static func delay(failures: Int, jitter: Double) -> Duration {
        let count = min(max(failures, 1), 100)
        let jitterMs = Int(min(max(jitter, 0), 1) * 10_000 * Double(count))
        return .seconds(count * count * count * count + 15) + .milliseconds(jitterMs)
    }
}
