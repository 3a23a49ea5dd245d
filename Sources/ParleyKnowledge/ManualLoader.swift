//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
public import ParleyCore

/// Reads the manual that ships with Parley, or any folder of Markdown files, as passages.
public struct ManualLoader: Sendable {
    /// What was read.
    public struct Manual: Sendable {
        public var passages: [Passage]
        /// Files that were left out: unreadable, not UTF-8, too long or too many.
        public var skipped: [String]

        public init(passages: [Passage] = [], skipped: [String] = []) {
            self.passages = passages
            self.skipped = skipped
        }
    }

    public let folder: String

    /// - Parameter folder: the path of a folder; its name is the first part of each passage's `documentID`.
    public init(folder: String) {
        self.folder = folder
    }

    /// The passages of all `*.md` files right in the folder, in the order of their names; none when there is no such
    /// folder.
    public func load() -> Manual {
        let root = URL(fileURLWithPath: self.folder)
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? [])
            .filter { $0.hasSuffix(".md") && !$0.hasPrefix(".") }.sorted()
        var manual = Manual(skipped: Array(names.dropFirst(KnowledgeLimits.manualFiles)))
        for name in names.prefix(KnowledgeLimits.manualFiles) {
            guard let text = Self.text(of: root.appendingPathComponent(name)) else {
                manual.skipped.append(name)
                continue
            }
            let base = String(name.dropLast(3))
            manual.passages +=
                MarkdownPassages(
                    text, documentID: "\(root.lastPathComponent)/\(base)", title: Self.title(from: base)
                ).passages
        }
        return manual
    }

    private static func text(of file: URL) -> String? {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: file.path),
            attributes[.type] as? FileAttributeType == .typeRegular,
            let size = attributes[.size] as? Int, size <= KnowledgeLimits.manualFileBytes,
            let data = try? Data(contentsOf: file)
        else { return nil }
        return String(data: data, encoding: .utf8)
    }

    /// `several-servers` becomes `Several servers`.
    private static func title(from name: String) -> String {
        let words = name.replacing("-", with: " ")
        return words.prefix(1).uppercased() + words.dropFirst()
    }
}
