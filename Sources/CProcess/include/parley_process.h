//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
// Starts a program that reads a file from strangers, with as little power as the kernel lets us give it.
// posix_spawn can set no limits between fork and exec; that is why this is C.
//
#ifndef PARLEY_PROCESS_H
#define PARLEY_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What to run, and with what limits. Strings and arrays stay the caller's.
typedef struct {
    /// An absolute path.
    const char *program;
    /// Both end with NULL.
    char *const *arguments;
    char *const *environment;
    /// The working directory, the only place where the program may create files.
    const char *directory;
    /// Become the program's standard streams; a negative one stands for /dev/null.
    int input;
    int output;
    int errors;
    /// Memory that the program may write to (RLIMIT_DATA). Not RLIMIT_AS: Haskell programs reserve 1 TiB and use little.
    uint64_t memory_bytes;
    uint64_t cpu_seconds;
    /// The longest file that it may write (RLIMIT_FSIZE).
    uint64_t file_bytes;
} parley_process_plan;

/// Which fences hold in the process: a kernel may lack some, and then the limits and the others remain.
typedef struct {
    /// No socket and no new process can be made, and no other one be looked into (seccomp).
    bool system_calls;
    /// Only the system's programs and libraries can be read, only the working directory be written (Landlock).
    bool files;
    /// A network of its own, which is empty (namespace).
    bool network;
} parley_process_fences;

/// Starts the program in a process group of its own, whose number is the process's. The caller must wait for it on the
/// thread that called: when that thread ends, the process is killed.
///
/// Returns 0, or the errno of what failed, and then there is no process.
int parley_process_start(const parley_process_plan *plan, pid_t *process, parley_process_fences *fences);

/// Whether the process has ended, without waiting: 1 and its wait status, 0, or -1 when there is no such process.
int parley_process_ended(pid_t process, int *status);

/// Kills the whole process group and takes the process's status, so that no zombie remains.
void parley_process_kill(pid_t process);

/// Of a wait status: whether a signal ended it, and the signal or else the exit code.
bool parley_process_was_signalled(int status, int *code);

#ifdef __cplusplus
}
#endif
#endif
