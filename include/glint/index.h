// Exact nearest-neighbour search over embeddings, in memory or in a memory-mapped file.
//
//   glint::Index::build(rows, 512, glint::IndexStorage::kInt8).save("photos.gidx");
//   const auto index = glint::Index::open("photos.gidx");
//   for (const auto& hit : index.search(query, 10).row(0)) use(hit.index, hit.score);
//
// Similarity is the dot product: the cosine when rows and queries have unit length, as glint's
// embeddings have. Nothing is normalised here.
//
// The score of a row is its dot product with the query, summed in f64 in one fixed order and
// rounded once to f32; hits are sorted by score, descending, equal scores by index, ascending. That
// is the answer for every storage, number of threads, batch of queries and CPU, bit for bit. The
// storage only decides how fast it is found: a scan of the compact copy bounds each score from
// above, and the f32 rows are read only where the bound reaches the best k so far.
#pragma once

#include <glint/export.h>

#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace glint {

// What a search scans, in bytes a row of D numbers, beside the 4 D + 12 that every row has.
enum class IndexStorage {
  kF32,   // 0: the rows themselves
  kBf16,  // 2 D
  kInt8,  // D
};

// "f32", "bf16", "int8".
GLINT_API std::string_view to_string(IndexStorage storage);

// Rows an index can have, and numbers a row can have.
inline constexpr std::int64_t kMaxIndexRows = std::int64_t{1} << 40;
inline constexpr std::int64_t kMaxIndexDim = 65536;

struct Hit {
  std::int64_t index = 0;  // of the row, from 0
  float score = 0;         // its dot product with the query; beyond the range of f32: an infinity
  friend bool operator==(const Hit&, const Hit&) = default;
};

// hits [queries, per_query], the best first.
struct SearchResult {
  std::int64_t queries = 0;
  std::int64_t per_query = 0;  // min(k, rows)
  std::vector<Hit> hits;
  std::span<const Hit> row(std::int64_t query) const {
    return std::span(hits).subspan(static_cast<std::size_t>(query * per_query),
                                   static_cast<std::size_t>(per_query));
  }
};

struct SearchOptions {
  int threads = 0;         // CPU threads of one call, 0 to 1024; 0: all cores
  std::stop_token stop{};  // checked between blocks of rows; Error(kCancelled)
};

// Immutable, cheap to copy; all methods may run concurrently.
class GLINT_API Index {
 public:
  // rows [N, D] f32, copied; N may be 0. Takes N * (4 D + 12 + the storage's) bytes of memory.
  // Throws Error: kInvalidArgument (D out of range, partial rows, a NaN or an infinity and in
  // which row), kOutOfMemory.
  static Index build(std::span<const float> rows, std::int64_t d,
                     IndexStorage storage = IndexStorage::kInt8);

  // Maps a file that save() or IndexWriter wrote; memory is the system's page cache. Its header is
  // checked (version, checksum, sizes against the file's), its rows are not: see check(). Replacing
  // the file is safe; changing or cutting it while it is open is not.
  // Throws Error: kNotFound, kIo, kCorruptPackage, kUnsupported (a newer version).
  static Index open(const std::string& path);

  // The file is there whole or not at all. Throws Error(kIo).
  void save(const std::string& path) const;

  // Reads everything and compares it with the file's checksums. Throws Error: kCorruptPackage, and
  // kCancelled.
  void check(const std::stop_token& stop = {}) const;

  std::int64_t size() const;  // N
  std::int64_t dim() const;   // D
  IndexStorage storage() const;
  // Row i as it was given, [D]; valid while any copy of this index lives.
  // Throws Error(kInvalidArgument).
  std::span<const float> row(std::int64_t i) const;

  // queries [Q, D] f32 -> the best min(k, N) rows of each. O(Q N D), the database read once for 64
  // queries; memory O(Q k), and O(64 k) a thread.
  // Throws Error: kInvalidArgument (k < 0, partial queries, a NaN or an infinity in a query,
  // threads out of range), kCancelled, kOutOfMemory, kCorruptPackage (a row of a damaged file).
  SearchResult search(std::span<const float> queries, std::int64_t k,
                      const SearchOptions& options = {}) const;

 private:
  struct Impl;
  explicit Index(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

// Writes an index file a few rows at a time, so that it may be larger than memory. Used from one
// thread. The file appears at finish(), whole; without it, and after an Error, nothing is left.
class GLINT_API IndexWriter {
 public:
  // rows [n, d] will follow. Throws Error: kInvalidArgument (n or d out of range), kIo.
  IndexWriter(const std::string& path, std::int64_t n, std::int64_t d,
              IndexStorage storage = IndexStorage::kInt8);
  ~IndexWriter();
  IndexWriter(IndexWriter&&) noexcept;
  IndexWriter& operator=(IndexWriter&&) noexcept;

  // The next rows [any, d]. Throws Error: kInvalidArgument (partial rows, more than n of them, a
  // NaN or an infinity and in which row), kIo or kOutOfMemory, after which the file is
  // gone and every further call is refused.
  void add(std::span<const float> rows);

  // Throws Error: kInvalidArgument (fewer rows than n, or called twice), kIo.
  void finish();

 private:
  struct Impl;
  template <typename Work>
  void guarded(const char* doing, const Work& work);
  std::unique_ptr<Impl> impl_;  // none after a failure
};

}  // namespace glint
