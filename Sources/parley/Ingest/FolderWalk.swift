//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyKnowledge

/// A file that was found to ingest.
struct FoundFile: Sendable, Hashable {
    /// Where its bytes are, links resolved.
    var path: String
    /// What its document is called: its path below the ingested folder, with the folder's own name in front.
    var name: String
    /// What tells whether it changed.
    var mark: Mark
    /// Whether it was named itself, not found in a folder: then nothing about it is passed over in silence.
    var isNamed: Bool

    struct Mark: Sendable, Hashable {
        var byteCount: Int
        var modifiedNs: Int64
        var inode: UInt64

        init(_ status: FileStatus) {
            self.byteCount = status.byteCount
            self.modifiedNs = status.modifiedNs
            self.inode = status.inode
        }
    }
}

/// A file or folder that was named on the command line.
struct IngestRoot: Sendable, Hashable {
    var path: String
    /// Links resolved.
    var realPath: String
    var name: String
    var isFolder: Bool

    /// - Throws: `StartError` when it is not there or is neither file nor folder.
    init(_ path: String) throws {
        guard let real = realpath(path, nil) else {
            throw StartError("\(path): \(String(cString: strerror(errno)))")
        }
        defer { free(real) }
        self.path = path
        self.realPath = String(cString: real)
        self.name = self.realPath.split(separator: "/").last.map(String.init) ?? "root"
        guard let status = FileStatus(path: self.realPath, followsLinks: true) else {
            throw StartError("\(path): \(String(cString: strerror(errno)))")
        }
        switch status.kind {
        case .folder: self.isFolder = true
        case .file: self.isFolder = false
        case .link, .special: throw StartError("\(path) is neither a file nor a folder.")
        }
    }
}

/// Finds the files below the named ones: no hidden ones, no special ones, and no links that lead out.
struct FolderWalk {
    /// What was found and what was passed over.
    struct Result: Sendable {
        var files: [FoundFile] = []
        var hidden = 0
        /// Links that lead out of the ingested folders, or to nothing.
        var links = 0
        /// Sockets, pipes, devices.
        var special = 0
        var empty = 0
        /// Folders and files that could not be looked at, with the reason.
        var unreadable: [(path: String, reason: String)] = []
        var isCut = false
    }

    private let roots: [IngestRoot]
    private var result = Result()
    /// Folders that were entered: a link may lead to one twice, or in a circle.
    private var entered: Set<FolderKey> = []

    private struct FolderKey: Hashable {
        var device: UInt64
        var inode: UInt64
    }

    private init(_ roots: [IngestRoot]) {
        self.roots = roots
    }

    /// Looks at the disk now. Files come in the order of their names.
    static func files(of roots: [IngestRoot]) -> Result {
        var walk = FolderWalk(roots)
        for root in roots {
            if root.isFolder {
                walk.enter(root.realPath, name: root.name, depth: 0)
            } else {
                walk.take(root.realPath, name: root.name, isNamed: true)
            }
        }
        return walk.result
    }

    private mutating func enter(_ folder: String, name: String, depth: Int) {
        guard depth < KnowledgeLimits.ingestedFolderDepth else {
            self.result.unreadable.append((folder, "too deep"))
            return
        }
        guard let status = FileStatus(path: folder, followsLinks: true) else {
            self.result.unreadable.append((folder, Self.reason))
            return
        }
        let key = FolderKey(device: status.device, inode: status.inode)
        guard self.entered.insert(key).inserted else { return }
        guard let children = Self.children(of: folder) else {
            self.result.unreadable.append((folder, Self.reason))
            return
        }
        for child in children.sorted() {
            guard !child.hasPrefix(".") else {
                self.result.hidden += 1
                continue
            }
            self.look("\(folder)/\(child)", name: "\(name)/\(child)", depth: depth)
        }
    }

    private mutating func look(_ path: String, name: String, depth: Int) {
        guard let status = FileStatus(path: path, followsLinks: false) else {
            self.result.unreadable.append((path, Self.reason))
            return
        }
        switch status.kind {
        case .folder: self.enter(path, name: name, depth: depth + 1)
        case .file: self.take(path, name: name, isNamed: false)
        case .link: self.follow(path, name: name, depth: depth)
        case .special: self.result.special += 1
        }
    }

    /// Follows a link that stays within the ingested folders.
    private mutating func follow(_ path: String, name: String, depth: Int) {
        guard let resolved = realpath(path, nil) else {
            self.result.links += 1
            return
        }
        defer { free(resolved) }
        let target = String(cString: resolved)
        let isInside = self.roots.contains {
            $0.isFolder && (target == $0.realPath || target.hasPrefix($0.realPath == "/" ? "/" : $0.realPath + "/"))
        }
        guard isInside else {
            self.result.links += 1
            return
        }
        self.look(target, name: name, depth: depth)
    }

    private mutating func take(_ path: String, name: String, isNamed: Bool) {
        guard self.result.files.count < KnowledgeLimits.ingestedFiles else {
            self.result.isCut = true
            return
        }
        guard let status = FileStatus(path: path, followsLinks: false) else {
            self.result.unreadable.append((path, Self.reason))
            return
        }
        guard status.byteCount > 0 || isNamed else {
            self.result.empty += 1
            return
        }
        // As the page sends it: a file from a Mac and the same from elsewhere are one.
        self.result.files.append(
            FoundFile(
                path: path, name: name.precomposedStringWithCanonicalMapping, mark: FoundFile.Mark(status),
                isNamed: isNamed))
    }

    private static var reason: String { String(cString: strerror(errno)) }

    /// The names in a folder; `nil`, with `errno`, when it cannot be read.
    private static func children(of folder: String) -> [String]? {
        guard let stream = opendir(folder) else { return nil }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }
}
