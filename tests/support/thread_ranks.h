// Ranks that are threads of the test's process, so that sanitizers see all of them.
#pragma once

#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "train/ranks/ranks.h"

namespace lm::test {

/// Where the ranks leave their messages: a queue for each pair.
class Mailboxes {
 public:
  explicit Mailboxes(int size) : size_(size), boxes_(static_cast<std::size_t>(size * size)) {}
  int size() const { return size_; }
  void send(int from, int to, std::span<const std::byte> bytes) {
    const std::lock_guard lock(mutex_);
    box(from, to).emplace_back(bytes.begin(), bytes.end());
    changed_.notify_all();
  }
  void receive(int from, int to, std::span<std::byte> bytes) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_ || !box(from, to).empty(); });
    if (box(from, to).empty()) throw RankLost("a rank has ended");
    const std::vector<std::byte> message = std::move(box(from, to).front());
    box(from, to).pop_front();
    if (message.size() != bytes.size()) throw std::logic_error("a message of another size than its receiver expects");
    if (!message.empty()) std::memcpy(bytes.data(), message.data(), message.size());
  }
  void end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

 private:
  std::deque<std::vector<std::byte>>& box(int from, int to) { return boxes_[static_cast<std::size_t>(from * size_ + to)]; }
  int size_;
  std::vector<std::deque<std::vector<std::byte>>> boxes_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
};

class ThreadRank final : public Ranks {
 public:
  ThreadRank(Mailboxes& boxes, int rank) : boxes_(boxes), rank_(rank) {}
  int size() const override { return boxes_.size(); }
  int rank() const override { return rank_; }
  void exchange(int partner, std::span<const std::byte> out, std::span<std::byte> in) override {
    if (!out.empty()) boxes_.send(rank_, partner, out);
    if (!in.empty()) boxes_.receive(partner, rank_, in);
    sent += static_cast<std::int64_t>(out.size());
  }
  void all_gather(std::span<std::byte> all) override {
    const std::size_t part = all.size() / static_cast<std::size_t>(size());
    const auto part_of = [&](int rank) { return all.subspan(static_cast<std::size_t>(rank) * part, part); };
    for (int other = 0; other < size(); ++other) {
      if (other != rank_) boxes_.send(rank_, other, part_of(rank_));
    }
    for (int other = 0; other < size(); ++other) {
      if (other != rank_) boxes_.receive(other, rank_, part_of(other));
    }
  }
  void broadcast(std::span<std::byte> bytes) override {
    if (rank_ != 0) return boxes_.receive(0, rank_, bytes);
    for (int other = 1; other < size(); ++other) boxes_.send(0, other, bytes);
  }
  void barrier() override { from_all(*this, char{0}); }
  void end_all(int) override { boxes_.end(); }

  std::int64_t sent = 0;  // bytes that exchange() has sent

 private:
  Mailboxes& boxes_;
  int rank_;
};

/// Calls body(rank) on a thread for each of `size` ranks. Throws what the lowest rank threw that did not merely lose another.
template <class Body>
void run_ranks(int size, Body&& body) {
  Mailboxes boxes(size);
  std::vector<std::exception_ptr> failures(static_cast<std::size_t>(size));
  std::vector<std::thread> threads;
  for (int number = 0; number < size; ++number) {
    threads.emplace_back([&, number] {
      ThreadRank rank(boxes, number);
      try {
        body(rank);
      } catch (const RankLost&) {
      } catch (...) {
        failures[static_cast<std::size_t>(number)] = std::current_exception();
        rank.end_all(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace lm::test
