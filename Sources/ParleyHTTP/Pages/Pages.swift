//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import HTTPTypes
import Hummingbird
import Mustache
import NIOCore
import ParleyCore

/// The chat page's shell, its files, and the page for errors.
struct Pages: Sendable {
    private let library: MustacheLibrary
    private let assets: Assets
    private let vendor: Assets
    private let shell: String
    private let version: String

    /// The folder `Resources` of this room, beside the program.
    private static var root: URL { Bundle.module.bundleURL.appendingPathComponent("Resources") }

    /// Reads templates and files.
    ///
    /// - Throws: `MustacheTemplate.ParserError` or a Foundation error when the resources are not there.
    init(settings: HTTPSettings) throws {
        let root = Self.root
        var templates: [String: MustacheTemplate] = [:]
        for name in ["index", "error"] {
            let url = root.appendingPathComponent("templates/\(name).mustache")
            templates[name] = try MustacheTemplate(string: String(contentsOf: url, encoding: .utf8))
        }
        self.library = MustacheLibrary(templates: templates)
        self.assets = Assets(folder: root.appendingPathComponent("assets").path)
        self.vendor = Assets(folder: settings.vendorFolder)
        self.version = settings.version
        self.shell =
            self.library.render(
                [
                    "version": settings.version, "assetsVersion": self.assets.version,
                    "vendorVersion": self.vendor.version,
                ] as [String: String], withTemplate: "index") ?? ""
    }

    /// The description of the API, as it is served.
    static func openAPI() -> ByteBuffer {
        let data = try? Data(contentsOf: Self.root.appendingPathComponent("openapi.json"))
        return data.map { ByteBuffer(bytes: $0) } ?? ByteBuffer()
    }

    func add(to table: inout RouteTable) {
        for path in ["/", "/c/{id}"] {
            table.get(path) { _, _ in self.page(self.shell) }
        }
        table.get("/assets/**") { request, context in
            try self.assets.response(for: context.parameters.getCatchAll().joined(separator: "/"), request: request)
        }
        table.get("/vendor/**") { request, context in
            try self.vendor.response(for: context.parameters.getCatchAll().joined(separator: "/"), request: request)
        }
        table.get("/favicon.ico") { request, _ in try self.assets.response(for: "icons/favicon.svg", request: request) }
    }

    /// A problem for somebody who looks at it in a browser.
    func error(_ problem: Problem, requestID: String) -> Response {
        let values: [String: String] = [
            "title": problem.title, "detail": problem.detail, "requestID": requestID,
            "status": String(problem.status.code), "version": self.version, "assetsVersion": self.assets.version,
        ]
        var response = self.page(self.library.render(values, withTemplate: "error") ?? problem.title)
        response.status = problem.status
        response.headers.append(contentsOf: problem.headers)
        return response
    }

    private func page(_ html: String) -> Response {
        Reply.text(html, type: "text/html; charset=utf-8", headers: [.cacheControl: "no-cache"])
    }
}
