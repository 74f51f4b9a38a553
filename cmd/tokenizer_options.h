// What every program that takes a tokenizer or a model has: the options that its file may need, and the notes that come with
// it.
#pragma once

#include <CLI/App.hpp>
#include <string>

#include "tasks/text_model.h"
#include "text/tokenizer.h"

namespace lm::cmd {

/// Adds --end-of-text and --pattern: what a tokenizer's file may leave open.
void add_tokenizer_options(CLI::App& app, TokenizerOptions& options);

/// Adds MODEL and the options of its tokenizer.
void add_model(CLI::App& app, std::string& model, TokenizerOptions& options);

/// Loads a tokenizer that text will be encoded with, and prints its notes on standard error.
Tokenizer open_tokenizer(const std::string& path, const TokenizerOptions& options);

/// Loads a model with its tokenizer, and prints the notes of both on standard error.
TextModel open_text_model(const std::string& path, const TokenizerOptions& options, Matrices matrices = Matrices::in_memory);

/// Loads a model or the weights of a training state, as load_text_model_or_state() does, and prints the notes.
TextModel open_text_model_or_state(const std::string& path, const TokenizerOptions& options,
                                   Matrices matrices = Matrices::in_memory);

}  // namespace lm::cmd
