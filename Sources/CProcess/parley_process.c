//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
#define _GNU_SOURCE
#include "parley_process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

// Between fork and exec only functions that are safe in a signal handler (signal-safety(7)) are called: another thread
// may have held any lock.

enum { report_descriptor = 3 };

typedef struct {
    int error;
    parley_process_fences fences;
} report;

#ifdef __linux__

#if defined(__x86_64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#define DENY(call) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), \
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)

/// Refuses what a converter never needs and an intruder wants: sockets, other processes, the kernel's larger doors.
/// Threads stay possible. A list of what is allowed would break with each new libc; the files are Landlock's.
static bool fence_system_calls(void) {
#ifdef NATIVE_ARCHITECTURE
    static const struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCHITECTURE, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#ifdef __x86_64__
        // The x32 calls have numbers of their own.
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        DENY(__NR_fork),
        DENY(__NR_vfork),
#endif
        // clone3 keeps its flags in memory, where a filter cannot look; libc then takes clone.
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone3, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        DENY(__NR_socket), DENY(__NR_socketpair), DENY(__NR_connect), DENY(__NR_bind), DENY(__NR_listen),
        DENY(__NR_ptrace), DENY(__NR_process_vm_readv), DENY(__NR_process_vm_writev), DENY(__NR_pidfd_getfd),
        DENY(__NR_kill), DENY(__NR_tkill), DENY(__NR_rt_sigqueueinfo), DENY(__NR_pidfd_send_signal),
        DENY(__NR_setsid), DENY(__NR_setpgid), DENY(__NR_setns), DENY(__NR_unshare),
        DENY(__NR_mount), DENY(__NR_umount2), DENY(__NR_pivot_root), DENY(__NR_chroot), DENY(__NR_open_by_handle_at),
        DENY(__NR_io_uring_setup), DENY(__NR_bpf), DENY(__NR_perf_event_open), DENY(__NR_userfaultfd),
        DENY(__NR_keyctl), DENY(__NR_add_key), DENY(__NR_request_key), DENY(__NR_memfd_create),
        DENY(__NR_init_module), DENY(__NR_finit_module), DENY(__NR_kexec_load),
        // A clone that is not a thread would be a process that outlives its parent.
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {
        .len = (unsigned short)(sizeof filter / sizeof filter[0]),
        .filter = (struct sock_filter *)filter,
    };
    return syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
#else
    return false;
#endif
}

static bool allow(int ruleset, int directory, uint64_t access) {
    struct stat status;
    if (directory < 0 || fstat(directory, &status) != 0) return false;
    if (!S_ISDIR(status.st_mode)) {
        access &= LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
    }
    const struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = directory};
    return syscall(__NR_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

/// Leaves the system's programs and data to be read and the working directory to be written; nothing else of the files,
/// above all not the database, keys and documents.
static bool fence_files(const parley_process_plan *plan) {
    const uint64_t read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    const uint64_t run = read | LANDLOCK_ACCESS_FS_EXECUTE;
    // The rights of the first version, which every kernel with Landlock knows.
    const uint64_t all = (1ULL << 13) - 1;
    const struct landlock_ruleset_attr attributes = {.handled_access_fs = all};
    int ruleset = (int)syscall(__NR_landlock_create_ruleset, &attributes, sizeof(uint64_t), 0);
    if (ruleset < 0) return false;
    static const char *const readable[] = {
        "/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/fonts", "/etc/alternatives", "/etc/poppler",
        "/dev/urandom", "/proc/cpuinfo", "/sys/devices/system/cpu", NULL,
    };
    for (int index = 0; readable[index] != NULL; index++) {
        int directory = open(readable[index], O_PATH | O_CLOEXEC);
        if (directory < 0) continue;
        allow(ruleset, directory, run);
        close(directory);
    }
    int device = open("/dev/null", O_PATH | O_CLOEXEC);
    allow(ruleset, device, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE);
    close(device);
    int program = open(plan->program, O_PATH | O_CLOEXEC);
    allow(ruleset, program, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE);
    close(program);
    int place = open(".", O_PATH | O_CLOEXEC);
    const uint64_t write = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE;
    bool holds = allow(ruleset, place, read | write);
    close(place);
    holds = holds && syscall(__NR_landlock_restrict_self, ruleset, 0) == 0;
    close(ruleset);
    return holds;
}

/// Root gives up what makes it root; otherwise it could raise the limits again. With "no new privileges" exec gives none.
static void drop_capabilities(void) {
    for (int capability = 0; capability < 64; capability++) prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
    syscall(__NR_capset, &header, none);
}

static bool fence_network(void) {
    return unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
}

static int raise_fences(const parley_process_plan *plan, parley_process_fences *fences) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
    prctl(PR_SET_DUMPABLE, 0);
    fences->network = fence_network();
    drop_capabilities();
    fences->files = fence_files(plan);
    fences->system_calls = fence_system_calls();
    return 0;
}

static void close_from(int first) {
    if (syscall(__NR_close_range, (unsigned)first, ~0U, 0U) == 0) return;
    for (int descriptor = first; descriptor < 65536; descriptor++) close(descriptor);
}

#else

static int raise_fences(const parley_process_plan *plan, parley_process_fences *fences) {
    (void)plan;
    (void)fences;
    return 0;
}

static void close_from(int first) {
    for (int descriptor = first; descriptor < 65536; descriptor++) close(descriptor);
}

#endif

/// The hard limit lies above the soft one, so that the signal is that of the soft one, which names the limit.
static int limit(int resource, uint64_t value) {
    const struct rlimit bound = {.rlim_cur = value, .rlim_max = resource == RLIMIT_CPU ? value + 2 : value};
    return setrlimit(resource, &bound) == 0 ? 0 : errno;
}

/// Puts the streams in their places and closes everything else, the caller's sockets and databases above all.
/// `report_end` is told where the pipe is after each step: until the last one its place may hold a file of the caller.
static int arrange_descriptors(const parley_process_plan *plan, int *report_end) {
    int wanted[report_descriptor + 1] = {plan->input, plan->output, plan->errors, *report_end};
    // First out of the way of the places that are filled below.
    for (int place = 0; place <= report_descriptor; place++) {
        int source = wanted[place] >= 0 ? wanted[place] : open("/dev/null", place == 0 ? O_RDONLY : O_WRONLY);
        if (source < 0) return errno;
        wanted[place] = fcntl(source, F_DUPFD, 16);
        if (wanted[place] < 0) return errno;
    }
    *report_end = wanted[report_descriptor];
    for (int place = 0; place <= report_descriptor; place++) {
        if (dup2(wanted[place], place) < 0) return errno;
    }
    *report_end = report_descriptor;
    close_from(report_descriptor + 1);
    return fcntl(report_descriptor, F_SETFD, FD_CLOEXEC) == 0 ? 0 : errno;
}

static int prepare(const parley_process_plan *plan, int *report_end, parley_process_fences *fences) {
    int error = arrange_descriptors(plan, report_end);
    if (error != 0) return error;
    if (setpgid(0, 0) != 0 || chdir(plan->directory) != 0) return errno;
    // An ignored or blocked signal would stay so.
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int number = 1; number < 32; number++) signal(number, SIG_DFL);
    umask(077);
    setpriority(PRIO_PROCESS, 0, 10);
    if ((error = limit(RLIMIT_CORE, 0)) != 0) return error;
    if ((error = limit(RLIMIT_DATA, plan->memory_bytes)) != 0) return error;
    if ((error = limit(RLIMIT_CPU, plan->cpu_seconds)) != 0) return error;
    if ((error = limit(RLIMIT_FSIZE, plan->file_bytes)) != 0) return error;
    if ((error = limit(RLIMIT_NOFILE, 64)) != 0) return error;
    return raise_fences(plan, fences);
}

static _Noreturn void become(const parley_process_plan *plan, int report_end) {
    report report = {0};
    report.error = prepare(plan, &report_end, &report.fences);
    if (report.error == 0) {
        if (write(report_end, &report, sizeof report) != sizeof report) _exit(127);
        execve(plan->program, plan->arguments, plan->environment);
        report.error = errno;
    }
    // Where this fails too the pipe closes, and the parent is told as much.
    ssize_t written = write(report_end, &report, sizeof report);
    (void)written;
    _exit(127);
}

int parley_process_start(const parley_process_plan *plan, pid_t *process, parley_process_fences *fences) {
    int ends[2];
    if (pipe(ends) != 0) return errno;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    // A handler of ours must not run in the child.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t child = fork();
    if (child == 0) become(plan, ends[1]);
    int error = child < 0 ? errno : 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    // The child reports once before exec, and again if exec fails; exec closes the pipe.
    report last = {0};
    bool has_report = false;
    while (child > 0) {
        report next;
        ssize_t count = read(ends[0], &next, sizeof next);
        if (count < 0 && errno == EINTR) continue;
        if (count != sizeof next) break;
        last = next;
        has_report = true;
    }
    close(ends[0]);
    if (child < 0) return error;
    if (!has_report || last.error != 0) {
        parley_process_kill(child);
        return last.error != 0 ? last.error : ECHILD;
    }
    *process = child;
    *fences = last.fences;
    return 0;
}

int parley_process_ended(pid_t process, int *status) {
    pid_t found;
    do {
        found = waitpid(process, status, WNOHANG);
    } while (found < 0 && errno == EINTR);
    return found == process ? 1 : found == 0 ? 0 : -1;
}

void parley_process_kill(pid_t process) {
    int status;
    kill(-process, SIGKILL);
    kill(process, SIGKILL);
    while (waitpid(process, &status, 0) < 0 && errno == EINTR) {}
}

bool parley_process_was_signalled(int status, int *code) {
    if (WIFSIGNALED(status)) {
        *code = WTERMSIG(status);
        return true;
    }
    *code = WEXITSTATUS(status);
    return false;
}
