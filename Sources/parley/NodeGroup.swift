//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import ParleyCore
import ServiceLifecycle
import UnixSignals

/// Runs a node with what it stands on.
enum NodeGroup {
    /// A service under the name of its type: what is in it, such as settings, is nobody's business in a log.
    private struct Named: Service, CustomStringConvertible {
        let service: any Service
        let isFoundation: Bool

        var description: String { "\(type(of: self.service))" }

        func run() async throws {
            guard self.isFoundation else { return try await self.service.run() }
            // The node has ended when its foundations are told to.
            try await cancelWhenGracefulShutdown { try await self.service.run() }
        }
    }

    /// Runs until the node has ended or a signal says so. The node ends first, then the others in the opposite order,
    /// so that answers that come to their end still reach what is shared.
    ///
    /// - Throws: `StartError` with a sentence for people.
    static func run(_ node: any Service, on services: [any Service], logger: Logger) async throws {
        let foundations = services.map { service in
            ServiceGroupConfiguration.ServiceConfiguration(
                service: Named(service: service, isFoundation: true), successTerminationBehavior: .cancelGroup,
                failureTerminationBehavior: .cancelGroup)
        }
        let group = ServiceGroup(
            configuration: .init(
                services: foundations + [
                    .init(
                        service: Named(service: node, isFoundation: false),
                        successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .cancelGroup)
                ],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        do {
            try await group.run()
        } catch let error as StoreError {
            throw StartError(error.message)
        }
    }
}
