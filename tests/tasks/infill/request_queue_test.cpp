#include "tasks/infill/request_queue.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tasks/infill/infill_model.h"
#include "tasks/infill/infill_requests.h"

using namespace lm;

namespace {

/// A pipe whose one end a queue reads.
class Pipe {
 public:
  Pipe() { REQUIRE(::pipe(ends_.data()) == 0); }
  ~Pipe() { close(); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void write(const std::string& text) const {
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t count = ::write(ends_[1], text.data() + at, text.size() - at);
      REQUIRE(count > 0);
      at += static_cast<std::size_t>(count);
    }
  }
  void close() {
    if (ends_[1] >= 0) ::close(ends_[1]);
    ends_[1] = -1;
  }
  FileDescriptor reading_end() const { return {ends_[0], "the pipe"}; }

 private:
  std::array<int, 2> ends_{};
};

/// Waits until it is true, for ten seconds at most.
template <class Condition>
bool soon(Condition condition) {
  for (int i = 0; i < 10000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

}  // namespace

TEST_CASE("a request and what it replaces are named as they are written, the first of each") {
  const RequestNames names = names_of_line(R"( {"a":{"id":0}, "id" : 1.0, "b":[1,"}"],"replaces":"x\u0041", "id":2} )");
  REQUIRE(names.id);
  REQUIRE(names.replaces);
  CHECK(names.id->text == "1.0");
  CHECK(names.replaces->text == R"("x\u0041")");
  CHECK(!names_of_line(R"({"prefix":""})").id);
  CHECK(!names_of_line(R"({"id":1)").id);
  CHECK(!names_of_line(R"([{"id":1}])").id);
}

TEST_CASE("requests come in their order; one that waits is replaced, and one that is being answered learns of it") {
  Pipe pipe;
  pipe.write("{\"id\":1}\n");
  TextInput input(pipe.reading_end(), FileUse::text, Accept::anything);
  RequestQueue queue(input);
  const std::optional<RequestQueue::Request> first = queue.next();
  REQUIRE(first);
  CHECK(first->id->text == "1");
  CHECK(!queue.is_replaced());
  pipe.write("\n{\"id\":\"2\"}\n{\"id\":3}\n{\"id\":4,\"replaces\":\"2\"}\n");
  pipe.write("{\"id\":5,\"replaces\":1}\n{\"id\":5,\"replaces\":5}\n{\"id\":6,\"replaces\":1.0}\n");
  CHECK(soon([&] { return queue.is_replaced(); }));
  pipe.close();
  const std::vector<std::pair<std::string, bool>> expected = {{"\"2\"", true}, {"3", false}, {"4", false},
                                                              {"5", true},     {"5", false}, {"6", false}};
  // The second 5 replaces the first, which waits, once it has come.
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  for (const auto& [id, replaced] : expected) {
    CAPTURE(id);
    const std::optional<RequestQueue::Request> request = queue.next();
    REQUIRE(request);
    CHECK(request->id->text == id);
    CHECK(queue.is_replaced() == replaced);
    CHECK(request->line.empty() == replaced);
  }
  CHECK(!queue.next());
  CHECK(!queue.next());
}

TEST_CASE("what waits is bounded: the sender waits, too; a queue that is given up does not wait for its input") {
  Pipe pipe;
  std::thread sender([&] {
    for (std::size_t i = 0; i < 3 * kMaximumWaiting; ++i) pipe.write("{\"id\":" + std::to_string(i) + "}\n");
  });
  TextInput input(pipe.reading_end(), FileUse::text, Accept::anything);
  {
    RequestQueue queue(input);
    for (std::size_t i = 0; i < 2 * kMaximumWaiting; ++i) {
      const std::optional<RequestQueue::Request> request = queue.next();
      REQUIRE(request);
      CHECK(request->id->text == std::to_string(i));
    }
    sender.join();
  }
  // The pipe is still open here.
  CHECK(input.name() == "the pipe");
}

TEST_CASE(
    "a prompt or a middle that is given up leaves what was read to the next, which is the same as by a fresh infiller") {
  const TextModel model = test::infill_model(2000);
  Compute compute(1, best_simd_tier());
  std::string prefix;
  while (prefix.size() < 1200) prefix += "line " + std::to_string(prefix.size()) + "\n";
  const std::string suffix = "\nthe end of it\n";
  for (const int patience : {0, 1, 2, 4, 6, 7}) {
    CAPTURE(patience);
    Infiller infiller(compute, model, "spm");
    int asked = 0;
    InfillOptions options{.max_tokens = 12};
    options.is_given_up = [&] { return ++asked > patience; };
    JsonValue request;
    request.set("id", 1).set("prefix", prefix).set("suffix", suffix);
    const JsonValue given_up = answer_request(infiller, request.dump(), options);
    CHECK(given_up.string_at("error", "answer") == "replaced");
    CHECK(given_up.find("middle") == nullptr);
    request.set("prefix", prefix + "x");
    const JsonValue answer = answer_request(infiller, request.dump(), {.max_tokens = 12});
    if (patience >= 4) CHECK(infiller.reused() >= std::ssize(prefix) - 20);
    if (patience == 1) CHECK(infiller.reused() > 200);
    Infiller fresh(compute, model, "spm");
    CHECK(answer.dump() == answer_request(fresh, request.dump(), {.max_tokens = 12}).dump());
  }
}
