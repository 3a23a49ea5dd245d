//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Glibc
import Testing

@testable import DocumentText

@Suite("A program that reads a stranger's file has little power", .timeLimit(.minutes(1)))
struct LimitedProcessTests {
    private let temporary: TestFolder
    private let input: FileBytes

    init() throws {
        self.temporary = try TestFolder()
        let folder = try TestFolder()
        self.input = try FileBytes(path: try folder.write(Array("the document".utf8)))
    }

    private func run(
        _ script: String, _ change: (inout DocumentReader.Limits) -> Void = { _ in },
        isCancelled: () -> Bool = { false }
    ) throws -> LimitedProcess.Outcome {
        var limits = DocumentReader.Limits()
        limits.toolTime = .seconds(20)
        change(&limits)
        let process = LimitedProcess(
            program: "/bin/bash", arguments: ["-c", script], limits: limits, temporaryFolder: self.temporary.path)
        let outcome = try process.run(input: self.input, isCancelled: isCancelled)
        #expect(self.temporary.names.isEmpty)
        return outcome
    }

    private func text(_ outcome: LimitedProcess.Outcome) throws -> String {
        String(decoding: try outcome.output.read(at: 0, count: 4096), as: UTF8.self)
    }

    @Test("it gets the file, and its output and complaints come back")
    func streams() throws {
        let outcome = try self.run("read -r line; echo \"got $line\"; echo oh >&2; exit 3")
        #expect(outcome.ending == .exited(code: 3))
        #expect(try self.text(outcome) == "got the document\n" || self.text(outcome).hasPrefix("got "))
        #expect(outcome.complaint == "oh\n")
    }

    @Test("at its deadline, or when nobody wants it any more, it is killed and gone")
    func deadline() throws {
        let late = try self.run("echo $$; while :; do :; done", { $0.toolTime = .milliseconds(300) })
        #expect(late.ending == .outOfTime)
        let process = try #require(pid_t(try self.text(late).filter(\.isNumber)))
        #expect(kill(process, 0) == -1 && errno == ESRCH)
        #expect(try self.run("while :; do :; done", isCancelled: { true }).ending == .cancelled)
    }

    @Test("processor time is bounded")
    func processorTime() throws {
        let outcome = try self.run("while :; do :; done", { $0.toolProcessorTime = .seconds(1) })
        #expect(outcome.ending == .signalled(Int(SIGXCPU)) || outcome.ending == .signalled(Int(SIGKILL)))
    }

    @Test("memory is bounded")
    func memory() throws {
        let outcome = try self.run(
            "x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done", { $0.toolMemoryBytes = 64 * 1024 * 1024 })
        #expect(outcome.ending != .exited(code: 0))
        #expect(outcome.ending != .outOfTime)
    }

    @Test("output and complaints are bounded")
    func output() throws {
        let long = try self.run("while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxx; done", { $0.outputBytes = 100_000 })
        #expect(long.ending == .signalled(Int(SIGXFSZ)))
        #expect(long.output.count <= 100_000)
        let loud = try self.run("while :; do echo oh >&2; done", { $0.toolTime = .milliseconds(300) })
        #expect(loud.ending == .outOfTime)
        #expect(loud.complaint.utf8.count <= DocumentTextLimits.toolErrorBytes)
    }

    @Test("it has none of our environment and none of our files")
    func inheritance() throws {
        setenv("PARLEY_TEST_SECRET", "secret", 1)
        defer { unsetenv("PARLEY_TEST_SECRET") }
        let names = try self.text(try self.run("compgen -e"))
        #expect(!names.contains("SECRET"))
        #expect(names.contains("HOME"))
        let ours = fcntl(self.input.descriptor, F_DUPFD, 200)
        defer { close(ours) }
        #expect(try self.run("read -r line <&\(ours)").ending == .exited(code: 1))
    }

    @Test("where the kernel can see to it, it has no network, no other file and no other process")
    func fences() throws {
        let outcome = try self.run(":")
        if outcome.fences.systemCalls {
            #expect(try self.run("(:) & wait $!").ending != .exited(code: 0))
            #expect(try self.run("exec 9<>/dev/tcp/127.0.0.1/1").complaint.contains("ermitted"))
        }
        if outcome.fences.files {
            #expect(try self.run("read -r line </etc/passwd").ending == .exited(code: 1))
            #expect(try self.run("echo x >/tmp/parley-escape").ending == .exited(code: 1))
            #expect(try self.run("echo x >inside && read -r line <inside").ending == .exited(code: 0))
        }
    }

    @Test("a program that is not there is reported as such")
    func missing() throws {
        let process = LimitedProcess(
            program: "/nowhere/program", arguments: [], limits: .init(), temporaryFolder: self.temporary.path)
        #expect {
            try process.run(input: self.input, isCancelled: { false })
        } throws: {
            ($0 as? DocumentError)?.code == .toolMissing
        }
    }
}
