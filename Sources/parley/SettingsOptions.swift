//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ArgumentParser
import Configuration

/// The flags that every subcommand understands. What is not given comes from the environment, `.env` or the file.
struct SettingsOptions: ParsableArguments {
    @Option(help: "The address to listen on. Any other than this machine's own requires accounts. (default: 127.0.0.1)")
    var host: String?

    @Option(help: "The port to listen on; 0 takes a free one. (default: 8080)")
    var port: Int?

    @Option(help: "The folder of the database and other data. (default: ./data)")
    var dataDir: String?

    @Option(help: "The model that answers when a conversation names none.")
    var model: String?

    @Option(help: "A model server's embedding model; none: search by words alone. (default: the local encoder)")
    var embeddingModel: String?

    @Option(
        name: .customLong("openai-base-url"),
        help: "The model server's base URL, or several with commas, best first. (default: OpenAI's, with a key)")
    var openaiBaseURL: String?

    @Option(name: .customLong("node-id"), help: "This node's name. (default: made from host name and process id)")
    var nodeID: String?

    @Option(
        name: .customLong("redis-url"),
        help: "The Redis that several nodes share, such as redis://10.0.0.5:6379/0. (default: none, one node alone)")
    var redisURL: String?

    @Option(help: "Where other nodes reach this one, such as http://10.0.0.7:8080. (default: the bound address)")
    var advertise: String?

    @Option(help: "The origin in the browser's address bar, such as https://chat.example.org, behind a proxy.")
    var publicOrigin: String?

    @Option(help: "text, json, or auto: text on a terminal, JSON otherwise. (default: auto)")
    var logFormat: String?

    @Option(help: "trace, debug, info, notice, warning, error or critical. (default: info)")
    var logLevel: String?

    @Option(help: "A JSON file with settings; an unknown key in it is an error.")
    var config: String?

    /// The flags that were given, as configuration keys.
    var values: [AbsoluteConfigKey: ConfigValue] {
        var values: [AbsoluteConfigKey: ConfigValue] = [:]
        func set(_ key: [String], _ text: String?) {
            if let text { values[AbsoluteConfigKey(key)] = ConfigValue(.string(text), isSecret: false) }
        }
        set(["host"], self.host)
        set(["dataDir"], self.dataDir)
        set(["model"], self.model)
        set(["embeddingModel"], self.embeddingModel)
        set(["openai", "baseURL"], self.openaiBaseURL)
        set(["nodeID"], self.nodeID)
        set(["redis", "url"], self.redisURL)
        set(["advertise"], self.advertise)
        set(["publicOrigin"], self.publicOrigin)
        set(["log", "format"], self.logFormat)
        set(["log", "level"], self.logLevel)
        if let port = self.port {
            values[AbsoluteConfigKey(["port"])] = ConfigValue(.int(port), isSecret: false)
        }
        return values
    }
}
