//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// A tag of HTML.
struct HTMLTag {
    /// In lower case, without a namespace's prefix; empty for declarations.
    let name: String
    let isClosing: Bool
    let closesItself: Bool
    private let attributes: ArraySlice<UInt8>

    /// - Parameter bytes: what stands between the angle brackets.
    init(_ bytes: [UInt8]) {
        var rest = bytes[...]
        self.isClosing = rest.first == UInt8(ascii: "/")
        if self.isClosing { rest = rest.dropFirst() }
        let name = rest.prefix { $0.isLetterOrDigit || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ":") }
        let local = name.lastIndex(of: UInt8(ascii: ":")).map { name[($0 + 1)...] } ?? name
        self.name = String(decoding: local, as: UTF8.self).lowercased()
        self.closesItself = rest.last == UInt8(ascii: "/")
        self.attributes = rest[name.endIndex...]
    }

    /// An attribute's value, unquoted; empty for one without a value.
    func attribute(_ wanted: String) -> String? {
        var rest = self.attributes
        while true {
            rest = rest.drop { $0 <= 0x20 || $0 == UInt8(ascii: "/") }
            guard !rest.isEmpty else { return nil }
            // Empty only before a stray `=`, which is then taken with its value: each round takes something.
            let name = rest.prefix { $0 > 0x20 && $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: "/") }
            rest = rest[name.endIndex...].drop { $0 <= 0x20 }
            var value = rest.prefix(0)
            if rest.first == UInt8(ascii: "=") {
                rest = rest.dropFirst().drop { $0 <= 0x20 }
                if let quote = rest.first, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
                    value = rest.dropFirst().prefix { $0 != quote }
                    rest = rest[value.endIndex...].dropFirst()
                } else {
                    value = rest.prefix { $0 > 0x20 }
                    rest = rest[value.endIndex...]
                }
            }
            if String(decoding: name, as: UTF8.self).lowercased() == wanted {
                return String(decoding: HTMLEntities.decode(value), as: UTF8.self)
            }
        }
    }

    /// Whether a browser would not show the element.
    var isHidden: Bool {
        guard !self.attributes.isEmpty, Self.hideable.contains(self.name) else { return false }
        if self.attribute("hidden") != nil || self.attribute("aria-hidden") == "true" { return true }
        guard let style = self.attribute("style")?.lowercased().filter({ $0 != " " }) else { return false }
        return style.contains("display:none") || style.contains("visibility:hidden")
    }

    /// Elements whose closing tag must not be left out, so that the end of what is hidden can be found.
    private static let hideable: Set<String> = [
        "div", "span", "section", "article", "aside", "header", "a", "b", "i", "em", "strong", "ul", "ol", "table",
        "font",
    ]

    /// Elements in which no tags are read.
    static let rawText: Set<String> = [
        "script", "style", "title", "textarea", "iframe", "noembed", "noframes", "xmp", "noscript",
    ]
    /// Elements that are left out with all that is in them.
    static let skipped: Set<String> = [
        "nav", "footer", "svg", "math", "template", "object", "canvas", "select", "button", "datalist", "video",
        "audio",
    ]
    /// Where what is left out ends at the latest.
    static let main: Set<String> = ["main", "article", "h1", "body"]
    /// Elements that flow within a paragraph.
    static let inline: Set<String> = [
        "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i",
        "img", "ins",
        "kbd", "label", "mark", "meter", "output", "progress", "q", "rp", "rt", "ruby", "s", "samp", "small", "span",
        "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr", "input", "picture", "source", "link", "meta",
    ]
}
