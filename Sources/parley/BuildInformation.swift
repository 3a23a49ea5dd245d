//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation

/// Which Parley this is.
enum BuildInformation {
    static let version = "0.1.0"

    /// The commit that this was built from, as the build environment names it at run time.
    static var commit: String {
        ProcessInfo.processInfo.environment["PARLEY_COMMIT"] ?? "unknown"
    }

    static var description: String { self.version }
}
