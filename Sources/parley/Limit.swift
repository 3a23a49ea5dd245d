//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// One named limit with the value that is in force.
struct Limit: Sendable {
    var room: String
    var name: String
    var value: String

    init(_ room: String, _ name: String, _ value: some Any) {
        self.room = room
        self.name = name
        self.value = "\(value)"
    }
}
