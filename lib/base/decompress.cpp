#include "base/decompress.h"

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <new>
#include <stdexcept>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/shell_word.h"

namespace lm {

namespace {

struct PackingFact {
  Packing packing;
  FileKind kind;
  std::string_view name, program;
};
constexpr std::array<PackingFact, 3> kPackings = {{{Packing::gzip, FileKind::gzip, "gzip", "zcat"},
                                                   {Packing::zstd, FileKind::zstd, "zstd", "zstdcat"},
                                                   {Packing::xz, FileKind::xz, "xz", "xzcat"}}};

constexpr const PackingFact& fact_of(Packing packing) { return kPackings[static_cast<std::size_t>(packing)]; }

/// What is still to be decoded, and the room for what comes of it; a step of a decoder shortens both.
struct PackedFlow {
  std::string_view input;
  char* output;
  std::size_t room;
};

/// What went wrong; the name of the input is put before it by the Unpacker.
class PackedError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

[[noreturn]] void refuse_damaged(Packing packing, std::string_view why) {
  throw PackedError("its " + std::string(fact_of(packing).name) + " data is damaged (" + std::string(why) +
                    "); get or make it again");
}

[[noreturn]] void refuse_rest(Packing packing) {
  throw PackedError("its " + std::string(fact_of(packing).name) + " data is followed by something else; remove that, or " +
                    std::string(fact_of(packing).program) + " what is before it");
}

/// Members in a row (RFC 1952); zeros after the last one are a tape's padding, as for gzip.
class GzipDecoder {
 public:
  GzipDecoder() {
    constexpr int kOnlyGzip = 15 + 16;
    if (inflateInit2(&stream_, kOnlyGzip) != Z_OK) throw std::bad_alloc();
  }
  GzipDecoder(const GzipDecoder&) = delete;
  GzipDecoder& operator=(const GzipDecoder&) = delete;
  ~GzipDecoder() { inflateEnd(&stream_); }

  void step(PackedFlow& flow) {
    if (!inside_) begin_member(flow);
    if (!inside_) return;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(flow.input.data()));
    stream_.avail_in = static_cast<uInt>(flow.input.size());
    stream_.next_out = reinterpret_cast<Bytef*>(flow.output);
    stream_.avail_out = static_cast<uInt>(flow.room);
    const int result = inflate(&stream_, Z_NO_FLUSH);
    flow.input.remove_prefix(flow.input.size() - stream_.avail_in);
    flow.output += flow.room - stream_.avail_out;
    flow.room = stream_.avail_out;
    if (result == Z_STREAM_END) {
      inside_ = false;
      any_ = true;
      inflateReset(&stream_);
    } else if (result == Z_MEM_ERROR) {
      throw std::bad_alloc();
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      constexpr uLong kMagicSize = 2;
      if (any_ && stream_.total_in <= kMagicSize) refuse_rest(Packing::gzip);
      refuse_damaged(Packing::gzip, stream_.msg == nullptr ? "it cannot be decoded" : stream_.msg);
    }
  }
  bool is_complete() const { return any_ && !inside_; }

 private:
  void begin_member(PackedFlow& flow) {
    if (flow.input.empty()) return;
    if (any_ && flow.input.front() == '\0') padded_ = true;
    if (!padded_) {
      if (any_ && flow.input.front() != '\x1f') refuse_rest(Packing::gzip);
      inside_ = true;
      return;
    }
    if (flow.input.find_first_not_of('\0') != std::string_view::npos) refuse_rest(Packing::gzip);
    flow.input = {};
  }

  z_stream stream_ = {};
  bool inside_ = false, any_ = false;
  bool padded_ = false;
};

/// Frames in a row (RFC 8878), among them skippable ones.
class ZstdDecoder {
 public:
  ZstdDecoder() : context_(ZSTD_createDCtx()) {
    if (context_ == nullptr) throw std::bad_alloc();
    static_assert(Unpacker::kLargestWindow == std::size_t{1} << 27);
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, 27);
  }

  void step(PackedFlow& flow) {
    if (!inside_) {
      if (flow.input.empty()) return;
      const unsigned first = static_cast<unsigned char>(flow.input.front());
      if (any_ && first != 0x28 && (first & 0xF0U) != 0x50) refuse_rest(Packing::zstd);  // of no frame's magic
    }
    ZSTD_inBuffer input{.src = flow.input.data(), .size = flow.input.size(), .pos = 0};
    ZSTD_outBuffer output{.dst = flow.output, .size = flow.room, .pos = 0};
    const std::size_t result = ZSTD_decompressStream(context_.get(), &output, &input);
    if (ZSTD_isError(result) != 0) refuse(result);
    flow.input.remove_prefix(input.pos);
    flow.output += output.pos;
    flow.room -= output.pos;
    inside_ = result != 0;
    if (!inside_) any_ = true;
  }
  bool is_complete() const { return !inside_ && any_; }

 private:
  [[noreturn]] void refuse(std::size_t result) const {
    switch (ZSTD_getErrorCode(result)) {
      case ZSTD_error_memory_allocation:
        throw std::bad_alloc();
      case ZSTD_error_frameParameter_windowTooLarge:
        throw PackedError(
            "its zstd data needs a window of more than 128 MiB; unpack it first, as in: zstd -dc --long=31 PATH | ... -");
      case ZSTD_error_dictionary_wrong:
        throw PackedError("its zstd data needs a dictionary; unpack it first, as in: zstd -dc -D DICTIONARY PATH | ... -");
      case ZSTD_error_prefix_unknown:
        if (any_ && !inside_) refuse_rest(Packing::zstd);
        break;
      default:
        break;
    }
    refuse_damaged(Packing::zstd, ZSTD_getErrorName(result));
  }

  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, Free> context_;
  bool inside_ = false, any_ = false;
};

/// Streams in a row, each with padding of whole fours of zeros (the .xz file format, 2.2).
class XzDecoder {
 public:
  XzDecoder() = default;
  XzDecoder(const XzDecoder&) = delete;
  XzDecoder& operator=(const XzDecoder&) = delete;
  ~XzDecoder() { lzma_end(&stream_); }

  void step(PackedFlow& flow) {
    if (!inside_) begin_stream(flow);
    if (!inside_) return;
    stream_.next_in = reinterpret_cast<const std::uint8_t*>(flow.input.data());
    stream_.avail_in = flow.input.size();
    stream_.next_out = reinterpret_cast<std::uint8_t*>(flow.output);
    stream_.avail_out = flow.room;
    const lzma_ret result = lzma_code(&stream_, LZMA_RUN);
    flow.input.remove_prefix(flow.input.size() - stream_.avail_in);
    flow.output += flow.room - stream_.avail_out;
    flow.room = stream_.avail_out;
    if (result == LZMA_STREAM_END) {
      inside_ = false;
      any_ = true;
      padding_ = 0;
    } else if (result != LZMA_OK && result != LZMA_BUF_ERROR) {
      refuse(result);
    }
  }
  bool is_complete() const { return any_ && !inside_ && padding_ % 4 == 0; }

 private:
  void begin_stream(PackedFlow& flow) {
    if (any_) {
      const std::size_t zeros = std::min(flow.input.find_first_not_of('\0'), flow.input.size());
      padding_ += zeros;
      flow.input.remove_prefix(zeros);
    }
    if (flow.input.empty()) return;
    if (any_ && (flow.input.front() != '\xfd' || padding_ % 4 != 0)) refuse_rest(Packing::xz);
    constexpr std::uint64_t kMemory = Unpacker::kLargestWindow + (std::uint64_t{1} << 20);
    if (lzma_stream_decoder(&stream_, kMemory, LZMA_TELL_UNSUPPORTED_CHECK) != LZMA_OK) throw std::bad_alloc();
    inside_ = true;
  }

  [[noreturn]] static void refuse(lzma_ret result) {
    switch (result) {
      case LZMA_MEM_ERROR:
        throw std::bad_alloc();
      case LZMA_MEMLIMIT_ERROR:
        throw PackedError(
            "its xz data needs a dictionary of more than 128 MiB; unpack it first, as in: xz -dc PATH | ... -");
      case LZMA_UNSUPPORTED_CHECK:
      case LZMA_OPTIONS_ERROR:
        throw PackedError("its xz data has options that are not known; unpack it first, as in: xz -dc PATH | ... -");
      case LZMA_FORMAT_ERROR:
        refuse_rest(Packing::xz);  // the first stream's magic was recognized
      default:
        refuse_damaged(Packing::xz, "its content or checksum is wrong");
    }
  }

  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool inside_ = false, any_ = false;
  std::size_t padding_ = 0;  // zeros since the last stream
};

}  // namespace

std::optional<Packing> packing_of(FileKind kind) {
  for (const PackingFact& fact : kPackings) {
    if (fact.kind == kind) return fact.packing;
  }
  return std::nullopt;
}

std::string_view unpacking_program(Packing packing) { return fact_of(packing).program; }

struct Unpacker::State {
  template <class Decoder>
  State(std::in_place_type_t<Decoder> which, Packing how, std::string input_name, Source input)
      : packing(how), name(std::move(input_name)), source(std::move(input)), decoder(which) {}

  Packing packing;
  std::string name;
  Source source;
  std::variant<GzipDecoder, ZstdDecoder, XzDecoder> decoder;
  std::vector<char> block = std::vector<char>(std::size_t{1} << 17);
  std::string_view pending = {};  // of the block
  bool ended = false;

  /// Decodes into the buffer, and returns how much came of it.
  std::size_t step(char* buffer, std::size_t size) {
    PackedFlow flow{.input = pending, .output = buffer, .room = size};
    std::visit([&](auto& one) { one.step(flow); }, decoder);
    if (flow.room == size && !pending.empty() && flow.input.size() == pending.size()) refuse_rest(packing);
    pending = flow.input;
    return size - flow.room;
  }

  std::size_t read_once(char* buffer, std::size_t size) {
    for (;;) {
      const std::size_t count = step(buffer, size);
      if (count > 0) return count;
      if (!pending.empty()) continue;
      if (ended && std::visit([](const auto& one) { return one.is_complete(); }, decoder)) return 0;
      if (ended) {
        throw PackedError("it ends inside its " + std::string(fact_of(packing).name) +
                          " data: it was cut short; get or make it again");
      }
      const std::size_t read = source(block.data(), block.size());
      ended = read == 0;
      pending = {block.data(), read};
    }
  }

  static std::unique_ptr<State> make(Packing packing, std::string name, Source source) {
    switch (packing) {
      case Packing::gzip:
        return std::make_unique<State>(std::in_place_type<GzipDecoder>, packing, std::move(name), std::move(source));
      case Packing::zstd:
        return std::make_unique<State>(std::in_place_type<ZstdDecoder>, packing, std::move(name), std::move(source));
      case Packing::xz:
        break;
    }
    return std::make_unique<State>(std::in_place_type<XzDecoder>, packing, std::move(name), std::move(source));
  }
};

Unpacker::Unpacker(Packing packing, std::string name, Source source)
    : state_(State::make(packing, std::move(name), std::move(source))) {}

Unpacker::Unpacker(Unpacker&&) noexcept = default;
Unpacker& Unpacker::operator=(Unpacker&&) noexcept = default;
Unpacker::~Unpacker() = default;

std::size_t Unpacker::read_once(void* buffer, std::size_t size) {
  try {
    constexpr std::size_t kMost = std::size_t{1} << 30;  // zlib counts in 32 bits
    return state_->read_once(static_cast<char*>(buffer), size < kMost ? size : kMost);
  } catch (const PackedError& error) {
    throw Error("cannot read '" + state_->name + "': " + with_path(error.what(), state_->name));
  } catch (const std::bad_alloc&) {
    throw_system_error("read", state_->name, ENOMEM);
  }
}

}  // namespace lm
