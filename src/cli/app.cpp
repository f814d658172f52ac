#include "cli/app.h"

#include <glint/error.h>
#include <glint/version.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>
#include <new>
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "core/check.h"

namespace glint::cli {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kInterrupted = 130;  // 128 + SIGINT, as shells report it

constexpr const char* kExamples = R"(Examples:
  glint classify cat.jpg --labels "cat,dog,horse"
  glint segment street.jpg --model lseg.glint --labels "road,car,other" --output overlay.png
  glint embed --images photos --output photos.npy
  glint COMMAND --help

Environment:
  GLINT_PACKAGE_PATH    folders to look for packages in, separated by colons)";

// glint's own version alone on the first line, then a library a line.
std::string versions() {
  std::string text = "glint " + version();
  for (const LibraryVersion& library : library_versions()) {
    text += "\n" + library.name + " " + library.version;
    if (library.name == "LibTorch") text += " (" + cpu_capability() + " kernels)";
    if (!library.from_loaded) text += " (compiled with)";
  }
  return text;
}

void describe(CLI::App& program) {
  program.name("glint");
  program.description(
      "Classifies, segments and embeds images and texts with models of the CLIP family.");
  program.footer(kExamples);
  program.set_version_flag("--version", versions, "Print the versions in use and exit");
  program.require_subcommand(1);
}

std::vector<Command> add_commands(CLI::App& program, const Context& context) {
  std::vector<Command> commands;
  for (const auto add :
       {add_classify, add_segment, add_adapt, add_bank, add_embed, add_evaluate, add_index,
        add_preprocess, add_tokenize, add_inspect, add_verify, add_bench}) {
    commands.push_back(add(program, context));
  }
  return commands;
}

const Command* chosen(const std::vector<Command>& commands) {
  const auto found = std::find_if(commands.begin(), commands.end(),
                                  [](const Command& command) { return command.app->parsed(); });
  return found == commands.end() ? nullptr : &*found;
}

// CLI11 only says that a command is missing; this says what stands in its place.
std::string usage_message(const CLI::ParseError& error, const std::vector<Command>& commands,
                          int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return error.what();
  const bool known = std::any_of(commands.begin(), commands.end(), [&](const Command& command) {
    return command.app->get_name() == argv[1];
  });
  return known ? error.what() : "unknown command " + quote(argv[1]);
}

int report_usage(std::string message, const Command* command, Console& console) {
  if (message.size() > 1 && std::islower(static_cast<unsigned char>(message[1])) != 0) {
    message[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(message[0])));
  }
  std::string meant;
  for (const CLI::App* app = command != nullptr ? command->app : nullptr; app != nullptr;) {
    meant += app->get_name() + " ";
    const auto inner = app->get_subcommands();  // those that were given
    app = inner.empty() ? nullptr : inner.front();
  }
  console.error(unshield(message) + "; see glint " + meant + "--help");
  return kUsage;
}

// Parses; what is left to do is `command`, or nothing when help or the version was asked for.
int parse(CLI::App& program, const std::vector<Command>& commands, int argc, char** argv,
          Console& console, const Command*& command) {
  try {
    program.parse(shielded_arguments(argc, argv));
    command = chosen(commands);
    return 0;
  } catch (const CLI::CallForHelp&) {
    const Command* asked = chosen(commands);
    console.print(asked != nullptr ? asked->app->help("glint") : program.help());
  } catch (const CLI::CallForVersion& call) {
    console.line(call.what());
  } catch (const CLI::ParseError& error) {
    const Command* meant = chosen(commands);
    return report_usage(usage_message(error, commands, argc, argv), meant, console);
  }
  return 0;
}

int run_guarded(int argc, char** argv, std::stop_source& interrupted, Console& console) {
  const Context context{console, interrupted.get_token()};
  CLI::App program;
  describe(program);
  const std::vector<Command> commands = add_commands(program, context);
  const Command* command = nullptr;
  int status = parse(program, commands, argc, argv, console, command);
  if (command != nullptr) {
    stop_on_interrupt(interrupted);
    status = command->run();
  }
  console.flush();
  return status;
}

}  // namespace

void check_interrupt(const Context& context) {
  if (context.stop.stop_requested()) fail(ErrorCode::kCancelled, "interrupted");
}

int run(int argc, char** argv) noexcept {
  Console console;
  try {
    std::stop_source interrupted;
    try {
      return run_guarded(argc, argv, interrupted, console);
    } catch (const OutputError& error) {
      if (*error.what() != '\0') console.error(error.what());
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kCancelled && interrupted.stop_requested()) {
        console.error("interrupted");
        return kInterrupted;
      }
      console.error(error.what());
    } catch (const std::bad_alloc&) {
      console.error("out of memory");
    } catch (const std::exception& error) {
      console.error(cat("internal error: ", error.what()));
    }
  } catch (...) {
    // Even the message could not be made.
  }
  return kFailed;
}

}  // namespace glint::cli
