//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// How one part of a node is, for `/readyz`.
public struct ComponentCondition: Hashable, Sendable, Encodable {
    private enum CodingKeys: String, CodingKey {
        case name = "status"
        case detail
    }

    /// One word, such as `ready`.
    public var name: String
    /// For people; `nil` when all is well.
    public var detail: String?

    public init(name: String, detail: String? = nil) {
        self.name = name
        self.detail = detail
    }
}
