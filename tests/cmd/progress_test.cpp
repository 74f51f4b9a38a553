#include "progress.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/printable.h"

using namespace lm::cmd;

TEST_CASE("a progress line leaves out what there is no room for, and cuts nothing short") {
  const std::vector<std::string> parts = {"step 1234/100000", "loss 3.4567", "val_loss 3.4012", "123456 tokens/s",
                                          "MFU 34 %"};
  const std::string left = "12h03m left";
  CHECK(progress_line(" 12%", parts, left, 200) ==
        " 12% step 1234/100000  loss 3.4567  val_loss 3.4012  123456 tokens/s  MFU 34 %, 12h03m left");
  CHECK(progress_line(" 12%", parts, left, 81) ==
        " 12% step 1234/100000  loss 3.4567  val_loss 3.4012  123456 tokens/s, 12h03m left");
  CHECK(progress_line(" 12%", parts, left, 80) == " 12% step 1234/100000  loss 3.4567  val_loss 3.4012, 12h03m left");
  CHECK(progress_line(" 12%", parts, left, 59) == " 12% step 1234/100000  loss 3.4567, 12h03m left");
  CHECK(progress_line(" 12%", parts, left, 39) == " 12% step 1234/100000  loss 3.4567");
  CHECK(progress_line(" 12%", parts, left, 25) == " 12% step 1234/100000");
  CHECK(progress_line(" 12%", parts, left, 16) == "step 1234/100000");
  CHECK(progress_line("", {"counting, 12 MiB"}, "", 40) == "counting, 12 MiB");
  CHECK(progress_line("  3%", {"merging"}, "2s left", 40) == "  3% merging, 2s left");
  CHECK(progress_line("", {"\xE6\x9C\xBA\xE5\x99\xA8"}, "", 3) == "\xE6\x9C\xBA");
}

TEST_CASE("a progress line is never wider than it may be") {
  const std::vector<std::string> parts = {"step 999999/1000000", "loss 12.3456", "val_loss 12.3456", "12345678 tokens/s",
                                          "MFU 100 %"};
  for (std::size_t columns = 1; columns < 120; ++columns) {
    const std::string line = progress_line("100%", parts, "123h59m left", columns);
    CAPTURE(line);
    CHECK(lm::display_width(line) <= columns);
    if (columns >= 39) CHECK(line.find("step 999999/1000000  loss 12.3456") != std::string::npos);
  }
}
