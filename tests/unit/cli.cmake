# unit tests and fuzzers of cli
