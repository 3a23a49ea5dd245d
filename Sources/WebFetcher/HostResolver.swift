//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Dispatch
import Glibc
import Synchronization

/// Finds the addresses of hosts.
public protocol HostResolver: Sendable {
    /// All addresses of a host, or none. A name that is an address already stands for itself.
    ///
    /// - Throws: ``WebFetchError``.
    func addresses(of host: String) async throws -> [IPAddress]
}

/// Asks the system (`getaddrinfo`), with a deadline and on a bounded number of threads: a lookup cannot be stopped, so
/// one that is given up keeps its thread until the system gives up too.
public struct SystemResolver: HostResolver {
    private static let running = Atomic<Int>(0)

    public init() {}

    public func addresses(of host: String) async throws -> [IPAddress] {
        if let address = IPAddress(host) { return [address] }
        guard Self.running.add(1, ordering: .relaxed).newValue <= WebFetcherLimits.lookups else {
            Self.running.subtract(1, ordering: .relaxed)
            throw WebFetchError(.unreachable, "Too many names are being looked up. Try again.")
        }
        let answer = Answer()
        return try await withCheckedThrowingContinuation { continuation in
            answer.wait(continuation)
            DispatchQueue(label: "parley.resolver").async {
                let found = Self.lookUp(host)
                Self.running.subtract(1, ordering: .relaxed)
                answer.give(.success(found))
            }
            let (seconds, attoseconds) = WebFetcherLimits.resolveTime.components
            let deadline = DispatchTime.now() + Double(seconds) + Double(attoseconds) / 1e18
            DispatchQueue.global().asyncAfter(deadline: deadline) {
                answer.give(.failure(WebFetchError(.tooSlow, "The host's name was not found in time.")))
            }
        }
    }

    /// The first answer counts.
    private final class Answer: Sendable {
        private let waiting = Mutex<CheckedContinuation<[IPAddress], any Error>?>(nil)

        func wait(_ continuation: CheckedContinuation<[IPAddress], any Error>) {
            self.waiting.withLock { $0 = continuation }
        }

        func give(_ result: Result<[IPAddress], any Error>) {
            let continuation = self.waiting.withLock { waiting in
                defer { waiting = nil }
                return waiting
            }
            continuation?.resume(with: result)
        }
    }

    private static func lookUp(_ host: String) -> [IPAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var found: [IPAddress] = []
        var next = list
        while let entry = next?.pointee, found.count < WebFetcherLimits.addressesPerHost {
            if let address = self.address(of: entry), !found.contains(address) { found.append(address) }
            next = entry.ai_next
        }
        return found
    }

    private static func address(of entry: addrinfo) -> IPAddress? {
        guard let pointer = entry.ai_addr else { return nil }
        let raw = UnsafeRawPointer(pointer)
        switch entry.ai_family {
        case AF_INET:
            let value = raw.loadUnaligned(as: sockaddr_in.self).sin_addr
            return IPAddress(bytes: withUnsafeBytes(of: value) { Array($0) })
        case AF_INET6:
            let value = raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr
            return IPAddress(bytes: withUnsafeBytes(of: value) { Array($0) })
        default: return nil
        }
    }
}
