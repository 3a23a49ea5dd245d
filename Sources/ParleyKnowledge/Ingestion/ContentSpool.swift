//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore

/// A private file that holds a document while it is read, for programs that want a path. The file is locked while it is
/// in use and removed afterwards; what a killed process left behind is removed by the next one that makes a spool.
final class ContentSpool: Sendable {
    let path: String
    private let file: Int32

    /// - Throws: `JobError`: the file cannot be made.
    init(folder: String) throws(JobError) {
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw JobError("The folder \(folder) cannot be made: \(error)", isRetryable: true)
        }
        Self.sweep(folder)
        self.path = "\(folder)/\(Self.prefix)\(UUID().uuidString.lowercased())"
        self.file = open(self.path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard self.file >= 0 else { throw Self.failure("cannot be made") }
        _ = flock(self.file, LOCK_EX | LOCK_NB)
    }

    deinit {
        guard self.file >= 0 else { return }
        unlink(self.path)
        close(self.file)
    }

    /// Appends bytes.
    ///
    /// - Throws: `JobError`, such as when the disk is full.
    func append(_ bytes: [UInt8]) throws(JobError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                write(self.file, buffer.baseAddress.map { $0 + written }, bytes.count - written)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw Self.failure("cannot be written") }
            written += count
        }
    }

    private static let prefix = "document-"

    private static func failure(_ what: String) -> JobError {
        JobError("A temporary file \(what): \(String(cString: strerror(errno)))", isRetryable: true)
    }

    /// Removes files that nobody holds. One that was just made may not be locked yet.
    static func sweep(_ folder: String) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in names where name.hasPrefix(Self.prefix) {
            let path = "\(folder)/\(name)"
            let file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
            guard file >= 0 else { continue }
            defer { close(file) }
            guard let status = FileStatus(descriptor: file) else { continue }
            let isOld = Int64(time(nil)) - status.modifiedNs / 1_000_000_000 > Self.settlingSeconds
            if isOld && flock(file, LOCK_EX | LOCK_NB) == 0 { unlink(path) }
        }
    }

    private static let settlingSeconds: Int64 = 60
}
