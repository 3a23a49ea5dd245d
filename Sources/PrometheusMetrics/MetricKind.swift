//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// What a metric is, and what it is called in Prometheus.
enum MetricKind: Sendable, Hashable {
    case counter
    case gauge
    /// A histogram of seconds.
    case timer
    /// A histogram of anything.
    case recorder

    var isHistogram: Bool { self == .timer || self == .recorder }

    /// The word after `# TYPE`.
    var type: String {
        switch self {
        case .counter: "counter"
        case .gauge: "gauge"
        case .timer, .recorder: "histogram"
        }
    }

    /// `http.server.request.duration` becomes `http_server_request_duration_seconds`: every character that Prometheus
    /// does not allow an underscore, and the unit or `total` at the end, once.
    func name(of label: String) -> String {
        let name = label.sanitized(allowsColon: true)
        switch self {
        case .counter: return name.hasSuffix("_total") ? name : name + "_total"
        case .timer: return name.hasSuffix("_seconds") ? name : name + "_seconds"
        case .gauge, .recorder: return name
        }
    }

    /// The names of the samples that a family of this kind and name has.
    func sampleNames(of name: String) -> [String] {
        self.isHistogram ? [name, name + "_bucket", name + "_sum", name + "_count"] : [name]
    }
}

/// The labels of one series in their written form, `{a="b",c="d"}`, which also identifies it.
struct LabelSet: Sendable, Hashable {
    /// Without the braces; empty for no labels.
    let text: String

    init(_ dimensions: [(String, String)], isHistogram: Bool) {
        var names = Set<String>()
        self.text = dimensions.map { name, value in
            var name = name.sanitized(allowsColon: false)
            // `le` is a histogram's own, and two underscores in front are Prometheus's.
            if name.hasPrefix("__") || (isHistogram && name == "le") { name = "label_" + name }
            return (name, value)
        }
        .sorted { $0.0 < $1.0 }
        .filter { names.insert($0.0).inserted }
        .map { name, value in
            let value = String(
                String.UnicodeScalarView(value.unicodeScalars.prefix(PrometheusLimits.labelValueScalars)))
            return "\(name)=\"\(value.escaped(quotes: true))\""
        }
        .joined(separator: ",")
    }
}

extension String {
    /// This with an underscore for each character that a name may not have, and in front of a leading digit.
    fileprivate func sanitized(allowsColon: Bool) -> String {
        var name: [UInt8] = []
        for scalar in self.unicodeScalars {
            switch scalar {
            case "a"..."z", "A"..."Z", "_": name.append(UInt8(scalar.value))
            case "0"..."9":
                if name.isEmpty { name.append(UInt8(ascii: "_")) }
                name.append(UInt8(scalar.value))
            case ":" where allowsColon: name.append(UInt8(ascii: ":"))
            default: name.append(UInt8(ascii: "_"))
            }
        }
        return name.isEmpty ? "_" : String(decoding: name, as: UTF8.self)
    }

    /// This with the escapes of the exposition format: `\\`, `\n` and, in label values, `\"`.
    fileprivate func escaped(quotes: Bool) -> String {
        guard self.utf8.contains(where: { $0 == 0x5C || $0 == 0x0A || $0 == 0x22 }) else { return self }
        var text = ""
        for scalar in self.unicodeScalars {
            switch scalar {
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\"" where quotes: text += "\\\""
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// Appends the `# HELP` and `# TYPE` lines of a family.
    mutating func writeHead(_ name: String, type: String, help: String) {
        self += "# HELP \(name) \(help.escaped(quotes: false))\n# TYPE \(name) \(type)\n"
    }

    /// Appends one sample; `labels` is without braces.
    mutating func writeSample(_ name: String, labels: String, _ value: Double) {
        self += name
        if !labels.isEmpty { self += "{\(labels)}" }
        self += " \(value.sample)\n"
    }
}

extension Double {
    /// The number as Go's `ParseFloat` reads it, whole numbers without a fraction.
    var sample: String {
        if self.isNaN { return "NaN" }
        if self.isInfinite { return self < 0 ? "-Inf" : "+Inf" }
        return Int64(exactly: self).map(String.init) ?? self.description
    }
}
