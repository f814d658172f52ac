#include "package/sha256.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "package/sha256_blocks.h"

namespace glint {
namespace {

std::string digest(std::string_view text) { return sha256_hex(std::as_bytes(std::span(text))); }

// NIST FIPS 180-2, appendix B, and the example values published with FIPS 180-4.
TEST(Sha256Test, MatchesThePublishedExamples) {
  EXPECT_EQ(digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(digest("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno"
                   "ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"),
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  EXPECT_EQ(digest(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// NIST CAVP SHA256ShortMsg: lengths around the padding's edge.
TEST(Sha256Test, MatchesTheCavpVectors) {
  EXPECT_EQ(digest("\xd3"), "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1");
  EXPECT_EQ(digest("\x11\xaf"), "5ca7133fa735326081558ac312c620eeca9970d1e70a4b95533d956f072d1f98");
}

TEST(Sha256Test, PadsEveryLengthAroundABlock) {
  // sha256sum of 'x' repeated, computed with coreutils 9.1.
  EXPECT_EQ(digest(std::string(55, 'x')),
            "d5e285683cd4efc02d021a5c62014694958901005d6f71e89e0989fac77e4072");
  EXPECT_EQ(digest(std::string(56, 'x')),
            "04c26261370ee7541549d16dee320c723e3fd14671e66a099afe0a377c16888e");
  EXPECT_EQ(digest(std::string(63, 'x')),
            "75220b47218278e656f2013bb8f0c455a25eaf01e86c64924e9d48d89776d6f2");
  EXPECT_EQ(digest(std::string(64, 'x')),
            "7ce100971f64e7001e8fe5a51973ecdfe1ced42befe7ee8d5fd6219506b5393c");
  EXPECT_EQ(digest(std::string(65, 'x')),
            "9537c5fdf120482f7d58d25e9ed583f52c02b4e304ea814db1633ad565aed7e9");
}

TEST(Sha256Test, EveryImplementationAgreesWithScalar) {
  std::mt19937 random(1);
  std::vector<std::byte> bytes(5000);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random());
  const auto implementations = sha256_implementations();
  ASSERT_STREQ(implementations.front()->name, "scalar");
  for (const Sha256Blocks* blocks : implementations) {
    for (std::size_t size = 0; size < 300; ++size) {
      for (const std::size_t start : {0, 1, 7}) {
        const auto part = std::span(bytes).subspan(start, size);
        ASSERT_EQ(sha256_hex(part, *blocks), sha256_hex(part, sha256::kScalar))
            << blocks->name << ", " << size << " bytes from " << start;
      }
    }
    EXPECT_EQ(sha256_hex(bytes, *blocks), sha256_hex(bytes, sha256::kScalar)) << blocks->name;
  }
  EXPECT_EQ(sha256_hex(bytes), sha256_hex(bytes, sha256::kScalar));
}

// What the CPU can do, it is asked to do.
TEST(Sha256Test, UsesTheShaExtensions) {
#if defined(__x86_64__)
  std::ifstream cpu("/proc/cpuinfo");
  const std::string facts{std::istreambuf_iterator<char>(cpu), {}};
  const bool has_sha = facts.find(" sha_ni ") != std::string::npos;
  EXPECT_EQ(sha256_implementations().size(), has_sha ? 2U : 1U);
#else
  EXPECT_EQ(sha256_implementations().size(), 1U);
#endif
}

TEST(Sha256Test, TellsDigestsFromOtherText) {
  EXPECT_TRUE(is_sha256_hex(digest("abc")));
  EXPECT_FALSE(is_sha256_hex(""));
  EXPECT_FALSE(is_sha256_hex(std::string(63, 'a')));
  EXPECT_FALSE(is_sha256_hex(std::string(65, 'a')));
  EXPECT_FALSE(is_sha256_hex(std::string(64, 'A')));
  EXPECT_FALSE(is_sha256_hex(std::string(64, 'g')));
}

}  // namespace
}  // namespace glint
