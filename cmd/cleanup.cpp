#include "cleanup.h"

#include <signal.h>

#include "base/temporaries.h"

namespace lm::cmd {
namespace {

void on_end(int signal_number) {
  remove_temporaries();
  raise(signal_number);  // its action is the default again; it comes when this handler returns
}

}  // namespace

void remove_temporaries_on_signals() {
  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGXCPU}) {
    struct sigaction action = {};
    sigaction(number, nullptr, &action);
    if (action.sa_handler == SIG_IGN) continue;
    action = {};
    action.sa_handler = on_end;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigfillset(&action.sa_mask);
    sigaction(number, &action, nullptr);
  }
}

}  // namespace lm::cmd
