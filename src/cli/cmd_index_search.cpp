#include <glint/index.h>
#include <glint/model.h>

#include <cmath>
#include <cstdio>
#include <memory>

#include "cli/arguments.h"
#include "cli/cmd_index.h"
#include "cli/image_files.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/text_input.h"
#include "core/check.h"

namespace glint::cli {
namespace {

constexpr const char* kExamples =
    R"(Use the model that made the index's embeddings. Texts are answered first, then images, each in the
order given: one JSON line a query, or its rank, index and score lines below its name. The index is
the row in the embeddings, from 0.

Examples:
  glint index search photos.gidx --text "a dog on a beach"
  glint index search photos.gidx --text "a dog" --text "a cat" --top-k 10 --json
  glint index search photos.gidx --image cat.jpg)";

struct SearchCommandOptions {
  CommonOptions common;
  std::string index;
  std::vector<std::string> texts;
  std::vector<std::string> images;
  std::int64_t top_k = 5;
  bool json = false;
};

void print_json(std::span<const Hit> hits, Console& console) {
  Json list = Json::array();
  for (const Hit& hit : hits) {
    list.push_back({{"index", hit.index}, {"score", shortest(hit.score)}});
  }
  console.line(to_line({{"hits", std::move(list)}}));
}

void print_text(const std::string& query, std::span<const Hit> hits, std::int64_t rows,
                Console& console) {
  console.line(printable(query));
  const int rank_width = static_cast<int>(std::to_string(hits.size()).size());
  const int index_width = static_cast<int>(std::to_string(rows).size());
  long long rank = 0;
  for (const Hit& hit : hits) {
    char line[128];
    std::snprintf(line, sizeof line, "  %*lld  %*lld  %9.6f", rank_width, ++rank, index_width,
                  static_cast<long long>(hit.index), static_cast<double>(hit.score));
    console.line(line);
  }
}

class Searcher {
 public:
  Searcher(const SearchCommandOptions& options, const Context& context)
      : options_(options),
        context_(context),
        index_(Index::open(options.index)),
        model_(load_model(options.common, context)) {
    const Manifest& manifest = model_.manifest();
    if (manifest.embed_dim != index_.dim()) {
      fail(ErrorCode::kInvalidArgument, "expected an index of rows of ", manifest.embed_dim,
           " numbers, as package ", quote(manifest.name), " makes, got ", index_.dim(), ", in ",
           quote(options.index));
    }
  }

  int run() {
    EncodeOptions encode;
    encode.stop = context_.stop;
    if (!options_.texts.empty()) {
      answer(model_.encode_texts(options_.texts, encode),
             [&](std::size_t i) { return options_.texts[i]; });
    }
    const auto failed = for_each_batch(
        options_.images, options_.common, context_, [&](std::span<const NamedImage> images) {
          answer(model_.encode_images(views(images), encode),
                 [&](std::size_t i) { return options_.images[images[i].position]; });
        });
    return failed == 0 ? 0 : 1;
  }

 private:
  template <typename Name>
  void answer(const Embeddings& queries, const Name& name) const {
    SearchOptions search;
    search.threads = options_.common.threads;
    search.stop = context_.stop;
    const std::int64_t k = options_.top_k == 0 ? index_.size() : options_.top_k;
    const SearchResult result = index_.search(queries.values, k, search);
    for (const Hit& hit : result.hits) {
      if (std::isfinite(hit.score)) continue;
      fail(ErrorCode::kInvalidArgument, "expected scores in the range of f32, got ", hit.score,
           " for row ", hit.index, ", in ", quote(options_.index));
    }
    for (std::int64_t i = 0; i < result.queries; ++i) {
      if (options_.json) {
        print_json(result.row(i), context_.console);
      } else {
        print_text(name(static_cast<std::size_t>(i)), result.row(i), index_.size(),
                   context_.console);
      }
    }
    context_.console.flush();
  }

  const SearchCommandOptions& options_;
  const Context& context_;
  Index index_;
  Model model_;
};

int search(const SearchCommandOptions& options, const Context& context) {
  for (const std::string& text : options.texts) check_utf8(text, "--text");
  return Searcher(options, context).run();
}

}  // namespace

Command add_index_search(CLI::App& index, const Context& context) {
  const auto options = std::make_shared<SearchCommandOptions>();
  CLI::App* command = index.add_subcommand("search", "Find what is nearest to texts or images");
  command->footer(kExamples);
  add_text(*command, "index", options->index, "F.gidx", "Index file")->required();
  CLI::Option_group* queries = command->add_option_group("Query", "at least one of");
  add_repeated_text(*queries, "--text", options->texts, "TEXT", "A text, UTF-8; may be repeated");
  add_repeated_text(*queries, "--image", options->images, "PATH",
                    "An image file, - for standard input; may be repeated");
  queries->require_option(1, 0);
  command->add_option("--top-k", options->top_k, "Rows to list (0: all)")
      ->type_name("N")
      ->check(CLI::Range(0, 1'000'000'000).description(""))
      ->capture_default_str();
  command->add_flag("--json", options->json, "One JSON object a query: hits of index and score");
  add_common(*command, options->common);
  return {command, [options, context] { return search(*options, context); }};
}

}  // namespace glint::cli
