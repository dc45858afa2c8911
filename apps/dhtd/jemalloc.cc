// How dhtd wants jemalloc to work: compiled in only where that is its allocator, which reads this before `main`.
//
// By itself jemalloc gives memory back when it is asked for some, so a node whose entries were deleted, and which then
// has nothing to do, would keep all of it. A thread of its own, asleep most of the time, gives it back within seconds.

extern "C" const char* malloc_conf;  // jemalloc's name
const char* malloc_conf = "background_thread:true";
