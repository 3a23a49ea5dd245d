//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation

/// What the system says of a file.
public struct FileStatus: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        case file
        case folder
        case link
        /// A pipe, a socket, a device.
        case special
    }

    public let kind: Kind
    public let byteCount: Int
    /// Since 1970, in nanoseconds.
    public let modifiedNs: Int64
    public let inode: UInt64
    public let device: UInt64

    /// - Parameter followsLinks: whether a link is looked through.
    /// - Returns: `nil`, with the reason in `errno`, when the file cannot be looked at.
    public init?(path: String, followsLinks: Bool) {
        var status = stat()
        guard (followsLinks ? stat(path, &status) : lstat(path, &status)) == 0 else { return nil }
        self.init(status)
    }

    /// - Returns: `nil`, with the reason in `errno`, for what is no open file.
    public init?(descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }

    private init(_ status: stat) {
        switch status.st_mode & S_IFMT {
        case S_IFREG: self.kind = .file
        case S_IFDIR: self.kind = .folder
        case S_IFLNK: self.kind = .link
        default: self.kind = .special
        }
        self.byteCount = Int(status.st_size)
        self.modifiedNs = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        self.inode = UInt64(status.st_ino)
        self.device = UInt64(status.st_dev)
    }
}
