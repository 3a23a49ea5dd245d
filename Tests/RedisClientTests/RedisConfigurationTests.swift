//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Testing

@testable import RedisClient

struct RedisConfigurationTests {
    @Test("an address names host, port, user, password and database")
    func plain() throws {
        let full = try RedisConfiguration(url: "redis://ann:p%40ss%3Aword@cache.example:6380/3")
        #expect(full.server == .fixed(RedisEndpoint(host: "cache.example", port: 6380)))
        #expect(full.user == "ann")
        #expect(full.password == "p@ss:word")
        #expect(full.database == 3)
        #expect(full.tls == nil)
        let short = try RedisConfiguration(url: "redis://localhost")
        #expect(short.server == .fixed(RedisEndpoint(host: "localhost", port: 6379)))
        #expect(short.user == nil && short.password == nil && short.database == 0)
        #expect(try RedisConfiguration(url: "redis://:secret@h").password == "secret")
        #expect(try RedisConfiguration(url: "redis://:secret@h").user == nil)
        #expect(try RedisConfiguration(url: "redis://u:a:b@h").password == "a:b")
        #expect(try RedisConfiguration(url: "redis://u:a@b@h").password == "a@b")
        #expect(try RedisConfiguration(url: "redis://h/").database == 0)
        #expect(
            try RedisConfiguration(url: "REDIS://[::1]:7000/1").server == .fixed(RedisEndpoint(host: "::1", port: 7000))
        )
        #expect(try RedisConfiguration(url: "rediss://h").tls == RedisTLS())
    }

    @Test("an address of Sentinels names them, the master and both logins")
    func sentinel() throws {
        let configuration = try RedisConfiguration(
            url: "redis-sentinel://u:p@a:1,b,[::1]:3/my%20master/2?sentinel-user=s&sentinel-password=q%26")
        guard case .sentinel(let sentinel) = configuration.server else {
            Issue.record("not Sentinels")
            return
        }
        #expect(
            sentinel.seeds == [
                RedisEndpoint(host: "a", port: 1), RedisEndpoint(host: "b", port: 26379),
                RedisEndpoint(host: "::1", port: 3),
            ])
        #expect(sentinel.masterName == "my master")
        #expect(sentinel.user == "s" && sentinel.password == "q&")
        #expect(configuration.user == "u" && configuration.password == "p")
        #expect(configuration.database == 2)
        #expect(try RedisConfiguration(url: "rediss-sentinel://a/m").tls != nil)
    }

    @Test(
        "what cannot be read is refused without a word of it",
        arguments: [
            "", "localhost", "http://secret", "redis://", "redis:///0", "redis://secret:6379x", "redis://h:0",
            "redis://h:65536", "redis://h:", "redis://[::1", "redis://[::1]x", "redis://h/secret", "redis://h/-1",
            "redis://h/1/2", "redis://user@h", "redis://user:@h", "redis://u:%zz@h", "redis://u:%4@h",
            "redis://u:%ff@h",
            "redis://a,b", "redis://h?secret=1", "redis://h#secret", "redis-sentinel://a", "redis-sentinel://a/",
            "redis-sentinel://a,,b/m", "redis-sentinel://a/m?secret=1", "redis-sentinel://a/m?sentinel-user",
            "redis-sentinel://a/m?sentinel-user=1&sentinel-user=2", "redis://h\r\n", "redis://h h",
            "redis://h/99999999999",
            "redis://" + String(repeating: "a", count: 5000),
        ])
    func refused(url: String) {
        let error = #expect(throws: RedisError.self) { try RedisConfiguration(url: url) }
        #expect(error?.code == .configuration)
        #expect(error?.message.contains("secret") == false)
    }

    @Test("no password is printed")
    func secrets() throws {
        for url in [
            "redis://user:secret@h", "redis-sentinel://user:secret@h/m?sentinel-user=u&sentinel-password=secret",
        ] {
            let configuration = try RedisConfiguration(url: url)
            var dumped = ""
            dump(configuration, to: &dumped)
            dump(configuration.server, to: &dumped)
            let texts = ["\(configuration)", String(reflecting: configuration), dumped, "\(configuration.server)"]
            for text in texts { #expect(!text.contains("secret")) }
        }
    }
}
