//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// Opens connections: name, TCP, TLS, sign-in, all within one deadline.
final class RedisConnector: Sendable {
    /// An open connection and who is at its other end.
    struct Opened: Sendable {
        let connection: RedisConnection
        let server: RedisLogin.Server
        let endpoint: RedisEndpoint
    }

    private let tls: RedisTLS?
    private let group: any EventLoopGroup
    private let context = Mutex<NIOSSLContext?>(nil)

    init(tls: RedisTLS?, group: any EventLoopGroup) {
        self.tls = tls
        self.group = group
    }

    /// - Parameter deadline: From now until the connection can be used.
    /// - Throws: `unreachable`, `timedOut`, `authentication`, `configuration`; never with `wasSent`.
    func connect(
        to endpoint: RedisEndpoint, login: RedisLogin, settings: RedisConnection.Settings, deadline: Duration
    ) async throws(RedisError) -> Opened {
        let clock = ContinuousClock()
        let end = clock.now + deadline
        let connection = try await self.open(endpoint, settings, deadline)
        do throws(RedisError) {
            let left = max(clock.now.duration(to: end), RedisClientLimits.deadlineGrain)
            let server = try await login.run(on: connection, patience: TimeAmount(left))
            return Opened(connection: connection, server: server, endpoint: endpoint)
        } catch {
            connection.close(because: error)
            // Of what the caller wanted nothing was sent.
            throw RedisError(error.code, "\(endpoint): \(error.message)")
        }
    }

    private func open(
        _ endpoint: RedisEndpoint, _ settings: RedisConnection.Settings, _ deadline: Duration
    ) async throws(RedisError) -> RedisConnection {
        let context = try self.tlsContext()
        let name = Self.certificateName(self.tls?.serverName ?? endpoint.host)
        do {
            return try await ClientBootstrap(group: self.group)
                .connectTimeout(TimeAmount(deadline))
                .channelOption(.socketOption(.so_keepalive), value: 1)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .connect(host: endpoint.host, port: endpoint.port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        if let context {
                            let handler = try NIOSSLClientHandler(context: context, serverHostname: name)
                            try channel.pipeline.syncOperations.addHandler(handler)
                        }
                        return try RedisConnection(on: channel, settings: settings)
                    }
                }
        } catch {
            let reason = Self.explain(error)
            throw RedisError(reason.code, "\(endpoint): \(reason.message)")
        }
    }

    /// The name that is sent and verified; nil for an address, which cannot be sent and is verified as it is.
    private static func certificateName(_ host: String) -> String? {
        (try? SocketAddress(ipAddress: host, port: 0)) == nil ? host : nil
    }

    private func tlsContext() throws(RedisError) -> NIOSSLContext? {
        guard let tls = self.tls else { return nil }
        if let context = self.context.withLock({ $0 }) { return context }
        guard (tls.certificateFile == nil) == (tls.keyFile == nil) else {
            throw RedisError(.configuration, "TLS: a certificate needs its key and a key its certificate")
        }
        do {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.minimumTLSVersion = .tlsv12
            if let file = tls.authoritiesFile { configuration.trustRoots = .file(file) }
            if let certificate = tls.certificateFile, let key = tls.keyFile {
                configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(certificate)
                    .map { .certificate($0) }
                configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
            }
            let context = try NIOSSLContext(configuration: configuration)
            self.context.withLock { $0 = context }
            return context
        } catch {
            throw RedisError(.configuration, "TLS: the certificate files cannot be used: \(error)")
        }
    }

    /// What an error of the network means.
    static func explain(_ error: any Error) -> RedisError {
        switch error {
        case let error as RedisError: return error
        case let error as NIOConnectionError:
            guard let first = error.connectionErrors.first else {
                return RedisError(.unreachable, "the name cannot be resolved")
            }
            return self.explain(first.error)
        case is ChannelError:
            if case ChannelError.connectTimeout = error {
                return RedisError(.timedOut, "cannot be connected to in time")
            }
            return RedisError(.closed, "\(error)", wasSent: true)
        case let error as IOError:
            return RedisError(.unreachable, error.description, wasSent: true)
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
            return RedisError(.unreachable, "TLS: \(error)", wasSent: true)
        default:
            return RedisError(.unreachable, "\(error)", wasSent: true)
        }
    }
}
