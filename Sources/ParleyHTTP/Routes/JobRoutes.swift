//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import HTTPTypes
import Hummingbird
import ParleyCore

/// `/api/admin/jobs`: background work, for administrators.
struct JobRoutes {
    private struct One: Encodable {
        var job: JobRecord
    }

    let jobs: any JobStore
    /// Tells the workers that there is work.
    let jobsAdded: @Sendable () -> Void

    func add(to table: inout RouteTable) {
        table.get("/api/admin/jobs") { try await self.list($0, $1) }
        table.on(.post, "/api/admin/jobs/{id}/retry") { _, context in
            _ = try context.administrator()
            let job = try await self.jobs.revive(context.id(), now: .now())
            self.jobsAdded()
            return try Reply.json(One(job: JobRecord(job: job)), status: .accepted)
        }
        table.on(.delete, "/api/admin/jobs/{id}") { _, context in
            _ = try context.administrator()
            try await self.jobs.discard(context.id())
            return Reply.noContent
        }
    }

    private func list(_ request: Request, _ context: AppContext) async throws -> Response {
        _ = try context.administrator()
        var state: Job.State?
        if let word = request.query("state") {
            guard let known = Job.State(rawValue: word) else {
                throw Problem.invalid("state", "must be waiting, running, completed or dead")
            }
            state = known
        }
        let page = try await self.jobs.jobs(
            state: state, before: request.query("before"), limit: request.limit())
        let records = page.elements.map(JobRecord.init)
        return try Reply.json(ListReply(name: "jobs", elements: records, next: page.next))
    }
}
