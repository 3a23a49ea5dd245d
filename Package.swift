// swift-tools-version:6.2
//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import PackageDescription

let strict: [SwiftSetting] = [
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0335-existential-any.md
    .enableUpcomingFeature("ExistentialAny"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0444-member-import-visibility.md
    .enableUpcomingFeature("MemberImportVisibility"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0409-access-level-on-imports.md
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

// Rooms that read files byte by byte are optimised in debug builds too, in which they would be 50 times slower.
let optimized = strict + [.unsafeFlags(["-O"])]

let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
]

let package = Package(
    name: "parley",
    platforms: [.macOS(.v15)],
    products: [.executable(name: "parley", targets: ["parley"])],
    dependencies: [
        // The web server. Configuration and full Foundation are not needed from it.
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1", traits: []),
        // Event loops, HTTP/1.1 and WebSocket framing.
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        // The client that reaches model servers.
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        // SQLite.
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        // HTML templates of the pages.
        .package(url: "https://github.com/hummingbird-project/swift-mustache.git", from: "2.1.1"),
        // Flags, environment, `.env` and files.
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(
            url: "https://github.com/apple/swift-configuration.git", from: "1.4.0",
            traits: [.defaults]),
        // Logging, metrics, lifecycle: the Swift Server standards.
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-system.git", from: "1.8.1"),
    ],
    targets: [
        // MARK: The program
        .executableTarget(
            name: "parley",
            dependencies: [
                "ParleyCore", "ParleyCluster", "ParleyStore", "ParleyModels", "ParleyKnowledge", "ParleyChat",
                "ParleyHTTP", "PrometheusMetrics", "OpenSSLCrypto", "WebSocketServer", "WebFetcher", "MultipartParser",
                "SentenceEncoder", "VectorIndex", "DocumentText", "RedisClient",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
            ] + nio,
            swiftSettings: strict),
        // MARK: Rooms of the chat
        .target(
            name: "ParleyCore",
            dependencies: [.product(name: "Logging", package: "swift-log")],
            swiftSettings: strict),
        .target(
            name: "ParleyCluster",
            dependencies: [
                "ParleyCore", "RedisClient",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .target(
            name: "ParleyStore",
            dependencies: [
                "ParleyCore", "CPassageRank", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .target(
            name: "ParleyModels",
            dependencies: [
                "ParleyCore", "SentenceEncoder", "CSimdjson",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "DequeModule", package: "swift-collections"),
            ] + nio,
            swiftSettings: strict),
        .target(
            name: "ParleyKnowledge",
            dependencies: [
                "ParleyCore", "VectorIndex", "CVectorMath", "DocumentText",
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: optimized),
        .target(
            name: "ParleyChat",
            dependencies: [
                "ParleyCore",
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
            ],
            swiftSettings: strict),
        .target(
            name: "ParleyHTTP",
            dependencies: [
                "ParleyCore", "ParleyChat", "WebSocketServer", "MultipartParser", "OpenSSLCrypto",
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "Mustache", package: "swift-mustache"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOFoundationCompat", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ] + nio,
            resources: [.copy("Resources")],
            swiftSettings: strict),
        // MARK: Rooms that know nothing of chat
        .target(
            name: "WebSocketServer",
            dependencies: [
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
            ] + nio,
            swiftSettings: strict),
        .target(
            name: "RedisClient",
            dependencies: [
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
            ] + nio,
            swiftSettings: strict),
        .target(
            name: "PrometheusMetrics",
            dependencies: [.product(name: "CoreMetrics", package: "swift-metrics")],
            swiftSettings: strict),
        .target(name: "OpenSSLCrypto", dependencies: ["COpenSSL"], swiftSettings: strict),
        .target(
            name: "MultipartParser", dependencies: [.product(name: "NIOCore", package: "swift-nio")],
            swiftSettings: strict),
        .target(name: "DocumentText", dependencies: ["CProcess"], swiftSettings: optimized),
        .target(
            name: "WebFetcher",
            dependencies: [
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ] + nio,
            swiftSettings: strict),
        .target(name: "VectorIndex", dependencies: ["CFaiss"], swiftSettings: strict),
        .target(
            name: "SentenceEncoder",
            dependencies: ["CSentenceEncoder", .product(name: "DequeModule", package: "swift-collections")],
            swiftSettings: strict),
        // MARK: C and C++
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(name: "CProcess"),
        .target(name: "CSimdjson", linkerSettings: [.linkedLibrary("simdjson"), .linkedLibrary("stdc++")]),
        .target(name: "CVectorMath", cSettings: [.unsafeFlags(["-O3"])]),
        .target(
            name: "CFaiss",
            // Its loops decide how long a search takes, also in a debug build.
            cxxSettings: [.unsafeFlags(["-O3", "-ffp-contract=fast", "-Wall", "-Wextra", "-Wno-psabi"])],
            linkerSettings: ["faiss", "openblas", "gomp", "stdc++", "m"].map { .linkedLibrary($0) }),
        // Its inner loops must be fast in a debug build too.
        .target(
            name: "CSentenceEncoder", exclude: ["kernels.inc", "unicode_mappings.inc", "unicode_ranges.inc"],
            cxxSettings: [.unsafeFlags(["-O3"])], linkerSettings: [.linkedLibrary("stdc++")]),
        .target(
            name: "CPassageRank", cSettings: [.unsafeFlags(["-O3"])], linkerSettings: [.linkedLibrary("sqlite3")]),
        // MARK: Tests
        .target(name: "SeededRandom", swiftSettings: strict),
        .target(name: "RedisForTest", swiftSettings: strict),
        .testTarget(name: "RedisForTestTests", dependencies: ["RedisForTest"], swiftSettings: strict),
        .target(
            name: "ParleyTesting",
            dependencies: [
                "ParleyCore",
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ] + nio,
            swiftSettings: strict),
        .executableTarget(
            name: "scripted-model",
            dependencies: [
                "ParleyTesting", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "job-worker",
            dependencies: [
                "ParleyCore", "ParleyCluster", "ParleyStore", "ParleyChat", "RedisClient",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "retrieval-figures",
            dependencies: [
                "ParleyCore", "ParleyKnowledge", "ParleyModels", "ParleyStore", "VectorIndex", "OpenSSLCrypto",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "sentence-encode",
            dependencies: ["SentenceEncoder", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: strict),
        .testTarget(name: "ParleyCoreTests", dependencies: ["ParleyCore", "SeededRandom"], swiftSettings: strict),
        .testTarget(
            name: "ParleyClusterTests",
            dependencies: [
                "ParleyCluster", "ParleyCore", "ParleyStore", "RedisClient", "RedisForTest", "SeededRandom",
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ParleyStoreTests",
            dependencies: [
                "ParleyStore", "ParleyCore", "ParleyKnowledge", "SeededRandom",
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ParleyModelsTests",
            dependencies: [
                "ParleyModels", "ParleyTesting", "ParleyCore", "SeededRandom",
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
                .product(name: "Logging", package: "swift-log"),
            ] + nio,
            swiftSettings: strict),
        .testTarget(
            name: "ParleyKnowledgeTests",
            dependencies: [
                "ParleyKnowledge", "ParleyCore", "ParleyStore", "DocumentText", "VectorIndex", "SeededRandom",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ParleyChatTests",
            dependencies: ["ParleyChat", "ParleyCluster", "ParleyStore", "ParleyTesting", "SeededRandom"],
            swiftSettings: strict),
        .testTarget(
            name: "ParleyHTTPTests",
            dependencies: [
                "ParleyHTTP", "ParleyChat", "ParleyCluster", "ParleyStore", "ParleyModels", "ParleyTesting",
                "OpenSSLCrypto", .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOFoundationCompat", package: "swift-nio"),
                .product(name: "HummingbirdTesting", package: "hummingbird"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "WebSocketServerTests",
            dependencies: [
                "WebSocketServer",
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
            ] + nio,
            swiftSettings: strict),
        .testTarget(
            name: "PrometheusMetricsTests",
            dependencies: ["PrometheusMetrics", .product(name: "CoreMetrics", package: "swift-metrics")],
            swiftSettings: strict),
        .testTarget(
            name: "DocumentTextTests",
            dependencies: ["DocumentText", "SeededRandom"],
            swiftSettings: strict),
        .testTarget(
            name: "WebFetcherTests",
            dependencies: ["WebFetcher", .product(name: "NIOHTTP1", package: "swift-nio")] + nio,
            swiftSettings: strict),
        .testTarget(
            name: "MultipartParserTests",
            dependencies: ["MultipartParser", "SeededRandom", .product(name: "NIOCore", package: "swift-nio")],
            swiftSettings: strict),
        .executableTarget(
            name: "redis-benchmark-client",
            dependencies: ["RedisClient", .product(name: "Logging", package: "swift-log")],
            swiftSettings: strict),
        .testTarget(
            name: "RedisClientTests",
            dependencies: [
                "RedisClient",
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ] + nio,
            swiftSettings: strict),
        .executableTarget(name: "vector-index-benchmark", dependencies: ["VectorIndex"], swiftSettings: strict),
        .testTarget(
            name: "VectorIndexTests",
            dependencies: ["VectorIndex", "CFaiss", "vector-index-benchmark", "SeededRandom"],
            swiftSettings: strict),
        .testTarget(
            name: "SentenceEncoderTests", dependencies: ["SentenceEncoder"], exclude: ["Fixtures"],
            swiftSettings: strict),
        .testTarget(name: "OpenSSLCryptoTests", dependencies: ["OpenSSLCrypto"], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
