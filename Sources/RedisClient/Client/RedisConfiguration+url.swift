//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
extension RedisConfiguration {
    /// Reads one of these forms, in which user, password and names are percent-encoded where they hold other
    /// characters than letters, digits and `-._~`:
    ///
    ///     redis://[[user]:password@]host[:port][/database]              port 6379
    ///     rediss://…                                                    the same over TLS
    ///     redis-sentinel://[[user]:password@]host[:port][,host[:port]…]/master[/database]
    ///         [?sentinel-user=…&sentinel-password=…]                    port 26379
    ///     rediss-sentinel://…                                           the same over TLS to all of them
    ///
    /// User and password before `@` are those of the Redis servers. Sentinels have users of their own, which are named
    /// in the query. An IPv6 address stands in brackets.
    ///
    /// - Throws: `configuration`, with a message that holds no part of the address.
    public init(url: String) throws(RedisError) {
        guard url.utf8.count <= RedisClientLimits.urlBytes else { throw Self.refusal("is too long") }
        guard let separator = Self.range(of: "://", in: url[...]) else {
            throw Self.refusal("must begin with redis://, rediss://, redis-sentinel:// or rediss-sentinel://")
        }
        let isEncrypted: Bool
        let isSentinel: Bool
        switch url[..<separator.lowerBound].lowercased() {
        case "redis": (isEncrypted, isSentinel) = (false, false)
        case "rediss": (isEncrypted, isSentinel) = (true, false)
        case "redis-sentinel": (isEncrypted, isSentinel) = (false, true)
        case "rediss-sentinel": (isEncrypted, isSentinel) = (true, true)
        default: throw Self.refusal("must begin with redis://, rediss://, redis-sentinel:// or rediss-sentinel://")
        }
        var rest = url[separator.upperBound...]
        guard !rest.contains("#") else { throw Self.refusal("must not have a fragment") }
        let query = try Self.takeQuery(&rest)
        let path = rest.firstIndex(of: "/").map { rest[rest.index(after: $0)...] } ?? ""
        rest = rest[..<(rest.firstIndex(of: "/") ?? rest.endIndex)]
        let (user, password) = try Self.takeLogin(&rest)
        var parts = path.split(separator: "/", omittingEmptySubsequences: false)
        if parts.last == "" { parts.removeLast() }
        let endpoints = try Self.endpoints(rest, defaultPort: isSentinel ? 26379 : 6379)
        if isSentinel {
            guard !parts.isEmpty, let name = Self.decoded(parts.removeFirst()), !name.isEmpty else {
                throw Self.refusal("must name the master after the Sentinels, as in /mymaster")
            }
            let keys = Set(query.keys).subtracting(["sentinel-user", "sentinel-password"])
            guard keys.isEmpty else { throw Self.refusal("has an option that is not known") }
            self.init(
                server: .sentinel(
                    Sentinel(
                        seeds: endpoints, masterName: name, user: query["sentinel-user"],
                        password: query["sentinel-password"])))
        } else {
            guard query.isEmpty else { throw Self.refusal("has an option that is not known") }
            guard endpoints.count == 1 else { throw Self.refusal("must name one host") }
            self.init(server: .fixed(endpoints[0]))
        }
        (self.user, self.password) = (user, password)
        self.database = try Self.database(parts)
        self.tls = isEncrypted ? RedisTLS() : nil
    }

    private static func refusal(_ why: String) -> RedisError {
        RedisError(.configuration, "the address of Redis \(why)")
    }

    private static func database(_ parts: [Substring]) throws(RedisError) -> Int {
        guard let text = parts.first else { return 0 }
        let isNumber = !text.isEmpty && text.utf8.count <= 9 && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
        guard parts.count == 1, isNumber, let number = Int(text) else {
            throw Self.refusal("must end with the number of a database or without one")
        }
        return number
    }

    /// `user:password@`, of which the last `@` counts, since hosts have none.
    private static func takeLogin(_ rest: inout Substring) throws(RedisError) -> (user: String?, password: String?) {
        guard let at = rest.lastIndex(of: "@") else { return (nil, nil) }
        let login = rest[..<at]
        rest = rest[rest.index(after: at)...]
        guard let colon = login.firstIndex(of: ":") else {
            throw Self.refusal("has a user without a password")
        }
        guard let user = Self.decoded(login[..<colon]),
            let password = Self.decoded(login[login.index(after: colon)...])
        else { throw Self.refusal("has a wrong percent-encoding") }
        guard !password.isEmpty else { throw Self.refusal("has an empty password") }
        return (user.isEmpty ? nil : user, password)
    }

    private static func takeQuery(_ rest: inout Substring) throws(RedisError) -> [String: String] {
        guard let mark = rest.firstIndex(of: "?") else { return [:] }
        let query = rest[rest.index(after: mark)...]
        rest = rest[..<mark]
        var result: [String: String] = [:]
        for option in query.split(separator: "&") {
            guard let equals = option.firstIndex(of: "="), let name = Self.decoded(option[..<equals]),
                let value = Self.decoded(option[option.index(after: equals)...]), !value.isEmpty
            else { throw Self.refusal("has an option without a value") }
            guard result.updateValue(value, forKey: name) == nil else {
                throw Self.refusal("has an option twice")
            }
        }
        return result
    }

    private static func endpoints(_ text: Substring, defaultPort: Int) throws(RedisError) -> [RedisEndpoint] {
        var result: [RedisEndpoint] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            result.append(try Self.endpoint(part, defaultPort: defaultPort))
        }
        guard result.count <= RedisClientLimits.sentinels else { throw Self.refusal("names too many hosts") }
        return result
    }

    private static func endpoint(_ text: Substring, defaultPort: Int) throws(RedisError) -> RedisEndpoint {
        var host = text
        var port: Substring?
        if text.first == "[" {
            guard let close = text.firstIndex(of: "]") else { throw Self.refusal("has a bracket that is open") }
            host = text[text.index(after: text.startIndex)..<close]
            let after = text[text.index(after: close)...]
            guard after.isEmpty || after.first == ":" else { throw Self.refusal("has a host that cannot be read") }
            port = after.isEmpty ? nil : after.dropFirst()
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
        }
        let isReadable = host.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "%") }
        guard !host.isEmpty, isReadable else { throw Self.refusal("has a host that cannot be read") }
        guard let port else { return RedisEndpoint(host: String(host), port: defaultPort) }
        let isNumber = port.utf8.allSatisfy { (0x30...0x39).contains($0) }
        guard isNumber, let number = Int(port), (1...65535).contains(number) else {
            throw Self.refusal("has a port that is not one of 1 to 65535")
        }
        return RedisEndpoint(host: String(host), port: number)
    }

    private static func range(of pattern: String, in text: Substring) -> Range<Substring.Index>? {
        guard let range = text.ranges(of: pattern).first else { return nil }
        return range
    }

    /// Without percent-encoding; nil when that is wrong or gives what is not UTF-8.
    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var iterator = text.utf8.makeIterator()
        while let byte = iterator.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = iterator.next().flatMap(Self.digit), let low = iterator.next().flatMap(Self.digit) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
