//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Character references of HTML (https://html.spec.whatwg.org/#named-character-references): all numeric ones, and the
/// names of HTML 4 with a few newer ones. Any other stands for itself.
enum HTMLEntities {
    /// Replaces the references in UTF-8.
    static func decode(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        guard var next = bytes.firstIndex(of: UInt8(ascii: "&")) else { return Array(bytes) }
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        var start = bytes.startIndex
        while true {
            output += bytes[start..<next]
            let name = bytes[(next + 1)...].prefix(32).prefix { $0.isLetterOrDigit || $0 == UInt8(ascii: "#") }
            if let text = self.text(of: name) {
                output += text.utf8
                start = name.endIndex
                if start < bytes.endIndex, bytes[start] == UInt8(ascii: ";") { start += 1 }
            } else {
                output.append(UInt8(ascii: "&"))
                start = next + 1
            }
            guard let following = bytes[start...].firstIndex(of: UInt8(ascii: "&")) else { break }
            next = following
        }
        return output + bytes[start...]
    }

    private static func text(of name: ArraySlice<UInt8>) -> String? {
        let text = String(decoding: name, as: UTF8.self)
        guard text.hasPrefix("#") else { return self.names[text] }
        let digits = text.dropFirst()
        let isHex = digits.first == "x" || digits.first == "X"
        guard let code = isHex ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits) else { return nil }
        if (0x80...0x9F).contains(code) {
            return String(decoding: TextDecoder.fromWindows1252([UInt8(code)]), as: UTF8.self)
        }
        guard let scalar = Unicode.Scalar(code), code >= 0x20 || code == 0x0A || code == 0x09 else { return "\u{FFFD}" }
        return String(scalar)
    }

    /// The names of U+00A0 to U+00FF in order.
    private static let latin = """
        nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute
        micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring
        AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml
        times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil
        egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash
        ugrave uacute ucirc uuml yacute thorn yuml
        """

    private static let others = """
        amp & lt < gt > apos ' OElig Œ oelig œ Scaron Š scaron š Yuml Ÿ fnof ƒ circ ˆ tilde ˜ Alpha Α Beta Β Gamma Γ
        Delta Δ Epsilon Ε Zeta Ζ Eta Η Theta Θ Iota Ι Kappa Κ Lambda Λ Mu Μ Nu Ν Xi Ξ Omicron Ο Pi Π Rho Ρ Sigma Σ
        Tau Τ Upsilon Υ Phi Φ Chi Χ Psi Ψ Omega Ω alpha α beta β gamma γ delta δ epsilon ε zeta ζ eta η theta θ iota ι
        kappa κ lambda λ mu μ nu ν xi ξ omicron ο pi π rho ρ sigmaf ς sigma σ tau τ upsilon υ phi φ chi χ psi ψ
        omega ω ndash – mdash — lsquo ‘ rsquo ’ sbquo ‚ ldquo “ rdquo ” bdquo „ dagger † Dagger ‡ bull • hellip …
        permil ‰ prime ′ Prime ″ lsaquo ‹ rsaquo › oline ‾ frasl ⁄ euro € image ℑ weierp ℘ real ℜ trade ™ larr ←
        uarr ↑ rarr → darr ↓ harr ↔ crarr ↵ lArr ⇐ uArr ⇑ rArr ⇒ dArr ⇓ hArr ⇔ forall ∀ part ∂ exist ∃ empty ∅ nabla ∇
        isin ∈ notin ∉ ni ∋ prod ∏ sum ∑ minus − lowast ∗ radic √ prop ∝ infin ∞ ang ∠ and ∧ or ∨ cap ∩ cup ∪ int ∫
        there4 ∴ sim ∼ cong ≅ asymp ≈ ne ≠ equiv ≡ le ≤ ge ≥ sub ⊂ sup ⊃ nsub ⊄ sube ⊆ supe ⊇ oplus ⊕ otimes ⊗ perp ⊥
        sdot ⋅ lceil ⌈ rceil ⌉ lfloor ⌊ rfloor ⌋ loz ◊ spades ♠ clubs ♣ hearts ♥ diams ♦ check ✓ star ☆ lbrace {
        rbrace } lbrack [ rbrack ] lpar ( rpar ) comma , period . colon : semi ; num # dollar $ percnt % commat @
        ast * plus + equals = quest ? excl ! sol / bsol \\ lowbar _ grave ` vert | hyphen ‐
        """

    private static let names: [String: String] = {
        var names: [String: String] = [
            "quot": "\"", "ensp": "\u{2002}", "emsp": "\u{2003}", "thinsp": "\u{2009}",
            "zwnj": "\u{200C}", "zwj": "\u{200D}", "lrm": "\u{200E}", "rlm": "\u{200F}", "AMP": "&", "LT": "<",
            "GT": ">",
            "QUOT": "\"", "COPY": "©", "REG": "®",
        ]
        for (index, name) in HTMLEntities.latin.split(whereSeparator: \.isWhitespace).enumerated() {
            names[String(name)] = Unicode.Scalar(UInt32(0xA0 + index)).map { String($0) }
        }
        let others = HTMLEntities.others.split(whereSeparator: \.isWhitespace)
        for index in stride(from: 0, to: others.count - 1, by: 2) {
            names[String(others[index])] = String(others[index + 1])
        }
        return names
    }()
}
