//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation

/// An address of the web that may be asked for a page, if its host may.
///
/// Two readers of one URL that disagree on its host are the classical hole in such checks, so only plain forms are
/// taken, and the client is given the address as it is put together here.
struct WebAddress: Hashable {
    /// Whole, without a fragment, always with a port.
    let text: String
    let isSecure: Bool
    /// In lower case, without brackets.
    let host: String
    let port: Int

    init(_ given: String) throws(WebFetchError) {
        let given =
            given.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).first.map(String.init) ?? ""
        guard given.utf8.count <= WebFetcherLimits.addressBytes else { throw Self.bad("It is too long.") }
        guard given.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }) else {
            throw Self.bad("It holds characters that must be written as %-codes, or in a host's name as Punycode.")
        }
        guard let mark = given.firstRange(of: "://") else { throw Self.bad("It must begin with https:// or http://.") }
        let scheme = given[..<mark.lowerBound].lowercased()
        guard scheme == "http" || scheme == "https" else {
            throw Self.bad("Only https:// and http:// are fetched.")
        }
        let rest = given[mark.upperBound...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        guard !authority.contains("@") else { throw Self.bad("It must hold no user name or password.") }
        let (host, portText) = try Self.split(authority)
        self.isSecure = scheme == "https"
        self.host = host
        guard let port = portText.isEmpty ? (self.isSecure ? 443 : 80) : Self.port(portText) else {
            throw Self.bad("Its port is no number.")
        }
        self.port = port
        var target = String(rest[authority.endIndex...])
        if !target.hasPrefix("/") { target = "/" + target }
        let shownHost = host.contains(":") ? "[\(host)]" : host
        self.text = "\(scheme)://\(shownHost):\(port)\(target)"
        // The client's own reader must see the same host.
        let seen = URL(string: self.text)?.host?.trimmingCharacters(in: CharacterSet(charactersIn: "[]")).lowercased()
        guard seen == host else { throw Self.bad("Its host cannot be read.") }
    }

    /// Where a redirect leads from here.
    func redirected(to location: String) throws(WebFetchError) -> WebAddress {
        guard location.utf8.count <= WebFetcherLimits.addressBytes, let base = URL(string: self.text),
            let url = URL(string: location, relativeTo: base)
        else { throw WebFetchError(.unreachable, "The page redirects to an address that cannot be read.") }
        let next = try WebAddress(url.absoluteString)
        guard next.isSecure || !self.isSecure else {
            throw WebFetchError(.forbidden, "The page redirects from https to http.")
        }
        return next
    }

    private static func bad(_ why: String) -> WebFetchError {
        WebFetchError(.badAddress, "This is no address that can be fetched. \(why)")
    }

    private static func port(_ text: Substring) -> Int? {
        guard text.count <= 5, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = Int(text) else {
            return nil
        }
        return (1...65535).contains(port) ? port : nil
    }

    private static func split(_ authority: Substring) throws(WebFetchError) -> (host: String, port: Substring) {
        if authority.first == "[" {
            guard let end = authority.firstIndex(of: "]") else { throw self.bad("Its host cannot be read.") }
            let host = authority[authority.index(after: authority.startIndex)..<end].lowercased()
            let rest = authority[authority.index(after: end)...]
            guard IPAddress(host)?.bytes.count == 16, rest.isEmpty || rest.first == ":" else {
                throw self.bad("Its host cannot be read.")
            }
            return (host, rest.dropFirst())
        }
        let host = authority.prefix { $0 != ":" }
        var name = host.lowercased()
        if name.hasSuffix(".") { name.removeLast() }
        guard !name.isEmpty, name.utf8.count <= 253, !name.hasPrefix("."), !name.contains(".."),
            name.utf8.allSatisfy({
                (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == UInt8(ascii: "-")
                    || $0 == UInt8(ascii: ".")
                    || $0 == UInt8(ascii: "_")
            })
        else { throw self.bad("Its host cannot be read.") }
        return (name, authority[host.endIndex...].dropFirst())
    }
}
