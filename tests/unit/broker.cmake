# unit tests and fuzzers of broker
