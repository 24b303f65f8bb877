# unit tests and fuzzers of mesh
