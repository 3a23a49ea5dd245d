//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Testing

@testable import WebFetcher

@Suite("Only the public Internet is reached")
struct AddressPolicyTests {
    @Test(
        "addresses that lead inside are refused",
        arguments: [
            "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "100.127.255.255", "127.0.0.1", "127.255.255.254",
            "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1",
            "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.1",
            "255.255.255.255", "168.63.129.16", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1",
            "fe80::1",
            "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1",
            "2001::1", "2001:db8::1", "2002:7f00:1::1", "2002:a00:1::", "3fff::1", "100::1", "5f00::1",
        ])
    func refused(_ text: String) throws {
        #expect(!AddressPolicy.isPublic(try #require(IPAddress(text))))
    }

    @Test(
        "public addresses are not",
        arguments: [
            "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "128.0.0.1",
            "169.253.255.255",
            "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255", "2606:4700:4700::1111", "2a00:1450::1", "2001:4860:4860::8888", "::ffff:1.1.1.1",
            "64:ff9b::101:101",
        ])
    func allowed(_ text: String) throws {
        #expect(AddressPolicy.isPublic(try #require(IPAddress(text))))
    }

    @Test(
        "addresses are read in their plain forms only",
        arguments: ["127.1", "0x7f.0.0.1", "2130706433", "fe80::1%eth0", ""])
    func forms(_ text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test(
        "a web address is put together anew",
        arguments: [
            ("HTTPS://Example.ORG", "https://example.org:443/"), ("http://a.b/c?d=e#f", "http://a.b:80/c?d=e"),
            ("http://a.b:8080?x", "http://a.b:8080/?x"), ("http://[2001:DB8::1]/", "http://[2001:db8::1]:80/"),
            ("http://a.b./x", "http://a.b:80/x"),
        ])
    func addresses(_ given: String, _ text: String) throws {
        #expect(try WebAddress(given).text == text)
    }

    @Test(
        "forms in which readers may see different hosts are refused",
        arguments: [
            "ftp://a.b/", "file:///etc/passwd", "gopher://a.b", "a.b", "//a.b/", "http:a.b", "http:///x", "http://",
            "http://user@a.b/", "http://user:pw@a.b/", "http://a.b\\@c.d/", "http://a.b\\c", "http://a b/",
            "http://a.b/\r\nX: y",
            "http://a..b/", "http://.a.b/", "http://a.b:99999/", "http://a.b:0/", "http://a.b:8x/", "http://a.b:-1/",
            "http://[::1/", "http://[fe80::1%25eth0]/", "http://[::1]x/", "http://ex%61mple.org/",
            "http://ⓔxample.org/",
            "http://a.b,c.d/", "http+unix://x/", "http://a.b/" + String(repeating: "x", count: 3000),
        ])
    func bad(_ text: String) {
        #expect(throws: WebFetchError.self) { try WebAddress(text) }
    }

    @Test("redirects are read from where they come from")
    func redirects() throws {
        let base = try WebAddress("https://a.b/c/d")
        #expect(try base.redirected(to: "e").text == "https://a.b:443/c/e")
        #expect(try base.redirected(to: "//x.y/z").text == "https://x.y:443/z")
        #expect(throws: WebFetchError.self) { try base.redirected(to: "http://a.b/") }
        #expect(throws: WebFetchError.self) { try base.redirected(to: "file:///etc/passwd") }
    }
}
