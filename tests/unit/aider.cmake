# unit tests and fuzzers of the AIDER observer
