#include "tasks/evaluate/resumable_outputs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/error.h"
#include "base/file_lock.h"
#include "base/path.h"

namespace lm {

namespace {

constexpr const char* kPartial = ".partial";
constexpr std::int64_t kVersion = 1;

}  // namespace

struct ResumableOutputs::Partial {
  std::string name, path;  // at the end, and until then
  FileDescriptor file;
  std::unique_ptr<OutputStream> stream;

  FileLock lock;  // of `name`

  explicit Partial(const std::string& output) : name(regular(output)), path(name + kPartial), lock(name) {}

  /// Returns the file that a path leads to. Throws Error unless a file of that name can be renamed over it.
  static std::string regular(const std::string& output) {
    const std::string name = follow_links(output);
    struct stat status {};
    if (output == "-" || (::stat(name.c_str(), &status) == 0 && !S_ISREG(status.st_mode)))
      throw Error("cannot resume into '" + output + "': it is no file, so that it cannot be cut and renamed");
    return name;
  }

  void open() {
    file = FileDescriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666), path);
    if (file.get() < 0) throw_system_error("write", path, errno);
  }
  /// Cuts the file to what was saved, and opens it for more. Returns false if that does not end a line of it.
  bool begin(std::int64_t size) {
    char last = '\n';
    if (size < 0 || this->size() < size || (size > 0 && ::pread(file.get(), &last, 1, size - 1) != 1) || last != '\n')
      return false;
    if (::ftruncate(file.get(), size) != 0) throw_system_error("write", path, errno);
    if (::lseek(file.get(), size, SEEK_SET) < 0) throw_system_error("write", path, errno);
    stream = output_beside(file);
    return true;
  }
  std::int64_t size() const {
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) throw_system_error("read", path, errno);
    return status.st_size;
  }
  std::int64_t sync() {
    stream->flush();
    if (::fdatasync(file.get()) != 0 && errno != EINVAL) throw_system_error("write", path, errno);
    return size();
  }
  /// `renamed`: an earlier run may have got as far as this.
  void take_name(bool renamed) {
    if (renamed && !exists(path) && exists(name)) return;
    if (std::rename(path.c_str(), name.c_str()) != 0) throw_system_error("write", name, errno);
    sync_folder_of(name);
  }
};

ResumableOutputs::ResumableOutputs(const std::string& output, const std::string& rejected, const JsonValue& settings)
    : journal_(follow_links(output) + ".journal"),
      settings_(settings),
      output_(std::make_unique<Partial>(output)),
      rejected_(rejected.empty() ? nullptr : std::make_unique<Partial>(rejected)) {
  check_output(output);
  if (!rejected.empty()) check_output(rejected);
  if (exists(journal_)) {
    read_journal();
    return;
  }
  for (Partial* partial : {output_.get(), rejected_.get()}) {
    if (partial == nullptr) continue;
    partial->open();
    if (partial->size() > 0) {
      throw Error("cannot write '" + partial->path + "': it is there already, without the journal '" + journal_ +
                  "' of the run that made it; move it away");
    }
    partial->begin(0);
  }
  write_journal({}, false);
}

ResumableOutputs::~ResumableOutputs() = default;

OutputStream& ResumableOutputs::output() { return *output_->stream; }

OutputStream* ResumableOutputs::rejected() { return rejected_ ? rejected_->stream.get() : nullptr; }

void ResumableOutputs::refuse(const std::string& why) const {
  throw Error("cannot resume: " + why + "; the run whose journal is '" + journal_ +
              "' must be resumed as it began, or move that file and the .partial files away to start a new one");
}

void ResumableOutputs::read_journal() {
  const JsonValue json = JsonValue::parse(FileContent::read(journal_, kConfigLimit).text(), journal_);
  if (json.integer_at("version", journal_) != kVersion) refuse("the journal is of another version of this program");
  const JsonValue* before = json.find("settings");
  for (const auto& [name, value] : *settings_.if_object()) {
    const JsonValue* was = before == nullptr ? nullptr : before->find(name);
    if (was == nullptr || was->dump() != value.dump())
      refuse(name + " was " + (was == nullptr ? "not given" : was->dump()) + ", now " + value.dump());
  }
  complete_ = json.boolean_at("complete", journal_);
  entry_ = JournalEntry{.documents = json.integer_at("documents", journal_),
                        .hash = json.string_at("hash", journal_),
                        .state = json.find("state") == nullptr ? JsonValue() : *json.find("state")};
  if (complete_) return;
  const std::int64_t size = json.integer_at("output_bytes", journal_);
  if (entry_->documents < 0) refuse("the journal speaks of " + std::to_string(entry_->documents) + " documents");
  output_->open();
  if (!output_->begin(size)) refuse("'" + output_->path + "' is shorter than its journal says, or another file");
  if (!rejected_) return;
  const std::int64_t rejected_size = json.integer_at("rejected_bytes", journal_);
  rejected_->open();
  if (!rejected_->begin(rejected_size))
    refuse("'" + rejected_->path + "' is shorter than the journal says, or another file");
}

void ResumableOutputs::save(const JournalEntry& entry) { write_journal(entry, false); }

/// The outputs are on disk before a journal that speaks of them, which replaces the one before as a whole.
void ResumableOutputs::write_journal(const JournalEntry& entry, bool complete) {
  JsonValue json;
  json.set("version", kVersion).set("settings", settings_).set("complete", complete);
  json.set("documents", entry.documents).set("hash", entry.hash).set("state", entry.state);
  json.set("output_bytes", output_->sync());
  if (rejected_) json.set("rejected_bytes", rejected_->sync());
  const std::unique_ptr<OutputStream> journal = open_output(journal_);
  journal->write(json.dump() + "\n");
  journal->close();
  if (entry.documents > 0) entry_ = entry;
}

void ResumableOutputs::finish() {
  if (!complete_) write_journal(entry_.value_or(JournalEntry()), true);
  if (rejected_) rejected_->take_name(complete_);
  output_->take_name(complete_);
  if (::unlink(journal_.c_str()) != 0 && errno != ENOENT) throw_system_error("remove", journal_, errno);
}

}  // namespace lm
