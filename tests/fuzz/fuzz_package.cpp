// Any bytes as each kind of file that a package brings: manifest, tensors, TorchScript archive,
// vocabulary, class bank. Only glint::Error may come out, and never one that blames the library.
#include <glint/error.h>
#include <glint/tokenizer.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "package/manifest.h"
#include "package/safetensors.h"
#include "package/torch_archive.h"

namespace {

template <typename Read>
void expect_only_errors(const Read& read) {
  try {
    read();
  } catch (const glint::Error& error) {
    if (error.code() == glint::ErrorCode::kInternal) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  expect_only_errors([&] { glint::parse_manifest(bytes, "manifest"); });
  expect_only_errors([&] { glint::parse_safetensors(bytes, "tensors"); });
  expect_only_errors([&] { glint::parse_safetensors_metadata(bytes, "metadata"); });
  expect_only_errors([&] { glint::check_torch_archive(bytes, "archive"); });
  expect_only_errors([&] {
    glint::Tokenizer::clip_bpe({.context_length = 8, .start_id = 514, .end_id = 515}, bytes);
  });
  return 0;
}
