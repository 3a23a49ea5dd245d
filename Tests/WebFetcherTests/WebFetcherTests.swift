//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

@testable import WebFetcher

/// Answers what its script says for a path, and remembers what it was asked.
private final class Site: Sendable {
    struct Answer: Sendable {
        var status = HTTPResponseStatus.ok
        var headers: HTTPHeaders = ["content-type": "text/plain"]
        var body = "hello"
        /// Nothing more comes after the head, and the connection stays open.
        var isStuck = false
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart
        let site: Site

        init(_ site: Site) { self.site = site }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard case .head(let head) = self.unwrapInboundIn(data) else { return }
            self.site.asked.withLock { $0.append(head) }
            let answer = self.site.script(head.uri)
            let response = HTTPResponseHead(version: .http1_1, status: answer.status, headers: answer.headers)
            context.write(self.wrapOutboundOut(.head(response)), promise: nil)
            if answer.isStuck { return context.flush() }
            context.write(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: answer.body)))), promise: nil)
            context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    let asked = Mutex<[HTTPRequestHead]>([])
    let script: @Sendable (String) -> Answer
    private let channel = Mutex<(any Channel)?>(nil)

    init(_ script: @escaping @Sendable (String) -> Answer) async throws {
        self.script = script
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.pipeline.configureHTTPServerPipeline().flatMapThrowing {
                    try channel.pipeline.syncOperations.addHandler(Handler(self))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        self.channel.withLock { $0 = channel }
    }

    var port: Int { self.channel.withLock { $0?.localAddress?.port ?? 0 } }

    func close() async throws {
        try await self.channel.withLock { $0 }?.close()
    }
}

/// Names that lead where the test says, one address list for each time that it is asked.
private final class Names: HostResolver {
    private let lists: Mutex<[String: [[String]]]>
    let lookups = Atomic<Int>(0)

    init(_ lists: [String: [[String]]]) { self.lists = Mutex(lists) }

    func addresses(of host: String) async throws -> [IPAddress] {
        self.lookups.add(1, ordering: .relaxed)
        let found = self.lists.withLock { lists in
            guard let list = lists[host], let first = list.first else { return [String]() }
            if list.count > 1 { lists[host] = Array(list.dropFirst()) }
            return first
        }
        return found.compactMap { IPAddress($0) }
    }
}

@Suite("A page is fetched", .timeLimit(.minutes(1)))
struct WebFetcherTests {
    private func fetch(
        _ address: String, names: Names = Names([:]), _ change: (inout WebFetcher.Settings) -> Void = { _ in }
    ) async throws -> (page: WebFetcher.Page, text: String) {
        var settings = WebFetcher.Settings()
        settings.privateHosts = ["site.test", "127.0.0.1"]
        change(&settings)
        let fetcher = WebFetcher(
            settings: settings, resolver: names, eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
        var text = ""
        let page = try await fetcher.fetch(address) { text += String(buffer: $0) }
        return (page, text)
    }

    private func code(of body: () async throws -> Void) async -> WebFetchError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? WebFetchError)?.code
        }
    }

    private let local = Names(["site.test": [["127.0.0.1"]]])

    @Test("with its type and name, from the address that was checked")
    func page() async throws {
        let site = try await Site { _ in .init() }
        let (page, text) = try await self.fetch("http://site.test:\(site.port)/docs/a%20b.txt?x=1", names: self.local)
        #expect(text == "hello")
        #expect(page.mediaType == "text/plain")
        #expect(page.name == "a b.txt")
        #expect(page.count == 5)
        let head = try #require(site.asked.withLock { $0.first })
        #expect(head.headers.first(name: "host") == "site.test:\(site.port)")
        #expect(!head.headers.contains(name: "cookie") && !head.headers.contains(name: "authorization"))
        try await site.close()
    }

    @Test("a host with a private address is not asked at all")
    func privateHost() async throws {
        let site = try await Site { _ in .init() }
        let names = Names(["site.test": [["127.0.0.1"]], "mixed.test": [["1.1.1.1", "10.0.0.1"]]])
        for address in ["http://site.test:\(site.port)/", "http://127.0.0.1:\(site.port)/"] {
            let code = await self.code {
                _ = try await self.fetch(address, names: names) {
                    $0.privateHosts = []
                    $0.ports = [site.port]
                }
            }
            #expect(code == .forbidden || code == .unreachable)
        }
        #expect(await self.code { _ = try await self.fetch("http://mixed.test/", names: names) } == .forbidden)
        #expect(await self.code { _ = try await self.fetch("http://none.test/", names: names) } == .unreachable)
        #expect(await self.code { _ = try await self.fetch("http://none.test:22/", names: names) } == .forbidden)
        #expect(site.asked.withLock { $0.isEmpty })
        try await site.close()
    }

    @Test("a name that changes its address after the check gains nothing")
    func rebinding() async throws {
        let site = try await Site { _ in .init() }
        let names = Names(["site.test": [["127.0.0.1"], ["127.0.0.2"]]])
        let (_, text) = try await self.fetch("http://site.test:\(site.port)/", names: names)
        #expect(text == "hello")
        #expect(names.lookups.load(ordering: .relaxed) == 1)
        try await site.close()
    }

    @Test("each redirect is checked like the first address")
    func redirects() async throws {
        let site = try await Site { uri in
            switch uri {
            case "/a": .init(status: .found, headers: ["location": "/b"])
            case "/b": .init(status: .permanentRedirect, headers: ["location": "c"])
            case "/loop": .init(status: .found, headers: ["location": "/loop"])
            case "/inside": .init(status: .found, headers: ["location": "http://inside.test/"])
            case "/meta": .init(status: .found, headers: ["location": "http://169.254.169.254/latest/"])
            case "/file": .init(status: .found, headers: ["location": "file:///etc/passwd"])
            case "/nowhere": .init(status: .found, headers: [:])
            default: .init()
            }
        }
        let names = Names([
            "site.test": [["127.0.0.1"]], "inside.test": [["10.0.0.1"]], "169.254.169.254": [["169.254.169.254"]],
        ])
        let base = "http://site.test:\(site.port)"
        #expect(try await self.fetch("\(base)/a", names: names).page.address == "\(base)/c")
        for (path, expected) in [
            ("loop", WebFetchError.Code.unreachable), ("inside", .forbidden), ("meta", .forbidden),
            ("file", .badAddress),
            ("nowhere", .unreachable),
        ] {
            #expect(await self.code { _ = try await self.fetch("\(base)/\(path)", names: names) } == expected)
        }
        try await site.close()
    }

    @Test("limits hold on size, type, packing and time")
    func limits() async throws {
        let site = try await Site { uri in
            switch uri {
            case "/long":
                .init(
                    headers: ["content-type": "text/plain", "transfer-encoding": "chunked"],
                    body: String(repeating: "x", count: 2000))
            case "/claims": .init(headers: ["content-type": "text/plain", "content-length": "5000"], isStuck: true)
            case "/picture": .init(headers: ["content-type": "image/png"])
            case "/packed": .init(headers: ["content-type": "text/plain", "content-encoding": "gzip"])
            case "/missing": .init(status: .notFound)
            case "/broken": .init(status: .internalServerError)
            case "/stuck": .init(isStuck: true)
            default: .init(headers: [:])
            }
        }
        let base = "http://site.test:\(site.port)"
        for (path, expected) in [
            ("long", WebFetchError.Code.tooLarge), ("claims", .tooLarge), ("picture", .unsupported),
            ("packed", .unsupported), ("missing", .refused), ("broken", .unreachable), ("stuck", .tooSlow),
        ] {
            let code = await self.code {
                _ = try await self.fetch("\(base)/\(path)", names: self.local) {
                    $0.pageBytes = 1000
                    $0.idleTime = .milliseconds(300)
                }
            }
            #expect(code == expected, "\(path)")
        }
        #expect(try await self.fetch("\(base)/plain", names: self.local).page.mediaType == nil)
        try await site.close()
    }
}
