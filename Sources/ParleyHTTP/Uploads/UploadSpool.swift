//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore
import SystemPackage

/// The folder in which uploads are written down before they enter the store.
struct UploadSpool: Sendable {
    private let folder: FilePath

    /// Makes the folder, and removes what a process left that died in the instant between a file's making and the
    /// removal of its name.
    ///
    /// - Throws: an error of the system when the folder cannot be made.
    init(folder: String) throws {
        let files = FileManager.default
        try files.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        for name in try files.contentsOfDirectory(atPath: folder) where name.hasSuffix(Self.ending) {
            try? files.removeItem(atPath: folder + "/" + name)
        }
        self.folder = FilePath(folder)
    }

    private static let ending = ".upload"

    /// A new, empty file.
    ///
    /// - Throws: a 507 `Problem` when the disk is full; another error of the system.
    func makeFile() async throws -> SpoolFile {
        let path = self.folder.appending(ID<SpoolFile>.generate().description + Self.ending)
        return try await SpoolFile.onDisk {
            let descriptor = try SystemPackage.FileDescriptor.open(
                path, .readWrite, options: [.create, .exclusiveCreate], permissions: .ownerReadWrite)
            // From here on nothing has to be cleaned up: the file goes with its descriptor.
            try? FileManager.default.removeItem(atPath: path.string)
            return SpoolFile(descriptor)
        }
    }

    /// Refuses early what would fill the disk.
    ///
    /// - Parameter byteCount: how much is announced; it is needed twice, here and in the store.
    /// - Throws: a 507 `Problem`.
    func checkRoom(for byteCount: Int) async throws {
        let path = self.folder.string
        let free = try await SpoolFile.onDisk {
            (try FileManager.default.attributesOfFileSystem(forPath: path)[.systemFreeSize] as? NSNumber)?.int64Value
        }
        guard let free, free < Int64(byteCount) * 2 + HTTPLimits.uploadReserveBytes else { return }
        throw Problem.storageFull("The disk of the server has no room for this upload.")
    }
}
