# unit tests and fuzzers of monitor
