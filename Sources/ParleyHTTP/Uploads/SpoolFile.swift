//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import NIOPosix
import OpenSSLCrypto
import ParleyCore
import Synchronization
import SystemPackage

/// A file on its way into the store, hashed while it is written. The disk is touched on NIO's pool of threads only.
///
/// It has no name: the system removes it with the last reference, whatever ends the process.
final class SpoolFile: Sendable {
    private struct State: ~Copyable {
        let descriptor: SystemPackage.FileDescriptor
        var digest = DigestStream()
        var byteCount = 0

        init(_ descriptor: SystemPackage.FileDescriptor) {
            self.descriptor = descriptor
        }

        deinit {
            try? self.descriptor.close()
        }
    }

    private let state: Mutex<State>

    /// - Parameter descriptor: open for reading and writing; closed with this object.
    init(_ descriptor: SystemPackage.FileDescriptor) {
        self.state = Mutex(State(descriptor))
    }

    var byteCount: Int {
        self.state.withLock { $0.byteCount }
    }

    /// SHA-256 of all that was written. Call it once, after the last ``append(_:)``.
    func contentHash() -> [UInt8] {
        self.state.withLock { state in
            var digest = DigestStream()
            swap(&digest, &state.digest)
            return digest.finish()
        }
    }

    /// - Throws: a 507 `Problem` when the disk is full.
    func append(_ bytes: ByteBuffer) async throws {
        try await Self.onDisk {
            try self.state.withLock { state in
                try bytes.withUnsafeReadableBytes { bytes in
                    var rest = bytes
                    while !rest.isEmpty {
                        let written = try state.descriptor.write(rest)
                        rest = UnsafeRawBufferPointer(rebasing: rest[written...])
                    }
                    state.digest.update(bytes)
                }
                state.byteCount += bytes.readableBytes
            }
        }
    }

    /// Part `index` of `CoreLimits.contentPartBytes`; the last may be shorter, and behind it are none.
    func part(_ index: Int) async throws -> [UInt8] {
        try await Self.onDisk {
            try self.state.withLock { state in
                let start = index * CoreLimits.contentPartBytes
                let count = min(CoreLimits.contentPartBytes, state.byteCount - start)
                guard count > 0 else { return [] }
                return try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                    while filled < count {
                        let rest = UnsafeMutableRawBufferPointer(
                            rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
                        let read = try state.descriptor.read(
                            fromAbsoluteOffset: Int64(start + filled), into: rest)
                        guard read > 0 else { throw Errno.ioError }
                        filled += read
                    }
                }
            }
        }
    }

    /// Runs blocking work on the pool.
    static func onDisk<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        do {
            return try await NIOThreadPool.singleton.runIfActive(work)
        } catch let error as Errno {
            guard [.noSpace, .diskQuotaExceeded, .fileTooLarge].contains(error) else { throw error }
            throw Problem.storageFull("The disk of the server is full. Nothing of this upload was kept.")
        }
    }
}
