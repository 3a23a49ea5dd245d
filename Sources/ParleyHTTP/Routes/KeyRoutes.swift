//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Hummingbird
import OpenSSLCrypto
import ParleyCore

/// `/api/admin/keys`: bearer keys for `/v1`. A key is shown once, when it is made.
struct KeyRoutes {
    private struct Body: Decodable {
        var name: String
    }

    private struct KeyRecord: Encodable {
        var id: KeyID
        var name: String
        var createdAt: Timestamp
        /// Only in the answer that makes it.
        var key: String?
    }

    let accounts: any AccountStore

    func add(to table: inout RouteTable) {
        table.get("/api/admin/keys") { _, context in
            let user = try context.administrator()
            let keys = try await self.accounts.keys(of: user.id)
            let records = keys.map { KeyRecord(id: $0.id, name: $0.name, createdAt: $0.createdAt) }
            return try Reply.json(ListReply(name: "keys", elements: records, next: nil))
        }
        table.on(.post, "/api/admin/keys") { try await self.create($0, $1) }
        table.on(.delete, "/api/admin/keys/{id}") { _, context in
            let user = try context.administrator()
            try await self.accounts.deleteKey(context.id(), user: user.id)
            return Reply.noContent
        }
    }

    private func create(_ request: Request, _ context: AppContext) async throws -> Response {
        let user = try context.administrator()
        let body: Body = try await request.json()
        try Problem.check(name: body.name)
        guard try await self.accounts.keys(of: user.id).count < HTTPLimits.keysPerUser else {
            throw Problem.invalid("name", "no more than \(HTTPLimits.keysPerUser) keys; delete one first")
        }
        let secret = "pk-" + SecretToken.generate()
        let key = APIKey(
            id: .generate(), userID: user.id, name: body.name, secretHash: sha256(secret), createdAt: .now())
        try await self.accounts.create(key)
        let record = KeyRecord(id: key.id, name: key.name, createdAt: key.createdAt, key: secret)
        return try Reply.json(record, status: .created)
    }
}
