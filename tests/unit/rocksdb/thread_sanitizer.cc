// The system's RocksDB is not instrumented, so the thread sanitizer sees what it reads and writes but not how it keeps
// that apart. What lies inside of it is left out; our own code is not. Its strings count as inside: where one thread of
// RocksDB appends to the batch that another made, its own frames are missing from the report.
#if defined(__SANITIZE_THREAD__)
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "called_from_lib:librocksdb.so\n"
         "race:librocksdb.so\n"
         "race:std::__cxx11::basic_string*::_M_\n";
}
#endif
