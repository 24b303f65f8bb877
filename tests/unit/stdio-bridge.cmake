# unit tests and fuzzers of stdio-bridge
