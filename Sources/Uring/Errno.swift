internal import CLiburing

/// An error number of the kernel, with its name and sentence.
public struct Errno: Error, Hashable, Sendable, CustomStringConvertible {
  /// The positive number, as in errno(3).
  public let number: Int32

  /// Makes an error from a positive number.
  public init(_ number: Int32) {
    self.number = number
  }

  /// Makes an error from a result below zero, as the ring and the shim return it; nil otherwise.
  public init?(result: Int32) {
    guard result < 0 else { return nil }
    // Negating Int32.min would trap, and results come from outside.
    self.init(result == .min ? .max : -result)
  }

  /// The symbolic name, such as "EPIPE"; "E?" when the C library knows none.
  public var name: String { unsafe String(cString: clu_errno_name(number)) }

  /// The sentence and the name, such as "Broken pipe (EPIPE)".
  public var description: String {
    unsafe "\(String(cString: clu_errno_text(number))) (\(name))"
  }
}

// The numbers that a caller decides by. They are Linux's on every architecture that Swift supports.
extension Errno {
  /// EPERM: not allowed.
  public static let notPermitted = Self(1)
  /// ENOENT: no such file; for a cancel, nothing to cancel.
  public static let noEntry = Self(2)
  /// EINTR: a signal came.
  public static let interrupted = Self(4)
  /// EIO: the device failed.
  public static let inputOutput = Self(5)
  /// EBADF: not an open descriptor.
  public static let badDescriptor = Self(9)
  /// EAGAIN: would block.
  public static let wouldBlock = Self(11)
  /// ENOMEM: no memory, or no lockable memory.
  public static let noMemory = Self(12)
  /// EACCES: permission denied.
  public static let accessDenied = Self(13)
  /// EFAULT: bad address.
  public static let badAddress = Self(14)
  /// EBUSY: device is in use.
  public static let busy = Self(16)
  /// EEXIST: exists; for a ring, used from a thread that did not make it.
  public static let exists = Self(17)
  /// EINVAL: the kernel does not know this operation or flag, or refuses the alignment.
  public static let invalid = Self(22)
  /// EFBIG: file too large.
  public static let fileTooLarge = Self(27)
  /// ENOSPC: no space left; also the end of a block device.
  public static let noSpace = Self(28)
  /// EROFS: read-only file system.
  public static let readOnly = Self(30)
  /// EPIPE: the reader is gone.
  public static let brokenPipe = Self(32)
  /// ENOSYS: the kernel does not have this call.
  public static let noSystemCall = Self(38)
  /// ETIME: a timeout operation ended as it should.
  public static let timerExpired = Self(62)
  /// EOPNOTSUPP: this file or protocol cannot do it.
  public static let notSupported = Self(95)
  /// EADDRINUSE: address in use.
  public static let addressInUse = Self(98)
  /// EADDRNOTAVAIL: no such local address, or no port left.
  public static let addressNotAvailable = Self(99)
  /// ENETUNREACH: no route.
  public static let networkUnreachable = Self(101)
  /// ECONNABORTED: the connection was given up.
  public static let connectionAborted = Self(103)
  /// ECONNRESET: the peer reset the connection.
  public static let connectionReset = Self(104)
  /// ENOBUFS: no buffer space.
  public static let noBuffers = Self(105)
  /// ENOTCONN: not connected.
  public static let notConnected = Self(107)
  /// ETIMEDOUT: the peer did not answer.
  public static let timedOut = Self(110)
  /// ECONNREFUSED: nobody listens there.
  public static let connectionRefused = Self(111)
  /// EHOSTUNREACH: the host cannot be reached.
  public static let hostUnreachable = Self(113)
  /// EDQUOT: quota used up.
  public static let quotaExceeded = Self(122)
  /// ECANCELED: cancelled by us.
  public static let cancelled = Self(125)
}

/// Turns a result below zero into a thrown `Errno`.
@discardableResult
func check(_ result: Int32) throws(Errno) -> Int32 {
  if let error = Errno(result: result) { throw error }
  return result
}
