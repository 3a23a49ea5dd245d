//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import HTTPTypes
import Hummingbird
import OpenSSLCrypto
import ParleyChat
import ParleyCore

/// `/api/session` and `/api/accounts`: signing in and out, and the first account.
struct SessionRoutes {
    private struct SignIn: Decodable {
        var email: String?
        var password: String?
    }

    private struct NewAccount: Decodable {
        var name: String
        var email: String
        var password: String
    }

    private struct SessionReply: Encodable {
        var user: UserRecord
        var mode: String
    }

    let settings: HTTPSettings
    let accounts: any AccountStore
    let sessions: Sessions
    let hasher: PasswordHasher
    let throttle: SignInThrottle

    func add(to table: inout RouteTable) {
        table.get("/api/session") { try await self.show($0, $1) }
        table.on(.post, "/api/session") { try await self.open($0, $1) }
        table.on(.delete, "/api/session") { try await self.end($0, $1) }
        table.on(.post, "/api/accounts") { try await self.createAccount($0, $1) }
    }

    private func show(_ request: Request, _ context: AppContext) async throws -> Response {
        if let user = context.identity?.user {
            return try self.reply(user)
        }
        var problem = Problem.signInRequired
        problem.setupRequired = self.settings.mode == .accounts ? try await self.accounts.userCount() == 0 : false
        throw problem
    }

    private func open(_ request: Request, _ context: AppContext) async throws -> Response {
        let body: SignIn = try await request.json()
        let user = try await self.settings.mode == .open ? .local : self.signIn(body, context)
        var response = try self.reply(user, status: .created)
        response.setCookie(try await self.sessions.open(for: user))
        return response
    }

    private func signIn(_ body: SignIn, _ context: AppContext) async throws -> User {
        guard let email = body.email, let password = body.password else {
            throw Problem.invalid([.init("email", "is required"), .init("password", "is required")])
        }
        let key = email.lowercased()
        try self.throttle.check(address: context.remoteAddress?.ipAddress ?? "", email: key)
        let found = try await self.accounts.credentials(email: key)
        let isRight: Bool
        do {
            if let found {
                isRight = try await self.hasher.verify(password, against: found.passwordHash)
            } else {
                isRight = try await self.hasher.verifyUnknownUser(password)
            }
        } catch {
            throw Problem.hashing(error)
        }
        guard isRight, let user = found?.user else {
            throw Problem(
                .unauthorized, "wrong-credentials", title: "Not signed in",
                detail: "The e-mail address or the password is wrong.")
        }
        return user
    }

    private func end(_ request: Request, _ context: AppContext) async throws -> Response {
        var response = Reply.noContent
        if case .session(let idHash) = context.identity?.proof {
            response.setCookie(try await self.sessions.end(idHash: idHash))
        }
        return response
    }

    private func createAccount(_ request: Request, _ context: AppContext) async throws -> Response {
        guard self.settings.mode == .accounts else {
            throw Problem(
                .conflict, "open-mode", title: "No accounts in open mode",
                detail: "Bind Parley to another address than this machine's to use accounts.")
        }
        let body: NewAccount = try await request.json()
        let email = body.email.lowercased()
        try Self.check(body, email: email)
        try self.throttle.check(address: context.remoteAddress?.ipAddress ?? "", email: email)
        guard try await self.accounts.userCount() == 0 else {
            throw Problem(
                .forbidden, "sign-up-closed", title: "Sign-up is closed",
                detail: "An account exists already. Ask the administrator for one.")
        }
        let hash: String
        do {
            hash = try await self.hasher.hash(body.password)
        } catch {
            throw Problem.hashing(error)
        }
        let user = User(
            id: .generate(), name: body.name, email: email, role: .administrator, createdAt: .now())
        try await self.accounts.create(user, passwordHash: hash, onlyIfFirst: true)
        var response = try self.reply(user, status: .created)
        response.setCookie(try await self.sessions.open(for: user))
        return response
    }

    private static func check(_ body: NewAccount, email: String) throws {
        try Problem.check(name: body.name)
        let parts = email.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }), email.utf8.count <= HTTPLimits.emailBytes,
            email.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F })
        else {
            throw Problem.invalid("email", "must be an e-mail address")
        }
        guard HTTPLimits.passwordBytes.contains(body.password.utf8.count) else {
            throw Problem.invalid(
                "password",
                "must have \(HTTPLimits.passwordBytes.lowerBound) to \(HTTPLimits.passwordBytes.upperBound) bytes")
        }
    }

    private func reply(_ user: User, status: HTTPResponse.Status = .ok) throws -> Response {
        try Reply.json(SessionReply(user: UserRecord(user), mode: self.settings.mode.rawValue), status: status)
    }
}

extension Problem {
    /// A password that could not be hashed: too many sign-ins at once, or a defect.
    fileprivate static func hashing(_ error: PasswordHashingError) -> Problem {
        guard error.code == .busy else { return .internalError }
        return Problem(
            .serviceUnavailable, "busy", title: "Too many sign-ins at once", detail: "Try again in a moment.",
            headers: [.retryAfter: "5"])
    }
}
