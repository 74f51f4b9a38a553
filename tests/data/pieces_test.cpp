#include "data/pieces.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <set>

#include "base/rng.h"
#include "support/test_data.h"

using namespace lm;

TEST_CASE("piece windows hold every token of every document once, in runs that fit") {
  test::TemporaryFolder folder;
  Rng rng(1, RngPurpose::test);
  std::vector<std::vector<TokenId>> documents(200);
  TokenId next = 1;
  for (auto& document : documents) {
    document.resize(rng.below(10) == 0 ? 60 + rng.below(100) : rng.below(20));
    for (TokenId& id : document) id = next++;
  }
  {
    const std::unique_ptr<OutputStream> output = open_output(folder.path("t"));
    TokenWriter writer(*output, {.vocab_size = 100000, .end_of_text = 0, .fingerprint = {}, .tokens = {}, .documents = {}});
    for (const auto& document : documents) {
      writer.write(document);
      writer.end_document();
    }
    writer.finish();
    output->close();
  }
  std::vector<TokenFile> files;
  files.push_back(TokenFile::open(folder.path("t"), folder.path("")));
  for (const std::int64_t places : {33, 65}) {
    const PieceOptions options{.places = places, .piece_length = places - 9, .overhead = 8, .seed = 5};
    const PieceWindows windows(TokenCorpus(files), options);
    for (std::int64_t epoch = 0; epoch < 2; ++epoch) {
      std::multiset<TokenId> seen;
      std::int64_t ends = 0;
      for (std::int64_t index = 0; index < windows.count(); ++index) {
        std::vector<TokenId> tokens;
        std::vector<WindowPiece> pieces;
        windows.window(epoch, index, tokens, pieces);
        std::int64_t used = 1;
        std::int64_t place = 0;
        for (const WindowPiece& piece : pieces) {
          CHECK(piece.begin == place);
          CHECK(piece.end - piece.begin <= options.piece_length);
          used += piece.end - piece.begin + options.overhead;
          place = piece.end;
          ends += piece.ends_document;
          // Consecutive ids: a piece never spans two documents.
          for (std::int64_t i = piece.begin + 1; i < piece.end; ++i) {
            CHECK(tokens[static_cast<std::size_t>(i)] == tokens[static_cast<std::size_t>(i) - 1] + 1);
          }
        }
        CHECK(place == static_cast<std::int64_t>(tokens.size()));
        CHECK(used <= places);
        seen.insert(tokens.begin(), tokens.end());
      }
      CHECK(ends == 200);
      CHECK(seen.size() == next - 1);
      CHECK(std::set<TokenId>(seen.begin(), seen.end()).size() == next - 1);
    }
  }
}
