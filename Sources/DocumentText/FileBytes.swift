//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Glibc

/// An open file that is read at any place; closed with its last owner.
final class FileBytes: Sendable {
    let descriptor: Int32
    let count: Int

    /// Takes over a descriptor.
    init(owning descriptor: Int32) throws(DocumentError) {
        self.descriptor = descriptor
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let number = errno
            close(descriptor)
            throw DocumentError(.system, "The file cannot be read.", detail: "fstat: errno \(number)")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw DocumentError(.unsupported, "It is no file but a folder or a device.")
        }
        self.count = Int(status.st_size)
    }

    convenience init(path: String) throws(DocumentError) {
        // Not blocking: opening a named pipe would wait for its writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw DocumentError(.system, "The file cannot be opened.", detail: "open: errno \(errno)")
        }
        try self.init(owning: descriptor)
    }

    deinit {
        close(self.descriptor)
    }

    /// Up to `count` bytes from a place; fewer only at the end of the file.
    func read(at offset: Int, count: Int) throws(DocumentError) -> [UInt8] {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let result = pread(
                    self.descriptor, buffer.baseAddress?.advanced(by: filled), count - filled,
                    off_t(offset + filled))
                if result < 0, errno == EINTR { continue }
                if result < 0 { failure = errno }
                if result <= 0 { break }
                filled += result
            }
        }
        guard failure == 0 else {
            throw DocumentError(.system, "The file cannot be read.", detail: "pread: errno \(failure)")
        }
        return bytes
    }
}
