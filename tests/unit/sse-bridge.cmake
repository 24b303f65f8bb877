# unit tests and fuzzers of sse-bridge
