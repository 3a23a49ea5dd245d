//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import NIOPosix
import ParleyHTTP
import WebFetcher

/// Fetches the links that users add as documents.
struct LinkAccess: LinkFetcher {
    private let fetcher: WebFetcher

    /// - Parameter privateHosts: hosts that may be on a private network.
    init(privateHosts: Set<String>) {
        var settings = WebFetcher.Settings()
        settings.privateHosts = privateHosts
        self.fetcher = WebFetcher(settings: settings, eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
    }

    func fetch(
        _ link: String, limitBytes: Int, receive: (ByteBuffer) async throws -> Void
    ) async throws -> String {
        do {
            var count = 0
            _ = try await self.fetcher.fetch(link) { bytes in
                count += bytes.readableBytes
                guard count <= limitBytes else { throw LinkError("leads to more than \(limitBytes) bytes") }
                try await receive(bytes)
            }
        } catch let error as WebFetchError {
            throw LinkError(error.reason)
        }
        // What stands behind # is for the reader's eye.
        return String(link.prefix { $0 != "#" })
    }
}
