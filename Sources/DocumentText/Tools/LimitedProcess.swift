//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import CProcess
import Glibc

/// Runs a program that reads a file from strangers: with limits on its memory, time and output, in a folder of its own,
/// without network, other files or other processes where the kernel can see to that (decision 0013).
struct LimitedProcess {
    /// How a program ended.
    enum Ending: Hashable {
        case exited(code: Int)
        /// By this signal, of which some mean that a limit was passed.
        case signalled(Int)
        /// Killed by us, at its deadline.
        case outOfTime
        case cancelled
    }

    struct Outcome {
        var ending: Ending
        /// What it wrote, in a file without a name.
        var output: FileBytes
        /// The first of what it complained about.
        var complaint: String
        var fences: Fences
    }

    /// Which fences hold beside the limits; a kernel may lack some.
    struct Fences: Hashable {
        /// No socket and no new process can be made (seccomp).
        var systemCalls: Bool
        /// Only the system's programs and the private folder can be reached (Landlock).
        var files: Bool
        /// The network is an empty one (namespace).
        var network: Bool
    }

    /// An absolute path.
    var program: String
    var arguments: [String]
    var limits: DocumentReader.Limits
    /// Where its folder is made.
    var temporaryFolder: String

    /// How often a process that is silent is looked after, in milliseconds.
    private static let checkMs = 50

    /// Runs it to its end on the calling thread, which is blocked meanwhile.
    ///
    /// - Parameters:
    ///   - input: its standard input.
    ///   - isCancelled: looked at several times each second; when it is true the program is killed.
    func run(input: FileBytes, isCancelled: () -> Bool) throws(DocumentError) -> Outcome {
        let folder = try PrivateFolder(in: self.temporaryFolder)
        // The program works in it to its end, which the optimiser cannot see.
        defer { withExtendedLifetime(folder) {} }
        let output = try FileBytes(owning: try folder.namelessFile())
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw DocumentError(.system, "Too many files are open.", detail: "pipe: errno \(errno)")
        }
        defer { close(ends[0]) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        // Both share the place in the file, which another reader may have moved.
        lseek(input.descriptor, 0, SEEK_SET)
        var fences = parley_process_fences()
        let started = Result { () throws(DocumentError) in
            try self.start(
                in: folder, input: input.descriptor, output: output.descriptor, errors: ends[1], fences: &fences)
        }
        // Ours must be closed, or its end would never be seen.
        close(ends[1])
        let process = try started.get()
        var complaint: [UInt8] = []
        let ending = self.wait(for: process, errors: ends[0], complaint: &complaint, isCancelled: isCancelled)
        return Outcome(
            ending: ending, output: try FileBytes(owning: fcntl(output.descriptor, F_DUPFD_CLOEXEC, 3)),
            complaint: String(decoding: complaint, as: UTF8.self),
            fences: Fences(systemCalls: fences.system_calls, files: fences.files, network: fences.network))
    }

    private func start(
        in folder: PrivateFolder, input: Int32, output: Int32, errors: Int32, fences: inout parley_process_fences
    ) throws(DocumentError) -> pid_t {
        var plan = parley_process_plan()
        plan.input = input
        plan.output = output
        plan.errors = errors
        plan.memory_bytes = UInt64(self.limits.toolMemoryBytes)
        plan.cpu_seconds = UInt64(max(1, self.limits.toolProcessorTime.components.seconds))
        plan.file_bytes = UInt64(self.limits.outputBytes)
        let arguments = CStrings([self.program] + self.arguments)
        let environment = CStrings([
            "PATH=/usr/bin:/bin", "LANG=C.UTF-8", "HOME=\(folder.path)", "TMPDIR=\(folder.path)",
        ])
        var process: pid_t = 0
        let error = self.program.withCString { program in
            folder.path.withCString { directory in
                plan.program = program
                plan.directory = directory
                return arguments.withPointers { arguments in
                    environment.withPointers { environment in
                        plan.arguments = arguments
                        plan.environment = environment
                        return parley_process_start(&plan, &process, &fences)
                    }
                }
            }
        }
        switch error {
        case 0: return process
        case ENOENT, EACCES:
            throw DocumentError(
                .toolMissing, "The program that reads this kind of document cannot be run.",
                detail: "\(self.program): errno \(error)")
        default:
            throw DocumentError(
                .system, "The program that reads this kind of document cannot be started now.",
                detail: "\(self.program): errno \(error)")
        }
    }

    private func wait(
        for process: pid_t, errors: Int32, complaint: inout [UInt8], isCancelled: () -> Bool
    ) -> Ending {
        let deadline = ContinuousClock.now + self.limits.toolTime
        var hasErrors = true
        while true {
            if hasErrors {
                var wanted = pollfd(fd: errors, events: Int16(POLLIN), revents: 0)
                if poll(&wanted, 1, Int32(Self.checkMs)) > 0 {
                    hasErrors = Self.drain(errors, into: &complaint)
                }
            } else {
                usleep(1000)
            }
            var status: Int32 = 0
            let ended = parley_process_ended(process, &status)
            if ended != 0 {
                _ = Self.drain(errors, into: &complaint)
                var code: Int32 = 0
                guard ended > 0 else { return .signalled(Int(SIGKILL)) }
                return parley_process_was_signalled(status, &code) ? .signalled(Int(code)) : .exited(code: Int(code))
            }
            if isCancelled() || ContinuousClock.now >= deadline {
                parley_process_kill(process)
                return isCancelled() ? .cancelled : .outOfTime
            }
        }
    }

    /// Reads what is there, keeps the first of it; whether more may come.
    private static func drain(_ descriptor: Int32, into kept: inout [UInt8]) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4096)
        // A program that complains without end must not hold us here.
        for _ in 0..<64 {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return count < 0 && (errno == EAGAIN || errno == EINTR) }
            kept += buffer.prefix(min(count, DocumentTextLimits.toolErrorBytes - kept.count))
        }
        return true
    }
}

/// Strings for C, ending with a null pointer.
private final class CStrings {
    private var pointers: [UnsafeMutablePointer<CChar>?]

    init(_ strings: [String]) {
        self.pointers = strings.map { strdup($0) } + [nil]
    }

    deinit {
        for pointer in self.pointers { free(pointer) }
    }

    func withPointers<Result>(_ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>?) -> Result) -> Result {
        self.pointers.withUnsafeBufferPointer { body($0.baseAddress) }
    }
}
