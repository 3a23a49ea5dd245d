//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Dispatch
import Synchronization
import Testing

@testable import OpenSSLCrypto

@Suite(.timeLimit(.minutes(1))) struct PasswordHasherTests {
    private let cheap = ScryptParameters(logN: 10, blockSize: 8, parallelism: 1)

    @Test("scrypt gives RFC 7914's vectors")
    func vectors() throws {
        let empty = try #require(
            ScryptHash.derive([], salt: [], parameters: .init(logN: 4, blockSize: 1, parallelism: 1), count: 64))
        #expect(empty.prefix(8) == [0x77, 0xd6, 0x57, 0x62, 0x38, 0x65, 0x7b, 0x20])
        let salted = try #require(
            ScryptHash.derive(
                Array("password".utf8), salt: Array("NaCl".utf8),
                parameters: .init(logN: 10, blockSize: 8, parallelism: 16), count: 64))
        #expect(salted.prefix(8) == [0xfd, 0xba, 0xbe, 0x1c, 0x9d, 0x34, 0x72, 0x00])
    }

    @Test("the right password verifies, any other does not, and no two hashes are the same")
    func roundTrip() async throws {
        let hasher = PasswordHasher(parameters: self.cheap)
        let first = try await hasher.hash("correct horse ☕")
        let second = try await hasher.hash("correct horse ☕")
        #expect(first != second)
        #expect(first.hasPrefix("$scrypt$ln=10,r=8,p=1$"))
        #expect(try await hasher.verify("correct horse ☕", against: first))
        #expect(try await !hasher.verify("correct horse", against: first))
        #expect(try await !hasher.verify("", against: first))
        #expect(try await !hasher.verifyUnknownUser("correct horse ☕"))
    }

    @Test("a standard hash costs 2^17, 8, 1, and one of another cost asks to be replaced")
    func standardCost() async throws {
        let hasher = PasswordHasher()
        let hash = try await hasher.hash("swordfish")
        #expect(hash.hasPrefix("$scrypt$ln=17,r=8,p=1$"))
        #expect(!hasher.needsRehash(hash))
        #expect(try await hasher.verify("swordfish", against: hash))
        let old = try await PasswordHasher(parameters: self.cheap).hash("swordfish")
        #expect(hasher.needsRehash(old))
        #expect(try await hasher.verify("swordfish", against: old))
    }

    @Test(
        "text that is no hash, or asks for too much work, is refused",
        arguments: [
            "", "$scrypt$", "$argon2id$ln=10,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=25,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=19,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=10,r=8,p=5$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=10,r=0,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=0,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=-1,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=999999999999999999999,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=10,r=8,p=1$AA$AAAAAAAAAAAAAAAAAAAAAA", "$scrypt$ln=10,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$",
            "$scrypt$ln=10,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AA==$", "$scrypt$r=8,ln=10,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
        ])
    func unreadable(text: String) async throws {
        let hasher = PasswordHasher(parameters: self.cheap)
        let error = await #expect(throws: PasswordHashingError.self) { try await hasher.verify("x", against: text) }
        #expect(error?.code == .unreadableHash)
        #expect(hasher.needsRehash(text))
    }

    @Test("a password above the limit is refused before any work")
    func longPassword() async {
        let hasher = PasswordHasher(parameters: self.cheap)
        let error = await #expect(throws: PasswordHashingError.self) {
            try await hasher.hash(String(repeating: "x", count: OpenSSLCryptoLimits.passwordBytes + 1))
        }
        #expect(error?.code == .passwordTooLong)
    }

    @Test("above the lanes callers wait, and above the queue they are told that it is busy")
    func busy() async throws {
        let script = ScriptedDerivation()
        let hasher = script.hasher(concurrent: 2, waiting: 3, wait: .seconds(30))
        let outcomes = await withTaskGroup(of: PasswordHashingError.Code?.self) { group in
            for _ in 0..<10 {
                group.addTask {
                    do throws(PasswordHashingError) {
                        _ = try await hasher.hash("x")
                        return nil
                    } catch { return error.code }
                }
            }
            var outcomes: [PasswordHashingError.Code?] = []
            // Two run and three wait until they are let go, so the first five outcomes are refusals.
            for _ in 0..<5 { outcomes.append(await group.next() ?? nil) }
            await script.started(2)
            script.letGo(5)
            for await outcome in group { outcomes.append(outcome) }
            return outcomes
        }
        #expect(outcomes == [.busy, .busy, .busy, .busy, .busy, nil, nil, nil, nil, nil])
        #expect(script.mostAtOnce == 2)
    }

    @Test("a caller whose turn does not come in time is told that it is busy, and the next one is served")
    func waitDeadline() async throws {
        let script = ScriptedDerivation()
        let hasher = script.hasher(concurrent: 1, waiting: 3, wait: .milliseconds(20))
        async let first = hasher.hash("first")
        await script.started()
        let error = await #expect(throws: PasswordHashingError.self) { try await hasher.hash("second") }
        #expect(error?.code == .busy)
        script.letGo(2)
        _ = try await first
        _ = try await hasher.hash("third")
    }

    @Test("a cancelled caller leaves the queue at once and takes no lane with it")
    func cancellation() async throws {
        let script = ScriptedDerivation()
        let hasher = script.hasher(concurrent: 1, waiting: 1, wait: .seconds(30))
        async let first = hasher.hash("first")
        await script.started()
        await withTaskGroup(of: PasswordHashingError.Code?.self) { group in
            group.addTask {
                do throws(PasswordHashingError) {
                    _ = try await hasher.hash("second")
                    return nil
                } catch { return error.code }
            }
            group.cancelAll()
            #expect(await group.next() == .cancelled)
        }
        script.letGo(2)
        _ = try await first
        _ = try await hasher.hash("third")
    }
}

/// A derivation that waits until the test lets it go.
private final class ScriptedDerivation: Sendable {
    private let gate = DispatchSemaphore(value: 0)
    private let running = Mutex<(now: Int, most: Int)>((0, 0))
    private let startings = AsyncStream.makeStream(of: Void.self)

    var mostAtOnce: Int { self.running.withLock { $0.most } }

    func letGo(_ count: Int) {
        for _ in 0..<count { self.gate.signal() }
    }

    /// Waits until `count` more derivations have begun.
    func started(_ count: Int = 1) async {
        var iterator = self.startings.stream.makeAsyncIterator()
        for _ in 0..<count { _ = await iterator.next() }
    }

    func hasher(concurrent: Int, waiting: Int, wait: Duration) -> PasswordHasher {
        PasswordHasher(parameters: .standard, concurrent: concurrent, waiting: waiting, wait: wait) { _, _, _, count in
            self.running.withLock { running in
                running.now += 1
                running.most = max(running.most, running.now)
            }
            self.startings.continuation.yield()
            self.gate.wait()
            self.running.withLock { $0.now -= 1 }
            return [UInt8](repeating: 7, count: count)
        }
    }
}
