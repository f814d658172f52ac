// Class banks on disk, and in front of models that did not make them.
#include <glint/glint.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "bank_source.h"
#include "core/file.h"
#include "package/safetensors.h"
#include "support/expect_error.h"
#include "support/scratch_folder.h"
#include "support/tiny_package.h"

namespace glint {
namespace {

using test::expect_error;

const std::string kPackage = std::string(GLINT_TEST_DATA) + "/golden/packages/random-vit.glint";

ClassBank small_bank() {
  const std::vector<float> rows{1, 0, 0, 0.6F, 0.8F, 0};
  return {{"cat", "Bär \"x\""},
          Tensor::from({2, 3}, rows),
          {"a {}."},
          {std::string(64, 'a'), std::string(64, 'b'), std::string(64, 'c')}};
}

class ClassBankTest : public testing::Test {
 protected:
  const test::ScratchFolder scratch_;
  const std::string path_ = (scratch_.path() / "bank.safetensors").string();
};

TEST_F(ClassBankTest, ComesBackAsItWasSaved) {
  const ClassBank bank = small_bank();
  save_class_bank(bank, path_);
  const ClassBank loaded = load_class_bank(path_);
  EXPECT_EQ(loaded.labels, bank.labels);
  EXPECT_EQ(loaded.templates, bank.templates);
  EXPECT_EQ(loaded.source, bank.source);
  EXPECT_TRUE(std::ranges::equal(loaded.rows.floats(), bank.rows.floats()));
}

TEST_F(ClassBankTest, RefusesAFileThatWasChanged) {
  save_class_bank(small_bank(), path_);
  const auto sound = read_file(path_, 1 << 20);
  int refused = 0;
  for (std::size_t i = 0; i < sound.size(); ++i) {
    auto damaged = sound;
    damaged[i] ^= std::byte{1};
    write_file_atomically(path_, damaged);
    try {
      load_class_bank(path_);
      // Nothing but the padding of the header may change unnoticed.
      EXPECT_EQ(sound[i], std::byte{' '}) << i;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruptPackage) << i;
      ++refused;
    }
  }
  EXPECT_GT(refused, 500);
}

TEST_F(ClassBankTest, RefusesWhatIsNoBank) {
  const auto corrupt = ErrorCode::kCorruptPackage;
  write_file_atomically(path_, test::make_safetensors("{}", {}));
  expect_error(corrupt, "another safetensors file", [&] { load_class_bank(path_); });
  write_file_atomically(path_, test::to_bytes("not a bank at all"));
  expect_error(corrupt, "header", [&] { load_class_bank(path_); });
  expect_error(ErrorCode::kNotFound, "absent", [] { load_class_bank("absent.safetensors"); });
  ClassBank bank = small_bank();
  bank.labels.pop_back();
  expect_error(ErrorCode::kInvalidArgument, "a row for each of 1 labels, got rows [2, 3]",
               [&] { save_class_bank(bank, path_); });
  bank = small_bank();
  bank.labels[0] = "\xff";
  expect_error(ErrorCode::kInvalidArgument, "UTF-8", [&] { save_class_bank(bank, path_); });
  EXPECT_THROW(load_class_bank(path_), Error);  // still what it was
}

TEST_F(ClassBankTest, AnswersAsTheLabelsItWasMadeOf) {
  const Model model = Model::load(kPackage);
  const TextState text = model.prepare({"cat", "dog", "bird"}, {"a {}."});
  save_class_bank(std::get<ClassBank>(text), path_);
  const ClassBank bank = load_class_bank(path_);
  EXPECT_EQ(bank.source, model.bank_source());
  const Image picture = load_image(kPackage + "/reference/0.png");
  const auto fresh = std::get<Classification>(model.predict(picture, text));
  const auto saved = std::get<Classification>(model.predict(picture, TextState(bank)));
  ASSERT_EQ(fresh.scores.size(), saved.scores.size());
  for (std::size_t i = 0; i < fresh.scores.size(); ++i) {
    EXPECT_EQ(fresh.scores[i].label, saved.scores[i].label);
    EXPECT_EQ(fresh.scores[i].logit, saved.scores[i].logit);
  }
}

TEST_F(ClassBankTest, IsRefusedByAModelThatDiffers) {
  const Model model = Model::load(kPackage);
  const Image picture = load_image(kPackage + "/reference/0.png");
  const auto sound = std::get<ClassBank>(model.prepare({"cat", "dog"}));
  const auto refuses = [&](const char* part, auto change) {
    ClassBank bank = sound;
    change(bank.source);
    expect_error(ErrorCode::kInvalidArgument, part,
                 [&] { model.predict(picture, TextState(bank)); });
    expect_error(ErrorCode::kInvalidArgument, part,
                 [&] { model.predict(model.encode(picture), TextState(bank)); });
  };
  const std::string other(64, '0');
  refuses("another image tower made", [&](BankSource& s) { s.image = other; });
  refuses("another text tower or tokenizer made", [&](BankSource& s) { s.text = other; });
  refuses("other heads made", [&](BankSource& s) { s.heads = other; });
  ClassBank unknown = sound;
  unknown.source = {};
  EXPECT_NO_THROW(model.predict(picture, TextState(unknown)));
}

TEST_F(ClassBankTest, ServesAPackageWithoutATextTower) {
  const Model whole = Model::load(kPackage);
  const Model images =
      Model::load(Package::from_memory(test::image_only(test::read_files(kPackage))));
  EXPECT_TRUE(verify(images).passed());
  const TextState text = whole.prepare({"cat", "dog", "bird"});
  const Image picture = load_image(kPackage + "/reference/1.png");
  const auto expected = std::get<Classification>(whole.predict(picture, text));
  const auto got = std::get<Classification>(images.predict(picture, text));
  for (std::size_t i = 0; i < expected.scores.size(); ++i) {
    EXPECT_EQ(got.scores[i].label, expected.scores[i].label);
    EXPECT_EQ(got.scores[i].logit, expected.scores[i].logit);
  }
  expect_error(ErrorCode::kUnsupported, "has no text tower", [&] { images.prepare({"cat"}); });
  ClassBank other = std::get<ClassBank>(text);
  other.source.image = std::string(64, '0');
  expect_error(ErrorCode::kInvalidArgument, "another image tower made",
               [&] { images.predict(picture, TextState(other)); });
}

TEST(BankSourceTest, WhatAModelLacksIsNotCompared) {
  const std::string a(64, 'a'), b(64, 'b');
  EXPECT_NO_THROW(check_bank_source({a, b, b}, {a, "", ""}));
  expect_error(ErrorCode::kInvalidArgument, "another image tower", [&] {
    check_bank_source({a, b, b}, {b, "", ""});
  });
}

TEST(BankSourceTest, DependsOnTokenizerAndHeads) {
  const auto source_of = [](auto change) {
    auto files = test::tiny_package();
    change(files);
    return bank_source_of(Package::from_memory(std::move(files)), "classify");
  };
  const auto replace = [](test::Files& files, std::string_view from, std::string_view to) {
    std::string manifest = test::manifest_of(files);
    const std::size_t at = manifest.find(from);
    ASSERT_NE(at, std::string::npos);
    test::set_manifest(files, manifest.replace(at, from.size(), to));
  };
  const BankSource plain = source_of([](test::Files&) {});
  const BankSource context =
      source_of([&](test::Files& files) { replace(files, "\"context\": 8", "\"context\": 7"); });
  EXPECT_EQ(plain.image, context.image);
  EXPECT_NE(plain.text, context.text);
  const BankSource head = source_of([&](test::Files& files) {
    replace(files, "\"type\": \"zero_shot\"", "\"type\": \"coop\", \"parameters\": {\"m\": 4}");
  });
  EXPECT_EQ(plain.text, head.text);
  EXPECT_NE(plain.heads, head.heads);
  // Another mean of the same templates is another bank.
  const BankSource raw = source_of([&](test::Files& files) {
    replace(files, "\"type\": \"zero_shot\"",
            "\"type\": \"zero_shot\", \"parameters\": {\"normalise_templates\": false}");
  });
  EXPECT_NE(plain.heads, raw.heads);
  expect_error(ErrorCode::kInvalidArgument, "other heads made",
               [&] { check_bank_source(plain, raw); });
}

}  // namespace
}  // namespace glint
