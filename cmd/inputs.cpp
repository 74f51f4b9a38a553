#include "inputs.h"

namespace lm::cmd {

CLI::Option* add_binary(CLI::App& app, Accept& accept) {
  return app.add_flag_callback(
      "--binary", [&accept] { accept = Accept::anything; }, "take any bytes for text, whatever kind of file they are");
}

}  // namespace lm::cmd
