//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Tells addresses of the public Internet from those that lead to this machine, its neighbours or its cloud.
///
/// The ranges are those that IANA's registries of special addresses do not call globally reachable
/// (https://www.iana.org/assignments/iana-ipv4-special-registry, …ipv6-special-registry), those of multicast, and what
/// clouds use. Of IPv6 only 2000::/3 is public; addresses that carry one of IPv4 are judged by it.
public enum AddressPolicy {
    private struct Prefix {
        let bytes: [UInt8]
        let bits: Int

        init(_ text: String) {
            let parts = text.split(separator: "/")
            self.bytes = IPAddress(String(parts[0]))?.bytes ?? []
            self.bits = Int(parts[1]) ?? 0
        }

        func contains(_ address: [UInt8]) -> Bool {
            guard address.count == self.bytes.count else { return false }
            let whole = self.bits / 8
            guard address[..<whole] == self.bytes[..<whole] else { return false }
            let rest = self.bits % 8
            return rest == 0 || (address[whole] ^ self.bytes[whole]) >> UInt8(8 - rest) == 0
        }
    }

    private static let refused = [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
        // Azure's wire server, which is of the public range.
        "168.63.129.16/32",
        // Teredo and other protocols, documentation, 6to4, segment routing.
        "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    ].map(Prefix.init)

    private static let global6 = Prefix("2000::/3")
    /// The last four bytes are an address of IPv4: mapped, and NAT64 (RFC 6052).
    private static let carriers = [Prefix("::ffff:0:0/96"), Prefix("64:ff9b::/96")]

    /// Whether anyone on the Internet could reach the address.
    public static func isPublic(_ address: IPAddress) -> Bool {
        let bytes = address.bytes
        if bytes.count == 16 {
            if self.carriers.contains(where: { $0.contains(bytes) }) {
                return IPAddress(bytes: Array(bytes[12...])).map(self.isPublic) ?? false
            }
            guard self.global6.contains(bytes) else { return false }
        }
        return !self.refused.contains { $0.contains(bytes) }
    }
}
