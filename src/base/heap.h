// Freed memory that the C library keeps: how it goes back to the system.
#pragma once

namespace hadal {

// Whole pages that are free, of all threads. A few milliseconds; worth it after work that leaves much behind.
void trim_heap();

// The end of the calling thread's own heap, which trim_heap() leaves as it is unless the thread is the main one. For
// helpers that are done: the heap goes to another thread with all that its last owner once needed.
void trim_thread_heap();

}  // namespace hadal
