//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ArgumentParser
import Configuration
import Foundation
import Logging
import ParleyChat
import ParleyHTTP
import ParleyModels
import SystemPackage

/// Everything that can be set, read once at start: flags before environment before `.env` before the file before the
/// defaults.
struct Settings: Sendable {
    /// The keys of the configuration file. In the environment, ours carry the prefix `PARLEY_`
    /// (`dataDir` is `PARLEY_DATA_DIR`); those of `openai` are named as everybody names them.
    static let knownKeys = Set<String>([
        "host", "port", "dataDir", "model", "nodeID", "publicOrigin", "log.format", "log.level", "vendorDir",
        "guideDir", "contextTokens", "drainSeconds", "makeTitles", "workInServe", "openai.baseURL", "openai.apiKey",
        "openai.continuesAnswers", "openai.firstTokenSeconds", "openai.nextTokenSeconds", "openai.totalSeconds",
        "openai.connectSeconds", "openai.concurrentRequests",
    ]).union(embeddingKeys).union(Links.keys).union(Cluster.keys)

    var host: String
    var port: Int
    var dataDir: String
    var model: String?
    var nodeID: String
    var publicOrigin: String?
    var logFormat: String
    var logLevel: Logger.Level
    var vendorDir: String?
    var guideDir: String?
    var contextTokens: Int
    var drainSeconds: Int
    var makesTitles: Bool
    /// Whether `parley serve` does background work; if not, `parley worker` must.
    var worksInServe: Bool
    var openAI: OpenAI
    var embedding: Embedding
    var links: Links
    var cluster: Cluster

    /// How model servers are reached.
    struct OpenAI: Sendable {
        /// Best first; empty when none is configured.
        var baseURLs: [String]
        /// One for each server, or one for all. Never printed.
        var apiKeys: [String]
        var continuesAnswers: Bool
        var connectSeconds: Int
        var firstTokenSeconds: Int
        var nextTokenSeconds: Int
        var totalSeconds: Int
        var concurrentRequests: Int
    }

    /// - Throws: `ValidationError` with what is wrong, for people.
    init(options: SettingsOptions) async throws {
        let environment = ProcessInfo.processInfo.environment
        let dotEnv = try DotEnv.read(path: ".env")
        let flags = InMemoryProvider(name: "flags", values: options.values)
        let variables = EnvironmentVariablesProvider(
            environmentVariables: environment.merging(dotEnv) { fromEnvironment, _ in fromEnvironment })
        var own: [any ConfigProvider] = [flags, variables.prefixKeys(with: "parley")]
        var common: [any ConfigProvider] = [flags, variables]
        if let path = options.config ?? environment["PARLEY_CONFIG"] {
            let file = try await Self.file(path)
            own.append(file)
            common.append(file)
        }
        let shared = ConfigReader(providers: common)
        try self.init(
            ConfigReader(providers: own), openAI: shared.scoped(to: "openai"), redis: shared.scoped(to: "redis"))
    }

    private init(_ config: ConfigReader, openAI: ConfigReader, redis: ConfigReader) throws {
        self.host = config.string(forKey: "host", default: "127.0.0.1")
        self.port = config.int(forKey: "port", default: 8080)
        self.dataDir = config.string(forKey: "dataDir", default: "./data")
        self.model = config.string(forKey: "model")
        self.nodeID = config.string(forKey: "nodeID", default: Self.defaultNodeID)
        self.publicOrigin = config.string(forKey: "publicOrigin")
        self.logFormat = config.string(forKey: "log.format", default: "auto")
        let level = config.string(forKey: "log.level", default: "info")
        guard let logLevel = Logger.Level(rawValue: level) else {
            throw ValidationError("log.level is \"\(level)\"; it must be one of \(Logger.Level.allCases)")
        }
        self.logLevel = logLevel
        self.vendorDir = config.string(forKey: "vendorDir")
        self.guideDir = config.string(forKey: "guideDir")
        self.contextTokens = config.int(forKey: "contextTokens", default: ChatLimits.contextTokens)
        self.drainSeconds = config.int(
            forKey: "drainSeconds", default: Int(ChatLimits.drainPatience.components.seconds))
        self.makesTitles = config.bool(forKey: "makeTitles", default: true)
        self.worksInServe = config.bool(forKey: "workInServe", default: true)
        self.openAI = OpenAI(config: openAI)
        self.embedding = try Embedding(config: config, openAI: openAI)
        self.links = Links(config: config)
        self.cluster = try Cluster(config: config, redis: redis)
        try self.check()
    }

    private func check() throws {
        guard (0...65_535).contains(self.port) else {
            throw ValidationError("port is \(self.port); it must be from 0 to 65535")
        }
        guard ["auto", "text", "json"].contains(self.logFormat) else {
            throw ValidationError("log.format is \"\(self.logFormat)\"; it must be auto, text or json")
        }
        guard (256...10_000_000).contains(self.contextTokens) else {
            throw ValidationError("contextTokens is \(self.contextTokens); it must be from 256 to 10000000")
        }
        guard (0...3600).contains(self.drainSeconds) else {
            throw ValidationError("drainSeconds is \(self.drainSeconds); it must be from 0 to 3600")
        }
        for url in self.openAI.baseURLs where URL(string: url)?.scheme?.hasPrefix("http") != true {
            throw ValidationError("OPENAI_BASE_URL has \"\(url)\", which is not an http or https URL")
        }
    }

    /// What an operator may see, in order. Keys only as their number.
    var shown: [(name: String, value: String)] {
        let own: [(name: String, value: String)] = [
            ("host", self.host), ("port", "\(self.port)"), ("mode", self.mode.rawValue), ("dataDir", self.dataDir),
            ("nodeID", self.nodeID), ("publicOrigin", self.publicOrigin ?? "(the bound address)"),
            ("model", self.model ?? "(the first)"),
            ("openai.baseURL", self.openAI.baseURLs.isEmpty ? "(none)" : self.openAI.baseURLs.joined(separator: ", ")),
            ("openai.apiKey", "\(self.openAI.apiKeys.count) set"),
            ("openai.continuesAnswers", "\(self.openAI.continuesAnswers)"),
            ("openai.connectSeconds", "\(self.openAI.connectSeconds)"),
            ("openai.firstTokenSeconds", "\(self.openAI.firstTokenSeconds)"),
            ("openai.nextTokenSeconds", "\(self.openAI.nextTokenSeconds)"),
            ("openai.totalSeconds", "\(self.openAI.totalSeconds)"),
            ("openai.concurrentRequests", "\(self.openAI.concurrentRequests)"),
            ("contextTokens", "\(self.contextTokens)"), ("makeTitles", "\(self.makesTitles)"),
            ("workInServe", "\(self.worksInServe)"),
            ("drainSeconds", "\(self.drainSeconds)"), ("log.format", self.logFormat),
            ("log.level", self.logLevel.rawValue),
        ]
        return own + self.embedding.shown + self.links.shown + self.cluster.shown
    }

    var databasePath: String { self.dataDir + "/parley.db" }

    /// Where the indexes of vectors are kept; can be deleted at any moment.
    var indexFolder: String { self.dataDir + "/index" }

    /// Where uploads are written down before they enter the database.
    var spoolFolder: String { self.dataDir + "/spool" }

    /// Whether only this machine can reach the server.
    var isLoopback: Bool {
        ["127.0.0.1", "::1", "localhost"].contains(self.host) || self.host.hasPrefix("127.")
    }

    var mode: HTTPSettings.Mode {
        self.isLoopback && self.publicOrigin == nil ? .open : .accounts
    }

    /// Where the browser libraries are: beside the program, or where set-up puts them in a checkout.
    var vendorFolder: String? {
        self.vendorDir ?? Self.firstFolder([Self.besideProgram("../share/parley/web"), ".vendor/web"])
    }

    /// Where the manual is.
    var guideFolder: String {
        self.guideDir ?? Self.firstFolder([Self.besideProgram("../share/parley/guide"), "docs/guide"]) ?? "docs/guide"
    }

    static func besideProgram(_ path: String) -> String {
        let program = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        return program.deletingLastPathComponent().appendingPathComponent(path).standardizedFileURL.path
    }

    private static func firstFolder(_ paths: [String]) -> String? {
        paths.first { path in
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
        }
    }

    private static var defaultNodeID: String {
        "\(ProcessInfo.processInfo.hostName.split(separator: ".").first ?? "node")-\(getpid())"
    }
}

extension Settings.OpenAI {
    fileprivate init(config: ConfigReader) {
        func list(_ text: String?) -> [String] {
            (text ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
        }
        self.apiKeys = list(config.string(forKey: "apiKey", isSecret: true))
        let urls = list(config.string(forKey: "baseURL"))
        // A key alone means OpenAI's own server.
        self.baseURLs = urls.isEmpty && !self.apiKeys.isEmpty ? ["https://api.openai.com/v1"] : urls
        self.continuesAnswers = config.bool(forKey: "continuesAnswers", default: false)
        let limits = ModelEndpoint.Limits()
        func seconds(_ key: ConfigKey, _ usual: Duration) -> Int {
            config.int(forKey: key, default: Int(usual.components.seconds))
        }
        self.connectSeconds = seconds("connectSeconds", limits.connect)
        self.firstTokenSeconds = seconds("firstTokenSeconds", limits.firstToken)
        self.nextTokenSeconds = seconds("nextTokenSeconds", limits.nextToken)
        self.totalSeconds = seconds("totalSeconds", limits.total)
        self.concurrentRequests = config.int(forKey: "concurrentRequests", default: limits.concurrentRequests)
    }
}

extension ConfigReader {
    /// A string; `nil` also when it is empty.
    func text(_ key: ConfigKey, isSecret: Bool = false) -> String? {
        self.string(forKey: key, isSecret: isSecret).flatMap { $0.isEmpty ? nil : $0 }
    }
}

// MARK: The file

extension Settings {
    /// - Throws: `ValidationError` when the file cannot be read or has a key that is not known.
    private static func file(_ path: String) async throws -> FileProvider<JSONSnapshot> {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ValidationError("the configuration file \(path) cannot be read")
        }
        guard let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any] else {
            throw ValidationError("the configuration file \(path) is not a JSON object")
        }
        let unknown = Self.keys(of: object, prefix: "").subtracting(Self.knownKeys)
        guard unknown.isEmpty else {
            let list = unknown.sorted().joined(separator: ", ")
            throw ValidationError(
                "the configuration file \(path) has unknown keys: \(list). Known are: "
                    + Self.knownKeys.sorted().joined(separator: ", "))
        }
        return try await FileProvider<JSONSnapshot>(filePath: FilePath(path))
    }

    private static func keys(of object: [String: Any], prefix: String) -> Set<String> {
        object.reduce(into: []) { keys, entry in
            if let inner = entry.value as? [String: Any] {
                keys.formUnion(Self.keys(of: inner, prefix: prefix + entry.key + "."))
            } else {
                keys.insert(prefix + entry.key)
            }
        }
    }
}
