//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore

/// The files of one index in the data folder: `<name>-<generation>.pvx`.
///
/// The generation's number comes from the model's name and dimension, so it needs no register: another model has
/// another file, made beside the old one, which is removed only when the new one is whole. Going back to the former
/// model before that costs nothing.
struct IndexFiles: Sendable {
    let folder: String
    let name: String

    /// FNV-1a over name and dimension, 40 bits of it (http://www.isthe.com/chongo/tech/comp/fnv/). Two models with the
    /// same number would only refuse each other's file, which names its model.
    static func generation(of model: EmbeddingModel) -> Int64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in "\(model.name)\u{0}\(model.dimension)".utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        return Int64(hash >> 24)
    }

    func path(of model: EmbeddingModel) -> String {
        "\(self.folder)/\(self.name)-\(Self.generation(of: model)).pvx"
    }

    func makeFolder() throws {
        try FileManager.default.createDirectory(
            atPath: self.folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    /// Removes the files of other generations.
    func removeOthers(than model: EmbeddingModel) {
        let own = URL(fileURLWithPath: self.path(of: model)).lastPathComponent
        let names = (try? FileManager.default.contentsOfDirectory(atPath: self.folder)) ?? []
        for name in names where name != own && name.hasPrefix("\(self.name)-") && name.hasSuffix(".pvx") {
            try? FileManager.default.removeItem(atPath: "\(self.folder)/\(name)")
        }
    }
}
