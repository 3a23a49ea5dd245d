//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
#include "file.h"

#include "checksum.h"
#include "failure.h"
#include "kernels.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vectors {
namespace {

constexpr uint8_t magic[8] = {0x89, 'V', 'I', 'X', '\r', '\n', 0x1a, '\n'};
constexpr uint32_t format_version = 1;
constexpr uint32_t inner_product = 1;
constexpr size_t alignment = 64;

struct Header {
    uint8_t magic[8];
    uint32_t version;
    uint32_t header_bytes;
    uint64_t file_bytes;
    uint64_t body_checksum;
    int64_t generation;
    int64_t sequence;
    uint64_t base_rows;
    uint64_t delta_rows;
    uint32_t dimension;
    uint32_t width;
    uint32_t metric;
    uint32_t storage;
    uint32_t lists;
    uint32_t probes;
    uint64_t rebuilds;
    uint64_t trained_rows;
    uint32_t model_bytes;
    uint32_t zero;
    char model[256];
    uint8_t zeros[136];
    uint64_t header_checksum;
};
static_assert(sizeof(Header) == 512 && offsetof(Header, header_checksum) == 504);
static_assert(sizeof(Header::model) == VECTOR_INDEX_MODEL_BYTES);

size_t aligned(size_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

size_t row_bytes(const Header &header) {
    return header.width * (header.storage == VECTOR_INDEX_INT8 ? 1 : sizeof(float));
}

/// The size that a file with this header has; the limits on its numbers keep the sum far from an overflow.
size_t file_bytes(const Header &header) {
    size_t base = header.base_rows, delta = header.delta_rows, width = header.width, lists = header.lists;
    size_t sum = sizeof(Header) + aligned(lists * width * 4);
    if (lists > 0) sum += aligned((lists + 1) * 8);
    if (header.storage == VECTOR_INDEX_INT8) sum += aligned(2 * width * 4);
    sum += 2 * aligned(base * 8) + aligned(base * row_bytes(header));
    return sum + 2 * aligned(delta * 8) + aligned(delta * width * 4);
}

std::string reason(const char *what, const std::string &path) {
    return std::string(what) + " " + path + ": " + std::strerror(errno);
}

class Descriptor {
public:
    explicit Descriptor(int number) : number(number) {}
    ~Descriptor() {
        if (number >= 0) close(number);
    }
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
    operator int() const { return number; }

private:
    int number;
};

/// Writes sections one after the other through a buffer.
class Writer {
public:
    Writer(int file, const std::string &path) : file(file), path(path), buffer(limits::transfer_bytes) {}

    void write(const void *bytes, size_t count) {
        const auto *from = static_cast<const uint8_t *>(bytes);
        while (count > 0) {
            size_t size = std::min(count, buffer.size() - used);
            std::memcpy(buffer.data() + used, from, size);
            used += size, written += size, from += size, count -= size;
            if (used == buffer.size()) flush();
        }
    }
    template <typename Number> void write(Number number) { write(&number, sizeof number); }
    void end_section() {
        static const uint8_t zeros[alignment] = {};
        write(zeros, aligned(written) - written);
    }
    uint64_t finish() {
        flush();
        return checksum.value();
    }

private:
    int file;
    const std::string &path;
    std::vector<uint8_t> buffer;
    size_t used = 0;
    size_t written = 0;
    Checksum checksum;

    void flush() {
        checksum.add(buffer.data(), used);
        for (size_t done = 0; done < used;) {
            ssize_t count = ::write(file, buffer.data() + done, used - done);
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) throw Failure(VECTOR_INDEX_IO, reason("cannot write", path));
            done += size_t(count);
        }
        used = 0;
    }
};

/// Reads sections one after the other, each straight to where it stays.
class Reader {
public:
    Reader(int file, const std::string &path) : file(file), path(path) {}

    void read(void *to, size_t count) {
        auto *at = static_cast<uint8_t *>(to);
        size_t full = count / alignment * alignment;
        for (size_t done = 0; done < full;) {
            size_t size = std::min(full - done, limits::transfer_bytes);
            exactly(at + done, size);
            checksum.add(at + done, size);
            done += size;
        }
        if (full == count) return;
        uint8_t last[alignment];
        exactly(last, alignment);
        checksum.add(last, alignment);
        std::memcpy(at + full, last, count - full);
    }
    template <typename Element> void read(std::vector<Element> &to, size_t count) {
        to.resize(count);
        read(to.data(), count * sizeof(Element));
    }
    void exactly(void *to, size_t count) {
        for (size_t done = 0; done < count;) {
            ssize_t got = ::read(file, static_cast<uint8_t *>(to) + done, count - done);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) throw Failure(VECTOR_INDEX_IO, reason("cannot read", path));
            if (got == 0) throw Failure(VECTOR_INDEX_DAMAGED, path + " ends too early");
            done += size_t(got);
        }
    }
    uint64_t finish() const { return checksum.value(); }

private:
    int file;
    const std::string &path;
    Checksum checksum;
};

/// The living rows of a snapshot, and what their header says.
struct Content {
    Snapshot at;
    std::vector<size_t> base_rows;
    std::vector<uint64_t> list_start;
    std::vector<size_t> delta_rows;
    Header header{};

    Content(Snapshot of, const Options &options) : at(std::move(of)) {
        const Base &base = *at.base;
        for (size_t list = 0, row = 0; row < base.count; row++) {
            // Lists may be empty: this row can begin several.
            for (; base.list_count > 0 && base.list_start[list] <= row; list++) list_start.push_back(base_rows.size());
            if (alive(base.death(row), at.version)) base_rows.push_back(row);
        }
        if (base.list_count > 0) list_start.resize(base.list_count + 1, base_rows.size());
        for (size_t row = 0; row < at.delta_rows; row++)
            if (alive(at.delta->death(row), at.version)) delta_rows.push_back(row);
        std::memcpy(header.magic, magic, sizeof magic);
        header.version = format_version;
        header.header_bytes = sizeof(Header);
        header.generation = options.generation;
        header.sequence = at.sequence;
        header.base_rows = base_rows.size();
        header.delta_rows = delta_rows.size();
        header.dimension = uint32_t(options.dimension);
        header.width = uint32_t(base.width);
        header.metric = inner_product;
        header.storage = base.storage;
        header.lists = uint32_t(base.list_count);
        header.probes = uint32_t(base.probes);
        header.rebuilds = at.rebuilds;
        header.trained_rows = base.trained_count;
        header.model_bytes = uint32_t(options.model.size());
        std::memcpy(header.model, options.model.data(), options.model.size());
        header.file_bytes = file_bytes(header);
    }

    void write_body(Writer &writer) const {
        const Base &base = *at.base;
        if (base.list_count > 0) {
            writer.write(list_start.data(), list_start.size() * 8);
            writer.end_section();
            writer.write(base.centroids.as<float>(), base.list_count * base.width * 4);
            writer.end_section();
        }
        if (base.storage == VECTOR_INDEX_INT8) {
            writer.write(base.ranges.data(), base.ranges.size() * 4);
            writer.end_section();
        }
        for (size_t row : base_rows) writer.write(base.ids[row]);
        writer.end_section();
        for (size_t row : base_rows) writer.write(base.partitions[base.slots[row]]);
        writer.end_section();
        for (size_t row : base_rows) writer.write(base.rows.as<uint8_t>() + row * base.row_bytes(), base.row_bytes());
        writer.end_section();
        for (size_t row : delta_rows) writer.write(at.delta->id(row));
        writer.end_section();
        for (size_t row : delta_rows) writer.write(at.delta->partition(row));
        writer.end_section();
        for (size_t row : delta_rows) writer.write(at.delta->values(row), base.width * 4);
        writer.end_section();
    }
};

void write_whole(int file, const std::string &path, Content &content) {
    Header &header = content.header;
    if (lseek(file, sizeof(Header), SEEK_SET) < 0) throw Failure(VECTOR_INDEX_IO, reason("cannot write", path));
    Writer writer(file, path);
    content.write_body(writer);
    header.body_checksum = writer.finish();
    header.header_checksum = checksum(&header, offsetof(Header, header_checksum));
    // The body is on the disk before a header says that it is whole.
    if (fsync(file) != 0) throw Failure(VECTOR_INDEX_IO, reason("cannot fsync", path));
    if (pwrite(file, &header, sizeof header, 0) != ssize_t(sizeof header) || fsync(file) != 0)
        throw Failure(VECTOR_INDEX_IO, reason("cannot write", path));
}

void check(const Header &header, size_t actual_bytes, const std::string &path) {
    auto require = [&](bool fine, const char *otherwise) {
        if (!fine) throw Failure(VECTOR_INDEX_DAMAGED, path + " is damaged: " + otherwise);
    };
    if (std::memcmp(header.magic, magic, sizeof magic) != 0)
        throw Failure(VECTOR_INDEX_FOREIGN, path + " is not a vector index");
    if (header.version != format_version)
        throw Failure(
            VECTOR_INDEX_OTHER_VERSION, path + " has version " + std::to_string(header.version) +
                                            " of the format; this program reads version " +
                                            std::to_string(format_version));
    require(
        header.header_checksum == checksum(&header, offsetof(Header, header_checksum)),
        "the checksum of its header is wrong");
    // From here on the header is as it was written; what follows guards against a writer that was wrong.
    require(header.header_bytes == sizeof(Header), "its header has another size");
    require(header.dimension >= 1 && header.dimension <= VECTOR_INDEX_DIMENSION, "its dimension is out of range");
    require(header.width == padded(header.dimension), "its rows have another width");
    require(header.metric == inner_product, "its metric is unknown");
    require(header.storage <= VECTOR_INDEX_INT8, "its storage is unknown");
    require(header.base_rows <= VECTOR_INDEX_ENTRIES, "it has too many rows");
    require(header.delta_rows <= VECTOR_INDEX_ENTRIES, "it has too many new rows");
    require(header.lists <= VECTOR_INDEX_ENTRIES && header.probes <= header.lists, "its lists are out of range");
    require(header.lists == 0 || header.probes > 0, "its lists are never searched");
    require(header.model_bytes >= 1 && header.model_bytes <= VECTOR_INDEX_MODEL_BYTES, "its model has no name");
    require(header.file_bytes == file_bytes(header), "its sections do not add up");
    require(header.file_bytes == actual_bytes, "its size is not what was written");
}

void check(const Header &header, const Options &options, const std::string &path) {
    std::string model(header.model, header.model_bytes);
    auto described = [](const std::string &model, size_t dimension, int64_t generation) {
        return model + " with " + std::to_string(dimension) + " dimensions, generation " + std::to_string(generation);
    };
    if (model == options.model && header.dimension == options.dimension && header.generation == options.generation)
        return;
    throw Failure(
        VECTOR_INDEX_OTHER_GENERATION,
        path + " holds vectors of " + described(model, header.dimension, header.generation) + ", not of " +
            described(options.model, options.dimension, options.generation));
}

} // namespace

void save(const vector_index &index, const std::string &path) {
    std::lock_guard<std::mutex> one(index.saving);
    std::string partial = path + ".partial";
    Content content(index.snapshot(), index.options);
    {
        Descriptor file(open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        if (file < 0) throw Failure(VECTOR_INDEX_IO, reason("cannot write", partial));
        try {
            write_whole(file, partial, content);
        } catch (...) {
            unlink(partial.c_str());
            throw;
        }
    }
    if (rename(partial.c_str(), path.c_str()) != 0) {
        Failure failure(VECTOR_INDEX_IO, reason("cannot rename to", path));
        unlink(partial.c_str());
        throw failure;
    }
    size_t slash = path.rfind('/');
    std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    Descriptor directory(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory < 0 || fsync(directory) != 0) throw Failure(VECTOR_INDEX_IO, reason("cannot fsync", folder));
}

std::unique_ptr<vector_index> load(const std::string &path, const Options &options) {
    Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file < 0 && errno == ENOENT) throw Failure(VECTOR_INDEX_NO_FILE, "there is no " + path);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0) throw Failure(VECTOR_INDEX_IO, reason("cannot read", path));
    if (!S_ISREG(status.st_mode)) throw Failure(VECTOR_INDEX_FOREIGN, path + " is not a file");
    Header header;
    Reader reader(file, path);
    if (size_t(status.st_size) < sizeof magic) throw Failure(VECTOR_INDEX_FOREIGN, path + " is not a vector index");
    if (size_t(status.st_size) < sizeof header) {
        reader.exactly(&header, sizeof magic);
        bool ours = std::memcmp(header.magic, magic, sizeof magic) == 0;
        if (ours) throw Failure(VECTOR_INDEX_DAMAGED, path + " ends too early");
        throw Failure(VECTOR_INDEX_FOREIGN, path + " is not a vector index");
    }
    reader.exactly(&header, sizeof header);
    check(header, size_t(status.st_size), path);
    check(header, options, path);
    if (header.base_rows + header.delta_rows > options.maximum_entries || header.file_bytes > options.maximum_bytes)
        throw Failure(VECTOR_INDEX_FULL, path + " is larger than the index may be");

    auto base = std::make_unique<Base>(
        header.dimension, size_t(header.base_rows), vector_index_storage(header.storage));
    base->list_count = header.lists;
    base->probes = header.probes;
    base->trained_count = size_t(header.trained_rows);
    if (header.lists > 0) {
        reader.read(base->list_start, header.lists + size_t(1));
        base->centroids = Memory(size_t(header.lists) * header.width * 4);
        reader.read(base->centroids.as<float>(), base->centroids.bytes());
    }
    if (header.storage == VECTOR_INDEX_INT8) reader.read(base->ranges, 2 * size_t(header.width));
    std::vector<int64_t> base_partitions, delta_ids, delta_partitions;
    reader.read(base->ids, base->count);
    reader.read(base_partitions, base->count);
    reader.read(base->rows.as<uint8_t>(), base->rows.bytes());
    reader.read(delta_ids, header.delta_rows);
    reader.read(delta_partitions, header.delta_rows);
    Memory delta_rows(header.delta_rows * header.width * 4);
    reader.read(delta_rows.as<float>(), delta_rows.bytes());

    auto damaged = [&](const char *what) { return Failure(VECTOR_INDEX_DAMAGED, path + " is damaged: " + what); };
    if (reader.finish() != header.body_checksum) throw damaged("the checksum of its body is wrong");
    const auto &starts = base->list_start;
    if (header.lists > 0 &&
        (starts.front() != 0 || starts.back() != base->count || !std::is_sorted(starts.begin(), starts.end())))
        throw damaged("its lists do not cover its rows");
    if (!base->finish(base_partitions)) throw damaged("an id occurs twice");
    auto delta = std::make_shared<Delta>(header.width, options.maximum_entries);
    delta->reserve(header.delta_rows);
    for (size_t row = 0; row < header.delta_rows; row++) {
        if (base->find(delta_ids[row]) >= 0 || delta->find(delta_ids[row]) >= 0) throw damaged("an id occurs twice");
        delta->append(delta_ids[row], delta_partitions[row], delta_rows.as<float>() + row * header.width);
    }
    return std::make_unique<vector_index>(options, std::move(base), std::move(delta), header.sequence, header.rebuilds);
}

} // namespace vectors
