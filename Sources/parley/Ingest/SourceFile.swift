//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import OpenSSLCrypto
import ParleyCore
import ParleyKnowledge

/// A file of somebody else's that is read without trusting it to stay as it is.
final class SourceFile: Sendable {
    private let file: Int32
    private let mark: FoundFile.Mark
    private let path: String

    /// - Throws: `IngestFailure` when it cannot be read or is not a regular file.
    init(_ path: String) throws(IngestFailure) {
        self.path = path
        // Without O_NONBLOCK a pipe that took the file's place would hold us up for ever.
        self.file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard self.file >= 0 else { throw IngestFailure(reason: String(cString: strerror(errno))) }
        guard let status = FileStatus(descriptor: self.file), status.kind == .file else {
            close(self.file)
            throw IngestFailure(reason: "it is not a regular file")
        }
        self.mark = FoundFile.Mark(status)
    }

    deinit { close(self.file) }

    var byteCount: Int { self.mark.byteCount }

    /// Whether the file is still what it was when it was opened.
    func isUnchanged() throws(IngestFailure) -> Bool {
        guard let status = FileStatus(descriptor: self.file) else {
            throw IngestFailure(reason: String(cString: strerror(errno)))
        }
        return FoundFile.Mark(status) == self.mark
    }

    /// SHA-256 of the whole file.
    func hash() async throws -> [UInt8] {
        var digest = DigestStream()
        try await self.pieces { bytes in bytes.withUnsafeBytes { digest.update($0) } }
        return digest.finish()
    }

    /// The file in pieces, from its beginning; other tasks come in between.
    func pieces(_ take: ([UInt8]) throws -> Void) async throws {
        var offset = 0
        while true {
            try Task.checkCancellation()
            let bytes = try self.piece(at: offset)
            guard !bytes.isEmpty else { return }
            offset += bytes.count
            guard offset <= CoreLimits.documentBytes else {
                throw IngestFailure(reason: "it is larger than \(CoreLimits.documentBytes >> 20) MB")
            }
            try take(bytes)
            await Task.yield()
        }
    }

    private func piece(at offset: Int) throws(IngestFailure) -> [UInt8] {
        var problem: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: CoreLimits.contentPartBytes) { buffer, filled in
            while filled < buffer.count {
                let count = pread(
                    self.file, buffer.baseAddress.map { $0 + filled }, buffer.count - filled, off_t(offset + filled))
                if count < 0 && errno == EINTR { continue }
                if count < 0 { problem = errno }
                guard count > 0 else { return }
                filled += count
            }
        }
        guard problem == 0 else { throw IngestFailure(reason: String(cString: strerror(problem))) }
        return bytes
    }
}

/// A copy of a content while it is stored, hashed as it is written. It has no name, so that nothing is left behind.
///
/// One task writes it, calls ``finish()``, then reads it.
final class FileCopy {
    private let file: Int32
    private var digest = DigestStream()
    private(set) var byteCount = 0
    /// SHA-256, once it is finished.
    private(set) var hash: [UInt8] = []

    /// - Throws: `IngestFailure` when the folder cannot be written.
    init(folder: String) throws(IngestFailure) {
        try? FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let path = "\(folder)/ingest-\(UUID().uuidString.lowercased())"
        self.file = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard self.file >= 0 else {
            throw IngestFailure(reason: "no copy can be made in \(folder): \(String(cString: strerror(errno)))")
        }
        unlink(path)
    }

    deinit {
        if self.file >= 0 { close(self.file) }
    }

    func append(_ bytes: [UInt8]) throws(IngestFailure) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                write(self.file, buffer.baseAddress.map { $0 + written }, bytes.count - written)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                throw IngestFailure(reason: "no copy can be made: \(String(cString: strerror(errno)))")
            }
            written += count
        }
        bytes.withUnsafeBytes { self.digest.update($0) }
        self.byteCount += bytes.count
    }

    func finish() {
        var digest = DigestStream()
        swap(&digest, &self.digest)
        self.hash = digest.finish()
    }

    /// One part as the store takes it.
    func part(_ part: Int) throws(IngestFailure) -> [UInt8] {
        let start = part * CoreLimits.contentPartBytes
        let size = min(CoreLimits.contentPartBytes, self.byteCount - start)
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            while filled < size {
                let count = pread(
                    self.file, buffer.baseAddress.map { $0 + filled }, size - filled, off_t(start + filled))
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { return }
                filled += count
            }
        }
        guard bytes.count == size else { throw IngestFailure(reason: "its copy cannot be read") }
        return bytes
    }
}
