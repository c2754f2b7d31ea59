internal import Glibc

/// The time, and what this process has used.
enum Clock {
  /// Nanoseconds of CLOCK_MONOTONIC.
  static func now() -> Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  /// User and system time of this process.
  static func processorTime() -> Duration {
    let usage = usage()
    return .seconds(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
      + .microseconds(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
  }

  /// How long this thread was ready to run and had no processor; zero where the kernel does not count.
  static func processorWait() -> Duration {
    guard let file = try? SmallFile(path: "/proc/thread-self/schedstat", limit: 128) else {
      return .zero
    }
    let fields = String(decoding: file.bytes, as: UTF8.self).split(separator: " ")
    guard fields.count > 1, let nanoseconds = Int64(fields[1]) else { return .zero }
    return .nanoseconds(nanoseconds)
  }

  /// Whole microseconds of a duration.
  static func microseconds(_ duration: Duration) -> Int64 {
    let parts = duration.components
    return parts.seconds * 1_000_000 + parts.attoseconds / 1_000_000_000_000
  }

  /// Largest resident set of this process so far, in bytes.
  static func residentPeakByteCount() -> Int { usage().ru_maxrss * 1024 }

  private static func usage() -> rusage {
    var usage = rusage()
    unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage
  }
}
