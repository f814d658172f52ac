#include <glint/tokenizer.h>

#include <cstdint>
#include <limits>
#include <new>
#include <utility>

#include "core/check.h"
#include "text/bpe.h"
#include "text/clean.h"
#include "text/vocabulary.h"
#include "text/words.h"

namespace glint {
namespace {

constexpr std::size_t kMaxTextBytes = 64 << 20;
constexpr std::size_t kUsualIds = 32;  // more than a prompt has

void check(const TokenizerSpec& spec) {
  constexpr std::int64_t kMaxId = 1 << 24;
  if (spec.context_length < 2) {
    fail(ErrorCode::kInvalidArgument, "expected a context of at least 2 ids, got ",
         spec.context_length);
  }
  if (spec.start_id < kFirstMerge || spec.start_id > kMaxId) {
    fail(ErrorCode::kInvalidArgument, "expected a start id between ", kFirstMerge, " and ", kMaxId,
         ", got ", spec.start_id);
  }
  if (spec.end_id != spec.start_id + 1) {
    fail(ErrorCode::kInvalidArgument, "expected the end id to follow the start id ", spec.start_id,
         ", got ", spec.end_id);
  }
  if (spec.pad_id < 0 || spec.pad_id > spec.end_id) {
    fail(ErrorCode::kInvalidArgument, "expected a pad id between 0 and ", spec.end_id, ", got ",
         spec.pad_id);
  }
}

}  // namespace

struct Tokenizer::Impl {
  TokenizerSpec spec;
  BytePairs pairs;

  // Ids of a text, start and end included, until there are more than `enough` of them.
  std::vector<std::int64_t> ids(std::string_view text, std::size_t enough) const {
    const std::string clean = clean_lower(text);
    const bool openai = spec.special_spelling == SpecialSpelling::kOpenAi;
    Words words(clean, openai ? kOpenAiWords : kOpenClipWords);
    BytePairs::Workspace work;
    std::vector<std::int64_t> ids;
    ids.reserve(kUsualIds);
    ids.push_back(spec.start_id);
    while (ids.size() < enough) {
      const auto word = words.next();
      if (!word) break;
      if (word->kind == WordKind::kText) {
        pairs.append(word->text, work, ids);
      } else {
        ids.push_back(word->kind == WordKind::kStart ? spec.start_id : spec.end_id);
      }
    }
    ids.push_back(spec.end_id);
    return ids;
  }

  std::vector<std::int64_t> encode(std::string_view text) const {
    if (text.size() > kMaxTextBytes) {
      fail(ErrorCode::kInvalidArgument, "expected a text of at most ", kMaxTextBytes,
           " bytes, got ", text.size());
    }
    const bool truncate = spec.overflow == Overflow::kTruncate;
    const auto context = static_cast<std::size_t>(spec.context_length);
    auto result = ids(text, truncate ? context : std::numeric_limits<std::size_t>::max());
    if (result.size() <= context) return result;
    if (!truncate) {
      fail(ErrorCode::kInvalidArgument, "expected a text of at most ", context,
           " ids, start and end included, got ", result.size(), " from ", quote(text));
    }
    result.resize(context);
    result.back() = spec.end_id;
    return result;
  }
};

Tokenizer::Tokenizer(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

Tokenizer Tokenizer::clip_bpe(const TokenizerSpec& spec, std::span<const std::byte> merges) {
  check(spec);
  try {
    const auto rules = read_merges(merges, spec.start_id - kFirstMerge);
    return Tokenizer(std::make_shared<const Impl>(Impl{spec, BytePairs(rules)}));
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::kOutOfMemory, "no memory for a byte-pair vocabulary of ", merges.size(),
         " bytes");
  }
}

std::vector<std::int64_t> Tokenizer::encode(std::string_view text) const {
  try {
    return impl_->encode(text);
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::kOutOfMemory, "no memory to tokenize a text of ", text.size(), " bytes");
  }
}

const TokenizerSpec& Tokenizer::spec() const { return impl_->spec; }

std::int64_t Tokenizer::vocab_size() const { return impl_->spec.end_id + 1; }

}  // namespace glint
