//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import ParleyCore
import ParleyHTTP

/// Takes what an http or https link leads to.
enum LinkIngestion {
    /// Fetches into a copy that is stored afterwards.
    ///
    /// - Returns: what the document is called.
    /// - Throws: `IngestFailure`.
    static func fetch(_ link: String, into copy: FileCopy) async throws -> String {
        do {
            return try await LinkAccess(privateHosts: []).fetch(link, limitBytes: CoreLimits.documentBytes) { bytes in
                try copy.append([UInt8](bytes.readableBytesView))
            }
        } catch let error as LinkError {
            throw IngestFailure(reason: error.reason)
        }
    }
}
