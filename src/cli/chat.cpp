// hadal chat: a conversation with a model on the simulated chip.
#include "cli/chat.h"

#include <memory>

#include "cli/app.h"
#include "cli/find.h"

namespace hadal::cli {
namespace {

struct Options {
  std::string model, render;
};

}  // namespace

void add_chat(CLI::App& app, Action& action) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command = app.add_subcommand("chat", "Talk with a model on the simulated chip");
  command->add_option("MODEL", o.model, "Model directory, or the name of a folder under models/")->required();
  command->add_option("--render", o.render, "Print the prompts of the conversations in a file, one JSON object a line");
  command->callback([options, &action] {
    action = [options] {
      if (!options->render.empty()) return render_conversations(options->model, options->render);
    };
  });
}

}  // namespace hadal::cli
