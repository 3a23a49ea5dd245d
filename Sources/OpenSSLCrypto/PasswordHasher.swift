//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Dispatch
import Synchronization

/// Hashes passwords with scrypt (RFC 7914), which is slow and takes 128 MiB each time on purpose.
///
/// The work runs on threads of its own, so it holds up neither an event loop nor Swift's cooperative pool. Few run at
/// once and a bounded number waits, for a limited time: a flood of sign-ins costs a known amount of memory, and the
/// callers above it get ``PasswordHashingError/Code/busy``.
public final class PasswordHasher: Sendable {
    /// Derives a key as ``ScryptHash/derive(_:salt:parameters:count:)`` does; tests put a scripted one in its place.
    typealias Derivation =
        @Sendable (_ password: [UInt8], _ salt: [UInt8], _ parameters: ScryptParameters, _ count: Int) -> [UInt8]?
    private typealias Turn = Result<Int, PasswordHashingError>

    private struct State {
        var gate: HashGate
        var nextCaller: UInt64 = 0
        var waiting: [UInt64: CheckedContinuation<Turn, Never>] = [:]
    }

    private let parameters: ScryptParameters
    private let wait: Duration
    private let derivation: Derivation
    private let state: Mutex<State>
    /// One serial queue, and so at most one thread, for each lane of the gate.
    private let lanes: [DispatchQueue]
    private let timer = DispatchQueue(label: "password-hasher.deadlines")

    /// A hasher whose new hashes cost `parameters`. One for the whole process, or the limits are not what they say.
    public convenience init(parameters: ScryptParameters = .standard) {
        self.init(
            parameters: parameters, concurrent: OpenSSLCryptoLimits.concurrentHashes,
            waiting: OpenSSLCryptoLimits.waitingHashes, wait: OpenSSLCryptoLimits.hashWait
        ) { ScryptHash.derive($0, salt: $1, parameters: $2, count: $3) }
    }

    init(
        parameters: ScryptParameters, concurrent: Int, waiting: Int, wait: Duration, derivation: @escaping Derivation
    ) {
        self.parameters = parameters
        self.wait = wait
        self.derivation = derivation
        self.state = Mutex(State(gate: HashGate(lanes: concurrent, waitingLimit: waiting)))
        self.lanes = (0..<concurrent).map { DispatchQueue(label: "password-hasher.\($0)", qos: .utility) }
    }

    /// The PHC text to store for `password`, with a new salt.
    public func hash(_ password: String) async throws(PasswordHashingError) -> String {
        let salt = randomBytes(OpenSSLCryptoLimits.saltBytes)
        let key = try await self.derive(
            password, salt: salt, parameters: self.parameters, count: OpenSSLCryptoLimits.derivedKeyBytes)
        return ScryptHash(parameters: self.parameters, salt: salt, key: key).encoded
    }

    /// Whether `password` is the one that `encoded` was made of. The parameters are read from `encoded`, so hashes
    /// of an older cost still verify; ``needsRehash(_:)`` says when to replace one.
    public func verify(_ password: String, against encoded: String) async throws(PasswordHashingError) -> Bool {
        guard let stored = ScryptHash(encoded: encoded) else {
            throw PasswordHashingError(.unreadableHash, "The stored password cannot be read.")
        }
        let key = try await self.derive(
            password, salt: stored.salt, parameters: stored.parameters, count: stored.key.count)
        return constantTimeEquals(key, stored.key)
    }

    /// Does the work of ``verify(_:against:)`` for a user who does not exist, so that the time taken does not tell
    /// which addresses have an account. Always false.
    public func verifyUnknownUser(_ password: String) async throws(PasswordHashingError) -> Bool {
        let salt = [UInt8](repeating: 0, count: OpenSSLCryptoLimits.saltBytes)
        _ = try await self.derive(
            password, salt: salt, parameters: self.parameters, count: OpenSSLCryptoLimits.derivedKeyBytes)
        return false
    }

    /// Whether `encoded` was made at another cost than new hashes are, or cannot be read.
    public func needsRehash(_ encoded: String) -> Bool {
        ScryptHash(encoded: encoded)?.parameters != self.parameters
    }

    private func derive(
        _ password: String, salt: [UInt8], parameters: ScryptParameters, count: Int
    ) async throws(PasswordHashingError) -> [UInt8] {
        guard password.utf8.count <= OpenSSLCryptoLimits.passwordBytes else {
            throw PasswordHashingError(
                .passwordTooLong, "A password may have at most \(OpenSSLCryptoLimits.passwordBytes) bytes.")
        }
        let lane = try await self.admission().get()
        let bytes = Array(password.utf8)
        let key = await withCheckedContinuation { continuation in
            self.lanes[lane].async {
                let key = self.derivation(bytes, salt, parameters, count)
                // The lane is given on before the caller goes on, so that a cancelled caller cannot keep it.
                self.leave(lane)
                continuation.resume(returning: key)
            }
        }
        guard let key else {
            throw PasswordHashingError(.derivationFailed, "The password could not be hashed; memory may be short.")
        }
        return key
    }

    // MARK: The gate

    /// Waits for a lane.
    private func admission() async -> Turn {
        let caller = self.state.withLock { state in
            state.nextCaller += 1
            return state.nextCaller
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { self.enter(caller, $0) }
        } onCancel: {
            self.withdraw(caller, PasswordHashingError(.cancelled, "The request was cancelled."))
        }
    }

    private func enter(_ caller: UInt64, _ continuation: CheckedContinuation<Turn, Never>) {
        let busy = PasswordHashingError(.busy, "Too many sign-ins at once. Please try again in some seconds.")
        let admission = self.state.withLock { state in
            // A cancellation that came earlier found nobody waiting; here it is seen under the same lock.
            guard !Task.isCancelled else { return HashGate.Admission?.none }
            let admission = state.gate.enter(caller)
            if admission == .wait { state.waiting[caller] = continuation }
            return admission
        }
        switch admission {
        case .start(let lane):
            continuation.resume(returning: .success(lane))
        case .refuse:
            continuation.resume(returning: .failure(busy))
        case .wait:
            let milliseconds = Int(self.wait / .milliseconds(1))
            self.timer.asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { self.withdraw(caller, busy) }
        case nil:
            continuation.resume(returning: .failure(PasswordHashingError(.cancelled, "The request was cancelled.")))
        }
    }

    private func withdraw(_ caller: UInt64, _ error: PasswordHashingError) {
        let continuation = self.state.withLock { state in
            state.gate.withdraw(caller) ? state.waiting.removeValue(forKey: caller) : nil
        }
        continuation?.resume(returning: .failure(error))
    }

    private func leave(_ lane: Int) {
        let continuation = self.state.withLock { state in
            state.gate.leave(lane: lane).flatMap { state.waiting.removeValue(forKey: $0) }
        }
        continuation?.resume(returning: .success(lane))
    }
}
