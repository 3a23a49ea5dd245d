//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import Foundation

/// The identity of one entity: a UUID that cannot be mistaken for another entity's.
///
/// New ones are UUIDv7 (RFC 9562 section 5.7), so that they sort by the time of their making; any UUID that a
/// client chooses is taken as it is. The text form is lower case with hyphens.
public struct ID<Entity>: Hashable, Sendable {
    public let uuid: UUID

    public init(_ uuid: UUID) {
        self.uuid = uuid
    }

    /// Makes a UUIDv7: 48 bits of milliseconds since 1970, then 74 random bits.
    public static func generate(at time: Timestamp = .now()) -> Self {
        var bytes = [UInt8](repeating: 0, count: 16)
        let ms = UInt64(clamping: time.milliseconds)
        for index in 0..<6 {
            bytes[index] = UInt8(truncatingIfNeeded: ms >> UInt64(40 - index * 8))
        }
        var random = SystemRandomNumberGenerator()
        let high = random.next()
        let low = random.next()
        for index in 0..<2 {
            bytes[6 + index] = UInt8(truncatingIfNeeded: high >> UInt64(index * 8))
        }
        for index in 0..<8 {
            bytes[8 + index] = UInt8(truncatingIfNeeded: low >> UInt64(index * 8))
        }
        bytes[6] = 0x70 | (bytes[6] & 0x0F)
        bytes[8] = 0x80 | (bytes[8] & 0x3F)
        return Self(
            UUID(
                uuid: (
                    bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7],
                    bytes[8], bytes[9], bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]
                )))
    }
}

extension ID: LosslessStringConvertible {
    /// Reads the 36-character form; anything else is `nil`.
    public init?(_ description: String) {
        guard description.utf8.count == 36, let uuid = UUID(uuidString: description) else { return nil }
        self.uuid = uuid
    }

    public var description: String {
        self.uuid.uuidString.lowercased()
    }
}

extension ID: Codable {
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let id = ID(text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "must be a UUID"))
        }
        self = id
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.description)
    }
}

public typealias UserID = ID<User>
public typealias ConversationID = ID<Conversation>
public typealias MessageID = ID<Message>
public typealias TurnID = ID<Turn>
public typealias PresetID = ID<Preset>
public typealias KeyID = ID<APIKey>
public typealias DocumentID = ID<Document>
public typealias CollectionID = ID<KnowledgeCollection>
public typealias MemoryID = ID<Memory>
public typealias JobID = ID<Job>
