//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import Glibc

/// A folder that only this user can look into; removed with its owner.
final class PrivateFolder: Sendable {
    let path: String

    /// - Parameter parent: where to make it, such as `/tmp`.
    init(in parent: String) throws(DocumentError) {
        var template = Array("\(parent)/parley-document-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw DocumentError(.system, "There is no place for temporary files.", detail: "mkdtemp: errno \(errno)")
        }
        self.path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        // A program that was ended may have left files. Links are removed, not followed.
        try? FileManager.default.removeItem(atPath: self.path)
    }

    /// A new file that has no name any more, so that nothing remains of it however the program ends.
    func namelessFile() throws(DocumentError) -> Int32 {
        let path = "\(self.path)/output"
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0, unlink(path) == 0 else {
            let number = errno
            if descriptor >= 0 { close(descriptor) }
            throw DocumentError(.system, "There is no place for temporary files.", detail: "open: errno \(number)")
        }
        return descriptor
    }
}
