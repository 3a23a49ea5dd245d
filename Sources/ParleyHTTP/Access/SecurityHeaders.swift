//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import HTTPTypes

/// The headers that every answer carries.
enum SecurityHeaders {
    /// No inline script or style, nothing from elsewhere, no frames, no plug-ins.
    static let contentSecurityPolicy = [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "font-src 'self'",
        "connect-src 'self'", "manifest-src 'self'", "worker-src 'self'", "base-uri 'none'", "form-action 'self'",
        "frame-ancestors 'none'", "object-src 'none'",
    ].joined(separator: "; ")

    static func add(to headers: inout HTTPFields, secureTransport: Bool) {
        headers[.contentSecurityPolicy] = Self.contentSecurityPolicy
        headers[.xContentTypeOptions] = "nosniff"
        headers[.referrerPolicy] = "no-referrer"
        headers[.crossOriginOpenerPolicy] = "same-origin"
        headers[.crossOriginResourcePolicy] = "same-origin"
        headers[.permissionsPolicy] = "camera=(), geolocation=(), microphone=(), payment=()"
        if secureTransport {
            headers[.strictTransportSecurity] = "max-age=31536000"
        }
    }
}

extension HTTPField.Name {
    static let referrerPolicy = HTTPField.Name("Referrer-Policy")!  // safe: a valid token
    static let crossOriginOpenerPolicy = HTTPField.Name("Cross-Origin-Opener-Policy")!  // safe: a valid token
    static let permissionsPolicy = HTTPField.Name("Permissions-Policy")!  // safe: a valid token
}
