internal import CLiburing
internal import Glibc

/// Why there is no ring, and what to do about it.
public enum RingSetupError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The administrator turned io_uring off: `kernel.io_uring_disabled` is 1 or 2.
  case disabledBySysctl(value: Int)
  /// A seccomp filter or security module refuses the call, as containers do by default.
  case blockedBySandbox(Errno)
  /// The kernel has no io_uring, or a filter pretends so.
  case notInKernel
  /// Not even the smallest ring fits into the locked-memory limit, in bytes.
  case lockedMemoryLimit(limitBytes: UInt64)
  /// The arena could not be mapped.
  case noMemory(byteCount: Int, Errno)
  /// Something else.
  case other(Errno)

  /// One sentence with the cause, and one with the remedy.
  public var description: String {
    switch self {
    case .disabledBySysctl(let value):
      """
      io_uring is disabled on this machine (kernel.io_uring_disabled is \(value)). \
      Enable it as root: sysctl kernel.io_uring_disabled=0
      """
    case .blockedBySandbox(let error):
      """
      io_uring is blocked by a sandbox: \(error). \
      Containers refuse it by default; run outside one, or with a seccomp profile that allows \
      io_uring_setup, io_uring_enter and io_uring_register.
      """
    case .notInKernel:
      """
      this kernel has no io_uring, or a seccomp filter hides it. \
      Linux 6.1 or later outside a sandbox has it.
      """
    case .lockedMemoryLimit(let limitBytes):
      """
      io_uring does not fit into the locked-memory limit of \(byteCountText(limitBytes)), \
      which all processes of a user share. \
      Raise it (`ulimit -l`, or `memlock` in limits.conf) to 8 MiB or more.
      """
    case .noMemory(let byteCount, let error):
      """
      cannot map \(byteCountText(UInt64(byteCount))) of buffers: \(error). \
      Ask for less memory, or raise `ulimit -v`.
      """
    case .other(let error):
      "io_uring could not be set up: \(error). Check `dmesg` and the limits shown by `ulimit -a`."
    }
  }

  /// Names the cause of a failed setup.
  init(setup error: Errno) {
    switch error {
    case .notPermitted, .accessDenied:
      if let value = disabledSysctl(), value != 0 {
        self = .disabledBySysctl(value: value)
      } else {
        self = .blockedBySandbox(error)
      }
    case .noSystemCall: self = .notInKernel
    case .noMemory where clu_locked_memory_limit() < .max:
      self = .lockedMemoryLimit(limitBytes: clu_locked_memory_limit())
    default: self = .other(error)
    }
  }
}

/// The value of kernel.io_uring_disabled (Linux 6.6 and later); nil where it cannot be read.
private func disabledSysctl() -> Int? {
  let descriptor = unsafe open("/proc/sys/kernel/io_uring_disabled", O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  var digit: UInt8 = 0
  guard unsafe read(descriptor, &digit, 1) == 1 else { return nil }
  return Int(digit) - Int(UInt8(ascii: "0"))
}

/// "8 MiB", "80 KiB" or "1000 bytes": the largest binary unit that needs no fraction.
func byteCountText(_ count: UInt64) -> String {
  if count == .max { return "unlimited" }
  let units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
  var value = count
  var unit = 0
  while value >= 1024, value % 1024 == 0, unit + 1 < units.count {
    value /= 1024
    unit += 1
  }
  return "\(value) \(units[unit])"
}
