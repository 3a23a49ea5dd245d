//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import AsyncHTTPClient
import Foundation
public import NIOCore
import NIOHTTP1
import NIOPosix

/// Fetches one page of the web for someone who gave its address, and reaches nothing that only this server can reach.
///
/// The host is resolved once, each of its addresses must be public, and the connection goes to one that was checked, so
/// a name that changes its address between check and connection (DNS rebinding) gains nothing. Redirects are followed
/// here, each checked like the first address. No cookies, no credentials, no proxy, nothing compressed.
public struct WebFetcher: Sendable {
    public struct Settings: Hashable, Sendable {
        /// Ports that may be asked.
        public var ports: Set<Int> = [80, 443]
        /// Hosts that may have private addresses and any port, such as `wiki.intern` or `127.0.0.1`, in lower case. Any
        /// page that is fetched may redirect to them.
        public var privateHosts: Set<String> = []
        public var redirects = WebFetcherLimits.redirects
        public var pageBytes = WebFetcherLimits.pageBytes
        public var fetchTime = WebFetcherLimits.fetchTime
        public var idleTime = WebFetcherLimits.idleTime
        /// Media types that are taken; one that ends with `/` or begins with `+` stands for all such. A page that names
        /// no type is taken: what it is shows its content.
        public var mediaTypes: Set<String> = [
            "text/", "+json", "+xml", "application/json", "application/x-ndjson", "application/xml", "application/pdf",
            "application/rtf", "application/epub+zip", "application/octet-stream",
            "application/vnd.oasis.opendocument.text",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ]

        public init() {}
    }

    /// A page that was fetched.
    public struct Page: Hashable, Sendable {
        /// The address after all redirects.
        public var address: String
        /// As the server named it.
        public var mediaType: String?
        /// The last part of the address's path, to tell kinds of text by; may be empty.
        public var name: String
        public var count: Int
    }

    private let settings: Settings
    private let resolver: any HostResolver
    private let loops: any EventLoopGroup

    public init(
        settings: Settings = Settings(), resolver: any HostResolver = SystemResolver(),
        eventLoopGroup: any EventLoopGroup
    ) {
        self.settings = settings
        self.resolver = resolver
        self.loops = eventLoopGroup
    }

    /// Fetches a page.
    ///
    /// - Parameter onBytes: gets the page piece by piece; what it throws ends the fetch and is thrown on.
    /// - Throws: ``WebFetchError``; then what was given to `onBytes` is not whole.
    public func fetch(_ address: String, onBytes: (ByteBuffer) async throws -> Void) async throws -> Page {
        let deadline = NIODeadline.now() + TimeAmount(self.settings.fetchTime)
        var next = try WebAddress(address)
        for _ in 0...self.settings.redirects {
            let pinned = try await self.checkedAddress(of: next)
            switch try await self.hop(next, pinned: pinned, deadline: deadline, onBytes: onBytes) {
            case .page(let page): return page
            case .redirect(let location): next = try next.redirected(to: location)
            }
        }
        throw WebFetchError(.unreachable, "The page redirects too many times.")
    }

    private enum HopResult {
        case page(Page)
        case redirect(String)
    }

    /// The one address to connect to.
    private func checkedAddress(of address: WebAddress) async throws -> IPAddress {
        let isAllowed = self.settings.privateHosts.contains(address.host)
        guard isAllowed || self.settings.ports.contains(address.port) else {
            throw WebFetchError(.forbidden, "Port \(address.port) is not one of web pages.")
        }
        let found = try await self.resolver.addresses(of: address.host)
        // One private address among public ones is a trap, not a choice.
        guard isAllowed || found.allSatisfy(AddressPolicy.isPublic) else {
            throw WebFetchError(.forbidden, "The host \(address.host) is not on the public Internet.")
        }
        // Networks without IPv6 still resolve it.
        guard let chosen = found.first(where: { $0.bytes.count == 4 }) ?? found.first else {
            throw WebFetchError(.unreachable, "There is no host \(address.host).")
        }
        return chosen
    }

    private func hop(
        _ address: WebAddress, pinned: IPAddress, deadline: NIODeadline, onBytes: (ByteBuffer) async throws -> Void
    ) async throws -> HopResult {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.decompression = .disabled
        configuration.dnsOverride = [address.host: pinned.description]
        configuration.timeout = .init(connect: .seconds(10), read: TimeAmount(self.settings.idleTime))
        configuration.httpVersion = .http1Only
        // A client for each host that is pinned; on one loop, see decision 0010.
        let client = HTTPClient(eventLoopGroupProvider: .shared(self.loops.next()), configuration: configuration)
        let result: Result<HopResult, any Error>
        do {
            result = .success(try await self.exchange(client, address, deadline: deadline, onBytes: onBytes))
        } catch {
            result = .failure(Self.translated(error))
        }
        try? await client.shutdown()
        return try result.get()
    }

    private func exchange(
        _ client: HTTPClient, _ address: WebAddress, deadline: NIODeadline, onBytes: (ByteBuffer) async throws -> Void
    ) async throws -> HopResult {
        var request = HTTPClientRequest(url: address.text)
        request.headers = ["user-agent": "Parley", "accept": "*/*", "accept-encoding": "identity"]
        let response = try await client.execute(request, deadline: deadline)
        if [301, 302, 303, 307, 308].contains(response.status.code) {
            guard let location = response.headers.first(name: "location") else {
                throw WebFetchError(.unreachable, "The page redirects to nowhere.")
            }
            return .redirect(location)
        }
        guard response.status.code == 200 else {
            let code: WebFetchError.Code = response.status.code >= 500 ? .unreachable : .refused
            throw WebFetchError(code, "The host answers \(response.status.code) \(response.status.reasonPhrase).")
        }
        let encoding = response.headers.first(name: "content-encoding")?.lowercased() ?? "identity"
        guard encoding == "identity" else {
            throw WebFetchError(.unsupported, "The host sends the page packed, though asked not to.")
        }
        let mediaType = response.headers.first(name: "content-type")
        try self.check(mediaType)
        if let length = response.headers.first(name: "content-length").flatMap({ Int($0) }) { try self.check(length) }
        var count = 0
        for try await bytes in response.body {
            count += bytes.readableBytes
            try self.check(count)
            guard NIODeadline.now() < deadline else {
                throw WebFetchError(.tooSlow, "The page took longer than \(self.settings.fetchTime).")
            }
            try await onBytes(bytes)
        }
        let path = address.text.split(separator: "?").first.map { $0.split(separator: "/") } ?? []
        let name = path.count > 2 ? String(path.last ?? "").removingPercentEncoding ?? "" : ""
        return .page(Page(address: address.text, mediaType: mediaType, name: name, count: count))
    }

    private func check(_ count: Int) throws(WebFetchError) {
        guard count <= self.settings.pageBytes else {
            throw WebFetchError(.tooLarge, "The page is larger than \(self.settings.pageBytes >> 20) MB.")
        }
    }

    private func check(_ mediaType: String?) throws(WebFetchError) {
        guard let type = mediaType?.split(separator: ";").first?.trimmingPrefix(" ").lowercased() else { return }
        let name = type.filter { $0 != " " }
        let isTaken = self.settings.mediaTypes.contains { taken in
            taken.hasSuffix("/") ? name.hasPrefix(taken) : taken.hasPrefix("+") ? name.hasSuffix(taken) : name == taken
        }
        guard isTaken else {
            throw WebFetchError(.unsupported, "There is no document with text but \(name.prefix(80)).")
        }
    }

    /// What the caller's closure throws goes through as it is; it is told by being no error of the network's libraries.
    private static func translated(_ error: any Error) -> any Error {
        if let error = error as? HTTPClientError {
            let isSlow = error == .deadlineExceeded || error == .readTimeout || error == .connectTimeout
            return isSlow
                ? WebFetchError(.tooSlow, "The host did not answer in time.")
                : WebFetchError(.unreachable, "The host cannot be reached, or broke off its answer.")
        }
        let isNetwork =
            error is NIOConnectionError || error is IOError || error is ChannelError || error is HTTPParserError
        return isNetwork ? WebFetchError(.unreachable, "The host cannot be reached.") : error
    }
}

extension TimeAmount {
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self = .nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}
