// Signals that end a program: its temporary files go first.
#pragma once

namespace lm::cmd {

/// From now on SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE and SIGXCPU remove the temporary files of open_output() and then
/// end the process as they would have; a signal that was ignored when the program started stays ignored.
void remove_temporaries_on_signals();

}  // namespace lm::cmd
