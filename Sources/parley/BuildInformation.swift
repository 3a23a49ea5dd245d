//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Which Parley this is.
enum BuildInformation {
    static let version = "0.1.0"

    static var description: String { self.version }
}
