#include "cli/arguments.h"

#include <algorithm>

namespace glint::cli {
namespace {

constexpr char kMark = '\x01';

bool means_something_else(const std::string& text) {
  return text == "++" || (text.size() > 1 && text.front() == '[' && text.back() == ']');
}

std::string without_mark(const std::string& text) {
  return !text.empty() && text.front() == kMark ? text.substr(1) : text;
}

}  // namespace

std::vector<std::string> shielded_arguments(int argc, char** argv) {
  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  for (std::string& argument : arguments) {
    if (means_something_else(argument)) argument.insert(argument.begin(), kMark);
  }
  std::reverse(arguments.begin(), arguments.end());
  return arguments;
}

std::string unshield(const std::string& text) {
  std::string out = text;
  std::erase(out, kMark);
  return out;
}

CLI::Option* add_text(CLI::App& app, const std::string& name, std::string& value,
                      const std::string& type, const std::string& description) {
  return app
      .add_option(
          name,
          [&value](const CLI::results_t& results) {
            value = without_mark(results.front());
            return true;
          },
          description)
      ->type_name(type);
}

CLI::Option* add_texts(CLI::App& app, const std::string& name, std::vector<std::string>& values,
                       const std::string& type, const std::string& description) {
  return app
      .add_option(
          name,
          [&values](const CLI::results_t& results) {
            values.clear();
            for (const std::string& result : results) values.push_back(without_mark(result));
            return true;
          },
          description)
      ->type_name(type)
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->allow_extra_args();
}

CLI::Option* add_repeated_text(CLI::App& app, const std::string& name,
                               std::vector<std::string>& values, const std::string& type,
                               const std::string& description) {
  return add_texts(app, name, values, type, description)->allow_extra_args(false);
}

}  // namespace glint::cli
