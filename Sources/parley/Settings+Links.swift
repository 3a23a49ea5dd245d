//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Configuration
import Foundation

extension Settings {
    /// How links that users add as documents are fetched.
    struct Links: Sendable {
        static let keys: Set<String> = ["links.fetch", "links.privateHosts"]

        /// Whether they are.
        var fetches: Bool
        /// Hosts that may be on a private network, in lower case.
        var privateHosts: Set<String>

        init(config: ConfigReader) {
            self.fetches = config.bool(forKey: "links.fetch", default: true)
            let hosts = (config.string(forKey: "links.privateHosts") ?? "").lowercased().split(separator: ",")
            self.privateHosts = Set(hosts.map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty })
        }

        /// What an operator may see.
        var shown: [(name: String, value: String)] {
            let hosts = self.privateHosts.sorted().joined(separator: ", ")
            return [
                ("links.fetch", "\(self.fetches)"), ("links.privateHosts", hosts.isEmpty ? "(none)" : hosts),
            ]
        }
    }
}
