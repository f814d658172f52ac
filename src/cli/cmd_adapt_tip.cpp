// glint adapt tip, tip-f: a cache from a folder of labelled images.
#include <glint/model.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>

#include "cli/arguments.h"
#include "cli/cmd_adapt.h"
#include "cli/json.h"
#include "cli/labels.h"
#include "cli/text_input.h"
#include "core/check.h"

namespace glint::cli {
namespace {

struct TipOptions {
  CommonOptions common;
  ShotOptions shots;
  OutputOptions output;
  std::vector<std::string> templates;
  std::string validate;
  adapt::Cache start;  // its alpha and beta
  adapt::SearchOptions search;
  adapt::FineTuneOptions fine_tune;
  bool trains = false;
};

// The classes in the package's own order where it has the same ones: its other heads may depend on
// it.
adapt::LabelledFiles in_order_of(const Manifest& manifest, adapt::LabelledFiles pictures) {
  const std::vector<std::string>& own = manifest.classes;
  if (!std::ranges::is_permutation(own, pictures.labels)) return pictures;
  for (std::int64_t& index : pictures.classes) {
    const std::string& label = pictures.labels[static_cast<std::size_t>(index)];
    index = std::ranges::find(own, label) - own.begin();
  }
  pictures.labels = own;
  return pictures;
}

class TipRun {
 public:
  TipRun(const TipOptions& options, const Context& context)
      : options_(options),
        context_(context),
        shots_(adapt::read_labelled(options.shots.folder)),
        validation_(options.validate.empty() ? adapt::LabelledFiles{}
                                             : adapt::read_labelled(options.validate)),
        model_(load_model(options.common, context)),
        made_{.name = package_name(options.output), .templates = options.templates} {
    for (const std::string& label : shots_.labels) {
      check_utf8(label, cat("the name of a folder in ", quote(options.shots.folder)));
    }
    shots_ = in_order_of(model_.manifest(), std::move(shots_));
    words_ = {.labels = shots_.labels, .templates = options.templates, .stop = context.stop};
  }

  int run() {
    adapt::check_new_package(model_, made_);
    const adapt::Features shots = encode(shots_, options_.shots, options_.trains, "shots");
    adapt::Cache cache = adapt::build_cache(shots);
    cache.alpha = options_.start.alpha;
    cache.beta = options_.start.beta;
    std::optional<adapt::Features> validation;
    if (!validation_.files.empty()) {
      const ShotOptions plain{options_.validate, "none", options_.shots.skip_unreadable};
      validation = encode(validation_, plain, true, "validation");
      adapt::Cache without = cache;
      without.alpha = 0;
      before_ = adapt::accuracy(without, *validation);
    }
    if (options_.trains) cache = fine_tune(cache, shots, validation ? &*validation : nullptr);
    if (validation) search(cache, *validation);
    write(adapt::with_cache(model_, cache, made_), options_.output, context_);
    print(cache);
    return 0;
  }

 private:
  adapt::Features encode(const adapt::LabelledFiles& pictures, const ShotOptions& how,
                         bool with_logits, const std::string& what) {
    auto bar = context_.console.bar(what);
    const auto options = encode_options(how, options_.common, context_, bar);
    adapt::Features features = with_logits
                                   ? adapt::encode_with_logits(model_, pictures, words_, options)
                                   : adapt::encode(model_, pictures, options);
    report_skipped(features, context_.console);
    return features;
  }

  adapt::Cache fine_tune(const adapt::Cache& cache, const adapt::Features& shots,
                         const adapt::Features* validation) {
    auto bar = context_.console.bar("training");
    adapt::FineTuneOptions options = options_.fine_tune;
    options.threads = options_.common.threads;
    options.stop = context_.stop;
    options.progress = [&bar](std::int64_t done, std::int64_t total) { bar.update(done, total); };
    adapt::FineTuneResult result = adapt::fine_tune(cache, shots, validation, options);
    epoch_ = result.epoch + 1;
    return std::move(result.cache);
  }

  void search(adapt::Cache& cache, const adapt::Features& validation) {
    auto bar = context_.console.bar("alpha and beta");
    adapt::SearchOptions options = options_.search;
    options.threads = options_.common.threads;
    options.stop = context_.stop;
    options.progress = [&bar](std::int64_t done, std::int64_t total) { bar.update(done, total); };
    const adapt::SearchResult found = adapt::search(cache, validation, options);
    after_ = found.accuracy;
    cache.alpha = found.alpha;
    cache.beta = found.beta;
  }

  void print(const adapt::Cache& cache) const {
    Console& console = context_.console;
    if (options_.output.json) {
      Json answer = {{"output", options_.output.path},
                     {"classes", cache.labels.size()},
                     {"keys", cache.classes.size()},
                     {"alpha", cache.alpha},
                     {"beta", cache.beta}};
      if (epoch_) answer["epoch"] = *epoch_;
      if (after_) answer["validation"] = {{"without_cache", *before_}, {"top1", *after_}};
      console.line(to_line(answer));
      return;
    }
    char text[96];
    std::snprintf(text, sizeof text, "alpha        %.4g\nbeta         %.4g\n", cache.alpha,
                  cache.beta);
    console.print(cat("classes      ", cache.labels.size(), "\nkeys         ", cache.classes.size(),
                      "\n", text));
    if (epoch_) console.line(cat("epoch kept   ", *epoch_));
    if (!after_) return;
    std::snprintf(text, sizeof text, "validation   %.2f%% top-1, %.2f%% without the cache\n",
                  100 * *after_, 100 * *before_);
    console.print(text);
  }

  const TipOptions& options_;
  const Context& context_;
  adapt::LabelledFiles shots_;
  adapt::LabelledFiles validation_;
  Model model_;
  adapt::NewPackage made_;
  TextQuery words_;
  std::optional<double> before_, after_;  // accuracy on the validation pictures
  std::optional<int> epoch_;
};

int adapt_tip(const TipOptions& options, const Context& context) {
  adapt::check_output(options.output.path, options.output.force);
  for (const std::string& text : options.templates) check_utf8(text, "--template");
  return TipRun(options, context).run();
}

// CLI11's own checks let NaN pass, and print the largest double in full.
CLI::Validator number_from(double least) {
  static constexpr double kMost = 1e6;
  return {[least](const std::string& text) {
            double value = 0;
            const bool good = CLI::detail::lexical_cast(text, value) && value >= least;
            if (good && value <= kMost) return std::string();
            return cat("expected a number from ", least, " to ", kMost, ", got ", quote(text));
          },
          ""};
}

void add_search(CLI::App& command, TipOptions& options) {
  CLI::Option* const validate =
      add_text(command, "--validate", options.validate, "DIR",
               "Images as DIR/CLASS/*.jpg on which alpha and beta are searched");
  for (auto [name, value, what] :
       {std::tuple("--alpha", &options.start.alpha, "Weight of the cache, without --validate"),
        std::tuple("--beta", &options.start.beta, "Its sharpness, without --validate")}) {
    CLI::Option* const option = command.add_option(name, *value, what)
                                    ->type_name("X")
                                    ->check(number_from(0))
                                    ->capture_default_str();
    if (!options.trains) option->excludes(validate);
  }
  command.add_option("--alpha-end", options.search.alpha_end, "Where the search of alpha ends")
      ->type_name("X")
      ->check(number_from(0.1))
      ->capture_default_str();
  command.add_option("--beta-end", options.search.beta_end, "Where the search of beta ends")
      ->type_name("X")
      ->check(number_from(0.1))
      ->capture_default_str();
}

void add_training(CLI::App& command, adapt::FineTuneOptions& options) {
  command.add_option("--epochs", options.epochs, "Times that training sees every shot")
      ->type_name("N")
      ->check(CLI::Range(1, 100'000).description(""))
      ->capture_default_str();
  command.add_option("--lr", options.learning_rate, "Learning rate at the start")
      ->type_name("X")
      ->check(number_from(1e-9))
      ->capture_default_str();
  command.add_option("--seed", options.seed, "Of the order and views of the shots")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber.description(""))
      ->capture_default_str();
}

Command add(CLI::App& adapt, const Context& context, const char* name, const char* what,
            bool trains) {
  const auto options = std::make_shared<TipOptions>();
  options->trains = trains;
  CLI::App* command = adapt.add_subcommand(name, what);
  add_shots(*command, options->shots, "DIR/CLASS/*.jpg");
  add_search(*command, *options);
  if (trains) add_training(*command, options->fine_tune);
  add_templates(*command, options->templates);
  add_output(*command, options->output);
  add_common(*command, options->common);
  return {command, [options, context] { return adapt_tip(*options, context); }};
}

}  // namespace

Command add_adapt_tip(CLI::App& adapt, const Context& context) {
  return add(adapt, context, "tip", "Tip-Adapter: remember the images, without training", false);
}

Command add_adapt_tip_f(CLI::App& adapt, const Context& context) {
  return add(adapt, context, "tip-f", "Tip-Adapter-F: and train what is remembered", true);
}

}  // namespace glint::cli
