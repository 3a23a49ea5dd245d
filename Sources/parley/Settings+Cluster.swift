//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ArgumentParser
import Configuration
import Foundation

extension Settings {
    /// How this node and others share what is short-lived.
    struct Cluster: Sendable {
        static let keys: Set<String> = ["redis.url", "redis.password", "redis.caFile", "redis.prefix", "advertise"]

        /// Where the shared Redis is; `nil` keeps everything in this process. May hold a password: never printed.
        var redisURL: String?
        /// Goes before the one in the URL. Never printed.
        var redisPassword: String?
        /// Certificates of the authorities that are trusted instead of the system's, in PEM.
        var redisCAFile: String?
        /// What every key in Redis begins with, so that several installations can share one.
        var redisPrefix: String
        /// Where other nodes and balancers reach this one, such as `http://10.0.0.7:8080`.
        var advertise: String?

        /// - Throws: `ValidationError` with what is wrong, for people.
        init(config: ConfigReader, redis: ConfigReader) throws {
            self.redisURL = redis.text("url", isSecret: true)
            self.redisPassword = redis.text("password", isSecret: true)
            self.redisCAFile = redis.text("caFile")
            self.redisPrefix = redis.text("prefix") ?? "parley:"
            self.advertise = config.text("advertise")
            if let advertise, URL(string: advertise)?.scheme?.hasPrefix("http") != true {
                throw ValidationError("advertise is \"\(advertise)\", which is not an http or https URL")
            }
            guard self.redisPrefix.utf8.count <= 100, !self.redisPrefix.contains(where: { "{}".contains($0) }) else {
                throw ValidationError("REDIS_PREFIX must have at most 100 bytes and no braces")
            }
        }

        /// What an operator may see.
        var shown: [(name: String, value: String)] {
            [
                ("redis.url", self.redisURL == nil ? "(none: this node is alone)" : "set"),
                ("redis.password", self.redisPassword == nil ? "not set" : "set"),
                ("redis.caFile", self.redisCAFile ?? "(the system's)"), ("redis.prefix", self.redisPrefix),
                ("advertise", self.advertise ?? "(the bound address)"),
            ]
        }
    }
}
