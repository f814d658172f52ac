#include "text/vocabulary.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/check.h"
#include "text/gunzip.h"
#include "text/unicode.h"

namespace glint {
namespace {

constexpr std::int64_t kMaxFileBytes = 16 << 20;  // the published file has 3.2 MB
constexpr std::string_view kWhat = "the byte-pair vocabulary";

// Bytes that are spelled as the Latin-1 character of the same number.
bool is_printable(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xFF && byte != 0xAD);
}

struct Line {
  std::string_view left;
  std::string_view right;
};

// Hands out the lines of the file, checked for their form.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  void header() {
    const std::string_view line = next();
    if (line.find("#version:") == std::string_view::npos) {
      fail(ErrorCode::kCorruptPackage, "expected a first line with #version: in ", kWhat, ", got ",
           quote(line));
    }
  }

  bool at_end() const { return rest_.empty(); }
  std::int64_t number() const { return number_; }

  Line merge() {
    const std::string_view line = next();
    const std::size_t space = line.find(' ');
    const Line merge{line.substr(0, space),
                     space == std::string_view::npos ? "" : line.substr(space + 1)};
    bool good = !merge.left.empty() && !merge.right.empty();
    for (const char c : merge.left) good = good && is_symbol_byte(c);
    for (const char c : merge.right) good = good && is_symbol_byte(c);
    if (!good) {
      fail(ErrorCode::kCorruptPackage, "expected two symbols and one space between them in line ",
           number_, " of ", kWhat, ", got ", quote(line));
    }
    return merge;
  }

 private:
  static bool is_symbol_byte(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7F;
  }

  std::string_view next() {
    ++number_;
    const std::size_t end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    return line;
  }

  std::string_view rest_;
  std::int64_t number_ = 0;
};

// Spelling -> id. Spellings are unique, so ids can stand for the reference's strings.
class Symbols {
 public:
  // `bytes`: of all lines.
  Symbols(std::size_t merges, std::size_t bytes) {
    ids_.reserve(static_cast<std::size_t>(kFirstMerge) + merges);
    spellings_.reserve(bytes + kMostBytesOfLetters);
    const auto ids = byte_symbols();
    int unprintable = 0;
    for (int byte = 0; byte < kByteSymbols; ++byte) {
      std::string spelling;
      append_utf8(static_cast<char32_t>(is_printable(byte) ? byte : kByteSymbols + unprintable++),
                  spelling);
      const std::int32_t id = ids[static_cast<std::size_t>(byte)];
      ids_.emplace(kept(spelling, ""), id);
      ids_.emplace(kept(spelling, "</w>"), id + kByteSymbols);
    }
  }

  std::int32_t find(std::string_view spelling, std::int64_t line) const {
    const auto found = ids_.find(spelling);
    if (found == ids_.end()) {
      fail(ErrorCode::kCorruptPackage, "expected a symbol of an earlier line in line ", line,
           " of ", kWhat, ", got ", quote(spelling));
    }
    return found->second;
  }

  void add(const Line& line, std::int32_t id, std::int64_t number) {
    const auto [place, fresh] = ids_.try_emplace(kept(line.left, line.right), id);
    if (!fresh) {
      fail(ErrorCode::kCorruptPackage, "expected a new symbol from line ", number, " of ", kWhat,
           ", got ", quote(place->first), " a second time");
    }
  }

 private:
  // Of 256 bytes of two letters at most, alone and with "</w>".
  static constexpr std::size_t kMostBytesOfLetters = std::size_t{kByteSymbols} * (2 + 6);

  // Both, one behind the other, for as long as this lives.
  std::string_view kept(std::string_view left, std::string_view right) {
    const std::size_t at = spellings_.size();
    GLINT_CHECK(spellings_.capacity() - at >= left.size() + right.size());
    spellings_.append(left).append(right);
    return std::string_view(spellings_).substr(at);
  }

  std::string spellings_;  // never moved: reserved in whole
  std::unordered_map<std::string_view, std::int32_t> ids_;
};

std::string content(std::span<const std::byte> file) {
  if (file.size() > static_cast<std::size_t>(kMaxFileBytes)) {
    fail(ErrorCode::kCorruptPackage, "expected at most ", kMaxFileBytes, " bytes in ", kWhat,
         ", got ", file.size());
  }
  if (is_gzip(file)) return gunzip(file, kMaxFileBytes, kWhat);
  return std::string(reinterpret_cast<const char*>(file.data()), file.size());
}

}  // namespace

std::array<std::int32_t, kByteSymbols> byte_symbols() {
  std::array<std::int32_t, kByteSymbols> ids{};
  std::int32_t next = 0;
  for (const bool printable : {true, false}) {
    for (int byte = 0; byte < kByteSymbols; ++byte) {
      if (is_printable(byte) == printable) ids[static_cast<std::size_t>(byte)] = next++;
    }
  }
  return ids;
}

std::vector<Merge> read_merges(std::span<const std::byte> file, std::int64_t count) {
  const std::string text = content(file);
  Lines lines(text);
  lines.header();
  // No more than the file has lines of three bytes, whatever `count` says.
  const auto most = std::min(static_cast<std::size_t>(count), text.size() / 3);
  Symbols symbols(most, text.size());
  std::vector<Merge> merges;
  merges.reserve(most);
  while (!lines.at_end()) {
    const Line line = lines.merge();
    const auto made = static_cast<std::int64_t>(merges.size());
    if (made == count) continue;
    merges.push_back(
        {symbols.find(line.left, lines.number()), symbols.find(line.right, lines.number())});
    symbols.add(line, kFirstMerge + static_cast<std::int32_t>(made), lines.number());
  }
  if (static_cast<std::int64_t>(merges.size()) < count) {
    fail(ErrorCode::kCorruptPackage, "expected ", count, " merges in ", kWhat, ", got ",
         merges.size());
  }
  return merges;
}

}  // namespace glint
